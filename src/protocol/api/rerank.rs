//! The Rerank API of Jina and Cohere: a query and documents go in, and a score for each document comes out.
//! `protocol::items` reads the answer.

use serde_json::{Map, Value};

use super::embeddings;
use crate::domain::nonce::with_nonce;
use crate::domain::suite::CaseSpec;
use crate::domain::task::Task;
use crate::protocol::items::ExpectedItems;
use crate::protocol::request::RequestDialect;

/// Builds the body of a request. The first message is the query, and the others are the documents. A nonce before the
/// query makes every pair of query and document unique.
pub fn body(case: &CaseSpec, model: &str, _dialect: RequestDialect, nonce: Option<&str>) -> Value {
    let mut texts = case.messages.iter().map(|message| message.content.as_str());
    let query = texts.next().unwrap_or_default();
    let query = nonce.map_or_else(|| query.to_owned(), |nonce| with_nonce(nonce, query));
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert("query".into(), query.into());
    body.insert("documents".into(), texts.map(Value::from).collect());
    body.extend(case.extra.clone());
    Value::Object(body)
}

/// Names what this API cannot send.
pub fn unsupported(case: &CaseSpec) -> Option<&'static str> {
    embeddings::unsupported(case)
}

/// The answer that a case expects.
pub fn expected(case: &CaseSpec) -> ExpectedItems {
    let top_n = case.extra.get("top_n").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let sent = match case.extra.get("documents") {
        Some(Value::Array(documents)) => documents.len(),
        _ => case.messages.len().saturating_sub(1),
    };
    ExpectedItems { task: Task::Rerank, sent, top_n, dimensions: None }
}
