//! Findings: remarks that qualify the figures of an attempt. The table of findings is in `diagnosis`.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize};

/// Key of the finding that the server reported no usage.
pub const USAGE_MISSING: &str = "usage_missing";
/// Message of the finding [`USAGE_MISSING`] until a tokenizer has counted the answer.
pub const ESTIMATED: &str =
    "the server reported no usage; token counts are estimated from stream events; pass --tokenizer to count them";

/// A remark that readers of an attempt's figures need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name in snake case, from the table of diagnoses; a newer version's journal may contain others.
    #[serde(deserialize_with = "read_key")]
    pub key: Cow<'static, str>,
    /// One sentence for people, including its figures.
    pub message: String,
}

impl Finding {
    /// Creates a finding.
    pub fn new(key: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }
}

/// Maximum length of a key read from a journal, bytes.
const MAX_KEY_BYTES: usize = 40;

/// Reads a key. Journals are untrusted and reports print keys verbatim, so any other text becomes `unknown`.
fn read_key<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'static, str>, D::Error> {
    let key = String::deserialize(deserializer)?;
    let is_plain = key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    let is_key = is_plain && (1..=MAX_KEY_BYTES).contains(&key.len());
    Ok(if is_key { key.into() } else { "unknown".into() })
}
