//! The search for the largest load and the regression gate with the whole program, against the simulator.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/schema.rs"]
mod schema;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tokscope::sim::{EngineConfig, SimConfig, Simulator};

/// A server of two slots that answers in 0.4 s: the third user waits for a whole answer.
fn two_slots() -> Simulator {
    let engine = EngineConfig {
        step_ms: 10.0,
        decode_ms: 0.0,
        prefill_ms: 0.01,
        max_batch: 2,
        stall_every_s: 0.0,
        ..EngineConfig::default()
    };
    Simulator::start(SimConfig { engine: Some(engine), ..SimConfig::default() }).unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"] {
        command.env(home, folder);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn journal(folder: &Path) -> Option<PathBuf> {
    Some(std::fs::read_dir(folder.join("tokscope/runs")).ok()?.next()?.unwrap().path())
}

/// Loads of the probes that a journal says began, and the number of those that were judged.
fn probes(folder: &Path) -> (Vec<u64>, usize) {
    let text = journal(folder).map_or_else(String::new, |path| std::fs::read_to_string(path).unwrap());
    let events: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let of = |kind: &str| events.iter().filter(move |e| e["type"] == kind).collect::<Vec<_>>();
    (of("probe_began").iter().filter_map(|e| e["load"].as_u64()).collect(), of("probe_judged").len())
}

const SEARCH: [&str; 15] = [
    "--find",
    "concurrency",
    "--max",
    "8",
    "--slo",
    "ttft_p50<120ms",
    "--isl",
    "16",
    "--osl",
    "40",
    "--cool-down",
    "0.2",
    "--headless",
    "-o",
    "r.json",
];

#[test]
fn a_search_finds_the_slots_of_the_server_and_every_output_shows_them() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), two_slots());
    let url = sim.url();
    let args: Vec<&str> = [url.as_str()].into_iter().chain(SEARCH).chain(["-o", "r.md", "-o", "r.junit.xml"]).collect();
    let out = tokscope(folder.path(), &args);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = schema::read_results(folder.path().join("r.json"));
    let find = &json["find"];
    assert_eq!((&find["last_pass"], &find["complete"]), (&2.0.into(), &true.into()));
    // Three users in step find a free slot every other time, so that the median there may remain undecided.
    assert!(find["first_fail"].as_f64().is_some_and(|load| (3.0..=4.0).contains(&load)), "{find}");
    let values: Vec<f64> = find["probes"].as_array().unwrap().iter().filter_map(|p| p["value"].as_f64()).collect();
    assert_eq!(values[..4], [1.0, 2.0, 4.0, 3.0], "doubled, then halved");
    assert!(values.iter().all(|value| *value <= 8.0));
    let sentence = find["sentence"].as_str().unwrap();
    assert!(
        sentence.starts_with("Holds 2 concurrent users within TTFT p50 < 120 ms, with a goodput of "),
        "{sentence}"
    );
    assert!(sentence.contains(", TTFT p50 is "), "{sentence}");
    // The attempts that stand for the run are those of the limit.
    let attempts = json["cases"][0]["attempts"].as_array().unwrap();
    assert!(attempts.iter().any(|attempt| attempt["concurrency"] == 2));
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert!(stdout.contains("Largest load") && stdout.contains("Concurrency 3 "), "{stdout}");
    assert!(stderr.contains("probe 1, 1 concurrent request: pass"), "{stderr}");
    assert!(stderr.contains("largest load: 2 users"), "{stderr}");
    assert!(std::fs::read_to_string(folder.path().join("r.md")).unwrap().contains("### Largest Load"));
    let junit = std::fs::read_to_string(folder.path().join("r.junit.xml")).unwrap();
    assert!(junit.contains("name=\"largest load within the thresholds\""), "{junit}");
    let runs = tokscope(folder.path(), &["runs"]);
    assert!(text(&runs.stdout).contains("2 users"), "{}", text(&runs.stdout));
    let compared = tokscope(folder.path(), &["compare", "r.json", "last", "--json"]);
    let compared: Value = serde_json::from_slice(&compared.stdout).unwrap();
    assert!(compared["verdict"].as_str().unwrap().starts_with("B sustains the same load as A, 2 users"), "{compared}");
}

