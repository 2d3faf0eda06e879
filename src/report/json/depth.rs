//! Context depths in the JSON export.

use serde::Serialize;

use crate::domain::session::Session;
use crate::report::depth_rows::{DepthRow, MeanStd, depth_rows};

/// Figures at one context depth.
#[derive(Serialize)]
pub struct DepthJson {
    depth: u32,
    prompt_tokens: u32,
    output_tokens: u32,
    /// Names of the prefill and decode rows in the style of llama-bench.
    prefill_test: String,
    decode_test: String,
    n: usize,
    prefill_throughput_per_user: Option<MeanStdJson>,
    /// Prefill speed according to the server's own timings.
    server_prefill_throughput: Option<MeanStdJson>,
    output_token_throughput_per_user: Option<MeanStdJson>,
    time_to_first_token_ms: Option<MeanStdJson>,
    input_sequence_length: Option<MeanStdJson>,
    /// Reason for a missing figure.
    unavailable: Option<String>,
}

/// Mean and sample standard deviation.
#[derive(Serialize)]
struct MeanStdJson {
    mean: f64,
    std: Option<f64>,
    n: usize,
}

impl From<MeanStd> for MeanStdJson {
    fn from(MeanStd { mean, std, n }: MeanStd) -> Self {
        Self { mean, std, n }
    }
}

impl From<DepthRow> for DepthJson {
    fn from(row: DepthRow) -> Self {
        let figure = |figure: Option<MeanStd>| figure.map(MeanStdJson::from);
        Self {
            depth: row.test.depth,
            prompt_tokens: row.test.prompt_tokens,
            output_tokens: row.test.output_tokens,
            prefill_test: row.test.prefill_name(),
            decode_test: row.test.decode_name(),
            n: row.n,
            prefill_throughput_per_user: figure(row.prefill_tokens_per_s),
            server_prefill_throughput: figure(row.server_prefill_tokens_per_s),
            output_token_throughput_per_user: figure(row.decode_tokens_per_s),
            time_to_first_token_ms: figure(row.ttft_ms),
            input_sequence_length: figure(row.input_tokens),
            unavailable: row.why_missing,
        }
    }
}

/// Returns the figures by depth; empty unless the run measures depths.
pub fn depths(session: &Session) -> Vec<DepthJson> {
    depth_rows(session).into_iter().map(DepthJson::from).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::report::fixture::depth::{depth_session, too_long};
    use crate::report::fixture::{report, sample_session};

    fn document(report: &crate::report::model::Report) -> Value {
        serde_json::from_str(&super::super::render(report)).unwrap()
    }

    #[test]
    fn each_depth_has_an_entry_with_the_reason_for_a_missing_figure() {
        let session = depth_session(|test, record| if test.depth == 8192 { too_long(&record) } else { record });
        let value = document(&report(session));
        let deep = &value["depth"][1];
        assert_eq!((&deep["depth"], &deep["prefill_test"]), (&json!(4096), &json!("pp2048 @ d4096")));
        assert_eq!(deep["time_to_first_token_ms"], json!({ "mean": 1530.0, "std": 30.0, "n": 3 }));
        assert_eq!(deep["unavailable"], Value::Null);
        let refused = &value["depth"][2];
        assert_eq!((&refused["n"], &refused["prefill_throughput_per_user"]), (&json!(0), &Value::Null));
        assert!(refused["unavailable"].as_str().unwrap().contains("maximum context length"), "{refused}");
        assert_eq!(value["workload"]["depths"], json!([0, 4096, 8192]));
        assert_eq!(value["workload"]["isl"], json!("2048"));
        assert!(document(&report(sample_session())).get("depth").is_none());
    }
}
