//! Request body of a chat completion. Its events are parsed in `chunk`.

use serde_json::{Map, Value, json};

use crate::domain::media::Media;
use crate::domain::suite::CaseSpec;
use crate::domain::tools::{ResponseFormat, Tool, ToolChoice};
use crate::protocol::media::{audio, image_url, messages_with};
use crate::protocol::request::{RequestDialect, conversation, stream_options};

/// Builds the body of a streaming request.
pub fn body(case: &CaseSpec, model: &str, dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let limit = if dialect.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages_with(&conversation(case, nonce), "text", part));
    body.insert(limit.into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.into());
    body.insert("stream".into(), true.into());
    if let Some(options) = stream_options(dialect.usage) {
        body.insert("stream_options".into(), options);
    }
    if !case.tools.is_empty() {
        body.insert("tools".into(), tools(&case.tools));
    }
    if let Some(choice) = &case.tool_choice {
        let named = |name: &str| json!({ "type": "function", "function": { "name": name } });
        body.insert("tool_choice".into(), tool_choice(choice, named));
    }
    if let Some(format) = &case.response_format {
        let format = match format {
            ResponseFormat::JsonObject => json!({ "type": "json_object" }),
            ResponseFormat::JsonSchema(schema) => json!({ "type": "json_schema", "json_schema": schema }),
        };
        body.insert("response_format".into(), format);
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}

fn part(media: &Media) -> Value {
    match audio(media) {
        Some(audio) => {
            json!({ "type": "input_audio", "input_audio": { "data": audio.mark(), "format": audio.format.name() } })
        }
        None => json!({ "type": "image_url", "image_url": { "url": image_url(media) } }),
    }
}

/// Tools in the form of chat completions.
pub fn tools(tools: &[Tool]) -> Value {
    tools.iter().map(|tool| json!({ "type": "function", "function": tool })).collect()
}

/// Value of `tool_choice` in OpenAI's APIs, whose forms of a named tool differ.
pub fn tool_choice(choice: &ToolChoice, named: impl Fn(&str) -> Value) -> Value {
    match choice {
        ToolChoice::Named(name) => named(name),
        ToolChoice::Auto => "auto".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Required => "required".into(),
    }
}
