//! Images and audio in the body of a request. Until a request is sent, the body has a short mark in place of each content,
//! so that neither building nor showing a body copies megabytes.

use std::collections::HashMap;

use memchr::memmem::Finder;
use serde_json::{Value, json};

use crate::domain::media::{Media, MediaContent};
use crate::domain::suite::{CaseSpec, Message};

/// Returns messages with their content as text, or as parts if there are images or audio.
pub fn messages_with(messages: &[Message], text: &str, part: impl Fn(&Media) -> Value) -> Value {
    let content = |message: &Message| -> Value {
        if message.media.is_empty() {
            return message.content.as_str().into();
        }
        // Some servers refuse an empty text.
        let own = (!message.content.is_empty()).then(|| json!({ "type": text, "text": message.content }));
        own.into_iter().chain(message.media.iter().map(&part)).collect()
    };
    messages.iter().map(|message| json!({ "role": message.role, "content": content(message) })).collect()
}

/// URL of an image, with a mark in place of its content.
pub fn image_url(media: &Media) -> String {
    match media {
        Media::Url(url) => url.clone(),
        Media::Content(content) => format!("data:{};base64,{}", content.format.media_type(), content.mark()),
    }
}

/// Audio content of a part; `None` for an image.
pub const fn audio(media: &Media) -> Option<&MediaContent> {
    match media {
        Media::Content(content) if content.format.is_audio() => Some(content),
        Media::Content(_) | Media::Url(_) => None,
    }
}

/// Name of audio among what an API does not have.
pub const AUDIO: &str = "audio";

/// Whether a case has audio in its messages.
pub fn has_audio(case: &CaseSpec) -> bool {
    all(case).any(|media| audio(media).is_some())
}

/// Whether a case has an image that the server must fetch.
pub fn has_url(case: &CaseSpec) -> bool {
    all(case).any(|media| matches!(media, Media::Url(_)))
}

fn all(case: &CaseSpec) -> impl Iterator<Item = &Media> {
    case.messages.iter().flat_map(|message| &message.media)
}

/// Replaces the marks in a body by their contents.
pub fn with_contents(body: String, messages: &[Message]) -> String {
    let contents = messages.iter().flat_map(|message| &message.media).filter_map(|media| match media {
        Media::Content(content) => Some((content.mark(), &*content.base64)),
        Media::Url(_) => None,
    });
    let contents: HashMap<String, &str> = contents.collect();
    if contents.is_empty() {
        return body;
    }
    let size: usize = contents.values().map(|content| content.len()).sum();
    let mut whole = String::with_capacity(body.len() + size);
    let mut rest = body.as_str();
    let start = Finder::new("<");
    while let Some(at) = start.find(rest.as_bytes()) {
        let (before, from) = rest.split_at(at);
        whole.push_str(before);
        let end = from.find('>').map_or(from.len(), |end| end + 1);
        let (mark, after) = from.split_at(end);
        if let Some(content) = contents.get(mark) {
            whole.push_str(content);
            rest = after;
        } else {
            // The next mark may begin right after this character.
            whole.push('<');
            rest = from.split_at(1).1;
        }
    }
    whole.push_str(rest);
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::data_fingerprint::DataFingerprint;
    use crate::domain::media::MediaFormat;

    fn content(base64: &str, crc32: u32) -> MediaContent {
        let fingerprint = DataFingerprint { bytes: 3, crc32 };
        MediaContent { format: MediaFormat::Png, path: None, fingerprint, base64: base64.into() }
    }

    #[test]
    fn contents_take_the_places_of_their_marks_and_nothing_else() {
        let (one, two) = (content("AAAA", 1), content("BBBB", 2));
        let mut message = Message::user("x");
        message.media =
            vec![Media::Content(one.clone()), Media::Content(two.clone()), Media::Url("http://h/<a>".into())];
        let body = format!("<<{}|{}<b>|{}<png of 3", two.mark(), one.mark(), two.mark().trim_end_matches('>'));
        let sent = with_contents(body, std::slice::from_ref(&message));
        assert_eq!(sent, format!("<<BBBB|AAAA<b>|{}<png of 3", two.mark().trim_end_matches('>')));
        assert_eq!(with_contents(one.mark(), &[Message::user("x")]), one.mark());
    }

    #[test]
    fn a_mark_needs_no_escape_in_json() {
        let mark = content("", 7).mark();
        assert_eq!(Value::from(mark.as_str()).to_string(), format!("\"{mark}\""));
    }
}
