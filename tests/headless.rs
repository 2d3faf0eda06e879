//! The whole program without a screen: exit status, streams, files.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tokscope::sim::{SimConfig, Simulator};

const SUITE: &str = r#"
[suite]
name = "Three"
[defaults]
max_tokens = 20
[[case]]
name = "First"
prompt = "Write a REST API."
[[case]]
name = "Second"
prompt = "Explain this SQL query."
max_tokens = 30
[[case]]
name = "Third"
prompt = "Document a tool."
"#;

fn simulator() -> Simulator {
    Simulator::start(SimConfig { ttft_ms: 5.0, tokens_per_s: 5000.0, ..SimConfig::default() }).unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"] {
        command.env_remove(name);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn tokscope(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn folder_with(suite: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite).unwrap();
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_run_measures_all_cases_and_writes_what_was_asked_for() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--export", "r.md", "--export", "r.json"]);
    let (stdout, stderr) = (text(&out.stdout), text(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("3/3") && stdout.contains("70"), "{stdout}");
    for line in ["[1/3] First", "[2/3] Second", "[3/3] Third", "20 tokens", "30 tokens"] {
        assert!(stderr.contains(line), "{line} in {stderr}");
    }
    let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    let tokens: Vec<_> = json["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["attempts"][0]["output_sequence_length"].as_u64().unwrap())
        .collect();
    assert_eq!(tokens, [20, 30, 20]);
    // The simulator is recognised wherever it listens, and never passed off as a model.
    assert_eq!(json["run"]["simulated"], true);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert!(markdown.contains("**Test Mode**: Three") && markdown.to_lowercase().contains("simulat"));
}

#[test]
fn nothing_is_overwritten() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    std::fs::write(folder.path().join("r.md"), "mine").unwrap();
    let out = tokscope(folder.path(), &[&sim.url(), "--case", "second", "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(0));
    assert_eq!(std::fs::read_to_string(folder.path().join("r.md")).unwrap(), "mine");
    assert!(text(&out.stderr).contains("r-2.md"), "{}", text(&out.stderr));
}

#[test]
fn a_failed_case_is_status_1_and_the_rest_goes_on() {
    let suite = format!("{SUITE}extra = {{ tokscope_sim = {{ fault = \"error_in_stream\", after_tokens = 3 }} }}\n");
    let (folder, sim) = (folder_with(&suite), simulator());
    let out = tokscope(folder.path(), &[&sim.url(), "--export", "r.json"]);
    assert_eq!(out.status.code(), Some(1), "{}", text(&out.stderr));
    assert!(text(&out.stdout).contains("2/3"));
    let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(json["cases"][2]["attempts"][0]["status"], "stream_error");
}

#[test]
fn mistakes_are_status_2_with_file_and_line() {
    let folder = folder_with(&SUITE.replace("max_tokens = 30", "max_token = 30"));
    let out = tokscope(folder.path(), &["http://127.0.0.1:9/v1"]);
    let stderr = text(&out.stderr);
    assert_eq!(out.status.code(), Some(2));
    assert!(stderr.contains("cases.toml:12") && stderr.contains("max_tokens"), "{stderr}");
    assert_eq!(tokscope(folder.path(), &["--concurrency", "0"]).status.code(), Some(2));
}

#[test]
fn a_dead_endpoint_is_status_3_and_writes_no_report() {
    let folder = folder_with(SUITE);
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let out = tokscope(folder.path(), &[&format!("http://127.0.0.1:{port}/v1"), "--export", "r.md"]);
    assert_eq!(out.status.code(), Some(3));
    assert!(text(&out.stderr).contains("refused"), "{}", text(&out.stderr));
    assert!(!folder.path().join("r.md").exists());
}

#[test]
fn keys_go_out_and_come_back_nowhere() {
    let (folder, sim) = (folder_with(SUITE), simulator());
    let url = sim.url().replace("http://", "http://user:url-canary@");
    let args = [url.as_str(), "--header", "x-team: header-canary", "--export", "r.md", "--export", "r.json"];
    let out = command(folder.path(), &args).env("OPENAI_API_KEY", "sk-key-canary").output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{}", text(&out.stderr));
    let mut all = format!("{}{}", text(&out.stdout), text(&out.stderr));
    for file in ["r.md", "r.json"] {
        all.push_str(&std::fs::read_to_string(folder.path().join(file)).unwrap());
    }
    for canary in ["url-canary", "header-canary", "key-canary"] {
        assert!(!all.contains(canary), "'{canary}' got out");
    }
}

#[cfg(unix)]
#[test]
fn interrupted_is_status_130_and_what_was_measured_is_kept() {
    use std::io::{BufRead, BufReader, Read};
    let slow = SUITE.replace(
        "name = \"Second\"",
        "name = \"Second\"\nextra = { tokscope_sim = { fault = \"stall\", after_tokens = 2 } }",
    );
    let (folder, sim) = (folder_with(&slow), simulator());
    let mut child = command(folder.path(), &[&sim.url(), "--export", "r.json"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains("[1/3]") {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before the first case");
    }
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", "TERM", &pid]).status().unwrap().success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
    assert_eq!(json["run"]["partial"], true);
    let status = |case: usize| json["cases"][case]["attempts"][0]["status"].as_str().map(str::to_owned);
    assert_eq!((status(0).as_deref(), status(1).as_deref(), status(2)), (Some("ok"), Some("cancelled"), None));
}
