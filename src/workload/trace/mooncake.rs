//! Mooncake's JSONL, with one request per line:
//! `{"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47]}`.
//! The timestamp is in milliseconds; each id names a block of 512 tokens.
//! <https://github.com/kvcache-ai/Mooncake/tree/main/FAST25-release>
//!
//! `AIPerf`'s traces may contain the prompt, as `text_input` or `messages`.

use serde_json::Value;

use super::json::{Object, messages, parse, take, user_message};
use super::row::{Row, RowTime, tokens};

/// Reads one line.
pub(super) fn read(line: &[u8], block_tokens: u32) -> Result<Row, String> {
    let mut line: Object = parse(line)?;
    let time =
        take(&mut line, &["timestamp"]).ok_or("'timestamp' is missing; a trace needs the moment of each request")?;
    let millis = time.as_f64().ok_or_else(|| not_a("timestamp", "number of milliseconds"))?;
    let messages = match (take(&mut line, &["messages"]), take(&mut line, &["text_input"])) {
        (Some(logged), _) => Some(messages(logged)?),
        (None, Some(Value::String(text))) => Some(user_message(text)),
        (None, Some(_)) => return Err(not_a("text_input", "text")),
        (None, None) => None,
    };
    let input_tokens = length(&mut line, "input_length")?;
    if input_tokens.is_none() && messages.is_none() {
        return Err("'input_length' is missing".to_owned());
    }
    let output_tokens = length(&mut line, "output_length")?.ok_or("'output_length' is missing")?;
    let hash_ids = take(&mut line, &["hash_ids"]).as_ref().map(hash_ids).transpose()?;
    if let (Some(ids), Some(input_tokens)) = (&hash_ids, input_tokens) {
        let room = input_tokens.div_ceil(block_tokens.max(1));
        if ids.len() as u64 > u64::from(room) {
            let count = ids.len();
            return Err(format!(
                "{count} hash_ids, but {input_tokens} input tokens have only {room} blocks of {block_tokens}"
            ));
        }
    }
    let model = line.get("model").and_then(Value::as_str).map(str::to_owned);
    let time = RowTime::from_millis(millis)?;
    Ok(Row { time, input_tokens, output_tokens: Some(output_tokens), hash_ids, messages, model })
}

fn length(line: &mut Object, name: &str) -> Result<Option<u32>, String> {
    let Some(value) = take(line, &[name]) else { return Ok(None) };
    let number = value.as_u64().ok_or_else(|| not_a(name, "whole number from 1"))?;
    tokens(number, name).map(Some)
}

fn hash_ids(value: &Value) -> Result<Vec<u64>, String> {
    let ids = value.as_array().and_then(|ids| ids.iter().map(Value::as_u64).collect());
    ids.ok_or_else(|| not_a("hash_ids", "list of whole numbers from 0"))
}

fn not_a(name: &str, kind: &str) -> String {
    format!("'{name}' is not a {kind}")
}
