//! Checks of answers in the whole program: measured, judged, saved, resumed, reported and compared.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use serde_json::{Value, json};
use support::place::{Place, kill, server, stalling, wait_for_attempts};
use support::pty::wait_until;
use support::server::Server;
use tokscope::sim::{SimConfig, Simulator};

/// The server of these tests answers `one two three`.
const SUITE: &str = r#"
[[case]]
name = "Right"
prompt = "Count."
check = [{ contains = "two th", min_tokens = 3 }, { regex = '^one\b' }, { equals = "One, two: THREE!" }]

[[case]]
name = "Wrong"
prompt = "Answer in JSON."
check = { json_schema = "answer.json" }

[[case]]
name = "Unchecked"
prompt = "Say anything."
"#;

fn place() -> Place {
    let place = Place::with(SUITE);
    std::fs::write(place.folder.path().join("answer.json"), r#"{"type": "object", "required": ["city"]}"#).unwrap();
    place
}

/// Kinds and outcomes of the checks of a case's first attempt.
fn outcomes(results: &Value, case: usize) -> Vec<(String, bool)> {
    let checks = results["cases"][case]["attempts"][0]["checks"].as_array().unwrap();
    let outcome = |c: &Value| (c["kind"].as_str().unwrap().to_owned(), c["passed"].as_bool().unwrap());
    checks.iter().map(outcome).collect()
}

#[test]
fn a_wrong_answer_counts_for_speed_and_not_for_the_pass_rate() {
    let (place, server) = (place(), server());
    let exports = ["--export", "r.json", "--export", "r.md", "--export", "r.csv"];
    let (stdout, stderr) = place.run(&[&[server.url().as_str()], &exports[..]].concat(), 0);
    assert!(stdout.contains("Successful          3/3"), "{stdout}");
    assert!(stdout.contains("1 of 2 answers pass their checks (50%"), "{stdout}");
    assert!(stdout.contains("'Wrong': json_schema: the answer is not JSON"), "{stdout}");
    assert!(stderr.contains("✗ check failed: json_schema"), "{stderr}");
    let results = place.json("r.json");
    let passed = |kind: &str| (kind.to_owned(), true);
    assert_eq!(outcomes(&results, 0), ["contains", "min_tokens", "regex", "equals"].map(passed));
    assert_eq!(outcomes(&results, 1), [("json_schema".to_owned(), false)]);
    assert_eq!(outcomes(&results, 2), []);
    let attempt = |case: usize| &results["cases"][case]["attempts"][0];
    assert_eq!([0, 1, 2].map(|case| attempt(case)["pass_rate"].clone()), [json!(100.0), json!(0.0), Value::Null]);
    assert_eq!(attempt(1)["status"], "ok");
    let summary = &results["summary"];
    assert_eq!((&summary["ok"], &summary["failed_attempts"]), (&json!(3), &json!(0)));
    assert_eq!((&summary["checked_attempts"], &summary["passed_attempts"]), (&json!(2), &json!(1)));
    assert_eq!((&summary["pass_rate"]["avg"], &summary["request_latency_ms"]["n"]), (&json!(50.0), &json!(3)));
    let markdown = place.read("r.md");
    assert!(markdown.contains("- **Wrong answers**: 1 of 2 answers pass"), "{markdown}");
    assert!(place.read("r.csv").contains("json_schema: the answer is not JSON"));
}

#[test]
fn a_pass_rate_slo_sets_the_exit_status_and_goodput_excludes_wrong_answers() {
    let (place, server) = (place(), server());
    let slos = ["--slo", "pass_rate>95%", "--slo", "latency_max<60s", "--export", "r.json"];
    let (stdout, _) = place.run(&[&[server.url().as_str()], &slos[..]].concat(), 1);
    assert!(stdout.contains("✗ pass rate 50% ≤ 95%"), "{stdout}");
    let goodput = &place.json("r.json")["summary"]["goodput"];
    assert_eq!((&goodput["good"], &goodput["of"]), (&json!(2), &json!(3)));
    place.run(&[&server.url(), "--slo", "pass_rate>=50%"], 0);
    let (_, stderr) = place.run(&[&server.url(), "--case", "Unchecked", "--slo", "pass_rate>95%"], 2);
    assert!(stderr.contains("no selected case has a check; add one to the suite"), "{stderr}");
}

#[test]
fn checks_are_saved_resumed_and_reported_without_evaluating_them_again() {
    let place = place();
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    // Only the second request stalls; the resumed run must not send it.
    wait_until("the second request is in flight", || server.request_count() == 2);
    kill(child);
    drop(hold);
    // The results come from the journal: the schema is gone.
    std::fs::remove_file(place.folder.path().join("answer.json")).unwrap();
    place.run(&["report", "last", "--export", "before.json"], 0);
    assert_eq!(outcomes(&place.json("before.json"), 0).len(), 4);
    place.run(&["resume", "last", &server.url(), "--export", "r.json"], 0);
    let results = place.json("r.json");
    assert_eq!((outcomes(&results, 0).len(), &results["run"]["partial"]), (4, &json!(false)));
    let attempts = results["cases"][1]["attempts"].as_array().unwrap();
    let last = attempts.iter().rfind(|a| a["status"] == "ok").unwrap();
    assert_eq!(last["checks"][0]["passed"], false, "the schema is part of the saved suite: {last}");
    place.run(&["report", "last", "--export", "again.json"], 0);
    assert_eq!(place.json("again.json"), results);
}

#[test]
fn a_comparison_shows_that_the_faster_server_is_wrong() {
    let suite = "[[case]]\nname = \"a\"\nprompt = \"p\"\ncheck = { contains = \"three\" }\n";
    let place = Place::with(suite);
    let (right, wrong) = (server(), Server::start(&["lone-model"], |mut request| request.answer(&["zzz"])));
    for (server, file) in [(&right, "a.json"), (&wrong, "b.json")] {
        place.run(&[&server.url(), "--repeat", "10", "--export", file], 0);
    }
    let (text, _) = place.run(&["compare", "a.json", "b.json"], 0);
    assert!(text.contains("Fewer answers of B pass their checks, 0% instead of 100%"), "{text}");
    assert!(text.contains("-100.0 pp  worse"), "{text}");
}

#[test]
fn hostile_answers_are_judged_and_the_run_ends() {
    let suite = r#"
[[case]]
name = "schema"
prompt = "p"
check = { json_schema = { type = "array" }, regex = '^(a+)+$' }
"#;
    let server = Server::start(&["lone-model"], |mut request| {
        let piece = "a".repeat(64 * 1024);
        let deep = "[".repeat(500_000);
        match request.number {
            0 => request.answer(&[&[piece.as_str(); 160][..], &["b"]].concat()),
            1 => request.answer(&[&deep]),
            2 => request.answer(&["\u{1b}]0;owned\u{7}{\"a\": \u{1}"]),
            _ => request.answer(&["[1, 2]"]),
        }
    });
    let place = Place::with(suite);
    let (stdout, stderr) = place.run(&[&server.url(), "--repeat", "4", "--export", "r.json", "--export", "r.md"], 0);
    assert!(!(stdout + &stderr + &place.read("r.md")).contains('\u{1b}'));
    let results = place.json("r.json");
    let messages = |number: usize| {
        let checks = results["cases"][0]["attempts"][number]["checks"].as_array().unwrap();
        checks.iter().map(|check| check["message"].as_str().unwrap_or("passed").to_owned()).collect::<Vec<_>>()
    };
    let too_long = ["the answer is too long, and its end was not kept", "the answer is too long to be read as JSON"];
    assert_eq!(messages(0), too_long);
    assert!(messages(1)[1].contains("recursion limit"), "{:?}", messages(1));
    assert!(messages(2)[1].contains("not JSON"), "{:?}", messages(2));
    assert_eq!(messages(3)[1], "passed");
}

#[test]
fn answers_of_the_simulator_pass_the_built_in_suite() {
    let sim = Simulator::start(SimConfig { ttft_ms: 5.0, tokens_per_s: 20_000.0, ..SimConfig::default() }).unwrap();
    let place = Place::with("");
    std::fs::remove_file(place.folder.path().join("cases.toml")).unwrap();
    let (stdout, _) = place.run(&[&sim.url(), "--export", "r.json", "--slo", "pass_rate>=100%"], 0);
    assert!(stdout.contains("10 of 10 answers pass their checks"), "{stdout}");
}

/// A suite that asks for calls and for JSON.
const FORMED: &str = r#"
[[case]]
name = "Weather"
prompt = "How is the weather in Rome?"
check = { tool_call = { name = "weather", arguments = { city = "Rome" } } }
[[case.tools]]
name = "weather"
description = "Current weather of a city"
parameters = { type = "object", properties = { city = { type = "string" } }, required = ["city"] }

[[case]]
name = "Extraction"
prompt = "Extract place and year as JSON. It was in Rome in 1960."
[case.response_format]
type = "json_schema"
schema = { type = "object", properties = { city = { type = "string" }, year = { type = "integer" } }, required = ["city", "year"] }
"#;

#[test]
fn calls_and_json_of_the_simulator_are_checked_saved_and_shown() {
    let sim = Simulator::start(SimConfig { ttft_ms: 5.0, tokens_per_s: 20_000.0, ..SimConfig::default() }).unwrap();
    let place = Place::with(FORMED);
    let exports = ["--export", "r.json", "--export", "r.md"];
    let (stdout, _) = place.run(&[&[sim.url().as_str()], &exports[..]].concat(), 0);
    assert!(stdout.contains("2 of 2 answers pass their checks"), "{stdout}");
    let results = place.json("r.json");
    let attempt = |case: usize| &results["cases"][case]["attempts"][0];
    assert_eq!(attempt(0)["tool_calls"], json!([{ "name": "weather", "arguments": "{\"city\":\"Rome\"}" }]));
    assert_eq!((&attempt(0)["finish_reason"], &attempt(0)["text"]), (&json!("tool_calls"), &json!("")));
    assert_eq!(attempt(1)["text"], r#"{"city":"Rome","year":1960}"#);
    assert_eq!(outcomes(&results, 1), [("json_schema".to_owned(), true)], "the schema is checked by itself");
    assert!(place.read("r.md").contains("Tool call: weather {\"city\":\"Rome\"}"));
    place.run(&["report", "last", "--export", "again.json"], 0);
    assert_eq!(place.json("again.json"), results, "the journal holds the calls");
}
