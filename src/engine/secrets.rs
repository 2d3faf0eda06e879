//! Keeps the user's secrets out of what servers say: some repeat a refused key, or a request's headers, in their errors;
//! an answer may repeat them in the middle of its text.

use std::fmt;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use memchr::memmem::Finder;
use percent_encoding::percent_decode_str;

use crate::domain::attempt::AttemptRecord;
use crate::domain::finish_reason::FinishClass;
use crate::domain::text::sanitise;
use crate::protocol::endpoint::split_query;

/// What is told of an answer with one in it.
const REPEATED: &str = "the answer repeats a secret of the request: [redacted] stands in its place";
/// What stands in a secret's place.
const REDACTED: &str = "[redacted]";
/// Shorter values are words like any other, and hide nothing.
const LEAST_BYTES: usize = 6;
/// The same in what a model writes, which has many words: `ollama` and `EMPTY` are keys, too.
const LEAST_BYTES_OF_A_KEY: usize = 8;
/// So long it may also be without a digit, which `placeholder` and `not-needed` are; and a header's value may be one though
/// its name does not say so.
const SURE_BYTES_OF_A_KEY: usize = 20;
/// In a query or a header, a value under a name that holds one of these is a secret.
const SECRET_NAMES: [&str; 7] = ["key", "token", "secret", "sig", "password", "auth", "cookie"];

/// The values that must not come back.
#[derive(Debug, Default)]
pub struct Secrets {
    /// The longest first: one may hold another.
    values: Vec<Value>,
}

/// A value that must not come back.
struct Value {
    text: String,
    /// It is looked for in what a model writes, too.
    is_key: bool,
    finder: Finder<'static>,
}

impl fmt::Debug for Value {
    // It is what must not be told.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl Value {
    fn is_in(&self, text: &str) -> bool {
        self.finder.find(text.as_bytes()).is_some()
    }

    /// Takes it out of the text.
    fn take_out(&self, text: &mut String) {
        if self.is_in(text) {
            *text = text.replace(&self.text, REDACTED);
        }
    }

    /// Takes its begin, of at least so many bytes, from the end of a text that may have been cut within it.
    fn take_off(&self, text: &mut String, least: usize) {
        let (kept, end) = text.strip_suffix('…').map_or((text.as_str(), ""), |kept| (kept, "…"));
        let cut_within = |len: &usize| self.text.get(..*len).is_some_and(|begin| kept.ends_with(begin));
        if let Some(len) = (least..self.text.len()).rev().find(cut_within) {
            *text = format!("{}{REDACTED}{end}", kept.split_at(kept.len() - len).0);
        }
    }
}

/// Whether it is looked for in what a model writes: it must not be a word, nor what many know, like a type or an address.
fn is_key(value: &str, is_named: bool) -> bool {
    let has_digit = value.bytes().any(|b| b.is_ascii_digit());
    let is_long = value.len() >= SURE_BYTES_OF_A_KEY;
    if is_named {
        return is_long || has_digit && value.len() >= LEAST_BYTES_OF_A_KEY;
    }
    is_long && has_digit && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~+=".contains(&b))
}

fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

