//! Ollama's native chat API: one JSON document per line, with counts and durations in the last one.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::domain::attempt::Usage;
use crate::domain::media::Media;
use crate::domain::suite::{CaseSpec, Message as SentMessage};
use crate::domain::tools::{ResponseFormat, ToolChoice};
use crate::protocol::api::chat::tools;
use crate::protocol::chunk::{Chunk, Text, finish_reason};
use crate::protocol::failure::reported_error;
use crate::protocol::media::{AUDIO, has_audio, has_url};
use crate::protocol::request::{RequestDialect, conversation};
use crate::protocol::{timings, usage};

/// Maximum load time of a model that is already in memory, nanoseconds. Loading a model from disk takes longer.
const MAX_WARM_LOAD_NS: u64 = 500_000_000;

/// Builds the body of a streaming request. Options in the case's `extra` override those of the same name.
pub fn body(case: &CaseSpec, model: &str, _dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let mut options = Map::new();
    options.insert("num_predict".into(), case.max_tokens.into());
    options.insert("temperature".into(), case.temperature.into());
    let mut extra = case.extra.clone();
    match extra.remove("options") {
        Some(Value::Object(own)) => options.extend(own),
        Some(other) => drop(extra.insert("options".into(), other)),
        None => {}
    }
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), messages(&conversation(case, nonce)));
    body.insert("stream".into(), true.into());
    body.insert("options".into(), Value::Object(options));
    if !case.tools.is_empty() {
        body.insert("tools".into(), tools(&case.tools));
    }
    match &case.response_format {
        None => {}
        Some(ResponseFormat::JsonObject) => drop(body.insert("format".into(), "json".into())),
        Some(ResponseFormat::JsonSchema(answer)) => drop(body.insert("format".into(), answer.schema.clone())),
    }
    body.extend(extra);
    Value::Object(body)
}

/// Messages with their images beside the text.
fn messages(messages: &[SentMessage]) -> Value {
    let image = |media: &Media| match media {
        Media::Content(content) => content.mark(),
        Media::Url(url) => url.clone(),
    };
    let one = |message: &SentMessage| {
        let mut value = json!({ "role": message.role, "content": message.content });
        if !message.media.is_empty() {
            value["images"] = message.media.iter().map(image).collect();
        }
        value
    };
    messages.iter().map(one).collect()
}

/// Names what this API cannot send. The model always decides about tools.
pub fn unsupported(case: &CaseSpec) -> Option<&'static str> {
    let forces = case.tool_choice.as_ref().is_some_and(|choice| *choice != ToolChoice::Auto);
    let tool_choice = forces.then_some("tool_choice other than \"auto\"");
    let urls = has_url(case).then_some("images by URL; embed them");
    tool_choice.or(urls).or_else(|| has_audio(case).then_some(AUDIO))
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    done: Option<bool>,
    #[serde(borrow)]
    done_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow, default)]
    content: Text<'a>,
    #[serde(borrow, default)]
    thinking: Text<'a>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
}

/// Parses one line.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let line: Line<'_> = serde_json::from_str(data)?;
    let mut chunk = Chunk::default();
    if let Some(error) = line.error {
        chunk.error = reported_error(Some(&serde_json::from_str(error.get())?), &serde_json::from_str(data)?);
    }
    if let Some(message) = line.message {
        chunk.text = message.content.text;
        chunk.reasoning = message.thinking.text;
        let calls: Value = message.tool_calls.map_or(Ok(Value::Null), |c| serde_json::from_str(c.get()))?;
        chunk.add_calls(calls.as_array().into_iter().flatten().map(|call| (call, &call["function"])), true);
    }
    if line.done == Some(true) {
        chunk.is_end = true;
        let last: Value = serde_json::from_str(data)?;
        chunk.server_timings = timings::ollama(&last).map(Box::new);
        // Older releases of Ollama send no reason.
        chunk.finish_reason = Some(finish_reason(line.done_reason).unwrap_or(Cow::Borrowed("stop")));
        chunk.usage = usage::usage_if_any(Usage {
            prompt_tokens: usage::number(&last, &["prompt_eval_count"]),
            completion_tokens: usage::number(&last, &["eval_count"]),
            ..Usage::default()
        });
        chunk.warning = usage::fault(&last).map(Cow::Owned);
        if let Some(ns) = last["load_duration"].as_u64().filter(|&ns| ns > MAX_WARM_LOAD_NS) {
            let seconds = ns as f64 / 1e9;
            chunk.warning = Some(
                format!("the server loaded the model during this request ({seconds:.1} s), and TTFT includes that")
                    .into(),
            );
        }
    }
    Ok(chunk)
}
