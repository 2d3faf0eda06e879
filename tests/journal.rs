//! Runs that are kept while they happen: killed, full, listed, reported, compared.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "the deadline of a condition is real time")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::dashboard::{Dashboard, suite};
use support::server::{Asked, Server};

const DEADLINE: Duration = Duration::from_secs(60);

/// A place to run in, with a state folder of its own.
struct Place {
    folder: tempfile::TempDir,
    state: tempfile::TempDir,
}

impl Place {
    fn with(suite: &str) -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap(), state: tempfile::tempdir().unwrap() };
        std::fs::write(place.folder.path().join("cases.toml"), suite).unwrap();
        place
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
        for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY"] {
            command.env_remove(name);
        }
        command.env("XDG_STATE_HOME", self.state.path()).args(args).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    #[track_caller]
    fn run(&self, args: &[&str], status: i32) -> (String, String) {
        let Output { status: ended, stdout, stderr } = self.command(args).output().unwrap();
        let (stdout, stderr) = (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap());
        assert_eq!(ended.code(), Some(status), "{args:?}\n{stdout}\n{stderr}");
        (stdout, stderr)
    }

    fn runs(&self) -> PathBuf {
        self.state.path().join("tokscope/runs")
    }

    /// The only journal there is, once there is one.
    fn journal(&self) -> Option<PathBuf> {
        let files: Vec<_> = std::fs::read_dir(self.runs()).ok()?.map(|f| f.unwrap().path()).collect();
        assert!(files.len() < 2, "{files:?}");
        files.into_iter().next()
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.read(name)).unwrap()
    }
}

/// Answers at once.
fn server() -> Server {
    Server::start(&["lone-model"], |mut asked| asked.answer(&["one", " two", " three"]))
}

/// Answers the first so many at once; the next waits in the middle of its answer until what is returned is dropped.
fn stalling(after: usize) -> (Server, Sender<()>) {
    let (hold, gate) = channel::<()>();
    let gate = Mutex::new(Some(gate));
    let server = Server::start(&["lone-model"], move |mut asked: Asked| {
        if asked.number < after {
            return asked.answer(&["one", " two", " three"]);
        }
        asked.token("one");
        let gate = gate.lock().unwrap().take();
        let _dropped = gate.map(|gate| gate.recv());
    });
    (server, hold)
}

/// Waits until the journal holds so many attempts.
#[track_caller]
fn wait_for_attempts(place: &Place, count: usize) -> String {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let text = place.journal().map_or_else(String::new, |path| std::fs::read_to_string(path).unwrap());
        if text.matches("{\"type\":\"attempt\"").count() >= count {
            return text;
        }
        assert!(Instant::now() < deadline, "never kept: {text}");
        std::thread::yield_now();
    }
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_saved_run_gives_the_same_reports_again() {
    let (place, server) = (Place::with(&suite(&["First", "Second"], "")), server());
    let (_, stderr) = place.run(&[&server.url(), "--repeat", "2", "--export", "r.json", "--export", "r.md"], 0);
    let path = place.journal().unwrap();
    let id = path.file_stem().unwrap().to_str().unwrap();
    assert!(stderr.contains(&format!("Saved as run {id} (tokscope report {id})")), "{stderr}");
    let (_, stderr) = place.run(&["report", "last", "--export", "again.json", "--export", "again.md"], 0);
    assert_eq!(stderr, "Report written to 'again.json'\nReport written to 'again.md'\n");
    // How late the engine has been goes on to be measured while the run is closed.
    let without_lag = |name| {
        let mut report = place.json(name);
        report["observer"]["engine_lag_ms"] = Value::Null;
        report
    };
    assert_eq!(without_lag("r.json"), without_lag("again.json"));
    let own = |name| place.read(name).lines().filter(|l| !l.contains("lag")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(own("r.md"), own("again.md"));
    let (markdown, _) = place.run(&["report", id], 0);
    assert_eq!(markdown, place.read("again.md"));
    let (by_path, _) = place.run(&["report", path.to_str().unwrap()], 0);
    assert_eq!(by_path, markdown);
}

#[test]
fn killed_in_the_middle_it_loses_only_what_was_in_flight() {
    let place = Place::with(&suite(&["First", "Second", "Third"], ""));
    let (server, _hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    kill(child);
    let (_, stderr) = place.run(&["report", "last", "--export", "r.json"], 0);
    assert!(stderr.contains("the run did not end in order"), "{stderr}");
    let report = place.json("r.json");
    let first = &report["cases"][0]["attempts"][0];
    assert_eq!((&first["status"], &first["text"]), (&"ok".into(), &"one two three".into()));
    assert_eq!((&report["run"]["partial"], &report["summary"]["ok"]), (&true.into(), &1.into()));
    assert!(report["cases"][1]["attempts"].as_array().unwrap().iter().all(|a| a["status"] == "cancelled"), "{report}");
    let (listed, _) = place.run(&["runs"], 0);
    assert!(listed.contains("1/3 ok") && listed.contains("not ended"), "{listed}");
}

#[test]
fn killed_again_and_again_every_journal_is_read() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let server = server();
    for attempts in 1..8 {
        let child = place.command(&[&server.url(), "--repeat", "500"]).spawn().unwrap();
        let kept = wait_for_attempts(&place, attempts);
        kill(child);
        let whole = kept.lines().filter(|l| l.starts_with("{\"type\":\"attempt\"") && l.ends_with('}')).count();
        let (json, _) = place.run(&["runs", "--json"], 0);
        let listed: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(listed[0]["state"], "unfinished", "{json}");
        place.run(&["report", "last", "--export", &format!("r{attempts}.json")], 0);
        let report = place.json(&format!("r{attempts}.json"));
        let there = report["summary"]["attempts"].as_u64().unwrap() as usize;
        assert!(there + 1 >= whole && there > 0, "{there} of {whole}");
        std::fs::remove_file(place.journal().unwrap()).unwrap();
    }
}

#[test]
fn runs_are_listed_and_found_by_what_only_they_have() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    let (none, _) = place.run(&["runs"], 0);
    assert!(none.starts_with("No run was saved yet in '"), "{none}");
    place.run(&["report", "last"], 2);
    place.run(&[&server.url()], 0);
    let (listed, _) = place.run(&["runs"], 0);
    let row = listed.lines().nth(1).unwrap();
    for part in ["ts-", "lone-model", "/v1/chat/completions", "Small", "1/1 ok", "whole"] {
        assert!(row.contains(part), "'{part}' in {listed}");
    }
    let (json, _) = place.run(&["runs", "--json"], 0);
    let listed: Value = serde_json::from_str(&json).unwrap();
    let id = listed[0]["id"].as_str().unwrap();
    let (_, stderr) = place.run(&["report", "ts-0"], 2);
    assert!(stderr.contains("there is no run 'ts-0'; the nearest: ") && stderr.contains(id), "{stderr}");
    place.run(&["report", id.trim_start_matches("ts-").split_at(3).0], 0);
    let (_, stderr) = place.run(&["report", "last", "--export", "r.docx"], 2);
    assert!(stderr.contains("no format has this extension; there are .md .json"), "{stderr}");
    std::fs::write(place.runs().join("ts-f.jsonl"), "{\"tokscope_journal\":9}\n").unwrap();
    let (listed, _) = place.run(&["runs"], 0);
    assert!(listed.contains("ts-f: a newer tokscope wrote it"), "{listed}");
}

