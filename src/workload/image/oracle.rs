//! Properties of any bytes as an image or audio, for the fuzzer and the property tests.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::content;
use crate::domain::media::{Media, MediaFormat};
use crate::domain::suite::{CaseSpec, Message};
use crate::protocol::api::APIS;
use crate::protocol::media::with_contents;
use crate::protocol::request::RequestDialect;

/// Checks that a recognised file is in the body of a request of each API, and that the rest of the body stays.
///
/// # Errors
///
/// Describes the property that does not hold.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    let Some(format) = MediaFormat::recognise(bytes) else { return Ok(()) };
    let content = content(format, bytes);
    let text = format!("{} <", content.mark());
    let message = Message { media: vec![Media::Content(content)], ..Message::user(&text) };
    let case = CaseSpec::new("c", vec![message]);
    for api in APIS.iter().filter(|api| (api.unsupported)(&case).is_none()) {
        let body = (api.body)(&case, "m", RequestDialect::default(), None).to_string();
        let sent = with_contents(body, &case.messages);
        let sent: Value = serde_json::from_str(&sent).map_err(|e| format!("{api:?}: not JSON: {e}"))?;
        if !contents(&sent).iter().any(|found| found == bytes) {
            return Err(format!("{api:?}: the content is missing or differs"));
        }
    }
    Ok(())
}

/// Everything in a body that is base64, bare or in a `data:` URL.
fn contents(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::String(text) => {
            let base64 = text.rsplit_once(',').map_or(text.as_str(), |(_, base64)| base64);
            STANDARD.decode(base64).into_iter().collect()
        }
        Value::Array(items) => items.iter().flat_map(contents).collect(),
        Value::Object(members) => members.values().flat_map(contents).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn holds_for_any_bytes_behind_a_signature(
            signature in prop::sample::select(vec![&b"\x89PNG\r\n\x1a\n"[..], b"\xff\xd8\xff", b"GIF89a", b"RIFF....WEBP", b"RIFF....WAVE", b"ID3", b""]),
            rest in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            prop_assert_eq!(check(&[signature, &rest].concat()), Ok(()));
        }
    }
}
