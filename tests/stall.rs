//! Readers that stop reading, and a stalled process: neither delays the measurement, nor is blamed on the server.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

use serde_json::Value;
use support::dashboard::{Dashboard, ROOMY, suite};
use support::place::{Place, server, wait_for_attempts};
use support::pty::{Pty, wait_until};
use support::server::Server;

const PROGRAM: &str = env!("CARGO_BIN_EXE_tokscope");
/// A run that ends only on a signal.
const ENDLESS: [&str; 4] = ["--rate", "50", "--duration", "3600"];

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn attempts(report: &Value) -> &Vec<Value> {
    report["cases"][0]["attempts"].as_array().unwrap()
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

/// A full pipe. Keep its reader: without one, writing would be an error.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&writer, true).unwrap();
    // Fill to the last byte: a short write may fit where a long one does not.
    while writer.write(&[b'\n'; 4096]).is_ok() {}
    while writer.write(b"\n").is_ok() {}
    rustix::io::ioctl_fionbio(&writer, false).unwrap();
    (reader, writer)
}

#[test]
fn an_unread_terminal_delays_neither_requests_nor_journal_nor_exit() {
    for exit in ["TERM", "HUP", "USR1", "ABRT", "ctrl-c"] {
        let server = server();
        let place = Place::with(&suite(&["Only"], ""));
        let env = [("XDG_STATE_HOME", place.state.path().to_str().unwrap())];
        let url = server.url();
        let args = [&[&*url], &ENDLESS[..]].concat();
        let mut screen = Dashboard::start_with(&suite(&["Only"], ""), &args, &env, ROOMY);
        wait_for_attempts(&place, 3);
        screen.stall();
        let before = wait_for_attempts(&place, 0).matches("{\"type\":\"attempt\"").count();
        wait_for_attempts(&place, before + 50);
        if exit == "ctrl-c" {
            screen.send("\u{3}\u{3}");
        } else {
            screen.signal(exit);
        }
        let Dashboard { folder, pty } = screen;
        assert_eq!(pty.end_stalled(), 130, "{exit}");
        let report = json(&folder.path().join("r.json"));
        assert!(attempts(&report).len() >= before + 50, "{exit}");
        assert!(report["observer"]["dispatch_delay_ms"]["max"].is_number(), "{exit}");
        let (_, stderr) = place.run(&["report", "last", "--export", "again.json"], 0);
        assert!(!stderr.contains("did not end in order"), "{exit}: {stderr}");
        assert_eq!(attempts(&place.json("again.json")).len(), attempts(&report).len(), "{exit}");
    }
}

#[test]
fn a_terminal_that_is_read_again_shows_the_current_state() {
    let (open, gate) = channel::<()>();
    let gate = Mutex::new(gate);
    let server = Server::start(&["lone-model"], move |mut request| {
        request.token("one");
        if request.number == 0 {
            // An error means that the test is over.
            let _ends = gate.lock().unwrap().recv();
        }
        request.finish(1);
    });
    let mut screen = Dashboard::start(&suite(&["First", "Second"], ""), &server.url());
    screen.wait_for_line("First", "answering");
    screen.stall();
    // Requested during the stall, and carried out once possible.
    screen.send("m");
    open.send(()).unwrap();
    screen.resize(100, 30);
    wait_until("both requests", || server.request_count() == 2);
    screen.resume();
    screen.wait_for_text("finished  2/2");
    screen.wait_for("the mouse", |s| s.mouse_protocol_mode() != vt100::MouseProtocolMode::None);
    screen.send("q");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, &report.unwrap()["summary"]["ok"]), (0, &2.into()));
}

#[test]
fn an_unread_stderr_delays_neither_the_run_nor_its_end() {
    let server = server();
    let place = Place::with(&suite(&["Only"], ""));
    let (_reader, writer) = full_pipe();
    let url = server.url();
    let args = [&[&*url, "--headless", "--export", "r.json"], &ENDLESS[..]].concat();
    let mut run = place.command(&args).stdout(Stdio::null()).stderr(writer).spawn().unwrap();
    wait_for_attempts(&place, 50);
    signal(&run, "TERM");
    assert_eq!(run.wait().unwrap().code(), Some(130));
    assert!(attempts(&place.json("r.json")).len() >= 50);
    // A run that ends by itself.
    let (_reader, writer) = full_pipe();
    let out = place.command(&[&server.url(), "--export", "whole.json"]).stderr(writer).output().unwrap();
    assert_eq!(out.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&out.stdout).contains("1/1"), "{out:?}");
    assert_eq!(place.json("whole.json")["summary"]["ok"], 1);
}

