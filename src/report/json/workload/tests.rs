use serde_json::{Value, json};

use crate::report::fixture::workload::conversations;
use crate::report::fixture::{report, sample_session};
use crate::report::json::render;
use crate::report::json::schema_tests::validate;

#[test]
fn a_workload_has_its_source_with_requested_and_real_lengths() {
    let document: Value = serde_json::from_str(&render(&conversations())).unwrap();
    validate(&document);
    let workload = &document["workload"];
    assert_eq!(
        (&workload["kind"], &workload["source"], &workload["rows"], &workload["sample"]),
        (&json!("dataset"), &json!("/data/questions.jsonl"), &json!(5), &json!("shuffled"))
    );
    assert_eq!(workload["fingerprint"], json!({ "bytes": 12_345, "crc32": "00c0ffee" }));
    // Four first turns requested 80 prompt tokens and had 100. Ten answers had exactly the requested 50 tokens.
    assert_eq!(workload["requested_input_tokens"], json!({ "p50": 80.0, "p95": null, "n": 4 }));
    assert_eq!(workload["input_tokens"], json!({ "p50": 100.0, "p95": null, "n": 4 }));
    assert_eq!(workload["input_deviation_percent"], json!({ "mean": 25.0, "largest": 25.0, "n": 4 }));
    assert_eq!(workload["output_deviation_percent"], json!({ "mean": 0.0, "largest": 0.0, "n": 10 }));
    assert_eq!(workload["notes"].as_array().unwrap().len(), 1);
}

#[test]
fn turns_and_conversations_are_counted() {
    let document: Value = serde_json::from_str(&render(&conversations())).unwrap();
    let counts = json!({ "turns": "3", "think": "0s", "complete": 3, "broken_off": 1, "in_progress": 0 });
    assert_eq!(document["conversations"], counts);
    let turns = document["turns"].as_array().unwrap();
    let counts: Vec<_> = turns.iter().map(|t| (t["n"].as_u64().unwrap(), t["failed"].as_u64().unwrap())).collect();
    assert_eq!(counts, [(4, 0), (3, 1), (3, 0)]);
    // The TTFT is a tenth of the latency, which is one second in the first turn.
    assert_eq!(turns[2]["time_to_first_token_ms"]["mean"], 300.0);
    assert_eq!(turns[2]["cached_token_count"]["mean"], 200.0);
    let attempt = &document["cases"][0]["attempts"][0];
    assert_eq!((&attempt["requested_input_tokens"], &attempt["requested_output_tokens"]), (&json!(80), &json!(50)));
    assert!(document["cases"][0]["attempts"][1].get("requested_input_tokens").is_none());
}

#[test]
fn a_run_of_a_suite_has_no_workload() {
    let document: Value = serde_json::from_str(&render(&report(sample_session()))).unwrap();
    for key in ["workload", "conversations", "turns"] {
        assert!(document.get(key).is_none(), "{key}");
    }
}
