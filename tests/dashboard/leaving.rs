//! The ways out.

use super::Gated;
use super::support::dashboard::{Dashboard, statuses, suite};
use super::support::pty::Pty;

/// A run with a case in flight that never ends.
fn stuck() -> (Gated, Dashboard) {
    let gated = Gated::start(2);
    let screen = Dashboard::start(&suite(&["First", "Second"], ""), &gated.url());
    screen.wait_for_line("First", "answering");
    (gated, screen)
}

fn assert_interrupted(screen: Dashboard) {
    let (ended, report) = screen.end();
    let report = report.expect("what was measured is exported");
    assert_eq!((ended.status, &report["run"]["partial"]), (130, &true.into()));
    assert_eq!(statuses(&report, 0), ["cancelled"]);
    assert!(ended.text.contains("Report written to 'r.md'"), "{}", ended.text);
}

#[test]
fn quitting_asks_while_something_runs() {
    let (_gated, mut screen) = stuck();
    screen.send("q");
    screen.wait_for_text("1 request in flight, 1 case queued.");
    screen.send("n");
    screen.wait_for("no question", |s| !s.contents().contains("Quit?"));
    screen.send("q");
    screen.wait_for_text("Quit?");
    screen.send("y");
    assert_interrupted(screen);
}

#[test]
fn ctrl_c_twice_is_yes() {
    let (_gated, mut screen) = stuck();
    screen.send("\u{3}");
    screen.wait_for_text("Quit?");
    screen.send("\u{3}");
    assert_interrupted(screen);
}

#[test]
fn signals_end_it_as_quitting_does() {
    let mut signals = vec!["TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU"];
    if cfg!(target_os = "linux") {
        // The last is a real-time signal.
        signals.extend(["IO", "PWR", "STKFLT", "50"]);
    }
    for signal in signals {
        let (_gated, screen) = stuck();
        screen.signal(signal);
        assert_interrupted(screen);
    }
}

#[test]
fn a_signal_before_anything_was_asked_is_no_report() {
    // Nobody answers on the other side of this listener.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let screen = Dashboard::start(&suite(&["First"], ""), &format!("http://{}/v1", silent.local_addr().unwrap()));
    screen.wait_for_text("connecting");
    screen.signal("TERM");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, report), (130, None));
}

#[test]
fn suspended_and_continued_the_screen_is_back_and_the_attempt_is_marked() {
    let gated = Gated::start(1);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["First"], "")).unwrap();
    let env = [("PS1", "shell> "), ("HISTFILE", "/dev/null")];
    let mut pty = Pty::start("bash", &["--norc", "--noprofile", "-i"], folder.path(), &env, 120, 40);
    pty.wait_for_text("shell>");
    let program = env!("CARGO_BIN_EXE_tokscope");
    pty.send(&format!("'{program}' {} --export r.json\n", gated.url()));
    pty.wait_for_text("answering");
    pty.send("\u{1a}");
    pty.wait_for_text("Stopped");
    assert!(!pty.with_screen(vt100::Screen::alternate_screen));
    pty.send("fg\n");
    pty.wait_for("the screen again", |s| s.alternate_screen() && s.contents().contains("answering"));
    gated.open(0);
    pty.wait_for_text("finished  1/1");
    pty.send("q");
    pty.wait_for("the shell again", |s| !s.alternate_screen() && s.contents().contains("Report written"));
    // What is typed before the program has ended is its own, not the shell's.
    pty.wait_for("the prompt again", |s| s.contents().trim_end().ends_with("shell>"));
    pty.send("exit $?\n");
    assert_eq!(pty.end().status, 0);
    let json = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let warnings = report["cases"][0]["attempts"][0]["warnings"].to_string();
    assert!(warnings.contains("suspended"), "{warnings}");
}
