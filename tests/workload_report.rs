//! The whole program with a workload: what it sends, reports and repeats from the saved run.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/schema.rs"]
mod schema;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tokscope::sim::{EngineConfig, SimConfig, Simulator};

/// Largest deviation of a fitted prompt from the asked length, percent.
const MAX_PROMPT_DEVIATION: f64 = 10.0;
/// Largest mean deviation of fitted prompts, percent.
const MAX_MEAN_DEVIATION: f64 = 5.0;

fn simulator() -> Simulator {
    Simulator::start(SimConfig { ttft_ms: 2.0, tokens_per_s: 20_000.0, ..SimConfig::default() }).unwrap()
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"] {
        command.env(home, folder);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null());
    command.output().unwrap()
}

/// Runs to the end; returns stdout, `out.json` and `out.md`.
fn run(folder: &Path, url: &str, args: &[&str]) -> (String, Value, String) {
    let exports = [url, "--headless", "--export", "out.json", "--export", "out.md"];
    let output = tokscope(folder, &[&exports, args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let document = schema::read_results(folder.join("out.json"));
    (String::from_utf8(output.stdout).unwrap(), document, read("out.md"))
}

fn attempts(document: &Value) -> Vec<&Value> {
    let cases = document["cases"].as_array().unwrap().iter();
    cases.flat_map(|case| case["attempts"].as_array().unwrap()).filter(|a| a["warmup"] == false).collect()
}

#[test]
fn prompts_and_answers_have_the_requested_lengths() {
    let (folder, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let args = ["--isl", "200..400", "--osl", "40", "-n", "30", "-c", "4"];
    let (summary, document, report) = run(folder.path(), &simulator.url(), &args);
    let workload = &document["workload"];
    assert_eq!(
        (&workload["kind"], &workload["isl"], &workload["osl"]),
        (&json!("synthetic"), &json!("200..400"), &json!("40"))
    );
    let sent = attempts(&document);
    assert_eq!(sent.len(), 30);
    for attempt in sent {
        let asked = attempt["requested_input_tokens"].as_f64().unwrap();
        let real = attempt["input_sequence_length"].as_f64().unwrap();
        assert!((200.0..=400.0).contains(&asked), "{asked}");
        assert!(((real - asked) / asked * 100.0).abs() <= MAX_PROMPT_DEVIATION, "asked {asked}, real {real}");
        assert_eq!((&attempt["requested_output_tokens"], &attempt["output_sequence_length"]), (&json!(40), &json!(40)));
    }
    assert!(workload["input_deviation_percent"]["mean"].as_f64().unwrap().abs() <= MAX_MEAN_DEVIATION);
    let note = workload["notes"][0].as_str().unwrap();
    assert!(note.starts_with("prompt lengths were fitted to 7 probes"), "{note}");
    assert!(
        summary.contains("Prompt length       asked ") && summary.contains("Answer length       asked 40 median"),
        "{summary}"
    );
    assert!(report.contains("the first 7 warm-ups are probes"), "{report}");
    // The saved run repeats what the run learned.
    let again = tokscope(folder.path(), &["report", "last", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!((&again["workload"], &again["turns"]), (&document["workload"], &document["turns"]));
}

#[test]
fn a_data_set_in_conversations_is_reported_by_turn() {
    let (folder, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let row = |n| format!("{{\"prompt\": \"Question {n}: why is the sky blue?\"}}\n");
    let rows = (0..6).map(row).collect::<Vec<_>>().concat();
    std::fs::write(folder.path().join("questions.jsonl"), rows).unwrap();
    let args = ["--dataset", "questions.jsonl", "--turns", "3", "--osl", "20", "-c", "2"];
    let (summary, document, report) = run(folder.path(), &simulator.url(), &args);
    let conversations = json!({ "turns": "3", "think": null, "complete": 6, "broken_off": 0, "in_progress": 0 });
    assert_eq!(document["conversations"], conversations);
    let counts: Vec<_> = document["turns"].as_array().unwrap().iter().map(|t| t["n"].as_u64().unwrap()).collect();
    assert_eq!(counts, [6, 6, 6]);
    let sent = attempts(&document);
    let mut rows: Vec<u64> = sent.iter().map(|a| a["row"].as_u64().unwrap()).collect();
    rows.sort_unstable();
    assert_eq!(rows, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5]);
    assert!(summary.contains("Workload            questions (dataset)   6 rows, in file order"), "{summary}");
    assert!(summary.contains("Conversations       6 of 6 complete") && summary.contains("\nTurn 3 "), "{summary}");
    assert!(report.contains("\n## Workload\n") && report.contains("\n### By Turn\n"), "{report}");
    let runs = tokscope(folder.path(), &["runs"]);
    assert!(String::from_utf8_lossy(&runs.stdout).contains("  questions  "));
}

#[test]
fn compare_notices_a_different_data_set_of_the_same_name() {
    let (folder, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let url = simulator.url();
    for (name, question) in [("a.json", "why?"), ("b.json", "how?")] {
        std::fs::write(folder.path().join("q.jsonl"), format!("{{\"prompt\": \"{question}\"}}\n")).unwrap();
        let args = [&*url, "--headless", "--dataset", "q.jsonl", "--export", name];
        let output = tokscope(folder.path(), &args);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let output = tokscope(folder.path(), &["compare", "a.json", "b.json"]);
    let shown = String::from_utf8_lossy(&output.stdout).replace("\n   ", " ");
    assert!(shown.contains("the data sets differ: 19 bytes, CRC-32 "), "{shown}");
}

#[test]
fn each_depth_has_its_rows_and_a_depth_beyond_the_context_has_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    // A KV cache of 100 blocks of 16 tokens.
    let engine =
        EngineConfig { kv_blocks: 100, step_ms: 10.0, prefill_ms: 0.05, stall_every_s: 0.0, ..EngineConfig::default() };
    let simulator = Simulator::start(SimConfig { engine: Some(engine), ..SimConfig::default() }).unwrap();
    let url = simulator.url();
    let args = ["--depth", "0,600,4000", "--isl", "400", "--osl", "16", "--repeat", "2"];
    let exports = [&*url, "--headless", "--export", "out.json", "--export", "out.md", "--export", "out.csv"];
    let output = tokscope(folder.path(), &[&exports, &args[..]].concat());
    // The refused depth is a failed case.
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let document = schema::read_results(folder.path().join("out.json"));
    let depth = document["depth"].as_array().unwrap();
    let counts: Vec<_> = depth.iter().map(|d| (d["depth"].as_u64().unwrap(), d["n"].as_u64().unwrap())).collect();
    assert_eq!(counts, [(0, 2), (600, 2), (4000, 0)]);
    for measured in &depth[..2] {
        let asked = measured["depth"].as_f64().unwrap() + 400.0;
        let real = measured["input_sequence_length"]["mean"].as_f64().unwrap();
        assert!(((real - asked) / asked * 100.0).abs() <= MAX_PROMPT_DEVIATION, "asked {asked}, real {real}");
        for key in ["prefill_throughput_per_user", "time_to_first_token_ms", "output_token_throughput_per_user"] {
            // A busy machine may read several events at once.
            assert!(measured[key]["mean"].is_number() || measured["unavailable"].is_string(), "{measured}");
        }
    }
    assert!(depth[2]["unavailable"].as_str().unwrap().contains("maximum context length"), "{}", depth[2]);
    // One refusal is enough, and no prompt of the others was in the cache.
    let sent = attempts(&document);
    assert_eq!(sent.len(), 5);
    assert!(sent.iter().filter(|a| a["status"] == "ok").all(|a| a["cached_token_count"].as_u64().unwrap_or(0) == 0));
    let summary = String::from_utf8(output.stdout).unwrap();
    assert!(summary.contains(" pp400 @ d600 | ") && summary.contains(" tg16 @ d600 | "), "{summary}");
    let report = std::fs::read_to_string(folder.path().join("out.md")).unwrap();
    assert!(report.contains("\n## Context Depth\n") && report.contains("| pp400 @ d600 | "), "{report}");
    let table = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert!(table.lines().next().unwrap().ends_with(",context_depth"), "{table}");
    // The saved run has the same figures, and two runs are compared depth by depth.
    let again = tokscope(folder.path(), &["report", "last", "--json"]);
    let again: Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again["depth"], document["depth"]);
    let compared = tokscope(folder.path(), &["compare", "out.json", "out.json"]);
    let compared = String::from_utf8_lossy(&compared.stdout);
    assert!(compared.contains("Prefill, tok/s") && compared.contains("pp400 tg16 @ d600"), "{compared}");
}
