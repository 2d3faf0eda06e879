//! Logs of OpenAI requests, one per line, as gateways and proxies write them:
//! `{"timestamp": "2026-05-01T12:00:00.250Z", "body": {"model": "m", "messages": […]}, "response": {"usage": {…}}}`.
//!
//! | part | accepted names |
//! |---|---|
//! | time of the request | `timestamp`, `time`, `ts`, `@timestamp`, `created_at`, `created`, `start_time`, `request_time` |
//! | request body | `body`, `request`, `request_body`, or the line itself; may be a string with JSON |
//! | prompt | `messages`, or `prompt` as a string |
//! | answer | `response` or `response_body`, or its `body`; otherwise `usage` of the line |
//!
//! The length of the answer is `usage.completion_tokens`, otherwise `max_completion_tokens` or `max_tokens`. A body may
//! be nested in another `body`, as in the files of OpenAI's batch API.

use serde_json::Value;

use super::json::{Object, messages, parse, take, user_message};
use super::row::{Row, RowTime, tokens};

const TIMES: &[&str] =
    &["timestamp", "time", "ts", "@timestamp", "created_at", "created", "start_time", "request_time"];
const BODIES: &[&str] = &["body", "request", "request_body"];
const ANSWERS: &[&str] = &["response", "response_body"];

/// Returns whether a line has the parts of a logged request.
pub(super) fn is_line(line: &Object) -> bool {
    ["messages", "prompt"].iter().chain(BODIES).any(|name| line.contains_key(*name))
}

/// Removes the first of these fields that is not null. Returns it as an object, which may be JSON in a string. If
/// bodies are nested, returns the innermost.
fn take_object(object: &mut Object, names: &[&str]) -> Option<Object> {
    let inner = match take(object, names)? {
        Value::Object(inner) => inner,
        Value::String(text) => serde_json::from_str(&text).ok()?,
        _ => return None,
    };
    Some(unwrapped(inner))
}

/// Returns an object without the `body` around it. The parser limits the depth.
fn unwrapped(mut object: Object) -> Object {
    loop {
        match object.remove("body") {
            Some(Value::Object(inner)) => object = inner,
            _ => return object,
        }
    }
}

/// Reads one line.
pub(super) fn read(line: &[u8]) -> Result<Row, String> {
    let mut line: Object = parse(line)?;
    let time = take(&mut line, TIMES).ok_or("the time of the request is missing, like 'timestamp' or 'created_at'")?;
    let answer = take_object(&mut line, ANSWERS);
    let usage = answer.as_ref().and_then(|answer| answer.get("usage")).or_else(|| line.get("usage")).cloned();
    let reported = |name: &str| usage.as_ref()?.get(name)?.as_u64().filter(|n| *n > 0);
    let mut body = take_object(&mut line, BODIES).unwrap_or(line);
    let prompt = match (take(&mut body, &["messages"]), take(&mut body, &["prompt"])) {
        (Some(logged), _) => messages(logged)?,
        (None, Some(Value::String(text))) => user_message(text),
        (None, Some(_)) => return Err("'prompt' is not a text".to_owned()),
        (None, None) => return Err("the request has neither 'messages' nor 'prompt'".to_owned()),
    };
    let limit = take(&mut body, &["max_completion_tokens", "max_tokens"]).and_then(|limit| limit.as_u64());
    let output = reported("completion_tokens").or(limit);
    Ok(Row {
        time: RowTime::from_json(&time)?,
        input_tokens: reported("prompt_tokens").map(|n| tokens(n, "prompt_tokens")).transpose()?,
        output_tokens: output.map(|n| tokens(n, "number of output tokens")).transpose()?,
        messages: Some(prompt),
        model: body.get("model").and_then(Value::as_str).map(str::to_owned),
        hash_ids: None,
    })
}
