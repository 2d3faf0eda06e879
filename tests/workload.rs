//! Data sets, conversations and lengths, with the whole program.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::process::Stdio;

use serde_json::Value;

use support::place::{Place, kill, server, stalling, wait_for_attempts};
use support::server::Server;

/// Rows of two tags. The server always answers "one two three".
const ROWS: &str = concat!(
    "{\"prompt\": \"first\", \"tag\": \"short\", \"check\": {\"contains\": \"two\"}}\n",
    "{\"prompt\": \"second\", \"tag\": \"long\", \"max_tokens\": 9}\n",
    "{\"prompt\": \"third\", \"tag\": \"short\", \"check\": {\"equals\": \"four\"}}\n",
    "{\"prompt\": \"fourth\", \"tag\": \"short\"}\n",
);

fn place_with(rows: &str) -> Place {
    let place = Place::with("[[case]]\nname = \"unused\"\nprompt = \"p\"\n");
    std::fs::write(place.folder.path().join("rows.jsonl"), rows).unwrap();
    place
}

/// Otherwise the gated request would be the first one after resuming.
fn wait_for_the_third(server: &Server) {
    while server.request_count() < 3 {
        std::thread::yield_now();
    }
}

/// Rows of the attempts of each case, by its name.
fn sent_rows(report: &Value) -> Vec<(String, Vec<u64>)> {
    let rows = |case: &Value| case["attempts"].as_array().unwrap().iter().map(|a| a["row"].as_u64().unwrap()).collect();
    let cases = report["cases"].as_array().unwrap().iter();
    cases.map(|case| (case["name"].as_str().unwrap().to_owned(), rows(case))).collect()
}

#[test]
fn each_row_is_sent_once_in_the_case_of_its_tag() {
    let (place, server) = (place_with(ROWS), server());
    let args = [&server.url(), "--headless", "--dataset", "rows.jsonl", "--export", "out.json"];
    let (_, stderr) = place.run(&args, 0);
    assert!(stderr.contains("rows.jsonl: prompts, 4 rows"), "{stderr}");
    let report = place.json("out.json");
    assert_eq!(sent_rows(&report), [("short".to_owned(), vec![0, 2, 3]), ("long".to_owned(), vec![1])]);
    let attempts = report["cases"][0]["attempts"].as_array().unwrap();
    let passed: Vec<_> = attempts.iter().map(|a| a["checks"][0]["passed"].as_bool()).collect();
    assert_eq!(passed, [Some(true), Some(false), None]);
}

#[test]
fn a_killed_run_sends_the_rest_of_the_rows_when_it_is_resumed() {
    let place = place_with(ROWS);
    let (server, hold) = stalling(2);
    let args = [&server.url(), "--headless", "--dataset", "rows.jsonl"];
    let child = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
    wait_for_attempts(&place, 2);
    wait_for_the_third(&server);
    kill(child);
    drop(hold);
    place.run(&["resume", "last", "--headless", "--export", "out.json"], 0);
    let report = place.json("out.json");
    let mut rows: Vec<u64> = sent_rows(&report).into_iter().flat_map(|(_, rows)| rows).collect();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows, [0, 1, 2, 3]);
    assert_eq!(report["run"]["partial"], false);
}

/// Kills a run of a file with these rows in its third request, replaces the file and resumes. Returns the error.
fn resume_with_another_file(option: &str, rows: &str, others: &str) -> String {
    let place = place_with(rows);
    let (server, hold) = stalling(2);
    let args = [&server.url(), "--headless", "--concurrency", "1", option, "rows.jsonl"];
    let child = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
    wait_for_attempts(&place, 2);
    wait_for_the_third(&server);
    kill(child);
    drop(hold);
    std::fs::write(place.folder.path().join("rows.jsonl"), others).unwrap();
    place.run(&["resume", "last", "--headless"], 2).1
}

#[test]
fn a_changed_data_set_is_not_resumed() {
    let error = resume_with_another_file("--dataset", ROWS, &ROWS.replace("third", "3rd"));
    assert!(error.contains("the data set '") && error.contains("rows.jsonl' has changed since the run"), "{error}");
    assert!(error.contains("start a new run"), "{error}");
}

#[test]
fn a_changed_trace_is_not_resumed() {
    let row =
        |ms: u32, text: &str| format!("{{\"timestamp\": {ms}, \"text_input\": \"{text}\", \"output_length\": 7}}\n");
    let trace = ["a", "b", "c", "d"].map(|text| row(0, text)).concat();
    let error = resume_with_another_file("--trace", &trace, &trace.replace("\"d\"", "\"e\""));
    assert!(error.contains("the trace '") && error.contains("rows.jsonl' has changed since the run"), "{error}");
    assert!(error.contains("start a new run"), "{error}");
}

#[test]
fn the_turns_of_a_row_are_sent_as_a_conversation() {
    let rows = "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}, {\"role\": \"assistant\", \"content\": \"x\"}, \
                {\"role\": \"user\", \"content\": \"b\"}]}\n";
    let (place, server) = (place_with(rows), server());
    let args = [&server.url(), "--headless", "--dataset", "rows.jsonl", "--think", "1ms", "--export", "out.json"];
    place.run(&args, 0);
    let report = place.json("out.json");
    let turns: Vec<_> =
        report["cases"][0]["attempts"].as_array().unwrap().iter().map(|a| a["turn"].as_u64().unwrap()).collect();
    assert_eq!(turns, [1, 2]);
}

#[test]
fn a_bad_row_is_named_or_skipped() {
    let rows = "{\"prompt\": \"fine\"}\n{\"prompt\": \"\"}\n";
    let (place, server) = (place_with(rows), server());
    let (_, stderr) = place.run(&[&server.url(), "--headless", "--dataset", "rows.jsonl"], 2);
    assert!(stderr.contains("line 2") && stderr.contains("--skip-bad-rows"), "{stderr}");
    let args = [&server.url(), "--headless", "--dataset", "rows.jsonl", "--skip-bad-rows", "--export", "out.json"];
    let (_, stderr) = place.run(&args, 0);
    assert!(stderr.contains("1 row of 2 (1 skipped"), "{stderr}");
}

#[test]
fn a_killed_run_of_depths_measures_the_rest_when_it_is_resumed() {
    let place = Place::with("[workload]\ndepth = [0, 600]\nisl = 400\nosl = 3\n");
    // Seven probes, and the first of two requests at the first depth.
    let (server, hold) = stalling(8);
    let args = [&server.url(), "--headless", "--repeat", "2"];
    let child = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
    wait_for_attempts(&place, 8);
    while server.request_count() < 9 {
        std::thread::yield_now();
    }
    kill(child);
    drop(hold);
    place.run(&["resume", "last", "--headless", "--export", "out.json"], 0);
    let report = place.json("out.json");
    let complete = |case: &Value| {
        let attempts = case["attempts"].as_array().unwrap().iter();
        attempts.filter(|attempt| attempt["warmup"] == false && attempt["status"] == "ok").count()
    };
    let counts: Vec<usize> = report["cases"].as_array().unwrap().iter().map(complete).collect();
    assert_eq!(counts, [2, 2]);
    let mut rows: Vec<u64> = sent_rows(&report).into_iter().flat_map(|(_, rows)| rows).collect();
    let all = rows.len();
    rows.sort_unstable();
    rows.dedup();
    // No prompt is sent twice, since the server may have the killed one in its cache.
    assert_eq!((rows.len(), report["run"]["partial"].as_bool()), (all, Some(false)));
}
