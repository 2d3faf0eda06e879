//! Keys that change the screen, and screens of every size and kind.

use super::Gated;
use super::support::dashboard::{Dashboard, ROOMY, suite};
use super::support::pty::Pty;
use super::support::server::Server;

const THREE: [&str; 3] = ["First", "Second", "Third"];

fn finished(suite: &str, env: &[(&str, &str)], size: (u16, u16)) -> Dashboard {
    let server = Server::start(&["m"], |mut request| request.answer(&["# Title\n\n", "Some **bold** text", "."]));
    let screen = Dashboard::start_with(suite, &[&server.url()], env, size);
    screen.wait_for_text("finished");
    screen
}

fn quit(mut screen: Dashboard) -> String {
    screen.send("q");
    let (ended, _) = screen.end();
    assert_eq!(ended.status, 0);
    ended.raw
}

#[test]
fn panes_are_selected_zoomed_and_left() {
    let mut screen = finished(&suite(&THREE, ""), &[], ROOMY);
    screen.wait_for_text("━ Cases");
    screen.send("\t");
    screen.wait_for_text("━ Answer");
    screen.send("\r");
    screen.wait_for("only the answer", |s| {
        let text = s.contents();
        text.contains("━ Answer") && !text.contains("Latency") && !text.contains("Cases ·")
    });
    screen.send("\u{1b}");
    screen.wait_for_text("Latency");
    screen.send("\u{1b}[Z");
    screen.wait_for_text("━ Cases");
    quit(screen);
}

#[test]
fn a_filter_limits_the_cases_until_it_is_cleared() {
    let mut screen = finished(&suite(&THREE, ""), &[], ROOMY);
    // The header may name the case too, as the slowest one.
    let lists = |s: &vt100::Screen, name: &str| s.contents().lines().any(|l| l.contains(name) && l.contains("done"));
    screen.send("/SEC");
    screen.wait_for("only the second", |s| s.contents().contains("/SEC") && !lists(s, "Third"));
    screen.wait_for_line("Answer", "Second");
    screen.send("\r");
    // The filter is closed for typing but stays active.
    screen.send("?");
    screen.wait_for_text("Keys");
    screen.send("?");
    screen.wait_for("closed help", |s| !s.contents().contains("Navigation") && !lists(s, "Third"));
    screen.send("\u{1b}");
    screen.wait_for_line("Third", "done");
    quit(screen);
}

#[test]
fn help_lists_the_keys_of_the_pane_and_finds_all_others() {
    let mut screen = finished(&suite(&THREE, ""), &[], ROOMY);
    screen.send("?");
    for heading in ["Keys · Cases pane", "Run", "Selected case", "Navigation", "Screen"] {
        screen.wait_for_text(heading);
    }
    screen.send("\t");
    screen.wait_for_text("All keys");
    screen.send("zoom out");
    screen.wait_for_line("-", "Zoom out");
    screen.wait_for("only what was searched", |s| !s.contents().contains("Hold the run"));
    // The screen can be repainted over the help, too.
    screen.send("\u{c}\u{1b}");
    screen.wait_for_text("All keys");
    screen.send("\u{1b}");
    screen.wait_for("no help", |s| !s.contents().contains("All keys"));
    quit(screen);
}

#[test]
fn scrolling_beyond_the_start_moves_back_at_once() {
    let lines = (0..100).map(|n| format!("line{n}")).collect::<Vec<_>>().join("\n\n");
    let server = Server::start(&["m"], move |mut request| request.answer(&[&lines]));
    let mut screen = Dashboard::start(&suite(&["Long"], ""), &server.url());
    screen.wait_for_text("line99");
    // Scrolls far beyond the start. One page down must move at once.
    screen.send(&"\u{1b}[5~".repeat(200));
    screen.wait_for_text("line0");
    screen.send("\u{1b}[6~");
    screen.wait_for("a page further", |s| !s.contents().lines().any(|l| l.trim().starts_with("line0")));
    quit(screen);
}

#[test]
fn an_answer_is_searched_folded_shown_raw_and_copied() {
    let server = Server::start(&["m"], |mut request| {
        request.send("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"Let me think.\"}}]}\n\n");
        request.answer(&["# Title\n\n", "The **race** is here", ", and a race there."]);
    });
    let args = [&*server.url(), "--header", "x-secret: canary-of-a-key"];
    let mut screen = Dashboard::start_with(&suite(&["First"], ""), &args, &[], ROOMY);
    screen.wait_for_text("finished");
    screen.send("\t\r");
    screen.wait_for_line("▸ reasoning, 3 words", "z unfolds");
    screen.send("z");
    screen.wait_for_text("Let me think.");
    // The footer shows the key's next effect.
    screen.wait_for_line("z fold", "w raw");
    screen.send("z");
    screen.wait_for_line("z unfold", "w raw");
    screen.send("/RACE");
    screen.wait_for_line("Answer", "1/2");
    screen.wait_for_text("/RACE");
    screen.send("\rn");
    screen.wait_for_line("Answer", "2/2");
    let is_reversed = |screen: &vt100::Screen| {
        let (rows, cols) = (screen.size().0.get(), screen.size().1.get());
        let cell = |row, col| screen.cell(row, col).is_some_and(|c| c.inverse() && c.contents() == "r");
        (0..rows).any(|row| (0..cols).any(|col| cell(row, col)))
    };
    screen.wait_for("the match reversed", is_reversed);
    screen.send("\u{1b}");
    screen.wait_for("no search", |s| !s.contents().contains("2/2"));
    screen.send("w");
    screen.wait_for_text("The **race** is here");
    screen.send("y");
    screen.wait_for_text("Answer sent to the terminal's clipboard: 48 characters, 3 lines");
    screen.send("d");
    screen.wait_for_line("POST http://", "/chat/completions");
    screen.wait_for_line("x-secret: (not shown)", "│");
    screen.wait_for_text("HTTP 200");
    let raw = quit(screen);
    // "# Title" in base64.
    assert!(raw.contains("\u{1b}]52;c;IyBUaXRsZ"), "{raw:?}");
    assert!(!raw.contains("canary-of-a-key"));
}

