//! `images` and `audio`: files that are sent with the last message of the user, and images that are generated.

use toml::de::DeValue;

use super::check::SchemaFolder;
use crate::config::media_file;
use crate::config::toml_file::{Mistakes, Section, kind, shown};
use crate::domain::media::{GeneratedImages, MAX_MEDIA, Media};
use crate::domain::suite::Message;

const IMAGES_EXAMPLE: &str = "images = [\"photo.png\", { width = 1024, height = 768 }]";
const AUDIO_EXAMPLE: &str = "audio = [\"hello.wav\"]";

/// Images and audio of a case.
#[derive(Default)]
pub(super) struct CaseMedia {
    files: Vec<Media>,
    /// Images to generate for each request.
    pub(super) generated: Vec<GeneratedImages>,
    /// Byte offset of the first key.
    at: usize,
}

impl CaseMedia {
    /// Reads the keys `images` and `audio`, and the files that they name.
    pub(super) fn read(section: &Section<'_, '_>, folder: SchemaFolder<'_>, mistakes: &mut Mistakes<'_>) -> Self {
        let mut media = Self::default();
        for (key, example) in [("images", IMAGES_EXAMPLE), ("audio", AUDIO_EXAMPLE)] {
            let Some((value, at)) = section.value(key) else { continue };
            media.at = at;
            let DeValue::Array(list) = value else {
                mistakes.add(at, format!("'{key}' is {}; it must be a list: {example}", kind(value)));
                continue;
            };
            for item in list {
                media.add(key, item.get_ref(), item.span().start, folder, mistakes);
            }
        }
        let number = media.files.len() + media.generated.iter().map(|images| images.count as usize).sum::<usize>();
        if number > MAX_MEDIA {
            mistakes
                .add(media.at, format!("{number} images and audio files are too many; a case may have {MAX_MEDIA}"));
        }
        media
    }

    fn add(&mut self, key: &str, item: &DeValue<'_>, at: usize, folder: SchemaFolder<'_>, mistakes: &mut Mistakes<'_>) {
        match item {
            DeValue::String(name) => {
                let read = folder.ok_or_else(|| "cannot be read, because this suite is not a file".to_owned());
                match read.and_then(|folder| media_file::read(&folder.join(&**name), name, key == "audio")) {
                    Ok(content) => self.files.push(Media::Content(content)),
                    Err(why) => mistakes.add(at, format!("'{}': {why}", shown(name))),
                }
            }
            DeValue::Table(table) if key == "images" => {
                self.generated.extend(generated(&Section { table, at }, mistakes));
            }
            other => {
                let example = if key == "images" { IMAGES_EXAMPLE } else { AUDIO_EXAMPLE };
                mistakes.add(at, format!("{} in '{key}'; write {example}", kind(other)));
            }
        }
    }

    /// Puts the files into the last message of the user.
    pub(super) fn attach(&mut self, messages: &mut [Message], mistakes: &mut Mistakes<'_>) {
        if self.files.is_empty() && self.generated.is_empty() {
            return;
        }
        match messages.iter_mut().rfind(|message| message.role == "user") {
            Some(message) => message.media.append(&mut self.files),
            None => mistakes.add(self.at, "images and audio need a message of the user; add one".to_owned()),
        }
    }

    /// Size of the files, bytes.
    pub(super) fn bytes(messages: &[Message]) -> u64 {
        let media = messages.iter().flat_map(|message| &message.media);
        media.map(|media| if let Media::Content(content) = media { content.fingerprint.bytes } else { 0 }).sum()
    }
}

fn generated(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<GeneratedImages> {
    section.check_keys(&["width", "height", "count"], "", mistakes);
    for key in ["width", "height"] {
        if section.value(key).is_none() {
            mistakes.add(section.at, format!("this image has no {key}; write {IMAGES_EXAMPLE}"));
        }
    }
    let width = section.count("width", mistakes);
    let height = section.count("height", mistakes);
    let count = if section.value("count").is_some() { section.count("count", mistakes) } else { Some(1) };
    let images = GeneratedImages::new(width?, height?, count?);
    images.map_err(|why| mistakes.add(section.at, why.to_string())).ok()
}
