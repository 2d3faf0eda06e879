//! Keeps the user's secrets out of text from servers. Error messages may repeat a refused key or request headers, and
//! answers may repeat secrets in the middle of their text.
//!
//! The search covers the text as a reader sees it (`view`), and every form in which a secret is sent or repeated
//! (`secret_form`). Matches are redacted in the original text.

mod decode;
mod secret_form;
mod view;
mod visible_chars;

use std::cell::Cell;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::percent_decode_str;

use self::secret_form::{SearchOptions, SecretForms};
use crate::domain::attempt::AttemptRecord;
use crate::domain::finish_reason::FinishClass;
use crate::domain::text::is_invisible;
use crate::protocol::url::split_query;

/// Warning about an answer that contained a secret.
const REPEATED: &str = "the answer repeats a secret of the request; it was replaced by [redacted]";
/// Replacement for a secret.
const REDACTED: &str = "[redacted]";
/// Minimum length of a secret. Shorter values look like ordinary words, and redacting them protects nothing.
const LEAST_BYTES: usize = 6;
/// Minimum length of a key to search for in answers. Answers have many words, and words like `ollama` and `EMPTY` are
/// also used as keys.
const LEAST_BYTES_OF_A_KEY: usize = 8;
/// Minimum length of a key that has no digit, or of a value in a header whose name does not suggest a key. Longer than
/// `placeholder` and `not-needed`.
const SURE_BYTES_OF_A_KEY: usize = 20;
/// Substrings of the names of query parameters and headers whose values are secrets.
const SECRET_NAMES: [&str; 7] = ["key", "token", "secret", "sig", "password", "auth", "cookie"];
/// Maximum bytes before the shown end of a text in which to look for the start of a secret.
const MAX_BYTES_BEFORE: usize = 4096;
/// Minimum bytes before the shown end, enough for escape sequences between letters.
const MIN_BYTES_BEFORE: usize = 512;

/// Values to redact.
#[derive(Default)]
pub struct Secrets {
    needles: SecretForms,
}

/// Length of the part of a growing text that was already searched and holds no secret.
#[derive(Debug, Default)]
pub struct SearchedPrefix(Cell<usize>);

impl fmt::Debug for Secrets {
    // Show no values: secrets must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// Returns whether a value looks like a key, and not like a word or a public value such as a type or an address. Keys
/// are also searched for in answers. `is_named`: the name or place of the value suggests a secret.
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
    /// Collects the key, all header values, and the secrets in the URLs of endpoint and proxy.
    pub fn new(api_key: Option<&str>, headers: &[(String, String)], base_url: &str, proxy: Option<&str>) -> Self {
        // Values as entered, each with whether its name or place suggests a secret.
        let mut values: Vec<(&str, bool)> = api_key.map(|key| (key, true)).into_iter().collect();
        // Values as sent, such as user and password in base64.
        let mut written: Vec<(String, bool)> = Vec::new();
        for (name, value) in headers {
            let is_named = names_secret(name);
            values.push((value, is_named));
            // Servers may repeat a token without its scheme, such as `Bearer`.
            if name.to_ascii_lowercase().ends_with("authorization") {
                values.extend(value.split_ascii_whitespace().skip(1).map(|token| (token, is_named)));
            }
        }
        let (base, query) = split_query(base_url);
        for address in [Some(base), proxy].into_iter().flatten() {
            let authority = address.split('/').nth(2).unwrap_or_default();
            // A user name without a password is a token.
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
            // Servers may repeat a value of a URL in percent-decoded form.
            let decoded = percent_decode_str(value).decode_utf8().ok();
            written.extend(decoded.map(|decoded| (decoded.into_owned(), is_named)));
            written.push((value.to_owned(), is_named));
        }
        written.retain(|(value, _)| value.len() >= LEAST_BYTES);
        for (value, is_unlike_words) in &mut written {
            *is_unlike_words = is_key(value, *is_unlike_words);
        }
        Self { needles: SecretForms::new(&written) }
    }

    /// Secrets of two endpoints.
    pub fn merged(&self, other: &Self) -> Self {
        Self { needles: self.needles.merged(&other.needles) }
    }

