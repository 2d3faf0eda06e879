//! Ways to quit a run.

use super::Gated;
use super::support::dashboard::{Dashboard, statuses, suite};
use super::support::pty::Pty;

/// Starts a run with a request in flight that never ends.
fn with_request_in_flight() -> (Gated, Dashboard) {
    let gated = Gated::start(2);
    let screen = Dashboard::start(&suite(&["First", "Second"], ""), &gated.url());
    screen.wait_for_line("First", "answering");
    (gated, screen)
}

fn assert_interrupted(screen: Dashboard) {
    let (ended, report) = screen.end();
    let report = report.expect("measured results are exported");
    assert_eq!((ended.status, &report["run"]["partial"]), (130, &true.into()));
    assert_eq!(statuses(&report, 0), ["cancelled"]);
    assert!(ended.text.contains("Report written to 'r.md'"), "{}", ended.text);
}

#[test]
fn quitting_asks_while_something_runs() {
    let (_gated, mut screen) = with_request_in_flight();
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
fn a_second_ctrl_c_confirms_quitting() {
    let (_gated, mut screen) = with_request_in_flight();
    screen.send("\u{3}");
    screen.wait_for_text("Quit?");
    screen.send("\u{3}");
    assert_interrupted(screen);
}

#[test]
fn a_second_ctrl_c_ends_the_run_with_an_overlay_open() {
    for (open, sign) in
        [("?", "esc close"), ("v", "esc close"), (":", "enter run"), ("/", "enter keep"), ("t", "Themes")]
    {
        let (_gated, mut screen) = with_request_in_flight();
        screen.send(open);
        screen.wait_for_text(sign);
        screen.send("\u{3}");
        screen.wait_for_text("Quit?");
        screen.send("\u{3}");
        assert_interrupted(screen);
    }
}

#[test]
fn signals_end_the_run_like_quitting() {
    let mut signals = vec!["TERM", "HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "VTALRM", "PROF", "XCPU"];
    if cfg!(target_os = "linux") {
        // The last one is a real-time signal.
        signals.extend(["IO", "PWR", "STKFLT", "50"]);
    }
    for signal in signals {
        let (_gated, screen) = with_request_in_flight();
        screen.signal(signal);
        assert_interrupted(screen);
    }
}

#[test]
fn a_signal_before_the_first_request_writes_no_report() {
    // This listener never responds.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let screen = Dashboard::start(&suite(&["First"], ""), &format!("http://{}/v1", silent.local_addr().unwrap()));
    screen.wait_for_text("connecting");
    screen.signal("TERM");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, report), (130, None));
}

#[test]
fn suspending_restores_the_screen_and_marks_the_attempt() {
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
    // Keys typed before the program has ended belong to the program, not to the shell.
    pty.wait_for("the prompt again", |s| s.contents().trim_end().ends_with("shell>"));
    pty.send("exit $?\n");
    assert_eq!(pty.end().status, 0);
    let json = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&json).unwrap();
    let warnings = report["cases"][0]["attempts"][0]["warnings"].to_string();
    assert!(warnings.contains("suspended"), "{warnings}");
}
