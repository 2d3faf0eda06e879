//! Images and audio in a request, and the number of prompt tokens they take.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::wire::Refusal;
use crate::domain::media::MediaFormat;

/// Side of the square of pixels that takes one token, as in Qwen's models.
const PIXELS_PER_TOKEN: u64 = 28;
/// Minimum and maximum tokens of an image.
const IMAGE_TOKENS: std::ops::RangeInclusive<u64> = 4..=16_384;
/// Tokens of an image whose size is not read.
const OTHER_IMAGE_TOKENS: u64 = 1024;
/// Bytes of audio that take one token: 40 ms of 16-bit samples at 16 kHz.
const AUDIO_BYTES_PER_TOKEN: u64 = 1280;

/// Returns the tokens of an image and its checksum.
pub fn image(url: &str) -> Result<(u64, u32), Refusal> {
    let refuse = |why: &str| Refusal::bad_parameter("messages", &format!("image_url: {why}"));
    let base64 = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,")).map(|(_, base64)| base64);
    let base64 = base64.ok_or_else(|| refuse("only data: URLs in base64 are supported"))?;
    let bytes = STANDARD.decode(base64).map_err(|e| refuse(&e.to_string()))?;
    let tokens = match MediaFormat::recognise(&bytes) {
        Some(MediaFormat::Png) => png_tokens(&bytes).ok_or_else(|| refuse("the PNG has no size"))?,
        Some(format) if !format.is_audio() => OTHER_IMAGE_TOKENS,
        _ => return Err(refuse("cannot identify image file")),
    };
    Ok((tokens, crc32fast::hash(&bytes)))
}

/// Returns the tokens of audio and its checksum.
pub fn audio(base64: &str) -> Result<(u64, u32), Refusal> {
    let refuse = |why: &str| Refusal::bad_parameter("messages", &format!("input_audio: {why}"));
    let bytes = STANDARD.decode(base64).map_err(|e| refuse(&e.to_string()))?;
    if !MediaFormat::recognise(&bytes).is_some_and(MediaFormat::is_audio) {
        return Err(refuse("cannot identify audio file"));
    }
    Ok(((bytes.len() as u64).div_ceil(AUDIO_BYTES_PER_TOKEN), crc32fast::hash(&bytes)))
}

/// Tokens of a PNG, from the size in its first chunk.
fn png_tokens(bytes: &[u8]) -> Option<u64> {
    let side = |at: usize| Some(u64::from(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?)));
    let squares = |pixels: u64| pixels.div_ceil(PIXELS_PER_TOKEN);
    let (width, height) = (side(16)?, side(20)?);
    Some(squares(width).saturating_mul(squares(height)).clamp(*IMAGE_TOKENS.start(), *IMAGE_TOKENS.end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::media::Media;
    use crate::protocol::media::image_url;

    #[test]
    fn an_image_takes_a_token_for_each_square_of_pixels() {
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x30\0\0\x01\x18".to_vec();
        let url = |bytes: &[u8]| format!("data:image/png;base64,{}", STANDARD.encode(bytes));
        assert_eq!(image(&url(&png)).unwrap().0, 20 * 10);
        png.truncate(20);
        assert_eq!(image(&url(&png)).unwrap_err().status, 400);
        assert_eq!(image("https://h/x.png").unwrap_err().status, 400);
        assert_eq!(image(&url(b"GIF89a")).unwrap().0, OTHER_IMAGE_TOKENS);
        assert_eq!(image(&url(b"text")).unwrap_err().status, 400);
        assert_eq!(image_url(&Media::Url("u".into())), "u");
    }

    #[test]
    fn audio_takes_tokens_by_its_size() {
        let wav = [b"RIFF\0\0\0\0WAVE".to_vec(), vec![0; 12_788]].concat();
        assert_eq!(audio(&STANDARD.encode(wav)).unwrap().0, 10);
        assert_eq!(audio("!").unwrap_err().status, 400);
        assert_eq!(audio(&STANDARD.encode("x")).unwrap_err().status, 400);
    }
}