    /// Returns the text without secrets, including a secret that is cut off at the end of the text.
    pub fn redact(&self, text: &str) -> String {
        let mut out = text.to_owned();
        self.take_out(&mut out, SearchOptions::all(LEAST_BYTES));
        out
    }

    /// Redacts keys in a model's text or name, but not secrets that may be ordinary words. If `may_end_within`, also
    /// redacts the start of a key at the end of the text. Returns whether the text contained a key.
    pub fn redact_answer(&self, text: &mut String, may_end_within: bool) -> bool {
        self.take_out(text, SearchOptions::keys(may_end_within.then_some(LEAST_BYTES_OF_A_KEY)))
    }

    fn take_out(&self, text: &mut String, wanted: SearchOptions) -> bool {
        let found = self.needles.find(text, wanted);
        if found.is_empty() {
            return false;
        }
        *text = redacted(text, &found, 0);
        true
    }

    /// Redacts keys in the shown end of a growing text, including a key that starts before the shown end. As long as no
    /// key is found, each call with the same `searched` looks only at new text.
    pub fn redact_live(
        &self,
        whole: &str,
        (end, is_cut): (Arc<str>, bool),
        searched: &SearchedPrefix,
    ) -> (Arc<str>, bool) {
        let from = whole.len().saturating_sub(end.len());
        let wanted = SearchOptions::keys(Some(LEAST_BYTES_OF_A_KEY));
        let new_from = self.begin_of_what_shows_before(whole, searched.0.get().max(from));
        if self.needles.find(whole.get(new_from..).unwrap_or(&end), wanted).is_empty() {
            searched.0.set(whole.len());
            return (end, is_cut);
        }
        // Search the whole shown end again until the key is no longer in it.
        searched.0.set(0);
        let window_from = self.begin_of_what_shows_before(whole, from);
        let window = whole.get(window_from..).unwrap_or(&end);
        let found = self.needles.find(window, wanted);
        (redacted(window, &found, from - window_from).into(), is_cut)
    }

    /// Goes back from a position by as many visible characters as the longest secret has.
    fn begin_of_what_shows_before(&self, whole: &str, from: usize) -> usize {
        let before = whole.get(..from).unwrap_or_default();
        let most = MAX_BYTES_BEFORE.max(2 * self.needles.longest());
        let least = MIN_BYTES_BEFORE.min(from);
        let mut showing = self.needles.longest();
        let mut begin = from;
        for (at, c) in before.char_indices().rev() {
            if showing == 0 && from - at > least || from - at > most {
                break;
            }
            showing = showing.saturating_sub(usize::from(!c.is_whitespace() && !is_invisible(c)));
            begin = at;
        }
        begin
    }

    /// Redacts everything in a record that comes from the server.
    pub fn redact_record(&self, record: &mut AttemptRecord) {
        let error = record.error.iter_mut().flat_map(|e| [&mut e.kind, &mut e.message]);
        let reasons = record.choice_finish_reasons.iter_mut().flatten().chain(&mut record.finish_reason);
        for text in error.chain(reasons).chain(&mut record.warnings) {
            *text = self.redact(text);
        }
        for call in &mut record.tool_calls {
            for text in [&mut call.name, &mut call.arguments] {
                self.redact_answer(text, true);
            }
        }
        let is_cut = !record.is_ok() || record.ends_as(FinishClass::Length);
        // `|` instead of `||`: both texts must be redacted.
        if self.redact_answer(&mut record.text, is_cut) | self.redact_answer(&mut record.reasoning, is_cut) {
            // Text with redactions is not the generated text.
            record.is_text_whole = false;
            record.warnings.push(REPEATED.to_owned());
        }
    }
}

/// Returns the text from position `from` on, with these ranges redacted. Of a range that starts before the position,
/// drops the rest without a mark.
fn redacted(text: &str, ranges: &[Range<usize>], from: usize) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = from;
    for range in ranges.iter().filter(|range| range.end > from) {
        if range.start >= at {
            out.push_str(text.get(at..range.start).unwrap_or_default());
            out.push_str(REDACTED);
        }
        at = range.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
