//! AIPerf: `profile_export_aiperf.json`, a summary, and `profile_export.jsonl`, a line for each request. Written after files of
//! version 0.13.0.

use serde_json::Value;

use super::Keys;
use super::fields::Field;
use super::foreign_run::{ForeignRequest, ForeignRun, MAX_REQUESTS, StatedFigure};
use crate::domain::metrics::{ITL, LATENCY, Metric, OUTPUT_TOKENS, SPEED, TTFT};

const NOTES: [&str; 2] = [
    "AIPerf's ITL is (latency − TTFT) / (output tokens − 1), as here for one token in the first event",
    "AIPerf's latency may include connecting",
];

/// Metrics of a summary: key, metric.
static METRICS: [(&str, &Metric); 5] = [
    ("time_to_first_token", &TTFT),
    ("inter_token_latency", &ITL),
    ("request_latency", &LATENCY),
    ("output_sequence_length", &OUTPUT_TOKENS),
    ("e2e_output_token_throughput", &SPEED),
];
/// Percentiles of a summary.
const PERCENTILES: [(&str, u32); 3] = [("p50", 50), ("p95", 95), ("p99", 99)];

/// Returns whether the keys are those of a summary.
pub fn is_summary(keys: &Keys) -> bool {
    keys.contains_key("aiperf_version")
        || ["input_config", "request_latency", "request_count"].iter().all(|key| keys.contains_key(*key))
}

/// Returns whether the keys are those of a record.
pub fn is_record(keys: &Keys) -> bool {
    keys.contains_key("metadata") && keys.contains_key("metrics")
}

/// Reads a summary.
pub fn read_summary(document: &Value) -> Result<Vec<ForeignRun>, String> {
    let document = Field::document(document);
    let average = |key: &str| document.get(key).map_or(Ok(None), |metric| metric.number("avg"));
    let mut stated = Vec::new();
    for (key, metric) in METRICS {
        let Some(field) = document.get(key) else { continue };
        let Some(mean) = field.number("avg")? else { continue };
        let factor = factor(&field)?;
        let mut percentiles = Vec::new();
        for (name, percent) in PERCENTILES {
            percentiles.extend(field.number(name)?.map(|value| (percent, value * factor)));
        }
        stated.push((metric, StatedFigure { mean: mean * factor, percentiles }));
    }
    let config = document.get("input_config");
    let item = |path: &[&str]| config.as_ref()?.at(path)?.items().ok()?.first().cloned();
    let phase = item(&["phases"]);
    let of_phase = |key: &str| phase.as_ref().map_or(Ok(None), |phase| phase.number(key));
    Ok(vec![ForeignRun {
        concurrency: of_phase("concurrency")?.map(|n| n as u64),
        rate: of_phase("rate")?,
        version: document.text("aiperf_version"),
        model: item(&["models", "items"]).and_then(|model| model.text("name")),
        url: item(&["endpoint", "urls"]).and_then(|url| Some(url.as_text()?.to_owned())),
        started_at: document.text("start_time"),
        throughput: average("output_token_throughput")?,
        failed: average("error_request_count")?.unwrap_or(0.0) as usize,
        is_partial: document.get("was_cancelled").is_some_and(|cancelled| cancelled.is_true()),
        answers: average("request_count")?.unwrap_or(0.0) as usize,
        stated,
        notes: NOTES.to_vec(),
        ..ForeignRun::default()
    }])
}

/// Reads records, one in each line. Records of warm-ups and of cancelled requests do not count.
pub fn read_records(text: &str) -> Result<ForeignRun, String> {
    let mut run = ForeignRun { notes: NOTES.to_vec(), ..ForeignRun::default() };
    let (mut begun, mut ended, mut tokens) = (f64::INFINITY, 0.0_f64, 0.0);
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let in_line = |why: String| format!("line {}: {why}", at + 1);
        let record: Value = serde_json::from_str(line).map_err(|e| in_line(e.to_string()))?;
        let record = Field::document(&record);
        let about = record.get("metadata");
        let phase = about.as_ref().and_then(|about| about.text("benchmark_phase"));
        if phase.is_some_and(|phase| phase != "profiling") {
            continue;
        }
        let is_cancelled = about.as_ref().and_then(|about| about.get("was_cancelled")).is_some_and(|c| c.is_true());
        if is_cancelled || record.get("error").is_some() {
            run.failed += 1;
            continue;
        }
        let Some(metrics) = record.get("metrics") else { return Err(in_line("metrics is missing".to_owned())) };
        let value = |key: &str| {
            let Some(metric) = metrics.get(key) else { return Ok(None) };
            let factor = factor(&metric)?;
            Ok::<_, String>(metric.number("value")?.map(|value| value * factor))
        };
        let request = ForeignRequest {
            ttft_ms: value("time_to_first_token").map_err(in_line)?,
            itl_ms: value("inter_token_latency").map_err(in_line)?,
            latency_ms: value("request_latency").map_err(in_line)?,
            output_tokens: value("output_sequence_length").map_err(in_line)?,
        };
        tokens += request.output_tokens.unwrap_or(0.0);
        let time = |key: &str| about.as_ref().map_or(Ok(None), |about| about.number(key));
        begun = time("request_start_ns").map_err(in_line)?.map_or(begun, |ns| begun.min(ns));
        ended = time("request_end_ns").map_err(in_line)?.map_or(ended, |ns| ended.max(ns));
        run.requests.push(request);
        if run.requests.len() > MAX_REQUESTS {
            return Err(format!("more than {MAX_REQUESTS} requests; compare the summary instead"));
        }
    }
    run.throughput = (ended > begun).then(|| tokens / (ended - begun) * 1e9);
    Ok(run)
}

/// Factor that converts a metric to the unit of tokscope.
fn factor(metric: &Field<'_>) -> Result<f64, String> {
    match metric.text("unit").as_deref() {
        Some("ms" | "tokens" | "tokens/sec/user" | "tokens/sec") | None => Ok(1.0),
        Some("s" | "sec") => Ok(1000.0),
        Some("us") => Ok(0.001),
        Some("ns") => Ok(0.000_001),
        Some(unit) => Err(metric.error(&format!("unknown unit '{unit}'; export the run again in ms"))),
    }
}
