//! The request body.

use serde_json::{Map, Value, json};

use crate::domain::suite::CaseSpec;

/// The body of a streaming chat completion; `extra` of the case has the last word.
pub fn body(case: &CaseSpec, model: &str, ask_usage: bool) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), json!(case.messages));
    body.insert("max_tokens".into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.into());
    body.insert("stream".into(), true.into());
    if ask_usage {
        body.insert("stream_options".into(), json!({ "include_usage": true }));
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}

/// Whether an error is about `stream_options`, so that asking once more without it may help.
pub fn refuses_stream_options(http_status: u16, message: &str) -> bool {
    matches!(http_status, 400 | 422) && (message.contains("stream_options") || message.contains("include_usage"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extra_goes_in_as_it_is_and_wins() {
        let case = CaseSpec {
            name: "c".into(),
            model: None,
            messages: vec![crate::domain::suite::Message { role: "user".into(), content: "hi".into() }],
            max_tokens: 5,
            temperature: 0.5,
            timeout: std::time::Duration::from_secs(1),
            extra: json!({ "top_p": 0.9, "temperature": 0 }).as_object().unwrap().clone(),
        };
        let expected = json!({ "model": "m", "messages": [{ "role": "user", "content": "hi" }], "max_tokens": 5,
            "temperature": 0, "stream": true, "stream_options": { "include_usage": true }, "top_p": 0.9 });
        assert_eq!(body(&case, "m", true), expected);
        assert!(body(&case, "m", false).get("stream_options").is_none());
    }

    #[test]
    fn only_a_refusal_that_names_the_option_counts() {
        assert!(refuses_stream_options(400, "Validation error at #/stream_options: Extra inputs are not permitted"));
        assert!(!refuses_stream_options(500, "stream_options"));
        assert!(!refuses_stream_options(400, "max_tokens is too large"));
    }
}
