use super::*;
use crate::domain::media::{Media, MediaFormat};

/// A PNG, only as far as it is recognised, in base64.
const PNG: &str = "iVBORw0KGgpyZXN0";
const WAV: &str = "UklGRgQAAABXQVZFcmVzdA==";

fn row(role: &str, parts: &str) -> String {
    format!("{{\"messages\":[{{\"role\":\"{role}\",\"content\":[{parts}]}},{{\"role\":\"user\",\"content\":\"x\"}}]}}")
}

#[test]
fn parts_keep_their_images_and_audio() {
    let text = r#"{"type":"text","text":"look"}"#;
    let parts = format!(
        r#"{text},{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{PNG}"}}}},
        {{"type":"image_url","image_url":"https://h/x.jpg"}},{{"type":"input_audio","input_audio":{{"data":"{WAV}","format":"wav"}}}}"#
    );
    let rows = rows_of(row("user", &parts).replace('\n', " "), &[]);
    let message = &rows[0].messages[0];
    assert_eq!(message.content, "look");
    let formats: Vec<_> = message
        .media
        .iter()
        .map(|media| match media {
            Media::Content(content) => Some((content.format, content.fingerprint.bytes, content.base64.to_string())),
            Media::Url(url) => {
                assert_eq!(url, "https://h/x.jpg");
                None
            }
        })
        .collect();
    let content = |format, bytes, base64: &str| Some((format, bytes, base64.to_owned()));
    assert_eq!(formats, [content(MediaFormat::Png, 12, PNG), None, content(MediaFormat::Wav, 16, WAV)]);
}

#[test]
fn an_image_needs_no_text_and_later_turns_keep_theirs() {
    let image = format!(r#"{{"type":"image_url","image_url":{{"url":"data:image/png;base64,{PNG}"}}}}"#);
    let rows = rows_of(format!("{{\"messages\":[{{\"role\":\"user\",\"content\":[{image}]}}]}}"), &[]);
    assert_eq!((rows[0].messages[0].content.as_str(), rows[0].messages[0].media.len()), ("", 1));
    let turns = format!(
        "{{\"messages\":[{{\"role\":\"user\",\"content\":\"a\"}},{{\"role\":\"assistant\",\"content\":\"b\"}},\
         {{\"role\":\"user\",\"content\":[{image}]}}]}}"
    );
    assert_eq!(rows_of(turns, &[])[0].later_user_turns().next().unwrap().media.len(), 1);
}

#[test]
fn the_summary_counts_rows_with_media_and_has_an_example_of_each_kind() {
    let image = format!(r#"{{"type":"input_image","image_url":"data:image/png;base64,{PNG}"}}"#);
    let url = r#"{"type":"image_url","image_url":{"url":"http://h/a"}}"#;
    let text = [row("user", &image), row("user", &image), row("user", url), row("user", "\"plain\"")].join("\n");
    let dataset = TestFile::new("data", text).open(&[], OnBadRow::Fail).unwrap();
    let summary = dataset.summary();
    assert!(summary.to_string().contains("3 with images or audio"), "{summary}");
    let kinds: Vec<bool> = summary.media.iter().map(|media| matches!(media, Media::Url(_))).collect();
    assert_eq!(kinds, [true, false]);
    assert!(summary.media.iter().all(|m| if let Media::Content(c) = m { c.base64.is_empty() } else { true }));
}

#[test]
fn media_that_cannot_be_sent_are_named() {
    let image = |url: &str| format!(r#"{{"type":"image_url","image_url":{{"url":"{url}"}}}}"#);
    let audio = |data: &str| format!(r#"{{"type":"input_audio","input_audio":{{"data":"{data}"}}}}"#);
    for (role, part, error) in [
        (
            "user",
            image("photo.png"),
            "message 1 refers to the image 'photo.png'; only data: and http(s) URLs can be sent; embed the file as data:image/png;base64,…",
        ),
        ("user", image("data:image/png,x"), "message 1 has an image whose data: URL is not base64"),
        (
            "user",
            image("data:image/png;base64,AAAA"),
            "message 1 has an image in an unknown format; it must be PNG, JPEG, WebP or GIF",
        ),
        ("user", audio(PNG), "message 1 has audio in an unknown format; it must be WAV or MP3"),
        ("user", r#"{"type":"input_audio"}"#.to_owned(), "message 1 has audio without data"),
        (
            "user",
            r#"{"type":"video_url","video_url":{}}"#.to_owned(),
            "message 1 has a content part 'video_url'; text, images and audio can be sent",
        ),
        (
            "assistant",
            image(&format!("data:image/png;base64,{PNG}")),
            "message 1 has images or audio, but only messages of the user can have them",
        ),
    ] {
        assert_eq!(error_in(row(role, &part), &[]), format!("line 1: {error}"), "{part}");
    }
    let broken = error_in(row("user", &image("data:image/png;base64,!")), &[]);
    assert!(broken.starts_with("line 1: message 1 has an image that is not base64: "), "{broken}");
}
