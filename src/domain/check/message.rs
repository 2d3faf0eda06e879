//! Messages of checks: one line each, of limited length, safe to show.

use crate::domain::text::sanitise_line;

/// Maximum length of a message, characters.
const MAX_MESSAGE: usize = 240;
/// Maximum length of a piece of an answer or of a suite in a message, characters.
const MAX_QUOTE: usize = 60;

/// Returns a message on one line, cut at its maximum length.
pub(super) fn line(message: &str) -> String {
    cut(message, MAX_MESSAGE)
}

/// Returns a piece of text in quotes, on one line and cut.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", cut(text, MAX_QUOTE))
}

/// Returns a piece of JSON on one line, cut.
pub(super) fn json(value: &serde_json::Value) -> String {
    cut(&value.to_string(), MAX_QUOTE)
}

fn cut(text: &str, max_chars: usize) -> String {
    // Only the start is sanitised, because the whole text may have megabytes.
    let start: String = text.chars().take(4 * max_chars).collect();
    let line = sanitise_line(&start);
    let line = line.trim();
    let mut cut: String = line.chars().take(max_chars).collect();
    if cut.len() < line.len() || start.len() < text.len() {
        cut.push('…');
    }
    cut
}
