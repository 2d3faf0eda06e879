//! OpenAI's Responses API. Every event has a `type` that begins with `response.`.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::domain::attempt::Usage;
use crate::domain::media::Media;
use crate::domain::suite::CaseSpec;
use crate::domain::tools::{ResponseFormat, Tool};
use crate::protocol::api::chat::tool_choice;
use crate::protocol::chunk::{Chunk, Text, ToolCallPiece, call_arguments, call_text, finish_reason_in};
use crate::protocol::failure::{message_of, reported_error};
use crate::protocol::media::{AUDIO, has_audio, image_url, messages_with};
use crate::protocol::request::{RequestDialect, conversation};
use crate::protocol::usage;

/// Builds the body of a streaming request. `store: false` asks the server not to keep the response.
pub fn body(case: &CaseSpec, model: &str, _dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("input".into(), messages_with(&conversation(case, nonce), "input_text", part));
    body.insert("max_output_tokens".into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.into());
    body.insert("stream".into(), true.into());
    body.insert("store".into(), false.into());
    if !case.tools.is_empty() {
        body.insert("tools".into(), case.tools.iter().map(tool).collect());
    }
    if let Some(choice) = &case.tool_choice {
        body.insert("tool_choice".into(), tool_choice(choice, |name| json!({ "type": "function", "name": name })));
    }
    if let Some(format) = &case.response_format {
        body.insert("text".into(), json!({ "format": text_format(format) }));
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}

fn part(media: &Media) -> Value {
    json!({ "type": "input_image", "image_url": image_url(media) })
}

/// Names what this API cannot send.
pub fn unsupported(case: &CaseSpec) -> Option<&'static str> {
    has_audio(case).then_some(AUDIO)
}

/// Returns a tool in the form of this API: the members of the function beside its type.
fn tool(tool: &Tool) -> Value {
    tagged("function", json!(tool))
}

fn text_format(format: &ResponseFormat) -> Value {
    match format {
        ResponseFormat::JsonObject => json!({ "type": "json_object" }),
        ResponseFormat::JsonSchema(schema) => tagged("json_schema", json!(schema)),
    }
}

fn tagged(kind: &str, mut object: Value) -> Value {
    object["type"] = kind.into();
    object
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    delta: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    output_index: Option<u64>,
    #[serde(borrow)]
    item: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Parses one event.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let event: Event<'_> = serde_json::from_str(data)?;
    let mut chunk = Chunk::default();
    match &*event.kind {
        "response.output_text.delta" | "response.refusal.delta" => chunk.text = text_of(event.delta)?,
        "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
            chunk.reasoning = text_of(event.delta)?;
        }
        "response.function_call_arguments.delta"
        | "response.custom_tool_call_input.delta"
        | "response.mcp_call_arguments.delta" => {
            let arguments = text_of(event.delta)?;
            chunk.has_tool_call = !arguments.is_empty();
            chunk.add_arguments(&arguments);
            let arguments = arguments.into_owned();
            chunk.tool_calls.push(ToolCallPiece { index: event.output_index, arguments, ..ToolCallPiece::default() });
        }
        // A function's name is generated, too, but arrives with the item and not as a delta.
        "response.output_item.added" => {
            let item: Value = event.item.map_or(Ok(Value::Null), |i| serde_json::from_str(i.get()))?;
            chunk.has_tool_call =
                item["type"] == "function_call" && item["name"].as_str().is_some_and(|n| !n.is_empty());
            if chunk.has_tool_call {
                chunk.tool_calls.push(function_call(event.output_index, &item));
            }
        }
        kind @ ("response.completed"
        | "response.incomplete"
        | "response.failed"
        | "response.cancelled"
        | "response.canceled") => {
            let response: Value = event.response.map_or(Ok(Value::Null), |r| serde_json::from_str(r.get()))?;
            read_final(&mut chunk, kind.trim_start_matches("response."), &response);
            if kind == "response.failed" && chunk.error.is_none() {
                let event: Value = serde_json::from_str(data)?;
                let error = reported_error(event.get("error"), &event);
                chunk.error = Some(error.unwrap_or_else(|| "the response failed".to_owned()));
            }
        }
        "error" | "response.error" => chunk.error = Some(message_of(&error_value(data)?)),
        // A complete response in one document, or an error without a type.
        "" => {
            let document: Value = serde_json::from_str(data)?;
            complete_response(&mut chunk, &document);
        }
        _ => {}
    }
    if event.error.is_some() && chunk.error.is_none() {
        let whole: Value = serde_json::from_str(data)?;
        chunk.error = reported_error(whole.get("error"), &whole);
    }
    Ok(chunk)
}

