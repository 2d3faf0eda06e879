//! Finds a server's error message in a body or event of any known format.

use crate::domain::text::truncate;
use serde_json::Value;

use crate::protocol::surrogates::replace_lone_surrogates;

/// Returns the message in an error body of any known format, otherwise the body's text without tags.
pub fn message_in_body(body: &str) -> String {
    let body = body.trim_start_matches('\u{feff}');
    match serde_json::from_str::<Value>(&replace_lone_surrogates(body)) {
        Ok(value) => reported_error(value.get("error"), &value).unwrap_or_else(|| message_of(&value)),
        Err(_not_json) => text_of_page(body),
    }
}

/// Returns the message of an error value in any known format, otherwise its JSON.
pub fn message_of(error: &Value) -> String {
    message_within(error, MAX_DEPTH).unwrap_or_else(|| shorten(&error.to_string()))
}

/// Returns the message of an event or body with an `error` field; `None` if the value of this field means no error:
/// null, false or `""`.
pub fn reported_error(error: Option<&Value>, whole: &Value) -> Option<String> {
    let error = error.filter(|e| !(e.is_null() || **e == Value::Bool(false) || e.as_str() == Some("")))?;
    // The field may be a flag, a code or an empty object, with the message next to it.
    let message = message_within(error, MAX_DEPTH).or_else(|| message_within(whole, MAX_DEPTH));
    Some(message.unwrap_or_else(|| shorten(&error.to_string())))
}

/// Returns the message of an event that declares itself an error: `"object": "error"` or `"type": "error"`.
pub fn declared_error(data: &str) -> Option<String> {
    let event: Value = serde_json::from_str(&replace_lone_surrogates(data)).ok()?;
    let is_error =
        |name: &str| event.get(name).and_then(Value::as_str).is_some_and(|s| s.eq_ignore_ascii_case("error"));
    (is_error("object") || is_error("type")).then(|| message_of(&event))
}

/// Returns the message of an event that looks like an error without declaring itself one. Such an event has a field
/// `error`, `detail` or `errors`, or a `message` next to an error code or type.
pub fn undeclared_error(data: &str) -> Option<String> {
    let mut event: Value = serde_json::from_str(&replace_lone_surrogates(data)).ok()?;
    // Gemini wraps its errors in a list.
    if let Some(first) = event.as_array_mut().and_then(|all| all.first_mut()) {
        event = first.take();
    }
    if let Some(error) = reported_error(event.get("error"), &event) {
        return Some(error);
    }
    let field = |name: &str| event.get(name).filter(|value| !value.is_null());
    if field("choices").is_some() {
        return None;
    }
    let is_error_type = |kind: &Value| {
        let kind = kind.as_str().unwrap_or_default().to_ascii_lowercase();
        kind.contains("error") || kind.contains("exception")
    };
    let is_error_code = |code: &Value| match code.as_str() {
        Some(word) => !["", "ok", "success", "200", "0"].contains(&word.to_ascii_lowercase().as_str()),
        None => code.as_u64().is_some_and(|n| n != 0 && !(100..400).contains(&n)),
    };
    let has_code = || ["code", "status", "status_code"].iter().filter_map(|name| field(name)).any(is_error_code);
    let has_type = || ["type", "error_type", "__type"].iter().filter_map(|name| field(name)).any(is_error_type);
    let has_message = field("message").is_some_and(Value::is_string) && (has_code() || has_type());
    let has_details =
        || ["detail", "errors"].iter().filter_map(|name| field(name)).any(|v| message_within(v, MAX_DEPTH).is_some());
    (has_message || has_details()).then(|| message_of(&event))
}

/// Maximum nesting depth of a message in an error.
const MAX_DEPTH: usize = 5;

