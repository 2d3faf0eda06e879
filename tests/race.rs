//! Races of two simulators with the whole program.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::process::Stdio;

use serde_json::Value;
use support::place::Place;
use support::pty::Pty;
use support::server::Server;
use tokscope::sim::{SimConfig, Simulator};

const SUITE: &str = "[suite]\nname = \"S\"\n[[case]]\nname = \"short\"\nprompt = \"p\"\nmax_tokens = 8\n\
                     [[case]]\nname = \"longer\"\nprompt = \"q\"\nmax_tokens = 12\n";

/// A server whose answers take this many times about 0.1 s.
fn server(times_slower: f64) -> Simulator {
    let config = SimConfig {
        ttft_ms: 20.0 * times_slower,
        tokens_per_s: 200.0 / times_slower,
        jitter: 0.0,
        ..SimConfig::default()
    };
    Simulator::start(config).unwrap()
}

/// Values of events of one type in the journal.
fn events(place: &Place, kind: &str) -> Vec<Value> {
    let text = place.journal().map_or_else(String::new, |path| std::fs::read_to_string(path).unwrap());
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["type"] == kind).collect()
}

#[test]
fn the_faster_server_wins_and_the_race_stops() {
    let (place, slow, fast) = (Place::with(SUITE), server(4.0), server(1.0));
    let (a, b) = (slow.url(), fast.url());
    let args = ["race", &a, &b, "--headless", "--until", "latency", "-o", "r.json", "-o", "r.md"];
    let (stdout, stderr) = place.run(&args, 0);
    assert!(
        stderr.contains("block 1: B against A: ")
            && stderr.contains("Latency -")
            && stderr.contains("one request at a time"),
        "{stderr}"
    );
    assert!(stdout.contains("Race                B is better: ") && stdout.contains("B better"), "{stdout}");
    let race = &support::schema::read_results(place.folder.path().join("r.json"))["race"];
    let latency = race["metrics"].as_array().unwrap().iter().find(|m| m["key"] == "request_latency_ms").unwrap();
    assert_eq!((&latency["verdict"], &race["decided"]), (&"b".into(), &true.into()));
    assert!(latency["interval_percent"][1].as_f64().unwrap() < 0.0 && latency["a"].as_f64() > latency["b"].as_f64());
    assert!(race["blocks"].as_u64().unwrap() < 40, "{race}");
    assert_eq!((&race["sides"][0]["url"], &race["sides"][1]["url"]), (&a.clone().into(), &b.clone().into()));
    let report = place.read("r.md");
    assert!(report.contains("## Race") && report.contains("### Answers of the Two Sides"), "{report}");
    // Both sides get each case once in each block.
    let started: Vec<u64> = events(&place, "started")
        .iter()
        .filter(|event| event["warmup"] != true)
        .map(|event| event["case"].as_u64().unwrap())
        .collect();
    for block in started.chunks_exact(4) {
        let mut sorted = block.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3]);
    }
    assert_eq!(events(&place, "race_decided").len(), 1);
    let (again, _) = place.run(&["report", "last", "--json"], 0);
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(&again["race"], race);
}

#[test]
fn a_killed_race_continues_in_its_block() {
    let (place, a, b) = (Place::with(SUITE), server(1.0), server(1.0));
    let (a, b) = (a.url(), b.url());
    let args = ["race", &a, &b, "--headless", "--blocks", "6", "--all-blocks", "--at-once"];
    let mut child = place.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while events(&place, "attempt").len() < 10 {
        assert!(child.try_wait().unwrap().is_none(), "the race ended");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Whether six blocks decide a metric is left to chance.
    place.command(&["resume", "--headless", "-o", "r.json"]).output().unwrap();
    let race = &support::schema::read_results(place.folder.path().join("r.json"))["race"];
    assert_eq!(race["blocks"], 6, "{race}");
    for case in race["cases"].as_array().unwrap() {
        assert_eq!((&case["pairs"], &case["requests"]), (&6.into(), &serde_json::json!([6, 6])));
    }
}

#[test]
fn two_models_of_one_server_race_and_their_answers_are_compared() {
    let suite = "[suite]\nname = \"S\"\n[[case]]\nname = \"c\"\nprompt = \"p\"\ncheck = { contains = \"right\" }\n";
    let server = Server::start(&["x", "y"], |mut request| {
        let body: Value = serde_json::from_str(&request.body).unwrap();
        match body["model"].as_str().unwrap() {
            "x" => request.answer(&["that", " is", " right"]),
            _ => request.answer(&["wrong", " and", " much", " longer", " too", "."]),
        }
    });
    let (place, url) = (Place::with(suite), server.url());
    let args = ["race", &url, "-m", "x", "-m", "y", "--headless", "--blocks", "12", "--all-blocks", "-o", "r.json"];
    place.command(&args).output().unwrap();
    let results = support::schema::read_results(place.folder.path().join("r.json"));
    let case = &results["race"]["cases"][0];
    assert_eq!(case["checks"], serde_json::json!([{"passed": 12, "checked": 12}, {"passed": 0, "checked": 12}]));
    assert_eq!((&case["differs_in_checks"], &case["differs_in_length"]), (&true.into(), &true.into()), "{case}");
    assert_eq!(
        (&results["cases"][0]["attempts"][0]["model"], &results["cases"][1]["attempts"][0]["model"]),
        (&"x".into(), &"y".into())
    );
}

#[test]
fn a_side_that_does_not_answer_ends_the_race_with_its_url() {
    let (place, a) = (Place::with(SUITE), server(1.0));
    let a = a.url();
    let (_, stderr) = place.run(&["race", &a, "http://127.0.0.1:9", "--headless"], 3);
    assert!(stderr.contains("side B, 'http://127.0.0.1:9/v1': "), "{stderr}");
}

#[test]
fn the_dashboard_shows_both_sides_and_the_differences() {
    let (place, slow, fast) = (Place::with(SUITE), server(4.0), server(1.0));
    let args = ["race", &slow.url(), &fast.url(), "--until", "latency"];
    let state = place.state.path().to_string_lossy().into_owned();
    let env = [("XDG_STATE_HOME", state.as_str()), ("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];
    let mut pty = Pty::start(env!("CARGO_BIN_EXE_tokscope"), &args, place.folder.path(), &env, 120, 40);
    pty.wait_for_text("B − A");
    pty.wait_for_text("decided after");
    pty.wait_for_text("B better");
    pty.wait_for_text("A 127.0.0.1:");
    pty.send("q");
    assert_eq!(pty.end().status, 0);
}
