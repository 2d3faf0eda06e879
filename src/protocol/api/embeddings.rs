//! OpenAI's Embeddings API: one or several texts go in, and a vector for each comes out. `protocol::items` reads the
//! answer.

use serde_json::{Map, Value};

use crate::domain::nonce::with_nonce;
use crate::domain::suite::CaseSpec;
use crate::protocol::items::ExpectedItems;
use crate::protocol::request::RequestDialect;

/// Builds the body of a request. A nonce makes every input unique. `extra` may set `encoding_format` and `dimensions`.
pub fn body(case: &CaseSpec, model: &str, _dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let text = |content: &str| nonce.map_or_else(|| content.to_owned(), |nonce| with_nonce(nonce, content));
    let inputs: Vec<Value> = case.messages.iter().map(|message| text(&message.content).into()).collect();
    let input = match <[Value; 1]>::try_from(inputs) {
        Ok([single]) => single,
        Err(several) => Value::Array(several),
    };
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("input".into(), input);
    body.extend(case.extra.clone());
    Value::Object(body)
}

/// Names what this API cannot send: it knows only text, and its answers are no text.
pub fn unsupported(case: &CaseSpec) -> Option<&'static str> {
    let tools = (!case.tools.is_empty()).then_some("tools");
    let format = case.response_format.is_some().then_some("response_format");
    let media = case.messages.iter().any(|message| !message.media.is_empty()) || !case.generated_images.is_empty();
    let media = media.then_some("images or audio");
    let checks = (!case.checks.is_empty()).then_some("text to check");
    tools.or(format).or(media).or(checks)
}

/// The answer that a case expects.
pub fn expected(case: &CaseSpec) -> ExpectedItems {
    let number = |key: &str| case.extra.get(key).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let sent = match case.extra.get("input") {
        Some(Value::Array(inputs)) => inputs.len(),
        Some(_) => 1,
        None => case.messages.len(),
    };
    let task = crate::domain::task::Task::Embeddings;
    ExpectedItems { task, sent, top_n: None, dimensions: number("dimensions") }
}
