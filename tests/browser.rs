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
    // Deletes the oldest run, after asking. Two runs are still marked.
    screen.wait_for_text("2 marked");
    screen.send("aa");
    screen.wait_for("no marks", |s| !s.contents().contains("marked"));
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
fn a_finished_run_is_complete_while_its_dashboard_is_open() {
    let place = Place::with(&suite(&["First"], ""));
    let server = server();
    let mut dashboard = start(&place, &[&server.url()], (100, 30));
    dashboard.wait_for_text("finished");
    wait_until("a finished journal", || place.run(&["runs"], 0).0.contains("complete"));
    let (list, _) = place.run(&["runs"], 0);
    assert!(!list.contains("running"), "{list}");
    let (_, stderr) = place.run(&["report", "last"], 0);
    assert!(!stderr.contains("in progress") && !stderr.contains("interrupted"), "{stderr}");
    dashboard.send("q");
    assert_eq!(dashboard.end().status, 0);
}

#[test]
fn the_report_of_a_running_run_does_not_call_it_interrupted() {
    let place = Place::with(&suite(&["First", "Second"], ""));
    let (server, hold) = stalling(1);
    let child = place.command(&[&server.url()]).spawn().unwrap();
    wait_for_attempts(&place, 1);
    let mut screen = start(&place, &["runs"], (140, 40));
    screen.wait_for_text("running");
    screen.wait_for_text("still in progress");
    let (report, _) = place.run(&["report", "last"], 0);
    for text in [report, screen.with_screen(vt100::Screen::contents)] {
        assert!(!text.contains("interrupted") && !text.contains("cancelled"), "{text}");
    }
    screen.send("q");
    assert_eq!(screen.end().status, 0);
    kill(child);
    drop(hold);
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
    screen.wait_for_text("was not deleted: another tokscope still has it open");
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

#[test]
fn marked_runs_are_deleted_together() {
    let place = three_runs();
    let mut screen = start(&place, &["runs"], (120, 40));
    screen.wait_for_text("3 runs");
    // A filter and "mark all" select the old runs.
    screen.send("/a");
    screen.send(ENTER);
    screen.send("a ");
    screen.wait_for_text("2 marked");
    screen.send("d");
    screen.wait_for_text("Delete these 2 runs?");
    let newest = journals(&place).pop().unwrap();
    screen.send("y");
    screen.wait_for_text("Deleted 2 runs");
    assert_eq!(journals(&place), [newest]);
    // Ctrl-C closes the help, and the second one ends the program.
    screen.send("?");
    screen.wait_for_text("Mark all listed runs");
    screen.send("\u{3}\u{3}");
    assert_eq!(screen.end().status, 0);
}

#[test]
fn keys_of_the_browser_come_from_the_config_file() {
    let place = three_runs();
    let config = "[keys.runs]\nfilter = [\"F\"]\nquit = \"Q\"\n";
    std::fs::write(place.folder.path().join("my.toml"), config).unwrap();
    let args = ["runs", "--config", "my.toml"];
    let mut screen = start(&place, &args, (120, 40));
    screen.wait_for("the keys of the user", |s| ["F filter", "Q quit"].iter().all(|key| s.contents().contains(key)));
    screen.send("Falpha");
    screen.wait_for_text("1 of 3 runs");
    screen.send(ENTER);
    screen.send("q");
    screen.send("Q");
    assert_eq!(screen.end().status, 0);
    let (keys, _) = place.run(&["runs", "--config", "my.toml", "--print-keys"], 0);
    assert!(keys.lines().any(|line| line.starts_with("filter ") && line.contains(" F ")), "{keys}");
    let (settings, _) = place.run(&["runs", "--config", "my.toml", "--print-config"], 0);
    assert!(settings.contains("[keys.runs]") && settings.contains("filter = [\"F\"]"), "{settings}");
    std::fs::write(place.folder.path().join("my.toml"), "[keys.runs]\nopen = \"d\"\n").unwrap();
    let (_, why) = place.run(&args, 2);
    assert!(why.contains("my.toml:2: 'd' of 'open' is already bound to 'delete' (list)"), "{why}");
}

#[test]
fn a_run_of_selected_cases_names_its_patterns() {
    let (place, server) = (Place::with(&suite(&["First", "Second"], "")), server());
    place.run(&[&server.url(), "--case", "sec"], 0);
    let (table, _) = place.run(&["runs"], 0);
    assert!(table.contains("Small (--case sec)"), "{table}");
    let (json, _) = place.run(&["runs", "--json"], 0);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let run = &json[0];
    assert_eq!((&run["suite"], &run["case_patterns"]), (&"Small".into(), &serde_json::json!(["sec"])));
    let mut screen = start(&place, &["runs"], (200, 40));
    screen.wait_for_text(" · --case sec · ");
    screen.send(ENTER);
    screen.wait_for_text("Cases · Small (--case sec)");
    screen.send("qq");
    assert_eq!(screen.end().status, 0);
}

#[test]
fn named_runs_are_deleted_after_a_question() {
    let place = three_runs();
    let all = journals(&place);
    let id = |at: usize| all[at].file_stem().unwrap().to_str().unwrap().to_owned();
    // A pipe cannot ask, and an unknown run deletes nothing.
    let (_, why) = place.run(&["runs", "--delete", &id(0)], 2);
    assert!(why.contains("pass --yes"), "{why}");
    place.run(&["runs", "--yes", "--delete", &id(0), "nothing"], 2);
    assert_eq!(journals(&place), all);
    let (_, said) = place.run(&["runs", "--yes", "--delete", &id(0), &id(0)], 0);
    assert!(said.contains(&id(0)) && said.contains("Deleted 1 run."), "{said}");
    assert_eq!(journals(&place), all[1..]);
    let mut screen = start(&place, &["runs", "--delete", "last", &id(1)], (100, 30));
    screen.wait_for_text("Delete 2 runs? This cannot be undone. [y/N]");
    screen.send("what\n");
    screen.wait_for_text("'what' is not a choice. Type y to delete, n to keep.");
    screen.send("y\n");
    let ended = screen.end();
    assert!(ended.text.contains("Deleted 2 runs."), "{}", ended.text);
    assert!(journals(&place).is_empty());
}
