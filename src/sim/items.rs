//! Embeddings and scores: requests, their times in the engine, and answers.

use std::collections::HashSet;
use std::fmt::Write;
use std::future::poll_fn;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::SimConfig;
use super::batch_engine::{BatchEngine, Rejection, SequenceRequest};
use super::fault::Fault;
use super::pace::Pace;
use super::request::{SimField, plan};
use super::tokens::pieces;
use super::wire::Refusal;
use crate::domain::random::{Random, hash};

/// Dimensions of a vector, unless the request names others.
const DIMENSIONS: u64 = 384;
/// Maximum dimensions.
const MAX_DIMENSIONS: u64 = 8192;
/// Maximum inputs or documents of a request.
const MAX_TEXTS: usize = 4096;
/// Tokens that a model adds to each sequence: one at its start and one at its end.
const SPECIAL_TOKENS: u64 = 2;

/// Kind of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemsKind {
    /// `POST /v1/embeddings`.
    Embeddings,
    /// `POST /v1/rerank`.
    Rerank,
}

/// A request for vectors or scores.
#[derive(Clone, Debug)]
pub struct ItemsRequest {
    kind: ItemsKind,
    query: String,
    /// Inputs or documents.
    texts: Vec<String>,
    dimensions: u64,
    is_base64: bool,
    top_n: usize,
    /// Failure to simulate.
    pub fault: Option<Fault>,
}

/// End of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemsReply {
    /// A document.
    Document(String),
    /// A cut connection.
    Cut,
    /// Silence.
    Never,
}

#[derive(Deserialize)]
struct Body {
    model: Option<String>,
    input: Option<Texts>,
    query: Option<String>,
    documents: Option<Vec<String>>,
    encoding_format: Option<String>,
    dimensions: Option<u64>,
    top_n: Option<usize>,
    tokscope_sim: Option<SimField>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Several(Vec<String>),
}

