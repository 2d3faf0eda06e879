//! Saved runs on the screen: opened and replayed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use serde_json::{Value, json};
use support::dashboard::{Dashboard, suite};
use support::place::{Place, kill, server, stalling, wait_for_attempts};

/// A saved run of two cases.
fn saved_run() -> Place {
    let (place, server) = (Place::with(&suite(&["First", "Second"], "")), server());
    place.run(&[&server.url(), "--export", "live.json"], 0);
    place
}

fn open_screen(place: &Place, args: &[&str]) -> Dashboard {
    let state = place.state.path().to_str().unwrap();
    Dashboard::start_with(&suite(&["Other"], ""), args, &[("XDG_STATE_HOME", state)], (140, 40))
}

#[test]
fn an_open_run_is_shown_and_exported_and_measures_nothing() {
    let place = saved_run();
    let before = std::fs::read(place.journal().unwrap()).unwrap();
    let mut screen = open_screen(&place, &["open", "last"]);
    screen.wait_for_text("saved run, 20");
    screen.wait_for_text("finished  2/2");
    screen.wait_for_text("one two three");
    // In the answer pane, and back to the cases.
    screen.send("2d");
    screen.wait_for_text("Saved runs do not store their requests.");
    screen.send("d1");
    screen.wait_for_text("one two three");
    screen.send("j");
    screen.wait_for_line("Second", "done");
    for key in [" ", "p", "x", "r", "R"] {
        screen.send(key);
        screen.wait_for_text("Not available in a saved run");
    }
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("q");
    let (ended, folder, _) = screen.end_with_folder();
    assert_eq!(ended.status, 0, "{}", ended.text);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert_eq!(markdown, place.run(&["report", "last"], 0).0);
    assert!(!folder.path().join("r.json").exists(), "no other export is written");
    assert_eq!(std::fs::read(place.journal().unwrap()).unwrap(), before);
    assert!(place.journal().is_some(), "there is no second journal");
}

#[test]
fn a_replay_runs_to_the_end_and_stays_there() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    // The simulator takes its time, and the replay takes a hundred times as long, so that its progress can be seen.
    place.run(&["--demo"], 0);
    let mut screen = open_screen(&place, &["replay", "last", "--speed", "0.01"]);
    screen.wait_for_text("replay 1/100×");
    screen.wait_for_text("running");
    screen.send(" ");
    screen.wait_for_text("replay stopped");
    screen.wait_for_text("space play  [ ] skip 5 s  < > speed");
    screen.send("]");
    screen.wait_for_text("finished  2/2");
    screen.send("[");
    screen.wait_for("not finished", |s| !s.contents().contains("finished"));
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

/// Appends to a journal that the first case was rerun two minutes later, which took ten seconds.
fn rerun_late(place: &Place) {
    let path = place.journal().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_first = |l: &&Value| l["type"] == "attempt" && l["record"]["id"]["case"] == 0;
    let mut rerun = lines.iter().find(is_first).unwrap().clone();
    let end = lines.last().unwrap()["at"].as_u64().unwrap();
    let after_s = |s: u64| end + s * 1_000_000_000;
    let (requested, over) = (after_s(120), after_s(130));
    rerun["at"] = over.into();
    rerun["record"]["id"]["number"] = 2.into();
    rerun["record"]["started"] = requested.into();
    rerun["record"]["ended"] = over.into();
    rerun["record"]["arrivals"]["ns"][0] = requested.into();
    let added = [
        json!({ "type": "case_rerun", "at": requested, "case": 0 }),
        json!({ "type": "started", "at": requested, "case": 0, "number": 2 }),
        rerun,
        json!({ "type": "finished", "at": over }),
        json!({ "type": "end", "at": after_s(131), "status": 0 }),
    ];
    // The type is the first field of a line.
    let line = |value: &Value| {
        let mut fields = value.as_object().unwrap().clone();
        let kind = fields.remove("type").unwrap();
        format!("{{\"type\":{kind},{}", serde_json::to_string(&fields).unwrap().trim_start_matches('{'))
    };
    let added: Vec<String> = added.iter().map(line).collect();
    std::fs::write(&path, text + &added.join("\n") + "\n").unwrap();
}

#[test]
fn idle_time_before_a_late_rerun_is_skipped() {
    let place = saved_run();
    rerun_late(&place);
    let mut screen = open_screen(&place, &["replay", "last", "--speed", "0.01"]);
    // The skipped two minutes take one second at any speed.
    screen.wait_for_text("2:00 skipped: finished");
    screen.send(" ");
    screen.wait_for_text("replay stopped");
    // In a step, skipped time counts as one second too.
    screen.send("[");
    screen.wait_for("before the rerun", |s| !s.contents().contains("attempt 2 of 2"));
    screen.send("]");
    screen.wait_for_text("attempt 2 of 2");
    screen.send("]]");
    screen.wait_for_text("finished  3/3");
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
    // Skipped time does not count in the run's other times.
    let markdown = place.run(&["report", "last"], 0).0;
    let wall = markdown.lines().find(|l| l.starts_with("| Wall Time |")).unwrap();
    assert!(wall.contains("| 10.") && wall.ends_with("s |"), "{wall}");
    let runs = place.run(&["runs"], 0).0;
    assert!(runs.contains("2/2 ok  10."), "{runs}");
}

#[test]
fn years_before_a_resumption_are_skipped() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    // Otherwise the gated request would be the first one after resuming.
    while server.request_count() < 2 {
        std::thread::yield_now();
    }
    kill(child);
    drop(hold);
    place.run(&["resume", "last", "--headless"], 0);
    let path = place.journal().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, after) = text.split_once("\"resumption\"").unwrap();
    let (between, epoch) = after.split_once("\"epoch\":\"").unwrap();
    let (year, rest) = epoch.split_at(4);
    // Four years, so that the date exists even on 29 February.
    let year = year.parse::<u32>().unwrap() + 4;
    std::fs::write(&path, format!("{before}\"resumption\"{between}\"epoch\":\"{year}{rest}")).unwrap();
    let mut screen = open_screen(&place, &["replay", "last", "--speed", "0.01"]);
    // 1461 days.
    screen.wait_for("what was skipped", |s| {
        let text = s.contents();
        text.contains(" 35064:0") && text.contains(" skipped: tokscope was not running")
    });
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

#[test]
fn a_fast_replay_ends_by_itself() {
    let place = saved_run();
    let mut screen = open_screen(&place, &["replay", "last", "--speed", "100"]);
    screen.wait_for_text("replay 100×");
    screen.wait_for_text("finished  2/2");
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

#[test]
fn opening_a_run_needs_a_terminal() {
    let place = saved_run();
    let (_, stderr) = place.run(&["open", "last"], 2);
    assert!(stderr.contains("showing a saved run needs a terminal; write it with `tokscope report`"), "{stderr}");
    let (_, stderr) = place.run(&["replay", "nothing-of-that-name"], 2);
    assert!(stderr.contains("terminal"), "{stderr}");
}
