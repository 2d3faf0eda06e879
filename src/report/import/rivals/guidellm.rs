//! guidellm: its JSON report with one benchmark or several. Written after files of version 0.8.1.

use serde_json::Value;

use super::Keys;
use super::fields::Field;
use super::foreign_run::{ForeignRequest, ForeignRun, MAX_REQUESTS};

const NOTES: [&str; 2] = [
    "guidellm takes times from the wall clock; TTFT and ITL are defined as here",
    "guidellm's TPOT includes the first token and is not compared",
];

/// Returns whether the keys are those of a report.
pub fn is_file(keys: &Keys) -> bool {
    keys.contains_key("benchmarks") && keys.contains_key("metadata")
}

/// Reads the benchmarks of a report.
pub fn read(document: &Value) -> Result<Vec<ForeignRun>, String> {
    let document = Field::document(document);
    let version = document.get("metadata").and_then(|metadata| metadata.text("guidellm_version"));
    let backend = document.at(&["config", "spec", "backend"]);
    let of_backend = |key: &str| backend.as_ref().and_then(|backend| backend.text(key));
    let mut runs = Vec::new();
    for benchmark in document.list("benchmarks")? {
        let requests =
            benchmark.get("requests").ok_or("benchmarks: requests is missing; write the report with them")?;
        let mut run = ForeignRun {
            version: version.clone(),
            model: of_backend("model"),
            url: of_backend("target"),
            concurrency: concurrency(&benchmark)?,
            failed: requests.list("errored")?.len(),
            notes: NOTES.to_vec(),
            ..ForeignRun::default()
        };
        let mut tokens = 0.0;
        for request in requests.list("successful")? {
            let output_tokens = request.number("output_tokens")?;
            tokens += output_tokens.unwrap_or(0.0);
            run.requests.push(ForeignRequest {
                ttft_ms: request.number("time_to_first_token_ms")?,
                itl_ms: request.number("inter_token_latency_ms")?,
                latency_ms: request.number("request_latency")?.map(|seconds| 1000.0 * seconds),
                output_tokens,
            });
        }
        if run.requests.len() > MAX_REQUESTS {
            return Err(format!("more than {MAX_REQUESTS} requests; measure fewer, or sample them"));
        }
        let seconds = benchmark.number("duration")?.filter(|seconds| *seconds > 0.0);
        run.throughput = seconds.map(|seconds| tokens / seconds);
        runs.push(run);
    }
    Ok(runs)
}

/// Requests in flight of a benchmark with a fixed number of them; `None` for a rate.
fn concurrency(benchmark: &Field<'_>) -> Result<Option<u64>, String> {
    let strategy = benchmark.at(&["config", "strategy"]).or_else(|| benchmark.at(&["scheduler", "strategy"]));
    let Some(strategy) = strategy else { return Ok(None) };
    Ok(match strategy.text("type_").as_deref() {
        Some("concurrent") => strategy.number("streams")?.map(|streams| streams as u64),
        Some("synchronous") => Some(1),
        _ => None,
    })
}
