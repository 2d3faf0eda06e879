//! Reader of answers that are vectors or scores: OpenAI's `/v1/embeddings`, and `/v1/rerank` in the forms of Jina and
//! Cohere, as vLLM, SGLang, llama.cpp and Infinity serve them.
//!
//! An answer may have megabytes of numbers. The reader checks each number and keeps none.

mod numbers;
#[cfg(any(test, fuzzing))]
pub mod oracle;

use serde::Deserialize;
use serde_json::Value;

use self::numbers::Vector;
use super::failure::{capped, reported_error};
use crate::domain::attempt::Usage;
use crate::domain::task::{AnswerItems, Task};

/// Content of the answer that the request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedItems {
    /// Kind of the answer.
    pub task: Task,
    /// Inputs or documents of the request.
    pub sent: usize,
    /// Maximum documents in the answer (`top_n`); `None` for all.
    pub top_n: Option<usize>,
    /// Numbers in each vector (`dimensions`); `None` if the model decides.
    pub dimensions: Option<usize>,
}

impl ExpectedItems {
    fn count(self) -> usize {
        self.top_n.map_or(self.sent, |top_n| top_n.min(self.sent))
    }
}

/// An answer without faults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ItemsAnswer {
    /// Vectors or scores.
    pub items: AnswerItems,
    /// Token counts; empty if the server reports none.
    pub usage: Usage,
}

/// Reason why an answer is faulty, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemsFault {
    /// The server reports an error.
    Reported(String),
    /// The answer does not fit the request, or is not one.
    Invalid(String),
}

/// Reads a complete answer.
///
/// # Errors
///
/// If the answer is no JSON of this API, lacks or repeats items, or has numbers that are not finite.
pub fn read(body: &[u8], expected: ExpectedItems) -> Result<ItemsAnswer, ItemsFault> {
    // A server's message, or the text that is no number, may be long.
    checked(body, expected).map_err(|fault| match fault {
        ItemsFault::Reported(why) => ItemsFault::Reported(capped(why)),
        ItemsFault::Invalid(why) => ItemsFault::Invalid(capped(why)),
    })
}

fn checked(body: &[u8], expected: ExpectedItems) -> Result<ItemsAnswer, ItemsFault> {
    let (entries, usage) = answer(body).map_err(|e| match error_in(body) {
        Some(error) => ItemsFault::Reported(error),
        None if e.is_data() => ItemsFault::Invalid(format!("the answer has another form than {}: {e}", form(expected))),
        None => ItemsFault::Invalid(format!("the answer is not valid JSON: {e}")),
    })?;
    let Some(entries) = entries else {
        return Err(match error_in(body) {
            Some(error) => ItemsFault::Reported(error),
            None => ItemsFault::Invalid(format!("the answer has no list; {} expected", form(expected))),
        });
    };
    let items = if expected.task == Task::Rerank { scores(&entries, expected) } else { vectors(&entries, expected) };
    let items = items.map_err(ItemsFault::Invalid)?;
    Ok(ItemsAnswer { items, usage })
}

const fn form(expected: ExpectedItems) -> &'static str {
    match expected.task {
        Task::Rerank => "results with index and relevance_score",
        Task::Embeddings | Task::Generation => "data with index and embedding",
    }
}

/// The server's error, if the document is one. `FastAPI` reports errors as `detail`.
fn error_in(body: &[u8]) -> Option<String> {
    let whole: Value = serde_json::from_slice(body).ok()?;
    let error = ["error", "detail"].iter().find_map(|key| whole.get(*key).filter(|error| !error.is_null()))?;
    reported_error(Some(error), &whole)
}

/// Parses the document: an object with a list, or in SGLang the list alone. Returns no list if there is none.
fn answer(body: &[u8]) -> serde_json::Result<(Option<Vec<Entry>>, Usage)> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if body.trim_ascii_start().starts_with(b"[") {
        return Ok((Some(serde_json::from_slice(body)?), Usage::default()));
    }
    let AnswerObject { results, usage } = serde_json::from_slice(body)?;
    // No tokens are generated, so the total is that of the prompts. Some servers report 0 for unknown.
    let tokens = usage.and_then(|usage| usage.prompt_tokens.filter(|n| *n > 0).or(usage.total_tokens));
    Ok((results, Usage { prompt_tokens: tokens.filter(|n| *n > 0), ..Usage::default() }))
}

#[derive(Deserialize)]
struct AnswerObject {
    /// Cohere, Jina and most servers name the scores `results`; OpenAI names the vectors `data`, and Voyage the scores.
    #[serde(alias = "data")]
    results: Option<Vec<Entry>>,
    usage: Option<UsageFields>,
}

#[derive(Deserialize)]
struct UsageFields {
    prompt_tokens: Option<u64>,
    total_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct Entry {
    index: Option<u64>,
    embedding: Option<Vector>,
    #[serde(alias = "score")]
    relevance_score: Option<f64>,
}

/// Checks that each input has one vector, and that all have the same dimension.
fn vectors(entries: &[Entry], expected: ExpectedItems) -> Result<AnswerItems, String> {
    check_indices(entries, expected, "input")?;
    let mut dimension = expected.dimensions;
    for (at, entry) in entries.iter().enumerate() {
        let vector = entry.embedding.as_ref().ok_or_else(|| format!("entry {at} of the answer has no embedding"))?;
        let length = vector.length().map_err(|why| format!("the embedding of entry {at} {why}"))?;
        if length == 0 {
            return Err(format!("the embedding of entry {at} is empty"));
        }
        match dimension {
            Some(dimension) if dimension != length => {
                let asked = if expected.dimensions.is_some() { "requested" } else { "of the first one" };
                return Err(format!(
                    "the embedding of entry {at} has {length} dimensions, not the {dimension} {asked}"
                ));
            }
            _ => dimension = Some(length),
        }
    }
    Ok(AnswerItems { count: limited(entries.len()), dimensions: dimension.map(limited) })
}

/// Checks that each document has one score, and that the best document comes first.
fn scores(entries: &[Entry], expected: ExpectedItems) -> Result<AnswerItems, String> {
    check_indices(entries, expected, "document")?;
    let mut last = f64::INFINITY;
    for (at, entry) in entries.iter().enumerate() {
        let score = entry.relevance_score.ok_or_else(|| format!("result {at} of the answer has no relevance_score"))?;
        if score > last {
            return Err(format!("the results are not sorted: result {at} scores {score}, the one before {last}"));
        }
        last = score;
    }
    // The model has scored all documents, even if the answer has only the best.
    Ok(AnswerItems { count: limited(expected.sent), dimensions: None })
}

/// Checks that the answer has the expected number of entries, each with an index of its own. Without indices, the order
/// is that of the request.
fn check_indices(entries: &[Entry], expected: ExpectedItems, what: &str) -> Result<(), String> {
    let count = expected.count();
    if entries.len() != count {
        return Err(format!("the answer has {} entries for {count} {what}s", entries.len()));
    }
    let mut seen = vec![false; expected.sent];
    for (at, entry) in entries.iter().enumerate() {
        let index = entry.index.unwrap_or(at as u64);
        let place = usize::try_from(index).ok().and_then(|index| seen.get_mut(index));
        match place {
            None => return Err(format!("the answer has an entry for {what} {index}, but the request has {count}")),
            Some(true) => return Err(format!("the answer has two entries for {what} {index}")),
            Some(is_seen) => *is_seen = true,
        }
    }
    Ok(())
}

fn limited(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
