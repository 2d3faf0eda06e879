//! Keys that control the run.

use super::Gated;
use super::support::dashboard::{Dashboard, statuses, suite};
use super::support::server::Server;

const THREE: [&str; 3] = ["First", "Second", "Third"];

#[test]
fn hold_lets_requests_in_flight_end_and_starts_none() {
    let gated = Gated::start(1);
    let mut screen = Dashboard::start(&suite(&THREE, ""), &gated.url());
    screen.wait_for_line("First", "answering");
    screen.send(" ");
    screen.wait_for_text("held  1 request finishing");
    gated.open(0);
    screen.wait_for_line("First", "done");
    screen.wait_for_line("held  1/3", "0:");
    screen.wait_for_line("Second", "queued");
    assert_eq!(gated.server.request_count(), 1);
    screen.send(" ");
    screen.wait_for_text("finished  3/3");
    screen.send("q");
    let (ended, report) = screen.end();
    assert_eq!((ended.status, &report.unwrap()["run"]["partial"]), (0, &false.into()));
}

#[test]
fn a_pause_discards_the_attempt_and_resuming_measures_a_new_one() {
    let gated = Gated::start(2);
    let mut screen = Dashboard::start(&suite(&THREE[..2], ""), &gated.url());
    screen.wait_for_line("First", "answering");
    screen.send("p");
    screen.wait_for_line("First", "paused");
    // The slot is free for the next case.
    screen.wait_for_line("Second", "answering");
    // The selection has moved to the running case.
    screen.send("gp");
    screen.wait_for_line("First", "queued");
    gated.open(1);
    screen.wait_for_text("finished  2/2");
    screen.send("q");
    let (ended, report) = screen.end();
    let report = report.unwrap();
    assert_eq!((ended.status, statuses(&report, 0)), (0, vec!["cancelled".to_owned(), "ok".to_owned()]));
    assert_eq!(report["cases"][0]["attempts"][1]["number"], 2);
    assert_eq!((statuses(&report, 1), gated.server.request_count()), (vec!["ok".to_owned()], 3));
}

#[test]
fn a_cancelled_case_ends_and_the_run_continues() {
    let gated = Gated::start(1);
    let mut screen = Dashboard::start(&suite(&THREE, ""), &gated.url());
    screen.wait_for_line("First", "answering");
    // The selection follows the running case. Cancel the waiting last case first, then the running one.
    screen.send("Gx");
    screen.wait_for_line("Third", "cancelled");
    screen.send("gx");
    screen.wait_for_line("First", "cancelled");
    screen.wait_for_text("finished  2 cancelled  1/3");
    screen.send("q");
    let (ended, report) = screen.end();
    let report = report.unwrap();
    assert_eq!((ended.status, gated.server.request_count()), (1, 2));
    assert_eq!([0, 1, 2].map(|case| statuses(&report, case).join(" ")), ["cancelled", "ok", ""]);
}

#[test]
fn reruns_add_attempts_and_keep_earlier_ones() {
    // The second answer is cut off.
    let server = Server::start(&["m"], |mut request| {
        request.token("word");
        if request.number != 1 {
            request.finish(1);
        }
    });
    let mut screen = Dashboard::start(&suite(&THREE, ""), &server.url());
    screen.wait_for_text("finished  1 failed  3/3");
    screen.wait_for_line("Second", "cut off");
    screen.send("gr");
    screen.wait_for_line("finished  1 failed  4/4", "0:");
    screen.send("R");
    screen.wait_for_line("Second", "done");
    screen.wait_for_text("finished  5/5");
    // No case is failed any more, so the key does nothing.
    screen.send("R");
    let report = screen.export_json();
    assert_eq!([0, 1, 2].map(|case| statuses(&report, case).join(" ")), ["ok ok", "truncated ok", "ok"]);
    screen.send("q");
    assert_eq!((screen.end().0.status, server.request_count()), (0, 5));
}

#[test]
fn a_frozen_screen_does_not_stop_the_measurement() {
    let gated = Gated::start(1);
    let mut screen = Dashboard::start(&suite(&THREE, ""), &gated.url());
    screen.wait_for_line("First", "answering");
    screen.send("f");
    screen.wait_for_text("FROZEN at 0:");
    gated.open(0);
    // An export shows what was measured behind the frozen screen.
    while screen.export_json()["run"]["partial"] == true {}
    assert!(
        screen.text().lines().any(|line| line.contains("First") && line.contains("answering")),
        "{}",
        screen.text()
    );
    screen.send("f");
    screen.wait_for_text("finished  3/3");
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}
