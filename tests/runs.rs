//! Repeated runs with the whole program, against the simulator.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]
#![allow(clippy::disallowed_methods, reason = "the deadline of a condition is real time")]

#[path = "support/schema.rs"]
mod schema;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokscope::sim::{SimConfig, Simulator};

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

fn simulator() -> Simulator {
    Simulator::start(SimConfig { ttft_ms: 20.0, tokens_per_s: 400.0, ..SimConfig::default() }).unwrap()
}

fn suite(folder: &Path) {
    let suite =
        "[defaults]\nmax_tokens = 16\n[[case]]\nname = \"a\"\nprompt = \"a\"\n[[case]]\nname = \"b\"\nprompt = \"b\"\n";
    std::fs::write(folder.join("cases.toml"), suite).unwrap();
}

#[test]
fn a_group_is_one_saved_run_whose_results_name_each_run() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), simulator());
    suite(folder.path());
    let url = sim.url();
    let args = [&url, "--runs", "5", "--repeat", "2", "--warmup", "1", "--cool-down", "0.05", "--headless"];
    let args: Vec<&str> = args.into_iter().chain(["-o", "r.json", "-o", "r.md", "-o", "r.csv"]).collect();
    let out = tokscope(folder.path(), &args);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = schema::read_results(folder.path().join("r.json"));
    let runs = &json["runs"];
    assert_eq!((&runs["planned"], &runs["completed"]), (&5.into(), &5.into()));
    assert!(runs["each"].as_array().unwrap().iter().all(|run| run["ok"] == 4), "{runs}");
    assert!(runs["drift"].is_array(), "five runs are tested for drift");
    let figures = runs["figures"].as_array().unwrap();
    let ttft = figures.iter().find(|figure| figure["key"] == "time_to_first_token_ms").unwrap();
    assert_eq!(ttft["values"].as_array().unwrap().len(), 5);
    assert!(ttft["ci95"].is_object() && ttft["within_run_std"].is_number() && ttft["trend"].is_object(), "{ttft}");
    let method = &json["summary"]["time_to_first_token_ms"]["ci95"]["mean_method"];
    assert_eq!(method, "student_t_over_runs");
    let attempts = json["cases"][0]["attempts"].as_array().unwrap();
    let of_run = |run: u64| attempts.iter().filter(|a| a["run"] == run && a["warmup"] == false).count();
    assert!((1..=5).all(|run| of_run(run) == 2), "{attempts:?}");
    assert_eq!(attempts.iter().filter(|a| a["warmup"] == true).count(), 5, "one warm-up before each run");
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert!(stdout.contains("Run 5/5 ") && stdout.contains("between runs "), "{stdout}");
    assert!((1..=5).all(|run| stderr.contains(&format!("run {run}/5: "))), "{stderr}");
    let report = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(report.contains("## Runs\n") && report.contains("### Spread Between and Within Runs"), "{report}");
    let listed = tokscope(folder.path(), &["runs", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert!(text(listed.to_string().as_bytes()).contains("\"runs\":5"), "{listed}");
    // The saved run and its export are the same group.
    let compared = tokscope(folder.path(), &["compare", "r.json", "last"]);
    let compared = text(&compared.stdout);
    let differs = |line: &str| line.ends_with("better") || line.ends_with("worse");
    assert!(compared.contains("Repeated runs (--runs)") && !compared.lines().any(differs), "{compared}");
}

/// Numbers of the runs that a journal says began, and the attempts that ended.
fn journal(folder: &Path) -> (usize, usize) {
    let runs = std::fs::read_dir(folder.join("tokscope/runs"));
    let path: Option<PathBuf> = runs.ok().and_then(|mut runs| Some(runs.next()?.unwrap().path()));
    let text = path.map_or_else(String::new, |path| std::fs::read_to_string(path).unwrap());
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let count = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
    (count("run_began"), count("attempt"))
}

#[test]
fn a_killed_group_resumes_in_the_run_that_it_was_in() {
    let (folder, sim) = (tempfile::tempdir().unwrap(), simulator());
    suite(folder.path());
    let url = sim.url();
    let args = [url.as_str(), "--runs", "3", "--cool-down", "0.3", "--headless"];
    let mut child = command(folder.path(), &args).spawn().unwrap();
    let begun = Instant::now();
    while journal(folder.path()).0 < 1 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the second run never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let out = tokscope(folder.path(), &["resume", "last", "--headless", "-o", "r.json"]);
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let json = schema::read_results(folder.path().join("r.json"));
    assert_eq!((&json["runs"]["completed"], &json["run"]["partial"]), (&3.into(), &false.into()));
    assert_eq!(journal(folder.path()).0, 2);
}

#[test]
fn runs_are_refused_beside_loads_that_change() {
    let folder = tempfile::tempdir().unwrap();
    for other in [&["--sweep", "1,2"][..], &["--stages", "1:1s"], &["--find", "rate", "--max", "2"]] {
        let args: Vec<&str> = ["http://127.0.0.1:9", "--runs", "2"].iter().chain(other).copied().collect();
        let out = tokscope(folder.path(), &args);
        assert_eq!(out.status.code(), Some(2), "{}", text(&out.stderr));
    }
    let out = tokscope(folder.path(), &["http://127.0.0.1:9", "--cool-down", "2"]);
    assert!(text(&out.stderr).contains("--runs"), "{}", text(&out.stderr));
}
