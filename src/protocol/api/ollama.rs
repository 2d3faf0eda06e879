//! Ollama's own chat: a JSON document a line, the last one with counts and durations.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::domain::attempt::Usage;
use crate::domain::suite::CaseSpec;
use crate::protocol::chunk::{Chunk, Text, is_call};
use crate::protocol::failure::message_of;
use crate::protocol::request::{Manner, conversation};
use crate::protocol::{timings, usage};

/// A model that is in memory takes far less than this to be found there.
const LOADED_WITHIN_NS: u64 = 500_000_000;

/// The body of a streaming request. `extra` goes in beside `options`, and may replace single ones of them.
pub fn body(case: &CaseSpec, model: &str, _manner: Manner, nonce: Option<&str>) -> Value {
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
    body.insert("messages".into(), json!(conversation(case, nonce)));
    body.insert("stream".into(), true.into());
    body.insert("options".into(), Value::Object(options));
    body.extend(extra);
    Value::Object(body)
}

#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    message: Option<Message<'a>>,
    done: Option<bool>,
    #[serde(borrow, default)]
    done_reason: Text<'a>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
    load_duration: Option<u64>,
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

/// Reads a line.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let line: Line<'_> = serde_json::from_str(data)?;
    let mut chunk = Chunk::default();
    if let Some(error) = line.error {
        chunk.error = Some(message_of(&serde_json::from_str(error.get())?)).filter(|e| e != "null");
    }
    if let Some(message) = line.message {
        chunk.text = message.content.text;
        chunk.reasoning = message.thinking.text;
        let calls: Value = message.tool_calls.map_or(Ok(Value::Null), |c| serde_json::from_str(c.get()))?;
        chunk.has_tool_call = calls.as_array().is_some_and(|calls| calls.iter().any(|c| is_call(&c["function"])));
    }
    if line.done == Some(true) {
        chunk.is_end = true;
        chunk.server_timings = timings::ollama(&serde_json::from_str(data)?).map(Box::new);
        // Older releases give no reason.
        let reason = Some(line.done_reason.text).filter(|r| !r.is_empty());
        chunk.finish_reason = Some(reason.unwrap_or(Cow::Borrowed("stop")));
        chunk.usage = usage::told(Usage {
            prompt_tokens: line.prompt_eval_count,
            completion_tokens: line.eval_count,
            ..Usage::default()
        });
        if let Some(ns) = line.load_duration.filter(|&ns| ns > LOADED_WITHIN_NS) {
            let seconds = ns as f64 / 1e9;
            chunk.warning =
                Some(format!("the model was loaded within this request ({seconds:.1} s): its TTFT holds that"));
        }
    }
    Ok(chunk)
}