#[test]
fn many_size_changes_end_with_a_correct_screen() {
    let gated = Gated::start(1);
    let mut screen = Dashboard::start(&suite(&THREE, ""), &gated.url());
    screen.wait_for_line("First", "answering");
    let sizes = [
        (50, 10),
        (1, 1),
        (200, 60),
        (80, 24),
        (2, 50),
        (300, 3),
        (60, 16),
        (59, 16),
        (60, 15),
        (120, 40),
        (7, 7),
        (100, 20),
        (61, 17),
        (500, 100),
        (1, 60),
        (90, 30),
        (44, 44),
        (160, 16),
        (33, 9),
        (81, 25),
    ];
    for (cols, rows) in sizes {
        screen.resize(cols, rows);
    }
    for (cols, rows) in [(50, 10), (1, 1), (200, 60), (80, 24)] {
        screen.resize(cols, rows);
        match (cols, rows) {
            (50, 10) => screen.wait_for_text("tokscope needs 60×16; this is 50×10"),
            (1, 1) => screen.wait_for("one cell", |s| s.contents().chars().count() <= 1),
            _ => screen.wait_for_line("First", "answering"),
        }
    }
    gated.open(0);
    screen.wait_for_text("finished  3/3");
    // After a repaint the screen must look the same: no remains of another size.
    screen.send("f");
    screen.wait_for_text("FROZEN");
    // vt100 distinguishes blank cells from cells that were never written.
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    let before = trimmed(&screen.text());
    screen.send("\u{c}");
    screen.send("?");
    screen.wait_for_text("Keys");
    screen.send("?");
    screen.wait_for("the same screen", |s| trimmed(&s.contents()) == before);
    quit(screen);
}

#[test]
fn without_colour_bold_and_reverse_remain() {
    let mut screen = finished(&suite(&THREE, ""), &[("NO_COLOR", "1")], ROOMY);
    screen.send("f");
    screen.wait_for_text("FROZEN");
    let has = |look: fn(&vt100::Cell) -> bool| {
        screen.with_screen(|s| {
            let (rows, cols) = (s.size().0.get(), s.size().1.get());
            (0..rows).any(|row| (0..cols).any(|col| s.cell(row, col).is_some_and(look)))
        })
    };
    assert!(has(vt100::Cell::bold) && has(vt100::Cell::inverse), "{}", screen.text());
    let raw = quit(screen);
    let colours = colours(&raw);
    assert!(colours.is_empty(), "{colours:?}");
    // Checks that the check can fail.
    assert!(!self::colours(&quit(finished(&suite(&THREE, ""), &[], ROOMY))).is_empty());
}

/// Returns the parameters of `ESC [ … m` sequences that set a colour.
fn colours(raw: &str) -> Vec<String> {
    let sequence = |after: &str| {
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';' && c != ':')?;
        (after.as_bytes()[end] == b'm').then(|| after.get(..end).unwrap_or_default().to_owned())
    };
    let is_colour = |parameter: &str| {
        parameter
            .split([';', ':'])
            .filter_map(|n| n.parse().ok())
            .any(|n: u8| matches!(n, 30..=38 | 40..=48 | 90..=107))
    };
    raw.split("\u{1b}[").skip(1).filter_map(sequence).filter(|p| is_colour(p)).collect()
}

#[test]
fn piped_output_selects_headless_mode() {
    let server = Server::start(&["m"], |mut request| request.answer(&["word"]));
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&THREE, "")).unwrap();
    let line = format!("'{}' {} 2>&1 | cat", env!("CARGO_BIN_EXE_tokscope"), server.url());
    let ended = Pty::start("bash", &["-o", "pipefail", "-c", &line], folder.path(), &[], 100, 30).end();
    assert_eq!(ended.status, 0, "{}", ended.text);
    assert!(ended.text.contains("[3/3] Third") && ended.text.contains("3/3"), "{}", ended.text);
    assert!(!ended.raw.contains('\u{1b}'), "{:?}", ended.raw);
}

#[test]
fn two_hundred_cases_are_measured_and_selected() {
    let names: Vec<String> = (1..=200).map(|n| format!("Case number {n:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = Server::start(&["m"], |mut request| request.answer(&["one", " two"]));
    let args = [&server.url(), "--concurrency", "16"];
    let mut screen = Dashboard::start_with(&suite(&names, ""), &args, &[], (80, 24));
    screen.wait_for_text("finished  200/200");
    screen.send("g");
    screen.wait_for_line("▸", "Case number 001");
    screen.send("G");
    screen.wait_for_line("▸", "Case number 200");
    screen.send("k");
    screen.wait_for_line("▸", "Case number 199");
    quit(screen);
    assert_eq!(server.request_count(), 200);
}