#[test]
fn an_unread_stdout_blocks_only_after_the_files_are_written() {
    for read_on in [true, false] {
        let (server, place) = (server(), Place::with(&suite(&["Only"], "")));
        let (mut reader, writer) = full_pipe();
        let mut run = place.command(&[&server.url(), "--export", "r.json"]).stdout(writer).spawn().unwrap();
        let (folder, report) = (place.folder.path(), place.folder.path().join("r.json"));
        wait_until("the report", || report.exists());
        assert!(folder.exists() && run.try_wait().unwrap().is_none());
        if read_on {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            assert!(text.contains("1/1"), "{text}");
        } else {
            signal(&run, "TERM");
        }
        assert_eq!(run.wait().unwrap().code(), Some(0), "read on: {read_on}");
        assert_eq!(json(&report)["summary"]["ok"], 1);
    }
}

#[test]
fn without_a_usable_terminal_the_run_is_headless_and_gives_a_reason() {
    let server = server();
    let start = |term: &str, (columns, rows), env: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("cases.toml"), suite(&["Only"], "")).unwrap();
        let env = [&[("TERM", term)], env].concat();
        let pty = Pty::start(PROGRAM, &[&server.url()], folder.path(), &env, columns, rows);
        (folder, pty)
    };
    for (term, size, why) in [
        ("dumb", ROOMY, "TERM=dumb has no cursor control"),
        ("", ROOMY, "TERM is not set"),
        ("xterm", (0, 0), "the terminal reports no size; set COLUMNS and LINES"),
    ] {
        let (_folder, pty) = start(term, size, &[]);
        let ended = pty.end();
        assert_eq!(ended.status, 0, "{}", ended.raw);
        assert!(ended.raw.contains(&format!("running headless: {why}")), "{}", ended.raw);
        assert!(ended.raw.contains("1/1") && !ended.raw.contains("[?1049h"), "{}", ended.raw);
    }
    let (_folder, mut pty) = start("xterm", (0, 0), &[("COLUMNS", "100"), ("LINES", "30")]);
    wait_until("a dashboard of that size", || pty.raw().contains("\u{1b}[30;"));
    wait_until("the end of the run", || pty.raw().contains("finished"));
    pty.send("q");
    assert_eq!(pty.end().status, 0);
    // A saved run is not measured, so there is no other exit to show it.
    let folder = tempfile::tempdir().unwrap();
    for command in ["open", "replay"] {
        let pty = Pty::start(PROGRAM, &[command, "last"], folder.path(), &[("TERM", "dumb")], ROOMY.0, ROOMY.1);
        let ended = pty.end();
        assert_eq!(ended.status, 2, "{}", ended.raw);
        assert!(ended.raw.contains("`tokscope report`") && ended.raw.contains("TERM=dumb"), "{}", ended.raw);
    }
}

/// Duration of a stop. Unlike everything else here, this is a time, not a condition.
#[cfg(target_os = "linux")]
#[expect(clippy::disallowed_methods, reason = "a standstill is real time")]
fn pass(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

/// Returns whether every thread of the process has stopped, which takes a moment after the signal.
#[cfg(target_os = "linux")]
fn is_stopped(child: &Child) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
    tasks.flatten().all(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('T'))
    })
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_read_after_a_stop_reports_the_stall_of_tokscope() {
    const STOP: Duration = Duration::from_millis(600);
    let (open, gate) = channel::<()>();
    let (answered, sent) = channel::<()>();
    let gate = Mutex::new((gate, answered));
    let server = Server::start(&["lone-model"], move |mut request| {
        request.token("one");
        let gate = gate.lock().unwrap();
        // An error means that the test is over.
        let _ends = gate.0.recv();
        request.answer(&[" and more"; 40]);
        let _ends = gate.1.send(());
    });
    let place = Place::with(&suite(&["Only"], ""));
    let mut run = place.command(&[&server.url(), "--export", "r.json"]).spawn().unwrap();
    wait_until("the request", || server.request_count() == 1);
    signal(&run, "STOP");
    wait_until("the stop", || is_stopped(&run));
    open.send(()).unwrap();
    sent.recv().unwrap();
    // The whole answer waits in the socket.
    pass(STOP);
    signal(&run, "CONT");
    run.wait().unwrap();
    let report = place.json("r.json");
    let lag = report["observer"]["engine_lag_ms"]["max"].as_f64().unwrap();
    // The engine checks itself every 50 ms.
    assert!(lag >= STOP.as_secs_f64() * 1000.0 - 60.0, "{lag} ms");
    assert_eq!(report["observer"]["stalled_attempts"], 1, "{}", report["cases"]);
    let findings = attempts(&report)[0]["findings"].to_string();
    assert!(findings.contains("observer_stalled"), "{findings}");
    assert!(!findings.contains("shared_reads") && !findings.contains("pauses"), "{findings}");
}