impl ItemsRequest {
    /// Parses and checks the body of a request. `model` is the only model of the server.
    pub fn read(body: &[u8], model: &str, kind: ItemsKind) -> Result<Self, Refusal> {
        let body: Body =
            serde_json::from_slice(body).map_err(|e| Refusal::bad(&format!("Invalid request body: {e}")))?;
        let requested_model = body.model.ok_or_else(|| Refusal::bad_parameter("model", "Field required"))?;
        if requested_model != model {
            return Err(Refusal::unknown_model(&requested_model));
        }
        let (name, texts) = match kind {
            ItemsKind::Embeddings => (
                "input",
                body.input.map(|input| match input {
                    Texts::One(text) => vec![text],
                    Texts::Several(texts) => texts,
                }),
            ),
            ItemsKind::Rerank => ("documents", body.documents),
        };
        let texts = texts.ok_or_else(|| Refusal::bad_parameter(name, "Field required"))?;
        if texts.is_empty() || texts.len() > MAX_TEXTS {
            return Err(Refusal::bad_parameter(name, &format!("There must be from 1 to {MAX_TEXTS} texts")));
        }
        let query = match (kind, body.query) {
            (ItemsKind::Embeddings, _) => String::new(),
            (ItemsKind::Rerank, Some(query)) => query,
            (ItemsKind::Rerank, None) => return Err(Refusal::bad_parameter("query", "Field required")),
        };
        let dimensions = body.dimensions.unwrap_or(DIMENSIONS);
        if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
            return Err(Refusal::bad_parameter("dimensions", &format!("It must be from 1 to {MAX_DIMENSIONS}")));
        }
        let is_base64 = match body.encoding_format.as_deref() {
            None | Some("float") => false,
            Some("base64") => true,
            Some(_) => return Err(Refusal::bad_parameter("encoding_format", "It must be 'float' or 'base64'")),
        };
        let top_n = body.top_n.unwrap_or(usize::MAX).min(texts.len());
        let fault = body.tokscope_sim.map(plan).transpose()?.flatten().map(|planned| planned.fault);
        Ok(Self { kind, query, texts, dimensions, is_base64, top_n, fault })
    }

    /// Tokens of each sequence.
    fn sequences(&self) -> impl Iterator<Item = u64> + '_ {
        let query = if self.query.is_empty() { 0 } else { 1 + pieces(&self.query).count() as u64 };
        self.texts.iter().map(move |text| SPECIAL_TOKENS + query + pieces(text).count() as u64)
    }

    /// Tokens of all sequences.
    pub fn prompt_tokens(&self) -> u64 {
        self.sequences().sum()
    }

    /// Waits until the prefill of all sequences is computed.
    pub async fn compute(
        &self,
        config: &SimConfig,
        engine: Option<&BatchEngine>,
        seed: u64,
        started: Instant,
    ) -> Result<(), Rejection> {
        let Some(engine) = engine else {
            if let Some(after) = Pace::new(config, self.prompt_tokens(), seed).next() {
                sleep_until(started + after).await;
            }
            return Ok(());
        };
        let submit = |prompt| engine.submit(SequenceRequest { prompt, cached: 0, output: 1 });
        // A refused sequence cancels the others, because that drops their feeds.
        let mut feeds = self.sequences().map(submit).collect::<Result<Vec<_>, _>>()?;
        for feed in &mut feeds {
            let _tokens = poll_fn(|context| feed.poll_tokens(context)).await;
        }
        Ok(())
    }

    /// Returns the answer.
    pub fn reply(&self, model: &str) -> ItemsReply {
        let mut document = match self.kind {
            ItemsKind::Embeddings => self.embeddings(model),
            ItemsKind::Rerank => self.scores(model),
        };
        match self.fault {
            Some(Fault::Cut | Fault::NoFinish) => ItemsReply::Cut,
            Some(Fault::Stall) => ItemsReply::Never,
            Some(Fault::MalformedEvent) => {
                document.pop();
                ItemsReply::Document(document)
            }
            Some(Fault::ErrorInStream) => {
                ItemsReply::Document(json!({ "error": { "message": "The simulated engine failed" } }).to_string())
            }
            _ => ItemsReply::Document(document),
        }
    }

    fn usage(&self) -> Value {
        let tokens = self.prompt_tokens();
        json!({ "prompt_tokens": tokens, "total_tokens": tokens })
    }

    /// Joins the entries of a document. Numbers are written directly, because there may be millions.
    fn document(&self, model: &str, list: &str, entries: &[String]) -> String {
        let is_empty = self.fault == Some(Fault::Empty);
        let entries = if is_empty { String::new() } else { entries.join(",") };
        let model = Value::from(model);
        let usage = if self.fault == Some(Fault::NoUsage) { Value::Null } else { self.usage() };
        format!(r#"{{"object":"list","model":{model},"usage":{usage},"{list}":[{entries}]}}"#)
    }

    fn embeddings(&self, model: &str) -> String {
        let entry = |(index, text): (usize, &String)| {
            let vector = if self.is_base64 {
                let bytes: Vec<u8> = self.vector(text).flat_map(f32::to_le_bytes).collect();
                format!("\"{}\"", BASE64_STANDARD.encode(bytes))
            } else {
                let mut vector = "[".to_owned();
                for (at, number) in self.vector(text).enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    // Writing to memory cannot fail.
                    let _written = write!(vector, "{comma}{number}");
                }
                vector + "]"
            };
            format!(r#"{{"object":"embedding","index":{index},"embedding":{vector}}}"#)
        };
        let entries: Vec<String> = self.texts.iter().enumerate().map(entry).collect();
        self.document(model, "data", &entries)
    }

    /// Numbers from -1 to 1 that depend only on the text.
    fn vector(&self, text: &str) -> impl Iterator<Item = f32> {
        let mut random = Random::new(hash(text.bytes()));
        (0..self.dimensions).map(move |_| (random.unit() * 2.0 - 1.0) as f32)
    }

    fn scores(&self, model: &str) -> String {
        let mut scored: Vec<(usize, f64)> =
            self.texts.iter().map(|text| score(&self.query, text)).enumerate().collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        let entry = |(index, score): &(usize, f64)| format!(r#"{{"index":{index},"relevance_score":{score}}}"#);
        let entries: Vec<String> = scored.iter().take(self.top_n).map(entry).collect();
        self.document(model, "results", &entries)
    }
}

/// Share of the words of the query that the document has, with a small part that only distinguishes texts.
fn score(query: &str, document: &str) -> f64 {
    let words = |text: &str| -> HashSet<String> {
        text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.len() > 2).map(str::to_lowercase).collect()
    };
    let (query, document_words) = (words(query), words(document));
    let common = query.intersection(&document_words).count() as f64;
    let share = if query.is_empty() { 0.0 } else { common / query.len() as f64 };
    0.99 * share + 0.01 * Random::new(hash(document.bytes())).unit()
}

#[cfg(test)]
mod tests;
