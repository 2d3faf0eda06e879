//! genai-bench: the JSON file of one scenario and concurrency. Written after files of version 0.0.5.

use serde_json::Value;

use super::Keys;
use super::fields::Field;
use super::foreign_run::{ForeignRequest, ForeignRun, MAX_REQUESTS};

const NOTES: [&str; 2] = [
    "genai-bench opens a connection for each request, so its TTFT and latency include connecting",
    "ITL is genai-bench's TPOT, (latency − TTFT) / (output tokens − 1)",
];

/// Returns whether the keys are those of a result.
pub fn is_file(keys: &Keys) -> bool {
    keys.contains_key("aggregated_metrics") && keys.contains_key("individual_request_metrics")
}

/// Reads a result.
pub fn read(document: &Value) -> Result<Vec<ForeignRun>, String> {
    let document = Field::document(document);
    let factor = match document.text("_time_unit").as_deref() {
        Some("s") | None => 1000.0,
        Some("ms") => 1.0,
        Some(unit) => return Err(format!("_time_unit: unknown unit '{unit}'; export with s or ms")),
    };
    let all = document.get("aggregated_metrics").ok_or("aggregated_metrics is null; measure again")?;
    let mut run = ForeignRun {
        concurrency: all.number("num_concurrency")?.map(|n| n as u64),
        throughput: all.number("mean_output_throughput_tokens_per_s")?,
        notes: NOTES.to_vec(),
        ..ForeignRun::default()
    };
    for request in document.list("individual_request_metrics")? {
        if request.get("error_code").is_some() {
            run.failed += 1;
            continue;
        }
        let time = |key: &str| Ok::<_, String>(request.number(key)?.map(|time| factor * time));
        run.requests.push(ForeignRequest {
            ttft_ms: time("ttft")?,
            itl_ms: time("tpot")?,
            latency_ms: time("e2e_latency")?,
            output_tokens: request.number("num_output_tokens")?,
        });
        if run.requests.len() > MAX_REQUESTS {
            return Err(format!("more than {MAX_REQUESTS} requests; measure fewer"));
        }
    }
    Ok(vec![run])
}
