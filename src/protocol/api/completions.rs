//! OpenAI's legacy Completions API: one text goes in, and its continuation comes out, without a chat template.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::domain::suite::CaseSpec;
use crate::protocol::chunk::{COMPLETIONS_SHAPE, Chunk, parse_strictly};
use crate::protocol::request::{RequestDialect, conversation, stream_options};

/// Builds the body of a streaming request. The case has one message, which is the prompt.
pub fn body(case: &CaseSpec, model: &str, dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let prompt: Vec<String> = conversation(case, nonce).into_iter().map(|message| message.content).collect();
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("prompt".into(), prompt.join("\n\n").into());
    body.insert("max_tokens".into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.into());
    body.insert("stream".into(), true.into());
    if let Some(options) = stream_options(dialect.usage) {
        body.insert("stream_options".into(), options);
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}

/// Names what this API cannot send: it knows only text.
pub fn unsupported(case: &CaseSpec) -> Option<&'static str> {
    let tools = (!case.tools.is_empty()).then_some("tools");
    let format = case.response_format.is_some().then_some("response_format");
    let media = case.messages.iter().any(|message| !message.media.is_empty()).then_some("images or audio");
    tools.or(format).or(media)
}

/// Parses one event. Servers send the fields of a chat completion, but the text is `choices[].text`.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let mut chunk = parse_strictly(data)?;
    // In this API the format is right.
    if matches!(chunk.warning, Some(Cow::Borrowed(warning)) if warning == COMPLETIONS_SHAPE) {
        chunk.warning = None;
    }
    Ok(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_reason_usage_and_timings_are_read() {
        let text = parse(r#"{"object":"text_completion","choices":[{"index":0,"text":" one","finish_reason":null}]}"#);
        let text = text.unwrap();
        assert_eq!((text.text.as_ref(), text.finish_reason.as_ref(), &text.warning), (" one", None, &None));
        assert!(text.is_generated() && text.has_first_choice);
        let last = parse(
            r#"{"choices":[{"index":0,"text":"","finish_reason":"length"}],"usage":{"prompt_tokens":5,"completion_tokens":9},"timings":{"prompt_n":5,"prompt_ms":40.0,"predicted_n":9,"predicted_ms":80.0}}"#,
        );
        let last = last.unwrap();
        assert!(!last.is_generated());
        assert_eq!(last.finish_reason.as_deref(), Some("length"));
        let usage = last.usage.unwrap();
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (Some(5), Some(9)));
        assert_eq!(last.server_timings.unwrap().prompt_ms, Some(40.0));
        let odd = r#"{"choices":[{"index":0,"text":"a"}],"usage":{"prompt_tokens":5,"completion_tokens":0}}"#;
        assert_eq!(parse(odd).unwrap().text, "a");
    }

    #[test]
    fn a_chat_server_still_warns_about_the_format() {
        let chat = parse_strictly(r#"{"choices":[{"index":0,"text":" one"}]}"#).unwrap();
        assert_eq!(chat.warning.as_deref(), Some(COMPLETIONS_SHAPE));
    }
}
