//! Working in the table of cases.

use super::support::dashboard::{Dashboard, suite};
use super::support::server::Server;

/// Cases in the order of their rows.
fn order(screen: &vt100::Screen) -> Vec<String> {
    let text = screen.contents();
    let rows = text.lines().filter(|line| line.contains("done"));
    rows.filter_map(|line| ["First", "Second", "Third"].into_iter().find(|name| line.contains(name)))
        .map(str::to_owned)
        .collect()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the server takes time to decode")]
fn cases_are_sorted_unfolded_and_compared() {
    // Tokens of the answers in the order of the requests. The fourth is the rerun.
    const TOKENS: [usize; 4] = [5, 2, 9, 3];
    let server = Server::start(&["m"], |mut request| {
        // Simulates time to decode. An answer faster than any model would have no decode speed to compare.
        std::thread::sleep(std::time::Duration::from_millis(5));
        request.token(&format!("reply-{} ", request.number));
        request.finish(TOKENS[request.number]);
    });
    let mut screen = Dashboard::start_with(&suite(&["First", "Second", "Third"], ""), &[&server.url()], &[], (200, 60));
    screen.wait_for_text("finished  3/3");

    // Sort by name, state, TTFT, speed, tokens.
    screen.send("sssss");
    screen.wait_for_text("Tokens↑");
    screen.wait_for("the fewest tokens first", |s| order(s) == ["Second", "First", "Third"]);
    screen.send("S");
    screen.wait_for("the most tokens first", |s| order(s) == ["Third", "First", "Second"]);
    // The selection follows the order of the rows.
    screen.send("G");
    screen.wait_for_line("Answer", "Second");
    screen.wait_for_text("reply-1");

    screen.send("r");
    screen.wait_for_line("Answer", "attempt 2 of 2");
    screen.wait_for_line("Second", "2×");
    screen.wait_for_text("reply-3");
    screen.send("lj");
    screen.wait_for_line("Second", "▾2×");
    screen.wait_for_line("▸✓ ├ 1", "done");
    screen.wait_for_line("Answer", "attempt 1 of 2");
    screen.wait_for_text("reply-1");
    screen.send("j");
    screen.wait_for_line("▸✓ └ 2", "done");
    screen.wait_for_text("reply-3");
    screen.send("h");
    screen.wait_for("only the case itself", |s| !s.contents().contains("├ 1"));
    screen.wait_for_line("▸✓ Second", "done");

    screen.wait_for("no difference without a baseline", |s| !s.contents().contains('Δ'));
    screen.send("b");
    screen.wait_for_text("Baseline set from 3 of 3 cases");
    screen.wait_for_text("TTFT Δbase");
    screen.wait_for_line("▸✓ Second", "≈");
    screen.send("b");
    screen.wait_for("no difference without a baseline", |s| !s.contents().contains('Δ'));

    // A key that cannot act says why, and which key would help.
    screen.send("x");
    screen.wait_for_text("'Second' is done · r rerun");
    screen.send("q");
    assert_eq!((screen.end().0.status, server.request_count()), (0, 4));
}
