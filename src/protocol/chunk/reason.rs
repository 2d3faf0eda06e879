//! Finish reason in an event.

use std::borrow::Cow;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::protocol::surrogates::replace_lone_surrogates;

/// Returns a finish reason as the server wrote it. JSON other than a string (an object, a number) is kept as JSON text.
/// Null, false, blank strings and a printed null (`"null"`, `"None"`) count as no reason.
pub fn finish_reason(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let raw = raw?.get();
    let reason = if raw.starts_with('"') {
        match serde_json::from_str::<Borrowed<'_>>(raw) {
            Ok(reason) => reason.0,
            Err(_lone_surrogate) => {
                serde_json::from_str(&replace_lone_surrogates(raw)).map_or(Cow::Borrowed(raw), Cow::Owned)
            }
        }
    } else {
        Cow::Borrowed(raw)
    };
    let is_none = ["", "null", "none", "false"].iter().any(|none| reason.trim().eq_ignore_ascii_case(none));
    (!is_none).then_some(reason)
}

/// Returns the finish reason in a parsed value, like [`finish_reason`].
pub fn finish_reason_in(value: &Value) -> Option<String> {
    let raw = serde_json::value::to_raw_value(value).ok()?;
    finish_reason(Some(&raw)).map(Cow::into_owned)
}

#[derive(serde::Deserialize)]
struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
