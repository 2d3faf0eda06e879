//! Resumed runs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::dashboard::{Dashboard, statuses, suite};
use support::place::{Place, kill, server, stalling, wait_for_attempts};
use support::pty::Pty;
use support::server::Server;

/// A run of three cases, killed in the second. The server then answers everything.
fn killed() -> (Place, Server) {
    let place = Place::with(&suite(&["First", "Second", "Third"], ""));
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    wait_for_the_second(&server);
    kill(child);
    drop(hold);
    (place, server)
}

/// Otherwise the gated request would be the first one after resuming.
fn wait_for_the_second(server: &Server) {
    while server.request_count() < 2 {
        std::thread::yield_now();
    }
}

/// Attempt lines of a journal.
fn attempts(journal: &str) -> Vec<&str> {
    journal.lines().filter(|l| l.starts_with("{\"type\":\"attempt\"")).collect()
}

fn journal(place: &Place) -> String {
    std::fs::read_to_string(place.journal().unwrap()).unwrap()
}

#[test]
fn a_killed_run_is_resumed_in_its_journal() {
    let (place, _old) = killed();
    // Ends in the middle of a line, as after a full disk or a power failure.
    let path = place.journal().unwrap();
    let truncated = journal(&place) + "{\"type\":\"att";
    std::fs::write(&path, &truncated).unwrap();
    let (_, stderr) = place.run(&["resume", "last", "--headless", "--export", "r.json", "--export", "r.md"], 0);
    assert!(stderr.contains("is cut off and was skipped"), "{stderr}");
    let after = journal(&place);
    let before = truncated.strip_suffix("{\"type\":\"att").unwrap();
    assert!(after.starts_with(before) && after.len() > before.len(), "existing lines are unchanged");
    assert_eq!(attempts(&after).len(), 3);
    let report = place.json("r.json");
    let all: Vec<_> = (0..3).map(|case| statuses(&report, case)).collect();
    assert_eq!(all[0], ["ok"]);
    assert!(all[1..].iter().all(|s| s.last().unwrap() == "ok"), "{all:?}");
    assert_eq!((&report["summary"]["ok"], &report["run"]["partial"]), (&3.into(), &false.into()));
    let resumed = report["run"]["resumed"].as_array().unwrap();
    assert_eq!(resumed.len(), 1);
    assert!(place.read("r.md").contains("> **Resumed**: the run stopped at "), "{}", place.read("r.md"));
    // Times continue. Request IDs belong to the run, and none appears twice.
    let ids: Vec<&Value> = report["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|c| c["attempts"].as_array().unwrap())
        .map(|a| &a["request_id"])
        .collect();
    let id = path.file_stem().unwrap().to_str().unwrap();
    let sent: Vec<&str> = ids.iter().map(|i| i.as_str().unwrap()).filter(|i| !i.is_empty()).collect();
    assert!(sent.iter().all(|i| i.starts_with(id)), "{sent:?}");
    assert_eq!(sent.iter().collect::<std::collections::BTreeSet<_>>().len(), sent.len());
    // The journal gives the same report again.
    place.run(&["report", "last", "--export", "again.json"], 0);
    let again = place.json("again.json");
    assert_eq!((&again["cases"], &again["run"]), (&report["cases"], &report["run"]));
}

#[test]
fn a_killed_timed_run_is_complete_after_its_remaining_time() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url(), "--duration", "1"]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    wait_for_the_second(&server);
    kill(child);
    drop(hold);
    place.run(&["report", "last", "--export", "killed.json", "--export", "killed.md"], 0);
    assert_eq!(place.json("killed.json")["run"]["partial"], true);
    let killed = place.read("killed.md");
    assert!(
        killed.contains("1 request interrupted by the end of tokscope") && killed.contains("s of 1.0 s were not run")
    );
    place.run(&["resume", "last", "--headless", "--export", "r.json"], 0);
    let report = place.json("r.json");
    assert_eq!((&report["run"]["partial"], &report["summary"]["failed"]), (&false.into(), &0.into()));
    let second = statuses(&report, 1);
    assert_eq!(second[..2], ["cancelled", "ok"], "the interrupted request is repeated first");
    let (_, stderr) = place.run(&["resume", "last", "--headless"], 0);
    assert!(stderr.contains("nothing to resume"), "{stderr}");
}