fn message_within(error: &Value, depth: usize) -> Option<String> {
    let depth = depth.checked_sub(1)?;
    match error {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(all) => {
            let messages: Vec<_> = all.iter().filter_map(|e| message_within(e, depth)).collect();
            (!messages.is_empty()).then(|| messages.join("; "))
        }
        Value::Object(fields) => {
            let names = ["message", "detail", "msg", "error", "errors", "error_message", "error_description", "reason"];
            let message = names.iter().find_map(|name| message_within(fields.get(*name)?, depth))?;
            // OpenRouter adds the error of its provider.
            let raw = error.pointer("/metadata/raw").and_then(Value::as_str).filter(|raw| !raw.trim().is_empty());
            Some(match raw {
                Some(raw) if !message.contains(raw) => format!("{message}: {}", message_in_body(raw)),
                _ => message,
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

/// Returns the text of an HTML page. Includes the title only if the body does not repeat it, as error pages do.
fn text_of_page(page: &str) -> String {
    let lowered = page.to_ascii_lowercase();
    let behind = |tag: &str| Some(lowered.find(tag)? + tag.len());
    let body = behind("</head>").and_then(|at| page.get(at..)).map(strip_tags).filter(|text| !text.is_empty());
    let Some(body) = body else { return strip_tags(page) };
    let title = behind("<title>").zip(lowered.find("</title>")).and_then(|(from, to)| page.get(from..to));
    match title.map(strip_tags).filter(|title| !body.contains(title.as_str())) {
        Some(title) => shorten(&format!("{title} {body}")),
        None => body,
    }
}

fn strip_tags(body: &str) -> String {
    let mut out = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' if in_tag => {
                in_tag = false;
                out.push(' ');
            }
            c if !in_tag => out.push(c),
            _ => {}
        }
    }
    shorten(&out.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// Maximum length of quoted text within a message, in characters.
const MAX_QUOTE_CHARS: usize = 400;

/// Cuts a text to its first 400 characters.
pub fn shorten(text: &str) -> String {
    truncate(text, MAX_QUOTE_CHARS, "…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_is_found_in_every_known_format() {
        for body in [
            r#"{"error":{"message":"no","type":"x","code":500}}"#,
            r#"{"object":"error","message":"no","code":400}"#,
            r#"{"error":"no","error_type":"overloaded"}"#,
            r#"{"detail":"no"}"#,
            r#"{"detail":[{"loc":["body"],"msg":"no","type":"missing"}]}"#,
            "\u{feff}{\"error\":\"no\"}",
            "<html><h1>no</h1></html>",
            "no",
            r#"{"error":{"error":{"message":"no"}}}"#,
            r#"{"error":{"error":"no"}}"#,
            r#"{"error":[{"message":"no"}]}"#,
            r#"[{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}]"#,
            r#"{"errors":[{"message":"no"}]}"#,
            r#"{"error":true,"message":"no"}"#,
            r#"{"error":500,"message":"no"}"#,
            r#"{"error":{},"detail":"no"}"#,
            r#"{"error":null,"message":"no"}"#,
            r#"{"error":{"message":{"detail":[{"msg":"no"}]}}}"#,
        ] {
            assert_eq!(message_in_body(body), "no", "{body}");
        }
    }

    #[test]
    fn a_message_of_the_provider_is_included() {
        let body = r#"{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"{\"error\":{\"message\":\"out of memory\"}}"}}}"#;
        assert_eq!(message_in_body(body), "Provider returned error: out of memory");
    }

    #[test]
    fn an_undeclared_error_needs_an_error_code_or_type() {
        for event in [
            r#"{"message":"no","code":500}"#,
            r#"{"message":"no","code":"internal_error"}"#,
            r#"{"message":"no","type":"InternalServerError"}"#,
            r#"{"message":"no","status":503}"#,
            r#"{"detail":"no"}"#,
            r#"{"detail":[{"msg":"no"}]}"#,
            r#"{"errors":["no"]}"#,
            r#"{"error":"no","choices":null}"#,
            r#"[{"error":{"message":"no"}}]"#,
        ] {
            assert_eq!(undeclared_error(event).as_deref(), Some("no"), "{event}");
        }
        for event in [
            r#"{"message":"loading"}"#,
            r#"{"message":"loading","code":0}"#,
            r#"{"message":"loading","status":"ok"}"#,
            r#"{"type":"ping","message":"loading"}"#,
            r#"{"message":{"content":"hi"},"code":500}"#,
            r#"{"message":"no","code":500,"choices":[]}"#,
            r#"{"detail":null}"#,
            r#"{"error":null}"#,
            r#"{"error":false}"#,
            r#"{"error":""}"#,
            "{}",
            "7",
            "{",
        ] {
            assert_eq!(undeclared_error(event), None, "{event}");
        }
        assert_eq!(declared_error(r#"{"object":"error","message":"no","code":400}"#).as_deref(), Some("no"));
        assert_eq!(declared_error(r#"{"object":"chat.completion.chunk","message":"no"}"#), None);
    }
}
