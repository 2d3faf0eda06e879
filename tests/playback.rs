//! Saved runs on the screen: looked at, and played again.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use support::dashboard::{Dashboard, suite};
use support::place::{Place, server};

/// A run of two cases that is kept.
fn kept() -> Place {
    let (place, server) = (Place::with(&suite(&["First", "Second"], "")), server());
    place.run(&[&server.url(), "--export", "live.json"], 0);
    place
}

fn look(place: &Place, args: &[&str]) -> Dashboard {
    let state = place.state.path().to_str().unwrap();
    Dashboard::start_with(&suite(&["Other"], ""), args, &[("XDG_STATE_HOME", state)], (140, 40))
}

#[test]
fn an_open_run_shows_what_was_measured_exports_it_and_measures_nothing() {
    let place = kept();
    let before = std::fs::read(place.journal().unwrap()).unwrap();
    let mut screen = look(&place, &["open", "last"]);
    screen.wait_for_text("saved run, 20");
    screen.wait_for_text("finished  2/2");
    screen.wait_for_text("one two three");
    screen.send("j");
    screen.wait_for_line("Second", "done");
    for key in [" ", "p", "x", "r", "R"] {
        screen.send(key);
        screen.wait_for_text("This is a saved run: nothing is measured");
    }
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("q");
    let (ended, folder, _) = screen.end_with_folder();
    assert_eq!(ended.status, 0, "{}", ended.text);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    assert_eq!(markdown, place.run(&["report", "last"], 0).0);
    assert!(!folder.path().join("r.json").exists(), "what was not asked for is not written");
    assert_eq!(std::fs::read(place.journal().unwrap()).unwrap(), before);
    assert!(place.journal().is_some(), "there is no second one");
}

#[test]
fn a_replay_goes_through_the_run_to_its_end_and_stays_there() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    // The simulator takes its time, and the replay a hundred times that: it is seen on its way.
    place.run(&["--demo"], 0);
    let mut screen = look(&place, &["replay", "last", "--speed", "0.01"]);
    screen.wait_for_text("replay 1/100×");
    screen.wait_for_text("running");
    screen.send(" ");
    screen.wait_for_text("replay paused");
    screen.send("]");
    screen.wait_for_text("finished  2/2");
    screen.send("[");
    screen.wait_for("not finished", |s| !s.contents().contains("finished"));
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

#[test]
fn a_fast_replay_ends_by_itself() {
    let place = kept();
    let mut screen = look(&place, &["replay", "last", "--speed", "100"]);
    screen.wait_for_text("replay 100×");
    screen.wait_for_text("finished  2/2");
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

#[test]
fn without_a_terminal_there_is_nothing_to_look_at() {
    let place = kept();
    let (_, stderr) = place.run(&["open", "last"], 2);
    assert!(stderr.contains("a saved run is shown in a terminal; `tokscope report` writes it"), "{stderr}");
    let (_, stderr) = place.run(&["replay", "nothing-of-that-name"], 2);
    assert!(stderr.contains("terminal"), "{stderr}");
}
