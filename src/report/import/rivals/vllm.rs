//! `vllm bench serve`: the file of `--save-result`, a summary, with single requests if `--save-detailed` was given. Written after
//! the source (`vllm/benchmarks/serve.py` at commit 009e6d4).

use serde_json::Value;

use super::Keys;
use super::fields::Field;
use super::foreign_run::{ForeignRequest, ForeignRun, MAX_REQUESTS, StatedFigure};
use crate::domain::metrics::{ITL, LATENCY, Metric, TTFT};

const NOTES: [&str; 3] = [
    "ITL is vLLM's TPOT, (latency − TTFT) / (output tokens − 1); vLLM's own ITL is the gap between two chunks and is not compared",
    "vLLM's TTFT ends with the first chunk, even one without text, so it may be shorter",
    "vLLM's times begin once a request has a slot, without its wait for one",
];
/// Metrics of a summary: name in its keys, metric.
static METRICS: [(&str, &Metric); 3] = [("ttft", &TTFT), ("tpot", &ITL), ("e2el", &LATENCY)];

/// Returns whether the keys are those of a result.
pub fn is_file(keys: &Keys) -> bool {
    ["model_id", "completed", "output_throughput", "total_output_tokens"].iter().all(|key| keys.contains_key(*key))
}

/// Reads a result.
pub fn read(document: &Value) -> Result<Vec<ForeignRun>, String> {
    let document = Field::document(document);
    let mut stated = Vec::new();
    for (name, metric) in METRICS {
        let Some(mean) = document.number(&format!("mean_{name}_ms"))? else { continue };
        let mut percentiles = Vec::new();
        percentiles.extend(document.number(&format!("median_{name}_ms"))?.map(|value| (50, value)));
        for percent in [95, 99] {
            percentiles.extend(document.number(&format!("p{percent}_{name}_ms"))?.map(|value| (percent, value)));
        }
        stated.push((metric, StatedFigure { mean, percentiles }));
    }
    Ok(vec![ForeignRun {
        model: document.text("model_id"),
        started_at: document.text("date"),
        concurrency: document.number("max_concurrency")?.map(|n| n as u64),
        // The rate is the text "inf" in a closed loop.
        rate: document.number("request_rate").ok().flatten(),
        throughput: document.number("output_throughput")?,
        failed: document.number("failed")?.unwrap_or(0.0) as usize,
        answers: document.number("completed")?.unwrap_or(0.0) as usize,
        requests: requests(&document)?,
        stated,
        notes: NOTES.to_vec(),
        ..ForeignRun::default()
    }])
}

/// Complete requests of a detailed result; empty without details, and in files of older versions, which lack latencies.
fn requests(document: &Field<'_>) -> Result<Vec<ForeignRequest>, String> {
    let [first_tokens, latencies, tokens, errors] =
        ["ttfts", "latencies", "output_lens", "errors"].map(|key| document.list(key));
    let (first_tokens, latencies, tokens, errors) = (first_tokens?, latencies?, tokens?, errors?);
    if first_tokens.len() > MAX_REQUESTS {
        return Err(format!("more than {MAX_REQUESTS} requests; save the result without --save-detailed"));
    }
    if latencies.len() != first_tokens.len() || tokens.len() != first_tokens.len() {
        return if latencies.is_empty() {
            Ok(Vec::new())
        } else {
            Err("ttfts, latencies and output_lens differ in length; save the result again".to_owned())
        };
    }
    let mut requests = Vec::new();
    for (at, ((first, end), tokens)) in first_tokens.iter().zip(&latencies).zip(&tokens).enumerate() {
        let is_failed = errors.get(at).and_then(Field::as_text).is_some_and(|error| !error.is_empty());
        let (ttft_s, latency_s, tokens) = (first.as_number()?, end.as_number()?, tokens.as_number()?);
        if is_failed || tokens < 1.0 {
            continue;
        }
        let itl_ms = (tokens > 1.0 && latency_s >= ttft_s).then(|| 1000.0 * (latency_s - ttft_s) / (tokens - 1.0));
        requests.push(ForeignRequest {
            ttft_ms: Some(1000.0 * ttft_s),
            itl_ms,
            latency_ms: Some(1000.0 * latency_s),
            output_tokens: Some(tokens),
        });
    }
    Ok(requests)
}