/// Returns the error value: the `error` field, or the event itself if it has none.
fn error_value(data: &str) -> Result<Value, serde_json::Error> {
    let mut event: Value = serde_json::from_str(data)?;
    let inner = event["error"].take();
    Ok(if inner.is_null() { event } else { inner })
}

/// Returns the text of a delta. Values other than text count as empty.
fn text_of(delta: Option<&RawValue>) -> Result<Cow<'_, str>, serde_json::Error> {
    delta.map_or(Ok(Cow::default()), |raw| Ok(serde_json::from_str::<Text<'_>>(raw.get())?.text))
}

/// Reads the final event of a response. The finish reason comes from `incomplete_details`, the status, or the event's
/// name, in that order.
fn read_final(chunk: &mut Chunk<'_>, end: &str, response: &Value) {
    chunk.error = reported_error(response.get("error"), response);
    chunk.usage = read_usage(&response["usage"]);
    chunk.warning = usage::fault(&response["usage"]).map(Cow::Owned);
    chunk.is_end = true;
    let status = response["status"].as_str().filter(|_| end == "completed").unwrap_or(end);
    let reason = match finish_reason_in(&response["incomplete_details"]["reason"]) {
        Some(reason) if reason == "max_output_tokens" => "length".to_owned(),
        Some(reason) => reason,
        None if status == "completed" => "stop".to_owned(),
        None => status.to_owned(),
    };
    chunk.finish_reason = Some(Cow::Owned(reason));
}

fn complete_response(chunk: &mut Chunk<'_>, document: &Value) {
    if document["object"] != "response" {
        return;
    }
    read_final(chunk, "completed", document);
    let texts = |parts: &Value, kinds: &[&str]| -> String {
        let parts = parts.as_array().map(Vec::as_slice).unwrap_or_default();
        let wanted = parts.iter().filter(|p| kinds.contains(&p["type"].as_str().unwrap_or_default()));
        wanted.filter_map(|p| p["text"].as_str().or_else(|| p["refusal"].as_str())).collect()
    };
    for item in document["output"].as_array().map(Vec::as_slice).unwrap_or_default() {
        match item["type"].as_str() {
            Some("message") => chunk.text.to_mut().push_str(&texts(&item["content"], &["output_text", "refusal"])),
            Some("reasoning") => {
                let summary = texts(&item["summary"], &["summary_text"]);
                let full = texts(&item["content"], &["reasoning_text"]);
                chunk.reasoning.to_mut().push_str(if full.is_empty() { &summary } else { &full });
            }
            Some("function_call") => {
                chunk.has_tool_call = true;
                chunk.tool_calls.push(function_call(None, item));
            }
            _ => {}
        }
    }
}

fn function_call(index: Option<u64>, item: &Value) -> ToolCallPiece {
    let [id, name] = ["call_id", "name"].map(|key| call_text(&item[key]));
    ToolCallPiece { index, id, name, arguments: call_arguments(&item["arguments"]) }
}

fn read_usage(usage: &Value) -> Option<Usage> {
    usage::usage_if_any(Usage {
        prompt_tokens: usage::number(usage, &["input_tokens"]),
        completion_tokens: usage::number(usage, &["output_tokens"]),
        reasoning_tokens: usage::number(usage, &["output_tokens_details", "reasoning_tokens"]),
        cached_tokens: usage::number(usage, &["input_tokens_details", "cached_tokens"]),
    })
}
