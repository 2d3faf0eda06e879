//! Themes, ASCII mode and the config file, as a terminal shows them.

use super::Gated;
use super::support::dashboard::{Dashboard, ROOMY, suite};
use super::support::pty::Pty;

/// Starts a run with a request in flight and this config file.
fn configured(config: &str, args: &[&str], env: &[(&str, &str)]) -> (Gated, Dashboard, tempfile::TempDir) {
    let gated = Gated::start(1);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("my.toml");
    std::fs::write(&file, config).unwrap();
    let url = gated.url();
    let args = [&[url.as_str(), "--config", file.to_str().unwrap()], args].concat();
    let screen = Dashboard::start_with(&suite(&["First", "Second"], ""), &args, env, ROOMY);
    (gated, screen, folder)
}

fn quit(mut screen: Dashboard) -> String {
    screen.send("\u{3}");
    screen.wait_for_text("Quit?");
    screen.send("\u{3}");
    screen.end().0.raw
}

/// Background colour of the cell in the middle.
fn background(screen: &vt100::Screen) -> vt100::Color {
    screen.cell(20, 60).map_or(vt100::Color::Default, vt100::Cell::bgcolor)
}

#[test]
fn a_config_file_sets_keys_and_theme() {
    let config = "theme = \"light\"\n[keys]\nhold = [\"B\"]\n";
    let (_gated, mut screen, _folder) = configured(config, &[], &[("COLORTERM", "truecolor")]);
    screen.wait_for_line("First", "answering");
    screen.wait_for("the background of the theme", |s| background(s) == vt100::Color::Rgb(255, 255, 255));
    // The footer shows the configured key.
    screen.wait_for_line("B hold", "quit");
    screen.send(" ");
    screen.send("B");
    screen.wait_for_text("held");
    screen.wait_for_line("B resume", "quit");
    quit(screen);
}

#[test]
fn the_list_of_themes_shows_each_and_esc_restores_the_one_before() {
    let home = tempfile::tempdir().unwrap();
    let themes = home.path().join("tokscope/themes");
    std::fs::create_dir_all(&themes).unwrap();
    std::fs::write(themes.join("mine.toml"), "inherits = \"dark\"\nbackground = 17\n").unwrap();
    let (_gated, mut screen, _folder) = configured("", &[], &[("XDG_CONFIG_HOME", home.path().to_str().unwrap())]);
    screen.wait_for_line("First", "answering");
    assert_eq!(screen.with_screen(background), vt100::Color::Default);
    screen.send("t");
    screen.wait_for_line("> auto", "suits the terminal's background");
    // The nearest of the 256 colours that this terminal has.
    for (name, expected) in [
        ("dark", vt100::Color::Idx(233)),
        ("light", vt100::Color::Idx(231)),
        ("high-contrast", vt100::Color::Idx(16)),
        ("mono", vt100::Color::Default),
        ("mine", vt100::Color::Idx(17)),
    ] {
        screen.send("j");
        screen.wait_for_text(&format!("> {name}"));
        screen.wait_for(name, |s| background(s) == expected);
    }
    screen.send("\u{1b}");
    screen.wait_for("no list", |s| !s.contents().contains("> mine"));
    screen.wait_for("the theme before", |s| background(s) == vt100::Color::Default);
    // The key of the list also moves on in it.
    screen.send("tt\r");
    screen.wait_for_text("Theme: dark");
    screen.wait_for("dark", |s| background(s) == vt100::Color::Idx(233));
    quit(screen);
}

#[test]
fn without_utf_8_only_ascii_is_written() {
    for (args, env) in
        [(&[][..], [("LC_ALL", ""), ("LANG", "C")]), (&["--ascii"], [("LANG", "C.UTF-8"), ("LC_ALL", "")])]
    {
        let (_gated, mut screen, _folder) = configured("", args, &env);
        screen.wait_for_line("First", "answering");
        screen.send("?");
        screen.wait_for_text("Keys");
        screen.send("?");
        let raw = quit(screen);
        // Text printed after leaving the dashboard does not count.
        let drawn = raw.split("\u{1b}[?1049l").next().unwrap();
        let beyond: String = drawn.chars().filter(|c| !c.is_ascii()).collect();
        assert!(drawn.contains("First") && beyond.is_empty(), "{beyond:?}");
    }
}

#[test]
fn with_reduced_motion_keys_are_answered() {
    let (_gated, mut screen, _folder) = configured("reduced_motion = true", &[], &[]);
    screen.wait_for_line("First", "answering");
    screen.send("f");
    screen.wait_for_text("FROZEN");
    quit(screen);
}

#[test]
fn a_key_bound_twice_is_rejected_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("my.toml"), "theme = \"dark\"\n[keys]\nhold = [\"j\"]\n").unwrap();
    let args = ["--demo", "--config", "my.toml"];
    let pty = Pty::start(env!("CARGO_BIN_EXE_tokscope"), &args, folder.path(), &[], 120, 40);
    let ended = pty.end();
    assert_eq!(ended.status, 2);
    let line = "tokscope: my.toml:3:9: 'j' of 'hold' is already bound to 'next' (panes); rebind that action, or unbind it: next = []";
    assert!(ended.text.contains(line), "{}", ended.text);
    assert!(!ended.raw.contains("\u{1b}[?1049h"), "the screen was never taken over");
}

#[test]
fn printing_starts_no_run_and_a_closed_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("no-config/tokscope");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "theme = \"mono\"\n").unwrap();
    let program = env!("CARGO_BIN_EXE_tokscope");
    for (args, expected) in [
        ("--print-config", "line 1; auto, dark, light, high-contrast, mono"),
        ("--print-keys", "Hold the run (requests in flight finish)"),
        ("completions bash", "complete -F _tokscope"),
        ("man", ".TH tokscope 1"),
    ] {
        let line = format!("set -o pipefail; '{program}' {args} | cat && '{program}' {args} | true && echo fine");
        let ended = Pty::start("bash", &["-c", &line], folder.path(), &[], 160, 400).end();
        assert_eq!(ended.status, 0, "{}", ended.text);
        assert!(ended.text.contains(expected) && ended.text.contains("fine"), "{args}: {}", ended.text);
    }
}
