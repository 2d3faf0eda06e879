//! The terminal is restored at the end, even after a panic.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

mod support;

use support::pty::Pty;
use tokscope::ui::terminal::{Terminal, install_panic_hook, print_held_back_panics};

/// Waits until the terminal has taken all output, because only then a frame is drawn.
fn idle(terminal: &mut Terminal) -> &mut Terminal {
    while !terminal.is_idle() {
        std::thread::yield_now();
    }
    terminal
}

/// Runs a test of this file as its own program in a pseudo-terminal.
fn probe(name: &str) -> Pty {
    let this = std::env::current_exe().unwrap();
    let args = ["--ignored", "--exact", "--nocapture", name];
    Pty::start(&this.to_string_lossy(), &args, &std::env::temp_dir(), &[("RUST_BACKTRACE", "0")], 80, 24)
}

#[test]
#[ignore = "panics in the terminal it runs in; the tests below run it in one of their own"]
fn panics_on_the_screens_thread() {
    install_panic_hook();
    let (mut terminal, _) = Terminal::enter(drop, None).unwrap();
    idle(&mut terminal).draw(|frame| frame.render_widget("about-to-panic", frame.area())).unwrap();
    panic!("on the screen's thread");
}

#[test]
#[ignore = "panics in the terminal it runs in; the tests below run it in one of their own"]
fn panics_on_another_thread() {
    install_panic_hook();
    let (mut terminal, _) = Terminal::enter(drop, None).unwrap();
    let other = std::thread::Builder::new().name("other".to_owned());
    let ended = other.spawn(|| panic!("on another thread")).unwrap().join();
    idle(&mut terminal).draw(|frame| frame.render_widget("still-drawing", frame.area())).unwrap();
    drop(terminal);
    print_held_back_panics(&mut std::io::stderr());
    assert!(ended.is_err());
}

#[test]
#[ignore = "panics in the terminal it runs in; the tests below run it in one of their own"]
fn panics_within_a_frame() {
    install_panic_hook();
    let (mut terminal, _) = Terminal::enter(drop, None).unwrap();
    terminal.set_mouse(true).unwrap();
    let _never = idle(&mut terminal).draw(|_| panic!("within a frame"));
}

#[test]
fn a_panic_within_a_frame_closes_frame_and_modes() {
    let ended = probe("panics_within_a_frame").end();
    assert_eq!(ended.status, 101);
    let before = ended.raw.split("within a frame").next().unwrap();
    for (on, off) in [("\u{1b}[?2026h", "\u{1b}[?2026l"), ("\u{1b}[?1000h", "\u{1b}[?1000l")] {
        // Nothing of the frame itself was written.
        assert!(before.rfind(on) < before.rfind(off), "{before:?}");
    }
    assert!(before.contains("\u{1b}[?1000h"), "{before:?}");
}

#[test]
fn a_panic_on_the_screens_thread_restores_the_terminal_and_is_shown() {
    let ended = probe("panics_on_the_screens_thread").end();
    assert_eq!(ended.status, 101);
    assert!(ended.raw.contains("about-to-panic"));
    assert!(ended.text.contains("on the screen's thread"), "{}", ended.text);
}

#[test]
fn a_panic_on_another_thread_is_shown_at_the_end() {
    let ended = probe("panics_on_another_thread").end();
    assert_eq!(ended.status, 0, "{}", ended.text);
    let (during, after) = ended.raw.split_once("still-drawing").unwrap();
    assert!(!during.contains("on another thread"));
    assert!(after.contains("on another thread"));
    assert!(ended.text.contains("thread 'other'"), "{}", ended.text);
}
