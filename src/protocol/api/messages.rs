//! Anthropic's Messages API. Text, thinking and tool input blocks count as generated.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::domain::attempt::Usage;
use crate::domain::media::Media;
use crate::domain::suite::CaseSpec;
use crate::domain::tools::{ResponseFormat, Tool, ToolChoice};
use crate::protocol::chunk::{Chunk, Text, ToolCallPiece, call_arguments, call_text, finish_reason, finish_reason_in};
use crate::protocol::failure::{message_of, reported_error};
use crate::protocol::media::{AUDIO, has_audio, messages_with};
use crate::protocol::request::{RequestDialect, conversation};
use crate::protocol::usage;

/// Builds the body of a streaming request. The API expects system messages in a separate field, and rejects a
/// temperature above 1.
pub fn body(case: &CaseSpec, model: &str, _dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let (system, messages): (Vec<_>, Vec<_>) = conversation(case, nonce).into_iter().partition(|m| m.role == "system");
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    if !system.is_empty() {
        let texts: Vec<_> = system.iter().map(|m| m.content.as_str()).collect();
        body.insert("system".into(), texts.join("\n\n").into());
    }
    body.insert("messages".into(), messages_with(&messages, "text", part));
    body.insert("max_tokens".into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.min(1.0).into());
    body.insert("stream".into(), true.into());
    if !case.tools.is_empty() {
        body.insert("tools".into(), case.tools.iter().map(tool).collect());
    }
    if let Some(choice) = &case.tool_choice {
        let choice = match choice {
            ToolChoice::Auto => json!({ "type": "auto" }),
            ToolChoice::None => json!({ "type": "none" }),
            ToolChoice::Required => json!({ "type": "any" }),
            ToolChoice::Named(name) => json!({ "type": "tool", "name": name }),
        };
        body.insert("tool_choice".into(), choice);
    }
    if let Some(ResponseFormat::JsonSchema(answer)) = &case.response_format {
        let format = json!({ "type": "json_schema", "schema": answer.schema });
        body.insert("output_config".into(), json!({ "format": format }));
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}

fn part(media: &Media) -> Value {
    let source = match media {
        Media::Url(url) => json!({ "type": "url", "url": url }),
        Media::Content(content) => {
            json!({ "type": "base64", "media_type": content.format.media_type(), "data": content.mark() })
        }
    };
    json!({ "type": "image", "source": source })
}

fn tool(tool: &Tool) -> Value {
    let mut value = json!({ "name": tool.name, "input_schema": tool.parameters });
    if let Some(description) = &tool.description {
        value["description"] = description.as_str().into();
    }
    if let Some(strict) = tool.strict {
        value["strict"] = strict.into();
    }
    value
}

/// Names what this API cannot send.
pub fn unsupported(case: &CaseSpec) -> Option<&'static str> {
    let wants_any_json = matches!(case.response_format, Some(ResponseFormat::JsonObject));
    let json_object = "response_format = { type = \"json_object\" }, only a JSON schema";
    wants_any_json.then_some(json_object).or_else(|| has_audio(case).then_some(AUDIO))
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    index: Option<u64>,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    text: Text<'a>,
    #[serde(borrow)]
    thinking: Text<'a>,
    #[serde(borrow)]
    partial_json: Text<'a>,
    #[serde(borrow)]
    stop_reason: Option<&'a RawValue>,
}

/// Parses one event.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let event: Event<'_> = serde_json::from_str(data)?;
    let mut chunk = Chunk::default();
    let value = |raw: Option<&RawValue>| raw.map_or(Ok(Value::Null), |r| serde_json::from_str::<Value>(r.get()));
    let delta = event.delta.unwrap_or_default();
    match &*event.kind {
        // Ignore the output count of this event: no output has been generated yet.
        "message_start" => {
            let usage = value(event.message)?["usage"].take();
            chunk.usage = read_usage(&usage).map(|usage| Usage { completion_tokens: None, ..usage });
            chunk.warning = usage::fault(&usage).map(Cow::Owned);
        }
        // A block may start with text. A tool's name counts as generated.
        "content_block_start" => add_block(&mut chunk, event.index, &value(event.content_block)?),
        "content_block_delta" => {
            chunk.text = delta.text.text;
            chunk.reasoning = delta.thinking.text;
            chunk.has_tool_call = !delta.partial_json.text.is_empty();
            chunk.add_arguments(&delta.partial_json.text);
            if chunk.has_tool_call {
                let arguments = delta.partial_json.text.into_owned();
                chunk.tool_calls.push(ToolCallPiece { index: event.index, arguments, ..ToolCallPiece::default() });
            }
        }
        "message_delta" => {
            chunk.finish_reason = finish_reason(delta.stop_reason);
            let usage = value(event.usage)?;
            chunk.usage = read_usage(&usage);
            chunk.warning = usage::fault(&usage).map(Cow::Owned);
        }
        "message_stop" => chunk.is_end = true,
        // A complete response in one document.
        "message" => complete_response(&mut chunk, &serde_json::from_str(data)?),
        _ => {}
    }
    if event.error.is_some() || event.kind == "error" {
        let whole: Value = serde_json::from_str(data)?;
        chunk.error = reported_error(whole.get("error"), &whole);
        if event.kind == "error" {
            chunk.error.get_or_insert_with(|| message_of(&whole));
        }
    }
    Ok(chunk)
}

fn add_block(chunk: &mut Chunk<'_>, index: Option<u64>, block: &Value) {
    let text = |key: &str| block[key].as_str().unwrap_or_default();
    match block["type"].as_str() {
        Some("text") => chunk.text.to_mut().push_str(text("text")),
        Some("thinking") => chunk.reasoning.to_mut().push_str(text("thinking")),
        Some("tool_use") if !text("name").is_empty() => {
            chunk.has_tool_call = true;
            let (id, name) = (call_text(&block["id"]), call_text(&block["name"]));
            chunk.tool_calls.push(ToolCallPiece { index, id, name, arguments: call_arguments(&block["input"]) });
        }
        _ => {}
    }
}

fn complete_response(chunk: &mut Chunk<'_>, message: &Value) {
    for block in message["content"].as_array().map(Vec::as_slice).unwrap_or_default() {
        add_block(chunk, None, block);
    }
    chunk.finish_reason = finish_reason_in(&message["stop_reason"]).map(Cow::Owned);
    chunk.usage = read_usage(&message["usage"]);
    chunk.warning = usage::fault(&message["usage"]).map(Cow::Owned);
    chunk.is_end = true;
}

/// Reads the cumulative token counts. `input_tokens` excludes tokens read from or written to the cache, so both are
/// added.
fn read_usage(usage: &Value) -> Option<Usage> {
    let number = |key: &str| usage::number(usage, &[key]);
    let cached_tokens = number("cache_read_input_tokens");
    let written = number("cache_creation_input_tokens").unwrap_or(0);
    let add = |n: u64| n.saturating_add(cached_tokens.unwrap_or(0)).saturating_add(written);
    usage::usage_if_any(Usage {
        prompt_tokens: number("input_tokens").map(add),
        completion_tokens: number("output_tokens"),
        reasoning_tokens: usage::number(usage, &["output_tokens_details", "thinking_tokens"]),
        cached_tokens,
    })
}
