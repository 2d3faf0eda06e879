//! Generated images: noise of a given size, so that no image compresses well or equals another.

#[cfg(any(test, fuzzing))]
pub mod oracle;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

use crate::domain::data_fingerprint::DataFingerprint;
use crate::domain::media::{GeneratedImages, Media, MediaContent, MediaFormat};
use crate::domain::random::mix;

/// Number of colours.
const COLOURS: u32 = 256;

/// Returns the images of request `index`, in closed form.
///
/// # Errors
///
/// If the encoder refuses an image, in one sentence.
pub fn generate(images: GeneratedImages, index: u64) -> Result<Vec<Media>, String> {
    let seed = |n: u32| mix(mix(images.seed ^ mix(index)) ^ u64::from(n));
    let one =
        |n| png(images.width, images.height, seed(n)).map(|bytes| Media::Content(content(MediaFormat::Png, &bytes)));
    let all: Result<_, EncodingError> = (1..=images.count).map(one).collect();
    all.map_err(|e| format!("an image of {images} could not be encoded: {e}"))
}

/// Returns content that has no file.
pub fn content(format: MediaFormat, bytes: &[u8]) -> MediaContent {
    let fingerprint = DataFingerprint { bytes: bytes.len() as u64, crc32: crc32fast::hash(bytes) };
    MediaContent { format, path: None, fingerprint, base64: STANDARD.encode(bytes).into() }
}

/// Encodes noise in 256 colours. Noise would only cost time to compress, so the pixels are stored as they are.
fn png(width: u32, height: u32, seed: u64) -> Result<Vec<u8>, EncodingError> {
    let pixels = width as usize * height as usize;
    let mut bytes = Vec::with_capacity(pixels + pixels / 1000 + 2048);
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::NoCompression);
    encoder.set_filter(Filter::NoFilter);
    encoder.set_palette((0..COLOURS).flat_map(colour).collect::<Vec<u8>>());
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&noise(pixels, seed))?;
    writer.finish()?;
    Ok(bytes)
}

/// A colour of the palette: three levels of red, green and blue.
const fn colour(index: u32) -> [u8; 3] {
    let index = index as u8;
    [index & 0xe0, (index & 0x1c) << 3, (index & 0x03) << 6]
}

fn noise(length: usize, seed: u64) -> Vec<u8> {
    let words = (0..length.div_ceil(8) as u64).map(|n| mix(seed.wrapping_add(n.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
    let mut noise: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    noise.truncate(length);
    noise
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn images(text: &str, seed: u64) -> GeneratedImages {
        GeneratedImages { seed, ..text.parse().unwrap() }
    }

    fn bytes(media: &Media) -> Vec<u8> {
        let Media::Content(content) = media else { panic!("no content") };
        STANDARD.decode(&*content.base64).unwrap()
    }

    #[test]
    fn images_have_their_size_and_can_be_decoded() {
        for size in ["1x1", "640x480", "37x1000"] {
            let made = generate(images(size, 1), 5).unwrap();
            let bytes = bytes(&made[0]);
            let mut reader = png::Decoder::new(std::io::Cursor::new(&bytes)).read_info().unwrap();
            let info = reader.info();
            assert_eq!(format!("{}x{}", info.width, info.height), size);
            let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
            reader.next_frame(&mut pixels).unwrap();
        }
    }

    #[test]
    fn no_two_images_are_equal_and_the_seed_repeats_them() {
        let all: Vec<Media> = (0..20).flat_map(|index| generate(images("16x16*3", 7), index).unwrap()).collect();
        let distinct: HashSet<Vec<u8>> = all.iter().map(bytes).collect();
        assert_eq!(distinct.len(), 60);
        assert_eq!(generate(images("16x16*3", 7), 19).unwrap(), all[57..]);
        assert_ne!(generate(images("16x16*3", 8), 19).unwrap(), all[57..]);
    }

    #[test]
    fn images_do_not_compress_to_nothing() {
        let Media::Content(content) = &generate(images("640x480", 1), 0).unwrap()[0] else { panic!("no content") };
        assert!(content.fingerprint.bytes >= 640 * 480, "{}", content.fingerprint.bytes);
    }
}
