//! Decompresses responses. tokscope requests no compression, but a gateway may compress anyway, and `--header` may
//! request it.

use std::io::{self, Write};

use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

/// Size of the blocks passed to the decoder, bytes. Small blocks bound the size of each result.
const BLOCK_BYTES: usize = 4096;

/// A compressed body that cannot be decompressed.
#[derive(Debug, thiserror::Error)]
#[error("the compressed response is broken: {0}")]
pub struct BrokenEncoding(io::Error);

/// Decompresses a body incrementally. The output of each read is available at once.
pub enum Decoder {
    /// `gzip`
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    /// `deflate` before the first byte, which reveals the variant.
    UnknownDeflate,
    /// `deflate` in the zlib format, as the standard defines it.
    Zlib(Box<ZlibDecoder<Vec<u8>>>),
    /// `deflate` without the zlib header, as some servers send it.
    RawDeflate(Box<DeflateDecoder<Vec<u8>>>),
}

impl Decoder {
    /// Returns the decoder for a `Content-Encoding`; `None` for an uncompressed body. Fails if the encoding is not
    /// supported.
    pub fn new(encoding: &str) -> Result<Option<Self>, String> {
        match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new()))))),
            "deflate" => Ok(Some(Self::UnknownDeflate)),
            other => Err(format!(
                "the response is compressed as '{other}', which tokscope cannot read; turn that compression off"
            )),
        }
    }

    /// Decompresses one read and passes the result to `each` in pieces. Stops if `each` fails.
    pub fn push<E: From<BrokenEncoding>>(
        &mut self,
        read: &[u8],
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        for block in read.chunks(BLOCK_BYTES) {
            if let (Self::UnknownDeflate, Some(first)) = (&self, block.first()) {
                let is_zlib = first & 0x0f == 8 && first >> 4 <= 7;
                *self = if is_zlib {
                    Self::Zlib(Box::new(ZlibDecoder::new(Vec::new())))
                } else {
                    Self::RawDeflate(Box::new(DeflateDecoder::new(Vec::new())))
                };
            }
            match self {
                Self::Gzip(decoder) => {
                    write(decoder, block)?;
                    drain_into(decoder.get_mut(), each)?;
                }
                Self::Zlib(decoder) => {
                    write(decoder, block)?;
                    drain_into(decoder.get_mut(), each)?;
                }
                Self::RawDeflate(decoder) => {
                    write(decoder, block)?;
                    drain_into(decoder.get_mut(), each)?;
                }
                Self::UnknownDeflate => {}
            }
        }
        Ok(())
    }
}

/// Decompresses a whole body with this `Content-Encoding`. Stops once the output exceeds `limit` bytes. If the body is
/// truncated, returns the part that can be decompressed.
///
/// # Errors
///
/// Returns a sentence for the user if nothing can be decompressed.
pub fn unpack(encoding: &str, body: Vec<u8>, limit: usize) -> Result<Vec<u8>, String> {
    let Some(mut decoder) = Decoder::new(encoding)? else { return Ok(body) };
    let mut out = Vec::new();
    for block in body.chunks(BLOCK_BYTES) {
        let pushed = decoder.push(block, &mut |bytes| {
            out.extend_from_slice(bytes);
            Ok(())
        });
        match pushed {
            Err(BrokenEncoding(e)) if out.is_empty() => return Err(format!("the compressed response is broken: {e}")),
            Err(_broken) => break,
            Ok(()) if out.len() > limit => break,
            Ok(()) => {}
        }
    }
    Ok(out)
}

fn write(decoder: &mut impl Write, block: &[u8]) -> Result<(), BrokenEncoding> {
    decoder.write_all(block).and_then(|()| decoder.flush()).map_err(BrokenEncoding)
}

fn drain_into<E>(out: &mut Vec<u8>, each: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
    if out.is_empty() {
        return Ok(());
    }
    let outcome = each(out);
    out.clear();
    outcome
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::*;

    /// Returns two compressed events. Each is flushed separately, as a streaming server does.
    fn compressed(encoding: &str) -> [Vec<u8>; 2] {
        fn both<W: Write>(mut encoder: W, out: impl Fn(&W) -> &Vec<u8>) -> [Vec<u8>; 2] {
            encoder.write_all(b"data: first\n\n").unwrap();
            encoder.flush().unwrap();
            let first = out(&encoder).clone();
            encoder.write_all(b"data: second\n\n").unwrap();
            encoder.flush().unwrap();
            let second = out(&encoder)[first.len()..].to_vec();
            [first, second]
        }
        match encoding {
            "gzip" => both(GzEncoder::new(Vec::new(), Compression::fast()), GzEncoder::get_ref),
            "zlib" => both(ZlibEncoder::new(Vec::new(), Compression::fast()), ZlibEncoder::get_ref),
            _ => both(DeflateEncoder::new(Vec::new(), Compression::fast()), DeflateEncoder::get_ref),
        }
    }

    fn unpacked(decoder: &mut Decoder, read: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut keep = |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok::<_, BrokenEncoding>(())
        };
        decoder.push(read, &mut keep).unwrap();
        out
    }

    #[test]
    fn output_of_a_read_is_available_at_once() {
        for (name, kind) in [("gzip", "gzip"), ("x-gzip", "gzip"), ("deflate", "zlib"), ("Deflate", "raw")] {
            let [first, second] = compressed(kind);
            let mut decoder = Decoder::new(name).unwrap().unwrap();
            assert_eq!(unpacked(&mut decoder, &first), b"data: first\n\n", "{name} {kind}");
            assert_eq!(unpacked(&mut decoder, &second), b"data: second\n\n", "{name} {kind}");
            // Byte-by-byte reads give the same result.
            let mut decoder = Decoder::new(name).unwrap().unwrap();
            let bytes = [first, second].concat();
            let out: Vec<u8> = bytes.iter().flat_map(|b| unpacked(&mut decoder, &[*b])).collect();
            assert_eq!(out, b"data: first\n\ndata: second\n\n", "{name} {kind}");
        }
    }

    #[test]
    fn plain_bodies_need_no_decoder_and_unknown_encodings_fail() {
        assert!(Decoder::new("").unwrap().is_none() && Decoder::new("Identity").unwrap().is_none());
        assert!(Decoder::new("br").err().unwrap().contains("'br'"));
        let mut decoder = Decoder::new("gzip").unwrap().unwrap();
        assert!(decoder.push(b"data: this is no gzip at all\n\n", &mut |_| Ok::<_, BrokenEncoding>(())).is_err());
    }

    #[test]
    fn a_body_is_unpacked_up_to_its_limit() {
        let both = b"data: first\n\ndata: second\n\n".to_vec();
        let packed = compressed("gzip").concat();
        assert_eq!(unpack("", both.clone(), 0).unwrap(), both);
        assert_eq!(unpack("gzip", packed.clone(), 1000).unwrap(), both);
        let [cut_off, _rest] = compressed("gzip");
        assert_eq!(unpack("gzip", cut_off, 1000).unwrap(), b"data: first\n\n");
        assert!(
            unpack("gzip", b"this is no gzip at all".to_vec(), 1000).is_err() && unpack("br", packed, 1000).is_err()
        );
        // A body of 64 MB compressed to 64 KB is not decompressed completely.
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![0; 64 << 20]).unwrap();
        let out = unpack("gzip", bomb.finish().unwrap(), 1000).unwrap();
        assert!((1001..16 << 20).contains(&out.len()), "{}", out.len());
    }
}
