//! Hostile text of a server, a model and a suite that tries to control the terminal.

use super::support::dashboard::{Dashboard, suite};
use super::support::server::Server;

/// Sequences that move the cursor, hide text, set the title, write the clipboard and switch screens, also in their
/// eight-bit forms.
const ATTACKS: &str = "\u{1b}]0;owned\u{7} \u{1b}]52;c;b3duZWQ=\u{7} \u{1b}[2J\u{1b}[31mred \u{1b}[?1049l \u{1b}Pq\u{1b}\\ \
                       \u{9b}31m \u{9d}0;owned\u{9c} \u{8}\u{8}\u{8}\rback \u{202e}reversed\u{202c} \u{7f}end";

#[test]
fn nothing_a_model_writes_reaches_the_terminal_as_a_command() {
    let server = Server::start(&["m\u{1b}]0;owned\u{7}odel"], |mut request| {
        request.token("before ");
        // Includes a split in the middle of a sequence.
        let (start, rest) = ATTACKS.split_at(3);
        request.token(start);
        request.token(rest);
        request.token(&format!("\n\n```\n{ATTACKS}\n```\n\nafter"));
        if request.number == 0 {
            request.finish(4);
        } else {
            let message = serde_json::to_string(ATTACKS).unwrap();
            request.send(&format!("data: {{\"error\":{{\"message\":{message}}}}}\n\n"));
        }
    });
    let mut screen = Dashboard::start(&suite(&["First", "Second"], ""), &server.url());
    screen.wait_for_text("finished  1 failed  2/2");
    screen.send("g");
    screen.wait_for_text("after");
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("q");
    let (ended, _) = screen.end();
    assert_eq!(ended.status, 1);
    for sequence in ["\u{1b}]", "\u{1b}P", "\u{1b}[31m", "\u{9b}", "\u{9d}", "\u{7}", "\u{8}", "\u{7f}", "\u{202e}"] {
        assert!(!without_titles(&ended.raw).contains(sequence), "{sequence:?} reached the terminal");
    }
    // Only the program itself leaves the alternate screen.
    assert_eq!(ended.raw.matches("\u{1b}[?1049l").count(), 1);
    assert!(ended.raw.contains("owned"), "the text itself is shown");
}

/// Removes the query for the background and the titles that tokscope writes itself. A title with a control character in
/// it stays.
fn without_titles(raw: &str) -> String {
    let raw = raw.replacen("\u{1b}]11;?\u{7}\u{1b}[c", "", 1);
    let mut parts = raw.split("\u{1b}]2;tokscope ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('\u{7}').filter(|(title, _)| !title.chars().any(char::is_control)) {
            Some((_, rest)) => out.push_str(rest),
            None => out.extend(["\u{1b}]2;", part]),
        }
    }
    out
}

/// Returns the first terminal sequence that tokscope would not write itself.
fn foreign_sequence(raw: &str) -> Option<String> {
    let raw = without_titles(raw);
    // Colours, attributes, cursor movement, erasing, and modes: alternate screen, cursor, bracketed paste, mouse,
    // synchronised output. tokscope never queries the keyboard.
    let is_mode =
        |args: &str| ["?1049", "?25", "?2004", "?2026", "?1000", "?1002", "?1003", "?1006", "?1015"].contains(&args);
    let is_number = |args: &str| args.chars().all(|c| c.is_ascii_digit() || c == ';' || c == ':');
    let mut rest = raw.as_str();
    while let Some(at) = rest.find(|c: char| c.is_control() && !matches!(c, '\n' | '\r')) {
        let (_, from) = rest.split_at(at);
        let shown = from.chars().take(24).collect::<String>();
        let Some(sequence) = from.strip_prefix("\u{1b}[") else { return Some(shown) };
        let Some(end) = sequence.find(|c: char| ('@'..='~').contains(&c)) else { return Some(shown) };
        let (args, end) = sequence.split_at(end);
        let is_own = match end.chars().next() {
            Some('h' | 'l') => is_mode(args),
            // The stack of titles.
            Some('t') => ["22;0", "23;0"].contains(&args),
            Some('m' | 'H' | 'A' | 'B' | 'C' | 'D' | 'G' | 'J' | 'K') => is_number(args),
            _ => false,
        };
        if !is_own {
            return Some(shown);
        }
        rest = end;
    }
    None
}

#[test]
fn foreign_sequences_are_distinguished_from_our_own() {
    assert_eq!(foreign_sequence("\u{1b}[22;0t\u{1b}]2;tokscope 1/2 · m\u{7}a\u{1b}[23;0t"), None);
    assert!(foreign_sequence("\u{1b}]2;tokscope \u{1b}]0;t\u{7}").is_some());
    assert_eq!(foreign_sequence("a\u{1b}[1;31mb\u{1b}[?25l\u{1b}[3;4H\r\n\u{1b}[?1049l"), None);
    for foreign in
        ["\u{1b}]0;t\u{7}", "\u{1b}c", "\u{1b}[?7l", "\u{1b}[6n", "\u{1b}[>c", "\u{9b}m", "\u{7}", "\u{7f}", "\u{1b}P"]
    {
        assert!(foreign_sequence(&format!("a\u{1b}[0m{foreign}b")).is_some(), "{foreign:?}");
    }
}

/// Escapes a text for a string in a suite file.
fn in_toml(text: &str) -> String {
    text.chars().fold(String::new(), |out, c| out + &format!("\\U{:08X}", c as u32))
}

