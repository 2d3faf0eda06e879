//! Loads over time with the whole program: a trace at its own times, and stages.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/schema.rs"]
mod schema;

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tokscope::sim::{SimConfig, Simulator};

fn simulator() -> Simulator {
    Simulator::start(SimConfig { ttft_ms: 5.0, tokens_per_s: 5000.0, ..SimConfig::default() }).unwrap()
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG"] {
        command.env_remove(name);
    }
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"] {
        command.env(home, folder);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.output().unwrap()
}

fn results(folder: &Path, out: &Output) -> Value {
    assert_eq!(out.status.code(), Some(0), "{}", String::from_utf8_lossy(&out.stderr));
    schema::read_results(folder.join("r.json"))
}

/// Intended starts of a run since the first one, milliseconds, from its journal.
fn due_ms(folder: &Path, json: &Value) -> Vec<u64> {
    let id = json["run"]["id"].as_str().unwrap();
    let journal = folder.join("tokscope/runs").join(format!("{id}.jsonl"));
    let journal = std::fs::read_to_string(&journal).unwrap_or_else(|e| panic!("{}: {e}", journal.display()));
    let events = journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let due: Vec<u64> = events.filter(|e| e["type"] == "started").filter_map(|e| e["due"].as_u64()).collect();
    due.iter().map(|at| (at - due[0]) / 1_000_000).collect()
}

#[test]
fn the_requests_of_a_trace_are_due_at_their_own_times() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), simulator());
    let line = |at: u64| format!("{{\"timestamp\": {at}, \"input_length\": 20, \"output_length\": 3}}\n");
    let trace: String = [1000, 1200, 1210, 2000].map(line).concat();
    std::fs::write(folder.path().join("t.jsonl"), trace).unwrap();
    let out =
        tokscope(folder.path(), &[&sim.url(), "--trace", "t.jsonl", "--speed", "2", "-o", "r.json", "-o", "r.md"]);
    let json = results(folder.path(), &out);
    assert_eq!(due_ms(folder.path(), &json), [0, 100, 105, 500]);
    assert_eq!((&json["run"]["arrival"]["process"], &json["run"]["arrival"]["speed"]), (&"trace".into(), &2.0.into()));
    assert!(json["run"]["concurrency"].is_null());
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    for words in ["Trace at 2x its speed", "requests of a trace at their own times", "Dispatch Delay"] {
        assert!(markdown.contains(words), "{words} in {markdown}");
    }
    // The first requests only.
    std::fs::remove_file(folder.path().join("r.json")).unwrap();
    let out = tokscope(folder.path(), &[&sim.url(), "--trace", "t.jsonl", "-n", "2", "-o", "r.json"]);
    assert_eq!(due_ms(folder.path(), &results(folder.path(), &out)), [0, 200]);
}

#[test]
fn a_run_in_stages_reports_each_of_them() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), simulator());
    let stages = "20/s:0.5s,20/s..60/s:0.5s";
    let args = [&sim.url(), "--stages", stages, "--arrival", "constant", "-o", "r.json", "-o", "r.md"];
    let out = tokscope(folder.path(), &args);
    let json = results(folder.path(), &out);
    // 10 starts are expected in the first stage, and 20 in the second.
    let requests: Vec<_> = json["stages"].as_array().unwrap().iter().map(|s| (&s["load"], &s["requests"])).collect();
    assert_eq!(requests, [(&"20/s".into(), &10.into()), (&"20/s..60/s".into(), &20.into())]);
    assert_eq!(json["run"]["partial"], false);
    let stdout = String::from_utf8_lossy(&out.stdout);
    assert!(stdout.contains("Stage 20/s..60/s"), "{stdout}");
    assert!(std::fs::read_to_string(folder.path().join("r.md")).unwrap().contains("### Stages"));
}

#[test]
fn stages_exclude_another_load() {
    let folder = tempfile::tempdir().unwrap();
    for other in [["--rate", "5"], ["--concurrency", "4"], ["--sweep", "1,2"], ["--duration", "5"], ["-n", "5"]] {
        let out = tokscope(folder.path(), &[&["--demo", "--stages", "4:60s"], &other[..]].concat());
        let stderr = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("cannot be used with"), "{stderr}");
    }
    let out = tokscope(folder.path(), &["--demo", "--stages", "4:60s", "--arrival", "constant"]);
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.code() == Some(2) && stderr.contains("need stages with a rate"), "{stderr}");
}

#[test]
fn a_saved_run_is_sent_again_at_its_own_times() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), simulator());
    let suite = "[[case]]\nname = \"One\"\nprompt = \"Hello\"\nmax_tokens = 2\n[[case]]\nname = \"Two\"\nprompt = \"Bye\"\nmax_tokens = 3\n";
    std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
    let args = [&sim.url(), "--rate", "20", "--arrival", "constant", "-n", "5", "-o", "r.json"];
    let first = results(folder.path(), &tokscope(folder.path(), &args));
    let id = first["run"]["id"].as_str().unwrap();
    // The saved run has its own cases.
    std::fs::remove_file(folder.path().join("cases.toml")).unwrap();
    std::fs::remove_file(folder.path().join("r.json")).unwrap();
    let again = tokscope(folder.path(), &[&sim.url(), "--trace", id, "--speed", "0.5", "-o", "r.json"]);
    let again = results(folder.path(), &again);
    assert_eq!(due_ms(folder.path(), &again), [0, 100, 200, 300, 400]);
    let tokens = |json: &Value| -> Vec<Vec<Value>> {
        let case = |case: &Value| {
            let attempts = case["attempts"].as_array().unwrap().iter();
            std::iter::once(case["name"].clone()).chain(attempts.map(|a| a["output_sequence_length"].clone())).collect()
        };
        json["cases"].as_array().unwrap().iter().map(case).collect()
    };
    assert_eq!(tokens(&again), tokens(&first));
}