#[test]
fn a_complete_run_has_nothing_to_resume() {
    let (place, server) = (Place::with(&suite(&["First"], "")), server());
    place.run(&[&server.url()], 0);
    let before = journal(&place);
    let (stdout, stderr) = place.run(&["resume", "last", "--headless"], 0);
    assert!(stderr.contains("nothing to resume"), "{stderr}");
    assert_eq!((journal(&place), stdout.as_str()), (before, ""));
}

#[test]
fn an_interrupted_run_is_resumed_but_not_with_another_endpoint() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    // The journal of a running run is locked, and the list shows it as running.
    let (_, stderr) = place.run(&["resume", "last", "--headless"], 2);
    assert!(stderr.contains("another tokscope is writing this run"), "{stderr}");
    let (listed, _) = place.run(&["runs"], 0);
    assert!(listed.lines().nth(1).unwrap().contains("running"), "{listed}");
    let (_, stderr) = place.run(&["report", "last"], 0);
    assert!(stderr.contains("the run is still in progress") && !stderr.contains("was interrupted"), "{stderr}");
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let ended = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(ended.stderr).unwrap();
    assert_eq!(ended.status.code(), Some(130), "{stderr}");
    assert!(stderr.contains("interrupted: requests in flight are cancelled"), "{stderr}");
    assert!(stderr.contains("; continue it with `tokscope resume ts-"), "{stderr}");
    assert!(stderr.lines().last().unwrap().starts_with("result: interrupted · 1/2 requests ok"), "{stderr}");
    drop(hold);
    let (listed, _) = place.run(&["runs"], 0);
    assert!(listed.lines().nth(1).unwrap().contains("partial"), "{listed}");
    let before = journal(&place);
    let (_, stderr) = place.run(&["resume", "last", "http://127.0.0.1:1/v1", "--headless"], 2);
    assert!(stderr.contains("start a new run for 'http://127.0.0.1:1/v1'"), "{stderr}");
    assert_eq!(journal(&place), before);
    place.run(&["resume", "last", &server.url(), "--headless", "--export", "r.json"], 0);
    let report = place.json("r.json");
    assert_eq!((statuses(&report, 0), statuses(&report, 1).last().unwrap().as_str()), (vec!["ok".to_owned()], "ok"));
}

#[test]
fn a_dead_endpoint_leaves_the_journal_unchanged() {
    let (place, server) = killed();
    let text = journal(&place);
    let dead = text.replace(&server.url(), "http://127.0.0.1:1/v1");
    std::fs::write(place.journal().unwrap(), &dead).unwrap();
    place.run(&["resume", "last", "--headless"], 3);
    assert_eq!(journal(&place), dead);
}

#[test]
fn secrets_of_an_address_are_not_stored_and_required_again() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let (server, hold) = stalling(1);
    let url = server.url().replacen("http://", "http://user:canary-pass@", 1);
    let child = place.command(&[&url]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    wait_for_the_second(&server);
    kill(child);
    drop(hold);
    let (_, stderr) = place.run(&["resume", "last", "--headless"], 2);
    assert!(stderr.contains("which are not saved; pass the address again"), "{stderr}");
    let (_, stderr) = place.run(&["resume", "last", &url, "--headless"], 0);
    assert!(!stderr.contains("canary") && !journal(&place).contains("canary"), "{stderr}");
}