#[test]
fn a_killed_search_is_resumed_at_its_last_probe() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), two_slots());
    let url = sim.url();
    let args: Vec<&str> = [url.as_str()].into_iter().chain(SEARCH).collect();
    let mut child = command(folder.path(), &args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // Killed in the second probe.
    while probes(folder.path()).0.len() < 2 {
        assert!(child.try_wait().unwrap().is_none(), "the search ended");
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (began, judged) = probes(folder.path());
    assert_eq!((began.as_slice(), judged), ([1, 2].as_slice(), 1));
    let resumed = tokscope(folder.path(), &["resume", "--headless", "-o", "r.json"]);
    assert_eq!(resumed.status.code(), Some(0), "{}", text(&resumed.stderr));
    let (began, judged) = probes(folder.path());
    assert_eq!(began[..4], [1, 2, 4, 3], "no probe began again");
    assert_eq!(began.len(), judged);
    let find = &schema::read_results(folder.path().join("r.json"))["find"];
    assert_eq!((&find["last_pass"], &find["complete"]), (&2.0.into(), &true.into()));
}

#[test]
fn options_that_contradict_a_search_are_refused_with_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://127.0.0.1:9/v1";
    let refused = |args: &[&str], words: &str| {
        let out = tokscope(folder.path(), &[&[url, "--find"], args].concat());
        assert_eq!(out.status.code(), Some(2), "{args:?}");
        let stderr = text(&out.stderr);
        assert!(stderr.contains(words), "{args:?}: {stderr}");
    };
    let slo = ["--slo", "ttft_p95<1s"];
    refused(&["concurrency", "--max", "8"], "--find needs a threshold to meet; add one");
    refused(&[&["concurrency"], slo.as_slice()].concat(), "--max");
    refused(&[&["rate", "--max", "8", "--sweep", "1,2"], slo.as_slice()].concat(), "--sweep");
    refused(&[&["rate", "--max", "8", "--stages", "1:1s"], slo.as_slice()].concat(), "--stages");
    refused(&[&["rate", "--max", "8", "--rate", "2"], slo.as_slice()].concat(), "--rate");
    refused(&[&["concurrency", "--max", "8", "-c", "2"], slo.as_slice()].concat(), "remove --concurrency");
    refused(&[&["concurrency", "--max", "2.5"], slo.as_slice()].concat(), "whole number");
    refused(&["concurrency", "--max", "8", "--slo", "throughput>100"], "cannot judge a rate of the run");
    refused(&["concurrency", "--max", "8", "--slo", "ttft_max>1s"], "upper bound");
}

/// A server whose answers take this many times about 0.1 s.
fn server(times_slower: f64) -> Simulator {
    let config = SimConfig { ttft_ms: 20.0 * times_slower, tokens_per_s: 200.0 / times_slower, ..SimConfig::default() };
    Simulator::start(config).unwrap()
}

#[test]
fn the_gate_passes_an_equal_run_and_fails_a_slower_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = |sim: &Simulator, more: &[&str]| {
        let url = sim.url();
        let base = [url.as_str(), "--isl", "16", "--osl", "16", "-n", "30", "--headless", "--github"];
        let mut command = command(folder.path(), &[base.as_slice(), more].concat());
        command.env("GITHUB_STEP_SUMMARY", folder.path().join("summary.md")).output().unwrap()
    };
    let fast = server(1.0);
    assert_eq!(run(&fast, &["-o", "base.json"]).status.code(), Some(0));
    // Far from the tolerance on either side, so that a busy machine changes no verdict.
    let gate =
        ["--baseline", "base.json", "--fail-on-regression", "latency_avg:80%", "-o", "r.json", "-o", "r.junit.xml"];
    let equal = run(&fast, &gate);
    assert_eq!(equal.status.code(), Some(0), "{}", text(&equal.stderr));
    // An export does not replace a file.
    let clear = || ["r.json", "r.junit.xml"].map(|name| std::fs::remove_file(folder.path().join(name)).unwrap());
    clear();
    let slow = server(4.0);
    let slowed = run(&slow, &gate);
    assert_eq!(slowed.status.code(), Some(1), "{}", text(&slowed.stderr));
    let json = schema::read_results(folder.path().join("r.json"));
    assert_eq!((&json["gate"]["regression"], &json["gate"]["advisory"]), (&true.into(), &false.into()));
    assert!(text(&slowed.stdout).contains("Gate                ✗ Latency avg "), "{}", text(&slowed.stdout));
    let stderr = text(&slowed.stderr);
    assert!(stderr.contains("::error title=tokscope%3A regression gate latency_avg%3A80%25::"), "{stderr}");
    assert!(
        std::fs::read_to_string(folder.path().join("r.junit.xml")).unwrap().contains("<failure message=\"Latency avg")
    );
    let summary = std::fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert!(summary.contains("✗ **regression** against base.json"), "{summary}");
    // The same rule for two finished runs.
    let rule = ["--fail-on-regression", "latency_avg:80%"];
    let compare = |a, b| tokscope(folder.path(), &[["compare", a, b].as_slice(), &rule].concat()).status.code();
    assert_eq!((compare("base.json", "r.json"), compare("r.json", "base.json")), (Some(1), Some(0)));
    // A baseline from another machine only advises.
    let baseline = std::fs::read_to_string(folder.path().join("base.json")).unwrap();
    let mut other: Value = serde_json::from_str(&baseline).unwrap();
    other["environment"]["cpu"] = "Z80".into();
    std::fs::write(folder.path().join("base.json"), other.to_string()).unwrap();
    clear();
    let advised = run(&slow, &gate);
    assert_eq!(advised.status.code(), Some(0), "{}", text(&advised.stderr));
    assert!(text(&advised.stderr).contains("the machine differs in its CPU: 'Z80' and "), "{}", text(&advised.stderr));
}

#[test]
fn a_baseline_that_cannot_be_read_is_an_error_before_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let args =
        ["http://127.0.0.1:9/v1", "--baseline", "none.json", "--fail-on-regression", "ttft_p50:5%", "--headless"];
    let out = tokscope(folder.path(), &args);
    assert_eq!(out.status.code(), Some(2));
    assert!(
        text(&out.stderr).contains("--baseline") && text(&out.stderr).contains("none.json"),
        "{}",
        text(&out.stderr)
    );
}
