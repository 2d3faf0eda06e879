//! Images and audio in the messages of a request.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::data_fingerprint::DataFingerprint;
use super::quantity::grouped;

/// Maximum size of an image, bytes. OpenAI and Anthropic document limits of this order.
pub const MAX_IMAGE_BYTES: u64 = 20 * 1024 * 1024;
/// Maximum size of an audio file, bytes.
pub const MAX_AUDIO_BYTES: u64 = 25 * 1024 * 1024;
/// Maximum number of images and audio files of a case.
pub const MAX_MEDIA: usize = 32;
/// Maximum side of a generated image, pixels.
const MAX_SIDE: u32 = 8192;
/// Maximum pixels of all generated images of a request, because each pixel takes 1.33 bytes of memory.
const MAX_PIXELS: u64 = 32 * 1024 * 1024;

/// Format of an image or of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum MediaFormat {
    Png,
    Jpeg,
    Webp,
    Gif,
    Wav,
    Mp3,
}

impl MediaFormat {
    /// Recognises a file by its first bytes; `None` for any other format.
    pub fn recognise(bytes: &[u8]) -> Option<Self> {
        let riff = |kind: &[u8]| bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(kind);
        match bytes {
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            _ if riff(b"WEBP") => Some(Self::Webp),
            _ if riff(b"WAVE") => Some(Self::Wav),
            // An ID3 tag, or the header of an MPEG layer III frame.
            [b'I', b'D', b'3', ..] => Some(Self::Mp3),
            [0xff, second, ..] if second & 0xe6 == 0xe2 => Some(Self::Mp3),
            _ => None,
        }
    }

    /// Returns whether the format is audio; otherwise it is an image.
    pub const fn is_audio(self) -> bool {
        matches!(self, Self::Wav | Self::Mp3)
    }

    /// Media type of RFC 6838.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mpeg",
        }
    }

    /// Name of the format in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpeg",
            Self::Webp => "webp",
            Self::Gif => "gif",
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
        }
    }
}

/// An image or audio in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Media {
    /// Content that is sent in the request itself.
    Content(MediaContent),
    /// Address of an image that the server fetches.
    Url(String),
}

/// Content of an image or of audio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaContent {
    /// Format, recognised by content.
    pub format: MediaFormat,
    /// Path of the file; `None` for content that is not from a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Size and checksum of the content.
    pub fingerprint: DataFingerprint,
    /// The content in base64; empty in a saved run, which stores only the fingerprint.
    #[serde(skip)]
    pub base64: Arc<str>,
}

impl MediaContent {
    /// Returns a short placeholder for the content in a stored body; the content replaces it when the body is sent.
    /// Equal placeholders mean equal contents.
    pub fn mark(&self) -> String {
        let DataFingerprint { bytes, crc32 } = self.fingerprint;
        format!("<{} of {bytes} bytes, CRC-32 {crc32:08x}>", self.format.name())
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => write!(f, "image {url}"),
            Self::Content(content) => {
                let kind = if content.format.is_audio() { "audio" } else { "image" };
                let name = content.path.as_deref().and_then(|path| path.rsplit(['/', '\\']).next());
                let name = name.map(|name| format!(" {name}")).unwrap_or_default();
                let (format, bytes) = (content.format.name(), grouped(content.fingerprint.bytes));
                write!(f, "{kind}{name}: {format}, {bytes} bytes")
            }
        }
    }
}

/// Number and size of the images and audio files of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaCount {
    /// Number of images.
    pub images: u32,
    /// Size of the images before base64 encoding, bytes. Images that the server fetches by URL count as 0.
    pub image_bytes: u64,
    /// Number of audio files.
    pub audio: u32,
    /// Size of the audio files before base64 encoding, bytes.
    pub audio_bytes: u64,
}

impl MediaCount {
    /// Adds an image or audio.
    pub const fn add(&mut self, media: &Media) {
        match media {
            Media::Content(content) if content.format.is_audio() => {
                self.audio += 1;
                self.audio_bytes += content.fingerprint.bytes;
            }
            Media::Content(content) => {
                self.images += 1;
                self.image_bytes += content.fingerprint.bytes;
            }
            Media::Url(_) => self.images += 1,
        }
    }

    /// Adds the counts of another request.
    pub const fn merge(&mut self, other: &Self) {
        self.images += other.images;
        self.image_bytes += other.image_bytes;
        self.audio += other.audio;
        self.audio_bytes += other.audio_bytes;
    }

