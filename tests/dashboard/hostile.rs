//! Text of a server, a model and a suite that would take the terminal over.

use super::support::dashboard::{Dashboard, suite};
use super::support::server::Server;

/// Sequences that move, hide, retitle, write the clipboard, switch screens, and their eight-bit forms.
const ATTACKS: &str = "\u{1b}]0;owned\u{7} \u{1b}]52;c;b3duZWQ=\u{7} \u{1b}[2J\u{1b}[31mred \u{1b}[?1049l \u{1b}Pq\u{1b}\\ \
                       \u{9b}31m \u{9d}0;owned\u{9c} \u{8}\u{8}\u{8}\rback \u{202e}reversed\u{202c} \u{7f}end";

#[test]
fn nothing_a_model_writes_reaches_the_terminal_as_a_command() {
    let server = Server::start(&["m\u{1b}]0;owned\u{7}odel"], |mut asked| {
        asked.token("before ");
        // Split in the middle of a sequence, too.
        let (start, rest) = ATTACKS.split_at(3);
        asked.token(start);
        asked.token(rest);
        asked.token(&format!("\n\n```\n{ATTACKS}\n```\n\nafter"));
        if asked.number == 0 {
            asked.finish(4);
        } else {
            let message = serde_json::to_string(ATTACKS).unwrap();
            asked.send(&format!("data: {{\"error\":{{\"message\":{message}}}}}\n\n"));
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
        assert!(!ended.raw.contains(sequence), "{sequence:?} reached the terminal");
    }
    // The one way out of the alternate screen is the program's own, and the screen is cleared by nobody else either.
    assert_eq!(ended.raw.matches("\u{1b}[?1049l").count(), 1);
    assert!(ended.raw.contains("owned"), "the text itself is shown");
}

#[test]
fn names_of_any_script_keep_the_columns_in_their_places() {
    let server = Server::start(&["模型-7b"], |mut asked| asked.answer(&["答", "案", "。🎉"]));
    let names = ["数据库优化任务", "Emoji 👩‍👩‍👧‍👦 family 🏳️‍🌈", "عربى", "Plain"];
    let mut screen = Dashboard::start(&suite(&names, ""), &server.url());
    screen.wait_for_text("finished  4/4");
    // The word for the state begins in one column in all rows.
    let columns = screen.with_screen(|screen| {
        let (rows, cols) = (screen.size().0.get(), screen.size().1.get());
        let column_of_state = |row| {
            let cell = |col| screen.cell(row, col).map(|c| c.contents().to_owned()).unwrap_or_default();
            let (word, from) = (["d", "o", "n", "e"], 20);
            (from..cols - 4).find(|&col| (0..4).all(|i| cell(col + i) == word[usize::from(i)]))
        };
        (0..rows).filter_map(column_of_state).collect::<Vec<_>>()
    });
    assert_eq!(columns.len(), 4, "{}", screen.text());
    assert!(columns.iter().all(|c| *c == columns[0]), "{columns:?}\n{}", screen.text());
    assert!(screen.text().contains("模型-7b") && screen.text().contains("答案。🎉"), "{}", screen.text());
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}
