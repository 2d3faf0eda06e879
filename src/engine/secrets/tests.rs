use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

use super::*;
use crate::domain::text::sanitise;

fn secrets() -> Secrets {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [
        header("x-team", "sk-key-and-more"),
        header("Proxy-Authorization", "Basic dXNlcjpwYXNz"),
        header("x-short", "v1"),
    ];
    Secrets::new(
        Some("sk-key"),
        &headers,
        "http://u:hunter22@h/v1?api-version=2024-10-21&Api-Key=abcdef",
        Some("http://u:swordfish@proxy:3128"),
    )
}

#[test]
fn a_secret_is_redacted_wherever_it_comes_from() {
    for (text, expected) in [
        ("bad key sk-key!", "bad key [redacted]!"),
        ("sk-key-and-more, sk-key", "[redacted], [redacted]"),
        ("got Basic dXNlcjpwYXNz", "got [redacted]"),
        ("got dXNlcjpwYXNz", "got [redacted]"),
        ("hunter22 at abcdef", "[redacted] at [redacted]"),
        ("proxy refuses swordfish", "proxy refuses [redacted]"),
        ("no v1 in version 2024-10-21", "no v1 in version 2024-10-21"),
    ] {
        assert_eq!(secrets().redact(text), expected);
    }
}

#[test]
fn secrets_of_an_address_are_redacted_in_every_encoding() {
    let secrets = Secrets::new(None, &[], "http://u:p%40ssw%6Frd@h/v1?key=a%2Fb-c-d", Some("http://token42@p"));
    for text in ["p%40ssw%6Frd", "p@ssword", "a%2Fb-c-d", "a/b-c-d", "token42", "dTpwQHNzd29yZA==", "dG9rZW40Mjo="] {
        assert_eq!(secrets.redact(&format!("got {text}!")), "got [redacted]!", "{text}");
    }
}

#[test]
fn a_cut_secret_is_redacted() {
    assert_eq!(secrets().redact("you sent dXNlcjpw…"), "you sent [redacted]…");
    assert_eq!(secrets().redact("you sent hunter2"), "you sent [redacted]");
    assert_eq!(secrets().redact("you sent hunt"), "you sent hunt");
}

fn answer(secrets: &Secrets, text: &str) -> String {
    let mut text = text.to_owned();
    secrets.redact_answer(&mut text, true);
    text
}

#[test]
fn ordinary_text_is_not_redacted() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [
        header("x-priority", "interactive"),
        header("x-team", "engineering-of-berlin-2"),
        header("x-model", "Qwen/Qwen2.5-7B-Instruct"),
        header("Content-Type", "application/json; charset=utf-8"),
        header("x-api-key", "interact1"),
        header("x-other-key", "placeholder"),
        header("Authorization", "Bearer t0ken-of-a-header"),
    ];
    let url = "http://u:swordf1sh@h/v1?key=short1&api-version=2024-10-21";
    let secrets = Secrets::new(Some("ollama"), &headers, url, None);
    for (written, expected) in [
        ("ollama is short1", "ollama is short1"),
        ("at 2024-10-21", "at 2024-10-21"),
        ("interact1ve, interactive", "[redacted]ve, interactive"),
        ("<input placeholder='a'>", "<input placeholder='a'>"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-7B-Instruct"),
        ("application/json; charset=utf-8", "application/json; charset=utf-8"),
        ("engineering-of-berlin-2", "[redacted]"),
        ("Bearer t0ken-of-a-header or t0ken-of-a-header", "[redacted] or [redacted]"),
        ("a swordf1sh!", "a [redacted]!"),
        ("a swordf1s", "a [redacted]"),
        ("a swordf1", "a swordf1"),
    ] {
        assert_eq!(answer(&secrets, written), expected);
    }
    let mut whole = "a swordf1s".to_owned();
    assert!(!secrets.redact_answer(&mut whole, false), "an answer that is whole ends in no part of a key");
    assert_eq!(secrets.redact("ollama, interactive, placeholder"), "[redacted], [redacted], [redacted]");
}

#[test]
fn a_key_with_hidden_characters_is_found() {
    let secrets = Secrets::new(Some("sk-canary-1"), &[], "http://h/v1", None);
    assert_eq!(answer(&secrets, "a\u{200b}b sk-can\u{200b}ary\u{1b}[1m-1 é"), "a\u{200b}b [redacted] é");
    assert_eq!(answer(&secrets, "a\u{200b}b é"), "a\u{200b}b é", "what holds none stays as it came");
}

#[test]
fn the_live_view_may_begin_within_a_key() {
    let secrets = Secrets::new(Some("sk-canary-1"), &[], "http://h/v1", None);
    let whole = "Ja, sk-canary-1 and sk-canary-1.";
    for from in 0..=31 {
        let (shown, _) =
            secrets.redact_live(whole, (whole.get(from..).unwrap().into(), true), &SearchedPrefix::default());
        let expected = match from {
            0..=4 => format!("{}[redacted] and [redacted].", whole.get(from..4).unwrap()),
            // The view begins within or at the end of the first key, or before or within the second.
            5..=14 => " and [redacted].".to_owned(),
            15..=20 => format!("{}[redacted].", whole.get(from..20).unwrap()),
            _ => ".".to_owned(),
        };
        assert_eq!(&*shown, expected, "{from}");
    }
}

