//! Content of a message: text, or a list of parts with text, images and audio.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::value::RawValue;

use super::bad_row::{BadRow, Fault, shown};
use super::json::{self, Object};
use crate::domain::media::{MAX_AUDIO_BYTES, MAX_IMAGE_BYTES, Media, MediaFormat};
use crate::workload::image;

/// Content of a message.
#[derive(Debug, Default)]
pub struct Content {
    /// Text. Parts are joined by line feeds, as vLLM does for templates that take strings only.
    pub text: String,
    /// Images and audio, which are sent after the text.
    pub media: Vec<Media>,
}

enum Part {
    Text(String),
    Media(Media),
}

/// Reads the content of message `number`.
pub fn read(content: &RawValue, key: &str, number: usize) -> Result<Content, BadRow> {
    if let Some(text) = json::text(content, key)? {
        return Ok(Content { text, media: Vec::new() });
    }
    let Some(parts) = json::list(content) else {
        let message = format!("the content of message {number} is {}; it must be text", json::kind(content));
        return Err(BadRow::new(Fault::InvalidField, message));
    };
    let (mut texts, mut media) = (Vec::new(), Vec::new());
    let reader = PartReader { number };
    for part in parts {
        match reader.part(part)? {
            Part::Text(text) => texts.push(text),
            Part::Media(one) => media.push(one),
        }
    }
    Ok(Content { text: texts.join("\n"), media })
}

/// Reads the parts of one message.
#[derive(Clone, Copy)]
struct PartReader {
    number: usize,
}

impl PartReader {
    fn part(self, part: &RawValue) -> Result<Part, BadRow> {
        if let Some(text) = json::text(part, "content")? {
            return Ok(Part::Text(text));
        }
        let object = Object::read(part.get(), &format!("a content part of message {}", self.number))?;
        match text_of(&object, "type")?.as_deref() {
            None | Some("text" | "input_text" | "output_text") => match text_of(&object, "text")? {
                Some(text) => Ok(Part::Text(text)),
                None => Err(self.fault("has a content part without text")),
            },
            Some("image_url" | "input_image") => {
                let url = object.get("image_url").map(|value| self.url(value)).transpose()?.flatten();
                let url = url.ok_or_else(|| self.fault("has an image without a URL"))?;
                self.image(&url).map(Part::Media)
            }
            Some("input_audio") => self.audio(&object).map(Part::Media),
            Some(other) => {
                Err(self.fault(&format!("has a content part '{}'; text, images and audio can be sent", shown(other))))
            }
        }
    }

    /// A URL, by itself or in an object.
    fn url(self, value: &RawValue) -> Result<Option<String>, BadRow> {
        if let Some(url) = json::text(value, "image_url")? {
            return Ok(Some(url));
        }
        let object = Object::read(value.get(), &format!("the image_url of message {}", self.number))?;
        text_of(&object, "url")
    }

    fn image(self, url: &str) -> Result<Media, BadRow> {
        if url.starts_with("http://") || url.starts_with("https://") {
            return Ok(Media::Url(url.to_owned()));
        }
        let Some(data) = url.strip_prefix("data:") else {
            let advice = "only data: and http(s) URLs can be sent; embed the file as data:image/png;base64,…";
            return Err(self.fault(&format!("refers to the image '{}'; {advice}", shown(url))));
        };
        let base64 = data.split_once(',').filter(|(head, _)| head.ends_with(";base64")).map(|(_, base64)| base64);
        let base64 = base64.ok_or_else(|| self.fault("has an image whose data: URL is not base64"))?;
        self.content(base64, "an image", MAX_IMAGE_BYTES, |format| !format.is_audio())
    }

    fn audio(self, object: &Object<'_>) -> Result<Media, BadRow> {
        let inner = object.get("input_audio").ok_or_else(|| self.fault("has audio without data"))?;
        let inner = Object::read(inner.get(), &format!("the input_audio of message {}", self.number))?;
        let base64 = text_of(&inner, "data")?.ok_or_else(|| self.fault("has audio without data"))?;
        self.content(&base64, "audio", MAX_AUDIO_BYTES, MediaFormat::is_audio)
    }

    fn content(
        self,
        base64: &str,
        what: &str,
        max_bytes: u64,
        is_wanted: impl Fn(MediaFormat) -> bool,
    ) -> Result<Media, BadRow> {
        if base64.len() as u64 > max_bytes / 3 * 4 + 4 {
            return Err(self.fault(&format!("has {what} of more than {} MiB", max_bytes >> 20)));
        }
        let bytes = STANDARD.decode(base64).map_err(|e| self.fault(&format!("has {what} that is not base64: {e}")))?;
        let format = MediaFormat::recognise(&bytes).filter(|format| is_wanted(*format));
        let format = format.ok_or_else(|| {
            let known = if what == "audio" { "WAV or MP3" } else { "PNG, JPEG, WebP or GIF" };
            self.fault(&format!("has {what} in an unknown format; it must be {known}"))
        })?;
        Ok(Media::Content(image::content(format, &bytes)))
    }

    fn fault(self, what: &str) -> BadRow {
        BadRow::new(Fault::NotText, format!("message {} {what}", self.number))
    }
}

fn text_of(object: &Object<'_>, key: &str) -> Result<Option<String>, BadRow> {
    object.get(key).map_or(Ok(None), |value| json::text(value, key))
}
