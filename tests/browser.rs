//! The browser of saved runs in a pseudo-terminal.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use std::path::PathBuf;

use support::dashboard::suite;
use support::place::{Place, kill, server, stalling, wait_for_attempts};
use support::pty::{Pty, wait_until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_tokscope");
const ENTER: &str = "\r";
const ESC: &str = "\u{1b}";

/// Three saved runs, which tell themselves apart by their suites.
fn three_runs() -> Place {
    let server = server();
    let place = Place::with(&suite(&["First", "Second"], ""));
    for name in ["Alpha", "Beta", "Gamma"] {
        let text = suite(&["First", "Second"], "").replace("name = \"Small\"", &format!("name = \"{name}\""));
        std::fs::write(place.folder.path().join("cases.toml"), text).unwrap();
        place.run(&[&server.url(), "--repeat", "2"], 0);
    }
    place
}

fn start(place: &Place, args: &[&str], (cols, rows): (u16, u16)) -> Pty {
    let state = place.state.path().to_str().unwrap();
    Pty::start(PROGRAM, args, place.folder.path(), &[("XDG_STATE_HOME", state)], cols, rows)
}

/// Journals of the saved runs, oldest first.
fn journals(place: &Place) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(place.runs()).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn runs_are_filtered_opened_compared_exported_and_deleted() {
    let place = three_runs();
    let mut screen = start(&place, &["runs"], (148, 50));
    screen.wait_for_text("3 runs");
    screen.wait_for("all suites", |s| ["Alpha", "Beta", "Gamma"].iter().all(|name| s.contents().contains(name)));
    // The report of the newest run.
    screen.wait_for_text("$ tokscope http://");
    screen.send("/beta");
    screen.wait_for("one run left", |s| !s.contents().contains("Alpha") && s.contents().contains("1 of 3 runs"));
    screen.send(ENTER);
    screen.wait_for_text("filter: beta");
    // Opens in the dashboard and comes back.
    screen.send(ENTER);
    screen.wait_for_text("saved run, 20");
    screen.send("q");
    screen.wait_for_text("filter: beta");
    screen.send("e");
    screen.wait_for_text("Report written to 'tokscope-lone-model-");
    screen.send(ESC);
    screen.wait_for_text("Gamma");
    // Compares the newest run with the oldest.
    screen.send("g G");
    screen.send(" c");
    screen.wait_for_text("share of requests, by");
    screen.wait_for("both letters", |s| s.contents().contains("━━━ A") && s.contents().contains("━ ━ B"));
    screen.send(ESC);
    screen.wait_for_text("saved runs");
    // Deletes the oldest run, after asking.
    let before = journals(&place);
    screen.send("d");
    screen.wait_for_text("This cannot be undone");
    screen.send("n");
    screen.wait_for("the list", |s| !s.contents().contains("This cannot be undone"));
    assert_eq!(journals(&place), before);
    screen.send("d");
    screen.wait_for_text("This cannot be undone");
    screen.send("y");
    screen.wait_for_text("Deleted ts-");
    assert_eq!(journals(&place), before[1..]);
    screen.send("q");
    assert_eq!(screen.end().status, 0);
    let exported = std::fs::read_dir(place.folder.path()).unwrap().map(|file| file.unwrap().file_name());
    assert!(exported.into_iter().any(|name| name.to_string_lossy().starts_with("tokscope-lone-model-")));
}

#[test]
fn a_running_run_is_not_deleted_and_a_broken_one_has_its_reason() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    let running = journals(&place);
    std::fs::write(place.runs().join("ts-1.jsonl"), "not a journal\n").unwrap();
    let mut screen = start(&place, &["runs"], (100, 30));
    screen.wait_for_text("running");
    screen.wait_for_text("ts-1: ");
    screen.send("d");
    screen.wait_for_text("is still running and cannot be deleted");
    screen.send("jd");
    screen.wait_for_text("This cannot be undone");
    screen.send("y");
    screen.wait_for_text("Deleted ts-1");
    assert_eq!(journals(&place), running);
    kill(child);
    drop(hold);
    // The lock has ended with the process.
    screen.send("r");
    screen.wait_for_text("unfinished");
    screen.send("d");
    screen.wait_for_text("This cannot be undone");
    screen.send("y");
    screen.wait_for_text("No saved runs yet");
    screen.send("q");
    assert_eq!(screen.end().status, 0);
}

#[test]
fn a_run_that_another_process_resumes_meanwhile_is_not_deleted() {
    let place = Place::with(&suite(&["First"], ""));
    place.run(&[&server().url()], 0);
    let mut screen = start(&place, &["runs"], (100, 30));
    screen.wait_for_text("complete");
    let journal = std::fs::File::open(place.journal().unwrap()).unwrap();
    rustix::fs::flock(&journal, rustix::fs::FlockOperation::LockExclusive).unwrap();
    screen.send("dy");
    screen.wait_for_text("was not deleted: it is still running");
    assert!(place.journal().is_some());
    screen.send("q");
    assert_eq!(screen.end().status, 0);
}

#[test]
fn compare_is_a_screen_on_a_terminal_and_text_in_a_pipe() {
    let place = three_runs();
    let ids: Vec<String> =
        journals(&place).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let args = ["compare", &ids[0], &ids[2]];
    let mut screen = start(&place, &args, (120, 40));
    screen.wait_for_text("share of requests, by");
    screen.wait_for_text(&format!("A  {}", ids[0]));
    screen.send("?");
    screen.wait_for_text("Chart of the next metric");
    screen.send("qq");
    assert_eq!(screen.end().status, 0);
    let (text, _) = place.run(&args, 0);
    assert!(text.contains("Figures are means") && !text.contains('\u{1b}'), "{text}");
    let screen = start(&place, &["compare", &ids[0], "nothing"], (120, 40));
    let ended = screen.end();
    assert_eq!((ended.status, ended.text.contains("no run 'nothing'")), (2, true), "{}", ended.text);
}

#[test]
fn signals_and_a_lost_terminal_end_the_browser_and_its_dashboard() {
    let place = three_runs();
    for in_dashboard in [false, true] {
        let start = || {
            let mut screen = start(&place, &["runs"], (100, 30));
            screen.wait_for_text("3 runs");
            if in_dashboard {
                screen.send(ENTER);
                screen.wait_for_text("saved run, 20");
            }
            screen
        };
        let screen = start();
        screen.signal("TERM");
        assert_eq!(screen.end().status, 130);
        assert_eq!(start().hang_up(), 130);
    }
}

#[test]
fn the_folder_is_read_again_on_demand() {
    let place = three_runs();
    let mut screen = start(&place, &["runs"], (100, 30));
    screen.wait_for_text("3 runs");
    for path in journals(&place) {
        std::fs::remove_file(path).unwrap();
    }
    wait_until("an empty folder", || journals(&place).is_empty());
    screen.send("r");
    screen.wait_for_text("No saved runs yet");
    screen.send("q");
    assert_eq!(screen.end().status, 0);
}