#[test]
fn a_record_with_a_key_in_its_answer_says_so_and_is_not_counted() {
    let secrets = Secrets::new(Some("sk-canary-1"), &[], "http://h/v1", None);
    let mut record = AttemptRecord::started(
        crate::domain::attempt::AttemptId::default(),
        false,
        String::new(),
        String::new(),
        crate::domain::time::Nanos(0),
    );
    record.text = "nothing".to_owned();
    let before = record.clone();
    secrets.redact_record(&mut record);
    assert_eq!(record, before);
    (record.text, record.reasoning) = ("sk-canary-1".to_owned(), "hm sk-canary-1".to_owned());
    secrets.redact_record(&mut record);
    assert_eq!((record.text.as_str(), record.reasoning.as_str()), ("[redacted]", "hm [redacted]"));
    assert_eq!((record.is_text_whole, record.warnings.as_slice()), (false, [REPEATED.to_owned()].as_slice()));
    assert_eq!(format!("{secrets:?}"), "Secrets { .. }");
}

/// Returns the ways to read a text: as shown, and with each decoding.
fn readings(text: &str) -> Vec<String> {
    let shown = |text: &str| -> String {
        let letters = sanitise(text).chars().filter(|c| c.width() != Some(0)).collect::<String>();
        let letters = letters.chars().map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap(),
            c => c,
        });
        letters.collect()
    };
    let mut readings = vec![text.to_owned(), shown(text)];
    readings.push(shown(&percent_decode_str(&shown(text)).decode_utf8_lossy()));
    readings.extend(serde_json::from_str(&format!("\"{}\"", shown(text))).map(|text: String| shown(&text)));
    for word in shown(text).split(|c: char| !(c.is_ascii_alphanumeric() || "+/-_".contains(c))) {
        // Decode from each offset, because any text may precede the key.
        for from in 0..word.len().min(4) {
            for engine in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
                let whole = word.len() - (word.len() - from) % 4;
                let decoded = engine.decode(word.get(from..whole).unwrap());
                readings.extend(decoded.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()));
            }
        }
    }
    readings
}

/// Generates a key, and one of the forms in which a server may repeat it.
fn disguised() -> impl Strategy<Value = (String, String)> {
    let key = "[a-zA-Z][a-zA-Z0-9_-]{10,30}[0-9][a-zA-Z0-9]";
    let hidden = prop_oneof![
        Just(String::new()),
        "[\u{200b}\u{200c}\u{200d}\u{2060}\u{feff}\u{ad}\u{34f}\u{fe0f}\u{202e}\u{2066}\u{e0041}\u{301}]{1,3}",
        "\u{1b}\\[[0-9;]{0,5}m",
        "\u{1b}\\]0;[a-z]{0,5}\u{7}",
        "\u{9b}[0-9]{0,3}m",
        "[\u{0}-\u{8}\u{7f}\u{80}-\u{9a}]",
    ];
    let spelling = 0..4_u8;
    let letters = prop::collection::vec((spelling, hidden), 60);
    let form = (0..4_u8, "[a-z:]{0,5}", "[a-z!]{0,4}");
    (key, letters, form).prop_map(|(key, letters, (form, before, behind))| {
        let spelt = |c: char, spelling: u8| match spelling {
            1 => format!("%{:02x}", c as u32),
            2 => format!("\\u{:04X}", c as u32),
            3 => char::from_u32(c as u32 + 0xfee0).unwrap().to_string(),
            _ => c.to_string(),
        };
        let base64 = || BASE64_STANDARD.encode(format!("{before}{key}{behind}"));
        let text = match form {
            0 => key.chars().zip(&letters).flat_map(|(c, (_, hidden))| [c.to_string(), hidden.clone()]).collect(),
            1 => key.chars().zip(&letters).map(|(c, (spelling, hidden))| spelt(c, *spelling) + hidden).collect(),
            2 => base64(),
            _ => base64()
                .chars()
                .zip(letters.iter().cycle())
                .flat_map(|(c, (_, hidden))| [c.to_string(), hidden.clone()])
                .collect(),
        };
        (key, text)
    })
}

fn assert_unreadable(key: &str, shown: &str) -> Result<(), TestCaseError> {
    for reading in readings(shown) {
        prop_assert!(!reading.contains(key), "{key:?} is read in {shown:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn redacted_text_does_not_contain_the_key((key, disguised) in disguised(), before in any::<String>(), behind in "\\PC{0,9}") {
        let secrets = Secrets::new(Some(&key), &[], "http://h/v1", None);
        // Sanitise the text before the key: an unfinished escape sequence could swallow the start of the key.
        let text = format!("{} {disguised} {behind}", sanitise(&before));
        assert_unreadable(&key, &secrets.redact(&text))?;
        assert_unreadable(&key, &answer(&secrets, &text))?;
    }

    #[test]
    fn a_key_is_never_visible_while_it_arrives((key, disguised) in disguised(), tail in 1..200_usize) {
        let secrets = Secrets::new(Some(&key), &[], "http://h/v1", None);
        let text = format!("Well: {disguised} ok");
        let searched = SearchedPrefix::default();
        for (so_far, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let whole = text.get(..so_far).unwrap();
            let mut from = so_far.saturating_sub(tail);
            while !whole.is_char_boundary(from) {
                from += 1;
            }
            let (shown, _) = secrets.redact_live(whole, (whole.get(from..).unwrap().into(), from > 0), &searched);
            assert_unreadable(&key, &shown)?;
        }
    }

    #[test]
    fn text_without_a_key_is_unchanged(text in any::<String>(), letters in "[a-z %&;0-9\u{200b}\u{1b}\\[\\\\]{0,60}") {
        let secrets = Secrets::new(Some("SK-CANARY-1234567"), &[], "http://h/v1", None);
        for text in [text, letters] {
            prop_assert_eq!(secrets.redact(&text), text);
        }
    }
}