#[test]
fn a_run_is_compared_with_results_and_with_a_scripted_report() {
    let (place, server) = (Place::with(&suite(&["Debug Task", "Other"], "")), server());
    place.run(&[&server.url(), "--repeat", "3", "--export", "r.json"], 0);
    let scripted = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/scripted-report.md");
    let args = ["compare", scripted.to_str().unwrap(), "last", "--export", "c.json", "--export", "c.md"];
    let (text, stderr) = place.run(&args, 0);
    for part in
        ["the model differs: 'glm-4.7-flash' and 'lone-model'", "its TTFT is a guess", "Debug Task", "all cases"]
    {
        assert!(text.contains(part), "'{part}' in {text}");
    }
    assert!(stderr.contains("Comparison written to 'c.json'"), "{stderr}");
    let comparison = place.json("c.json");
    let latency = comparison["metrics"].as_array().unwrap().iter().find(|m| m["key"] == "request_latency_ms").unwrap();
    let row = latency["rows"].as_array().unwrap().iter().find(|r| r["case"] == "Debug Task").unwrap();
    assert_eq!((&row["a"]["mean"], &row["b"]["n"], &row["judgement"]), (&4370.0.into(), &3.into(), &Value::Null));
    // The same figures by both ways.
    let (text, _) = place.run(&["compare", "r.json", "last"], 0);
    assert!(text.contains("+0.0 %") && text.contains("no difference shown") && !text.contains("differs"), "{text}");
    let (_, stderr) = place.run(&["compare", "last", "cases.toml"], 2);
    assert!(stderr.contains("cases.toml"), "{stderr}");
}

#[test]
fn what_cannot_be_saved_is_told_and_the_run_goes_on() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    std::fs::write(place.state.path().join("tokscope"), "").unwrap();
    let (stdout, stderr) = place.run(&[&server.url()], 0);
    assert!(stdout.contains("1/1") && stderr.contains("this run was not saved whole: '"), "{stdout}\n{stderr}");
}

#[test]
fn what_cannot_be_saved_is_told_on_the_screen_too() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("tokscope"), "no folder").unwrap();
    let state = folder.path().to_str().unwrap();
    let mut screen =
        Dashboard::start_with(&suite(&["First"], ""), &[&server.url()], &[("XDG_STATE_HOME", state)], (140, 40));
    screen.wait_for_text("This run is not being saved: ");
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (ended, _) = screen.end();
    assert_eq!(ended.status, 0);
    assert!(ended.raw.contains("this run was not saved whole: "), "{}", ended.text);
}

#[test]
fn the_dashboard_saves_too_and_no_save_does_not() {
    let server = server();
    for (args, saves) in [(&["--no-save"][..], false), (&[], true)] {
        let url = server.url();
        let args = [&[url.as_str()][..], args].concat();
        let state = tempfile::tempdir().unwrap();
        let env = [("XDG_STATE_HOME", state.path().to_str().unwrap())];
        let mut screen = Dashboard::start_with(&suite(&["First"], ""), &args, &env, (120, 40));
        screen.wait_for_text("finished  1/1");
        screen.send("q");
        let (ended, _) = screen.end();
        assert_eq!(ended.raw.contains("Saved as run ts-"), saves, "{}", ended.text);
        assert_eq!(state.path().join("tokscope/runs").exists(), saves);
    }
}

#[test]
fn no_secret_stands_in_a_journal() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    let url = server.url().replacen("http://", "http://user:canary-pass@", 1);
    let mut command = place.command(&[&url, "--api-key-env", "CANARY", "--header", "x-secret: canary-header"]);
    let out = command.env("CANARY", "canary-key").output().unwrap();
    let journal = std::fs::read_to_string(place.journal().unwrap()).unwrap();
    assert!(journal.contains("lone-model"), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(!journal.contains("canary"), "{journal}");
}
