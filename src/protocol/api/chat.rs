//! Request body of a chat completion. Its events are parsed in `chunk`.

use serde_json::{Map, Value, json};

use crate::domain::suite::CaseSpec;
use crate::protocol::request::{RequestDialect, conversation, stream_options};

/// Builds the body of a streaming request.
pub fn body(case: &CaseSpec, model: &str, dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let limit = if dialect.max_completion_tokens { "max_completion_tokens" } else { "max_tokens" };
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("messages".into(), json!(conversation(case, nonce)));
    body.insert(limit.into(), case.max_tokens.into());
    body.insert("temperature".into(), case.temperature.into());
    body.insert("stream".into(), true.into());
    if let Some(options) = stream_options(dialect.usage) {
        body.insert("stream_options".into(), options);
    }
    body.extend(case.extra.clone());
    Value::Object(body)
}