impl Secrets {
    /// The key, all values of headers, and what the addresses of endpoint and proxy hold.
    pub fn new(api_key: Option<&str>, headers: &[(String, String)], base_url: &str, proxy: Option<&str>) -> Self {
        // Beside each, whether it stands where a secret stands.
        let mut values: Vec<(&str, bool)> = api_key.map(|key| (key, true)).into_iter().collect();
        // As they go out: user and password in one, encoded.
        let mut written: Vec<(String, bool)> = Vec::new();
        for (name, value) in headers {
            let is_named = names_secret(name);
            values.push((value, is_named));
            // Servers tell a token without its scheme.
            if name.to_ascii_lowercase().ends_with("authorization") {
                values.extend(value.split_ascii_whitespace().skip(1).map(|token| (token, is_named)));
            }
        }
        let (base, query) = split_query(base_url);
        for address in [Some(base), proxy].into_iter().flatten() {
            let authority = address.split('/').nth(2).unwrap_or_default();
            // A user without a password is a token.
            let user = authority.rsplit_once('@').map(|(user, _host)| user.split_once(':').unwrap_or(("", user)));
            values.extend(user.map(|(_name, password)| (password, true)));
            written.extend(user.map(|(name, password)| {
                let pair = if name.is_empty() { format!("{password}:") } else { format!("{name}:{password}") };
                (BASE64_STANDARD.encode(percent_decode_str(&pair).collect::<Vec<u8>>()), true)
            }));
        }
        for (name, value) in query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('=')) {
            values.extend(names_secret(name).then_some((value, true)));
        }
        for (value, is_named) in values {
            // In an address it is written in another way than servers tell it.
            let decoded = percent_decode_str(value).decode_utf8().ok();
            written.extend(decoded.map(|decoded| (decoded.into_owned(), is_named)));
            written.push((value.to_owned(), is_named));
        }
        written.retain(|(value, _)| value.len() >= LEAST_BYTES);
        // Of the same value twice, the one that is looked for everywhere comes first.
        written.sort_by(|(a, named_a), (b, named_b)| b.len().cmp(&a.len()).then(a.cmp(b)).then(named_b.cmp(named_a)));
        written.dedup_by(|later, first| later.0 == first.0);
        let value = |(text, is_named): (String, bool)| Value {
            is_key: is_key(&text, is_named),
            finder: Finder::new(&text).into_owned(),
            text,
        };
        Self { values: written.into_iter().map(value).collect() }
    }

    /// The text without them, also where it was cut within one.
    pub fn redact(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for value in &self.values {
            value.take_out(&mut out);
            value.take_off(&mut out, LEAST_BYTES);
        }
        out
    }

    /// Takes them out of what a model wrote, or is called: what may be words of it is left. Where it `may_end_within` one,
    /// that one's begin goes, too. Returns whether there were any.
    pub fn redact_answer(&self, text: &mut String, may_end_within: bool) -> bool {
        let is_clean = |text: &str| !self.keys().any(|key| key.is_in(text));
        let take_out = |text: &mut String| {
            for key in self.keys() {
                key.take_out(text);
                if may_end_within {
                    key.take_off(text, LEAST_BYTES_OF_A_KEY);
                }
            }
        };
        let before = text.len();
        let mut found = !is_clean(text);
        take_out(text);
        // What is hidden between its letters would be gone where it is shown.
        if !text.is_ascii() || text.bytes().any(|b| b.is_ascii_control() && b != b'\n') {
            let mut shown = sanitise(text);
            if !is_clean(&shown) {
                take_out(&mut shown);
                *text = shown;
                found = true;
            }
        }
        found || text.len() != before
    }

    /// Takes them out of the end of what a model wrote so far, which may begin within one.
    pub fn redact_live(&self, whole: &str, (end, is_cut): (Arc<str>, bool)) -> (Arc<str>, bool) {
        let from = whole.len().saturating_sub(end.len());
        let cut_after = |key: &Value| {
            let before = from.saturating_sub(key.text.len());
            let around = whole.as_bytes().get(before..).unwrap_or_default();
            let around = around.get(..2 * key.text.len()).unwrap_or(around);
            let mut found = key.finder.find_iter(around).map(|at| before + at);
            found.find(|at| (at + 1..at + key.text.len()).contains(&from)).map(|at| at + key.text.len() - from)
        };
        let skipped = self.keys().filter_map(cut_after).max().unwrap_or(0);
        let mut shown = end.get(skipped..).unwrap_or_default().to_owned();
        if self.redact_answer(&mut shown, true) || skipped > 0 { (shown.into(), is_cut) } else { (end, is_cut) }
    }

    fn keys(&self) -> impl Iterator<Item = &Value> {
        self.values.iter().filter(|value| value.is_key)
    }

    /// Takes them out of all that a record repeats of a server's words.
    pub fn redact_record(&self, record: &mut AttemptRecord) {
        let error = record.error.iter_mut().map(|e| &mut e.message);
        let reasons = record.choice_finish_reasons.iter_mut().flatten().chain(&mut record.finish_reason);
        for said in error.chain(reasons).chain(&mut record.warnings) {
            *said = self.redact(said);
        }
        let is_cut = !record.is_ok() || record.ends_as(FinishClass::Length);
        // Both are looked at.
        if self.redact_answer(&mut record.text, is_cut) | self.redact_answer(&mut record.reasoning, is_cut) {
            // What stands there now is not what was generated.
            record.is_text_whole = false;
            record.warnings.push(REPEATED.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        for (said, expected) in [
            ("bad key sk-key!", "bad key [redacted]!"),
            ("sk-key-and-more, sk-key", "[redacted], [redacted]"),
            ("got Basic dXNlcjpwYXNz", "got [redacted]"),
            ("got dXNlcjpwYXNz", "got [redacted]"),
            ("hunter22 at abcdef", "[redacted] at [redacted]"),
            ("proxy refuses swordfish", "proxy refuses [redacted]"),
            ("no v1 in version 2024-10-21", "no v1 in version 2024-10-21"),
        ] {
            assert_eq!(secrets().redact(said), expected);
        }
    }

    #[test]
    fn what_an_address_holds_is_a_secret_in_every_way_it_is_written() {
        let secrets = Secrets::new(None, &[], "http://u:p%40ssw%6Frd@h/v1?key=a%2Fb-c-d", Some("http://token42@p"));
        for said in ["p%40ssw%6Frd", "p@ssword", "a%2Fb-c-d", "a/b-c-d", "token42", "dTpwQHNzd29yZA==", "dG9rZW40Mjo="]
        {
            assert_eq!(secrets.redact(&format!("got {said}!")), "got [redacted]!", "{said}");
        }
    }

    #[test]
    fn a_secret_that_was_cut_is_one() {
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
    fn what_a_model_writes_keeps_its_words() {
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
    fn a_key_with_something_hidden_in_it_is_found() {
        let secrets = Secrets::new(Some("sk-canary-1"), &[], "http://h/v1", None);
        assert_eq!(answer(&secrets, "a\u{200b}b sk-can\u{200b}ary\u{1b}[1m-1 é"), "ab [redacted] é");
        assert_eq!(answer(&secrets, "a\u{200b}b é"), "a\u{200b}b é", "what holds none stays as it came");
    }

    #[test]
    fn the_live_view_may_begin_within_a_key() {
        let secrets = Secrets::new(Some("sk-canary-1"), &[], "http://h/v1", None);
        let whole = "Ja, sk-canary-1 and sk-canary-1.";
        for from in 0..=31 {
            let (shown, _) = secrets.redact_live(whole, (whole.get(from..).unwrap().into(), true));
            let expected = match from {
                0..=4 => format!("{}[redacted] and [redacted].", whole.get(from..4).unwrap()),
                // Within the first key, at its end, before the second, within it.
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
        assert_eq!(format!("{secrets:?}"), "Secrets { values: [[redacted]] }");
    }
}