/// Puts hostile text everywhere and opens every view: only tokscope's own sequences may reach the terminal.
#[test]
fn only_the_program_s_own_sequences_reach_the_terminal() {
    let hidden = "\u{e0068}\u{e0069}\u{200b}\u{2066}\u{feff}\u{61c}";
    let attacks = format!("{ATTACKS}{hidden}{}\u{1b}c\u{1b}[6n\u{1b}[5i", "\u{301}".repeat(300));
    let model = format!("m{attacks}odel");
    let attack = attacks.clone();
    let server = Server::start(&[&model], move |mut request| {
        request.token(&format!(
            "before {attack}\n\n```{attack}\n{attack}\n```\n\n| a | b |\n|---|---|\n| {attack} | x |\n\nafter"
        ));
        let text = serde_json::to_string(&attack).unwrap();
        if request.number == 0 {
            let reason = format!("{{\"index\":0,\"delta\":{{\"reasoning\":{text}}},\"finish_reason\":{text}}}");
            request.send(&format!("data: {{\"choices\":[{reason}]}}\n\ndata: [DONE]\n\n"));
        } else {
            request.send(&format!("data: {{\"error\":{{\"message\":{text}}}}}\n\n"));
        }
    });
    let name = in_toml(&attacks);
    let suite = suite(&[&format!("First {name}"), &format!("Second {name}")], "");
    let mut screen = Dashboard::start(&suite, &server.url());
    screen.wait_for_text("finished  1 failed  2/2");
    // Shows both cases with their attempts, the raw answer, the request, one pane alone, and the help.
    for keys in ["g", "l", "2", "w", "d", "d", "w", "1", "j", "l", "2", "w", "d", "d", "w", "\r"] {
        screen.send(keys);
    }
    screen.wait_for("only the answer", |s| !s.contents().contains("Latency"));
    screen.send("\u{1b}");
    screen.wait_for_text("Latency");
    screen.send("?");
    screen.wait_for_text("esc close");
    screen.send("\u{1b}");
    screen.wait_for("the help is gone", |s| !s.contents().contains("esc close"));
    screen.send("e");
    screen.wait_for_text("Report written to 'r.md'");
    screen.send("q");
    let (ended, folder, report) = screen.end_with_folder();
    assert_eq!(ended.status, 1);
    assert_eq!(foreign_sequence(&ended.raw), None);
    let hidden = |c: char| hidden.contains(c) || c == '\u{202e}';
    assert_eq!(ended.raw.chars().find(|c| hidden(*c)), None);
    assert!(!ended.raw.contains(&"\u{301}".repeat(9)));
    // The text did arrive: the machine-readable report has all of it.
    assert_eq!(report.unwrap()["target"]["model"], model);
    let files = std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut files: Vec<String> = files.collect();
    files.sort();
    assert_eq!(files, ["cases.toml", "r-2.md", "r.json", "r.md"]);
}

/// Without a dashboard only plain text is written.
#[test]
fn without_a_dashboard_there_are_no_sequences() {
    let model = format!("m{ATTACKS}odel");
    let server = Server::start(&[&model], |mut request| {
        request.token(ATTACKS);
        let text = serde_json::to_string(ATTACKS).unwrap();
        request.send(&format!("data: {{\"error\":{{\"message\":{text}}}}}\n\n"));
    });
    let folder = tempfile::tempdir().unwrap();
    let name = in_toml(ATTACKS);
    std::fs::write(folder.path().join("cases.toml"), suite(&[&name], "")).unwrap();
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_tokscope"))
        .args(["--headless", "--export", "r.csv", &server.url()])
        .env("XDG_STATE_HOME", folder.path())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(1));
    let csv = std::fs::read(folder.path().join("r.csv")).unwrap();
    for written in [out.stdout, out.stderr, csv] {
        let text = String::from_utf8(written).unwrap();
        let steers = |c: char| c.is_control() && !matches!(c, '\n' | '\r') || c == '\u{202e}';
        assert_eq!(text.chars().find(|c| steers(*c)), None, "{text:?}");
    }
}

#[test]
fn names_in_any_script_keep_the_columns_aligned() {
    let server = Server::start(&["模型-7b"], |mut request| request.answer(&["答", "案", "。🎉"]));
    let names = ["数据库优化任务", "Emoji 👩‍👩‍👧‍👦 family 🏳️‍🌈", "عربى", "Plain"];
    let mut screen = Dashboard::start(&suite(&names, ""), &server.url());
    screen.wait_for_text("finished  4/4");
    // The state must start in the same column in all rows.
    let columns_of_state = |screen: &vt100::Screen| {
        let (rows, cols) = (screen.size().0.get(), screen.size().1.get());
        let column_of_state = |row| {
            let cell = |col| screen.cell(row, col).map(|c| c.contents().to_owned()).unwrap_or_default();
            let (word, from) = (["d", "o", "n", "e"], 20);
            (from..cols - 4).find(|&col| (0..4).all(|i| cell(col + i) == word[usize::from(i)]))
        };
        (0..rows).filter_map(column_of_state).collect::<Vec<_>>()
    };
    // A frame arrives in several reads.
    screen.wait_for("all four done", |screen| columns_of_state(screen).len() == 4);
    screen.wait_for_text("模型-7b");
    screen.wait_for_text("答案。🎉");
    let columns = screen.with_screen(columns_of_state);
    assert!(columns.len() == 4 && columns.iter().all(|c| *c == columns[0]), "{columns:?}\n{}", screen.text());
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}