    /// Returns whether the request has neither images nor audio.
    pub const fn is_empty(&self) -> bool {
        self.images == 0 && self.audio == 0
    }
}

/// Images that are generated for each request: `1024x768`, or `1024x768*2` for two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GeneratedImages {
    /// Width, pixels.
    pub width: u32,
    /// Height, pixels.
    pub height: u32,
    /// Number of images in a request.
    pub count: u32,
    /// Random seed of the pixels.
    pub seed: u64,
}

/// Reason why a text does not describe images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidImages(String);

impl GeneratedImages {
    /// Creates `count` images of this size for each request.
    ///
    /// # Errors
    ///
    /// If the count is 0, or if a side, the count or the number of pixels exceeds its limit.
    pub fn new(width: u32, height: u32, count: u32) -> Result<Self, InvalidImages> {
        if [width, height].iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            let message =
                format!("{width}x{height} is not a valid image size; each side must have 1 to {MAX_SIDE} pixels");
            return Err(InvalidImages(message));
        }
        if !(1..=MAX_MEDIA as u32).contains(&count) {
            return Err(InvalidImages(format!("{count} images are not possible; a request can have 1 to {MAX_MEDIA}")));
        }
        let images = Self { width, height, count, seed: 0 };
        let pixels = images.pixels();
        if pixels > MAX_PIXELS {
            let message = format!(
                "{count} images of {width}x{height} have {pixels} pixels; a request can have at most {MAX_PIXELS}"
            );
            return Err(InvalidImages(message));
        }
        Ok(images)
    }

    /// Pixels of all images of a request.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.count)
    }
}

impl FromStr for GeneratedImages {
    type Err = InvalidImages;

    fn from_str(text: &str) -> Result<Self, InvalidImages> {
        let (size, count) = text.split_once('*').unwrap_or((text, "1"));
        let numbers = size.split_once(['x', '×']).and_then(|(width, height)| {
            Some((width.trim().parse().ok()?, height.trim().parse().ok()?, count.trim().parse().ok()?))
        });
        let Some((width, height, count)) = numbers else {
            let message = "an image is described by its size in pixels, like 1024x768, or 1024x768*2 for two";
            return Err(InvalidImages(message.to_owned()));
        };
        Self::new(width, height, count)
    }
}

impl fmt::Display for GeneratedImages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.width, self.height)?;
        if self.count > 1 { write!(f, "*{}", self.count) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_recognised_by_content() {
        let riff = |kind: &[u8]| [b"RIFF\x10\0\0\0", kind].concat();
        for (bytes, expected) in [
            (b"\x89PNG\r\n\x1a\n....".to_vec(), Some(MediaFormat::Png)),
            (b"\xff\xd8\xff\xe0..".to_vec(), Some(MediaFormat::Jpeg)),
            (b"GIF89a..".to_vec(), Some(MediaFormat::Gif)),
            (riff(b"WEBPVP8 "), Some(MediaFormat::Webp)),
            (riff(b"WAVEfmt "), Some(MediaFormat::Wav)),
            (b"ID3\x04".to_vec(), Some(MediaFormat::Mp3)),
            (b"\xff\xfb\x90\0".to_vec(), Some(MediaFormat::Mp3)),
            (b"\xff\xf3\x90\0".to_vec(), Some(MediaFormat::Mp3)),
            (b"\xff\xf1\x50\x80".to_vec(), None), // AAC
            (riff(b"AVI "), None),
            (b"RIFF".to_vec(), None),
            (b"BM....".to_vec(), None),
            (Vec::new(), None),
        ] {
            assert_eq!(MediaFormat::recognise(&bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn sizes_of_images_are_written_and_read() {
        let images: GeneratedImages = "1024x768*2".parse().unwrap();
        assert_eq!((images.width, images.height, images.count), (1024, 768, 2));
        assert_eq!(images.to_string(), "1024x768*2");
        assert_eq!("32x32".parse::<GeneratedImages>().unwrap().to_string(), "32x32");
        for wrong in ["", "1024", "x", "0x5", "9000x5", "5x5*0", "5x5*33", "5x5*", "8192x8192", "-1x5", "1e3x5"] {
            assert!(wrong.parse::<GeneratedImages>().is_err(), "{wrong}");
        }
    }
}