#[test]
fn gpus_of_another_machine_are_not_replaced_by_local_ones() {
    let (place, _server) = killed();
    let found = json!({"found": {"source": "dcgm", "driver": null, "gpus": [], "interval_ms": 1000}});
    let found = json!({"type": "gpu", "events": [found]});
    let before = journal(&place) + &found.to_string() + "\n";
    std::fs::write(place.journal().unwrap(), &before).unwrap();
    let (_, stderr) = place.run(&["resume", "last", "--headless"], 2);
    assert!(stderr.contains("pass it again with --gpu-metrics-url HOST"), "{stderr}");
    assert_eq!(journal(&place), before);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let key = place.folder.path().join("key");
    std::fs::write(&key, "sk-1").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let args = ["resume", "last", "--headless", "--gpu-metrics-url", &closed, "--api-key-file", "key"];
    let (_, stderr) = place.run(&args, 0);
    assert!(stderr.contains("tokscope: warning: --api-key-file 'key': other users"), "{stderr}");
}

#[test]
fn printing_measures_nothing() {
    let (place, _server) = killed();
    let before = journal(&place);
    for (args, expected) in [
        (["resume", "last", "--print-config"], "theme = "),
        (["resume", "last", "--print-keys"], "Hold the run (requests in flight finish)"),
        (["open", "last", "--print-config"], "theme = "),
        (["replay", "last", "--print-keys"], "Hold the run (requests in flight finish)"),
    ] {
        let (stdout, stderr) = place.run(&args, 0);
        assert!(stdout.contains(expected) && stderr.is_empty(), "{args:?}\n{stdout}\n{stderr}");
    }
    assert_eq!(journal(&place), before);
}

#[test]
fn a_demo_is_resumed_with_its_own_simulator() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let child = place.command(&["--demo"]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    kill(child);
    place.run(&["resume", "last", "--demo", "--headless", "--export", "r.json"], 0);
    let report = place.json("r.json");
    assert_eq!((&report["summary"]["ok"], &report["run"]["simulated"]), (&2.into(), &true.into()));
}

#[test]
fn the_dashboard_resumes_a_run() {
    let (place, _server) = killed();
    let state = place.state.path().to_str().unwrap();
    let pty = Pty::start(
        env!("CARGO_BIN_EXE_tokscope"),
        &["resume", "last", "--export", "r.json"],
        place.folder.path(),
        &[("XDG_STATE_HOME", state)],
        120,
        40,
    );
    let mut screen = Dashboard { folder: tempfile::tempdir().unwrap(), pty };
    screen.wait_for_text("finished  3/3");
    screen.send("q");
    let (ended, _) = screen.end();
    assert!(ended.raw.contains("Saved as run ts-"), "{}", ended.text);
    assert_eq!((ended.status, &place.json("r.json")["summary"]["ok"]), (0, &3.into()));
}

#[test]
fn without_a_run_resume_takes_the_last_incomplete_one_and_report_the_last() {
    let (place, server) = killed();
    let killed = place.journal().unwrap();
    let killed = killed.file_stem().unwrap().to_str().unwrap();
    // A complete run that is newer.
    place.run(&[&server.url(), "--case", "first"], 0);
    let (_, last) = place.run(&["report", "--export", "last.json"], 0);
    assert!(last.starts_with("Last run: ts-") && !last.contains(killed), "{last}");
    let (_, resumed) = place.run(&["resume", "--headless"], 0);
    assert!(resumed.contains(&format!("Last run with something left: {killed} (20")), "{resumed}");
    // Now every run is complete.
    let (_, nothing) = place.run(&["resume", "--headless"], 2);
    assert!(nothing.contains("no saved run has anything left to run"), "{nothing}");
    // A named run needs no explanation.
    assert!(!place.run(&["report", killed], 0).1.contains("Last run"));
}

#[test]
fn a_url_alone_resumes_the_last_incomplete_run_there() {
    let (place, server) = killed();
    let (_, resumed) = place.run(&["resume", &server.url(), "--headless"], 0);
    assert!(resumed.contains("Last run with something left: ts-"), "{resumed}");
}

#[test]
fn without_saved_runs_there_is_no_last_one() {
    let place = Place::with(&suite(&["First"], ""));
    for (args, expected) in
        [(["report", "--json"], "no runs are saved yet"), (["resume", "--headless"], "no saved run has anything left")]
    {
        let (_, why) = place.run(&args, 2);
        assert!(why.contains(expected), "{why}");
    }
}
