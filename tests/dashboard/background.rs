//! The terminal's background: asked for at the start, and never taken for keys.

use super::Gated;
use super::support::dashboard::{Dashboard, ROOMY, suite};
use super::support::pty::wait_until;

const QUERY: &str = "\u{1b}]11;?\u{7}\u{1b}[c";
/// The background of Solarized Dark.
const DARK: &str = "\u{1b}]11;rgb:0000/2b2b/3636\u{7}";
/// The background of Solarized Light.
const LIGHT: &str = "\u{1b}]11;rgb:fdfd/f6f6/e3e3\u{1b}\\";
const ATTRIBUTES: &str = "\u{1b}[?62;22c";
/// Accents of the two themes.
const ACCENT_ON_DARK: vt100::Color = vt100::Color::Rgb(0x56, 0xc8, 0xd8);
const ACCENT_ON_LIGHT: vt100::Color = vt100::Color::Rgb(0x09, 0x69, 0xc4);

/// A dashboard with a request in flight, on a terminal with every colour.
fn start(env: &[(&str, &str)]) -> (Gated, Dashboard) {
    let gated = Gated::start(1);
    let env = [&[("COLORTERM", "truecolor")], env].concat();
    let screen = Dashboard::start_with(&suite(&["First", "Second"], ""), &[gated.url().as_str()], &env, ROOMY);
    (gated, screen)
}

fn has_colour(screen: &vt100::Screen, colour: vt100::Color) -> bool {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    (0..rows)
        .any(|row| (0..columns).any(|column| screen.cell(row, column).is_some_and(|cell| cell.fgcolor() == colour)))
}

fn wait_for_query(screen: &Dashboard) {
    wait_until("the query", || screen.raw().contains(QUERY));
}

/// Asserts that no part of a reply acted as a key, and quits. A colon would have opened the commands, which would have taken
/// every later key as text.
fn quit_unmoved(mut screen: Dashboard) {
    screen.wait_for_line("First", "answering");
    screen.send("f");
    screen.wait_for_text("FROZEN");
    let text = screen.text();
    assert!(!text.contains("Commands"), "{text}");
    screen.send("\u{3}");
    screen.wait_for_text("Quit?");
    screen.send("\u{3}");
    screen.end();
}

#[test]
fn colours_suit_the_background_that_the_terminal_reports() {
    for (reply, accent) in [(DARK, ACCENT_ON_DARK), (LIGHT, ACCENT_ON_LIGHT)] {
        let (_gated, mut screen) = start(&[]);
        wait_for_query(&screen);
        screen.send(&format!("{reply}{ATTRIBUTES}"));
        screen.wait_for("the accent", |s| has_colour(s, accent));
        quit_unmoved(screen);
    }
}

#[test]
fn without_an_answer_only_the_terminals_own_text_colour_is_used() {
    for reply in ["", ATTRIBUTES] {
        let (_gated, mut screen) = start(&[]);
        wait_for_query(&screen);
        screen.send(reply);
        screen.wait_for_line("First", "answering");
        screen.wait_for("no colour", |s| !has_colour(s, ACCENT_ON_DARK) && !has_colour(s, ACCENT_ON_LIGHT));
        // An escape is a key after a short silence.
        screen.send("?");
        screen.wait_for_text("Keys");
        screen.send("\u{1b}");
        screen.wait_for("no help", |s| !s.contents().contains("Keys ·"));
        quit_unmoved(screen);
    }
}

#[test]
fn a_late_reply_in_two_parts_changes_the_colours_and_is_no_key() {
    let (_gated, mut screen) = start(&[]);
    screen.wait_for_line("First", "answering");
    let (start, end) = LIGHT.split_at(12);
    screen.send(start);
    screen.send(end);
    screen.wait_for("the accent", |s| has_colour(s, ACCENT_ON_LIGHT));
    // Then a second, unexpected reply.
    screen.send(ATTRIBUTES);
    quit_unmoved(screen);
}

#[test]
fn keys_typed_before_the_reply_are_not_lost() {
    let (_gated, mut screen) = start(&[]);
    wait_for_query(&screen);
    screen.send(&format!("?{DARK}{ATTRIBUTES}"));
    screen.wait_for_text("Keys");
    screen.wait_for("the accent", |s| has_colour(s, ACCENT_ON_DARK));
    screen.send("?");
    quit_unmoved(screen);
}

#[test]
fn a_terminal_that_would_print_the_query_is_not_asked() {
    for env in [("TERM", "linux"), ("NO_COLOR", "1")] {
        let (_gated, screen) = start(&[env]);
        screen.wait_for_line("First", "answering");
        assert!(!screen.raw().contains("]11;?"), "{env:?}");
        quit_unmoved(screen);
    }
}
