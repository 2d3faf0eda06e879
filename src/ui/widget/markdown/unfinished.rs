//! Completes the end of a Markdown text that still grows, so that its blocks do not change their kind with the next
//! token: fences, tables and the first characters of a list, rule or heading.
//!
//! Inline marks stay as they are. An open `**` or half a link is visible for the few tokens until it closes, and moves
//! only its own line. Hiding them would double this code.

use std::borrow::Cow;

/// Returns `text` with an open table completed, and without a block mark that has only begun.
pub(super) fn close(text: &str) -> Cow<'_, str> {
    let (before, line) = text.split_at(text.rfind('\n').map_or(0, |at| at + 1));
    if let Some(fence) = open_fence(before) {
        // Drop a partial closing fence, which is not a line of code.
        let begun = line.trim();
        let is_closing = !begun.is_empty() && fence.starts_with(begun);
        return Cow::Borrowed(if is_closing { before } else { text });
    }
    match complete_table(text) {
        Some(completed) => Cow::Owned(completed),
        None if is_begun_mark(line.trim()) => Cow::Borrowed(before),
        None => Cow::Borrowed(text),
    }
}

/// Whether the text ends within a code block.
pub(super) fn is_in_code(text: &str) -> bool {
    open_fence(text).is_some()
}

/// Maximum length of a cut line or word at the start that is dropped, bytes. A longer one is shown.
const MAX_DROPPED: usize = 200;

/// Makes a text whose start was cut renderable: begins with the first complete line or word, and reopens the code block
/// in which the text begins if its fences imply one.
pub(super) fn resume(text: &str) -> String {
    let text = match text.split_once('\n') {
        Some((cut_line, rest)) if cut_line.len() <= MAX_DROPPED => rest,
        _ => text.split_once(' ').map_or(text, |(word, rest)| if word.len() <= MAX_DROPPED { rest } else { text }),
    };
    let mut fences = text.lines().map(str::trim).filter(|l| l.starts_with("```"));
    let closes = fences.next().is_some_and(|first| first == "```");
    let opens = fences.next().is_some_and(|second| second != "```");
    if closes && opens { format!("```\n{text}") } else { text.to_owned() }
}

/// Returns the fence of the code block that is open at the end of `lines`.
fn open_fence(lines: &str) -> Option<&str> {
    let mut open: Option<&str> = None;
    for line in lines.lines() {
        let line = line.trim_start_matches(['>', ' ', '\t']).trim_end();
        let Some(mark) = line.chars().next().filter(|c| matches!(c, '`' | '~')) else { continue };
        let length = line.len() - line.trim_start_matches(mark).len();
        let (fence, rest) = line.split_at(length);
        match open {
            Some(opened) if fence.starts_with(opened) && rest.is_empty() => open = None,
            None if length >= 3 && !(mark == '`' && rest.contains('`')) => open = Some(fence),
            _ => {}
        }
    }
    open
}

/// Whether a line holds only characters that the next one may turn into a list marker, fence, rule or heading.
fn is_begun_mark(line: &str) -> bool {
    matches!(line, "`" | "``" | "~" | "~~" | "-" | "--" | "=" | "==" | "*" | "**" | "+" | "_" | "__" | "#" | "|")
}

/// Returns the text with the delimiter row of a table whose header has begun; `None` if there is no such table.
fn complete_table(text: &str) -> Option<String> {
    let rows = text.split_inclusive('\n').rev().take_while(|line| line.trim_start().starts_with('|'));
    let (before, table) = text.split_at(text.len() - rows.map(str::len).sum::<usize>());
    let mut lines = table.lines();
    let head = lines.next()?.trim_end();
    let (indent, head) = head.split_at(head.len() - head.trim_start().len());
    let rule = lines.next().unwrap_or_default().trim_start();
    let is_rule_begun = rule.chars().all(|c| matches!(c, '|' | ':' | '-' | ' '));
    if head.matches('|').count() < 2 || !is_rule_begun || lines.next().is_some() {
        return None;
    }
    let is_rule_complete = rule.trim_end().ends_with('|') && rule.matches('|').count() >= head.matches('|').count();
    if is_rule_complete {
        return None;
    }
    let cells = head.trim_matches('|').replace("\\|", "").split('|').count();
    Some(format!("{before}{indent}{head}\n{indent}|{}", "---|".repeat(cells)))
}

#[cfg(test)]
mod tests {
    use super::{close, resume};

    #[test]
    fn whole_text_stays() {
        for text in
            ["", "a **b** `c` *d*", "* item", "- 2 * 3 * 4", "a\\*b", "```rust\nlet a = \"**", "[a](b) c", "x\n\n"]
        {
            assert_eq!(close(text), text);
        }
    }

    #[test]
    fn open_inline_marks_stay_as_they_are() {
        for text in ["a **bo", "a `f(", "* item ~~x", "see [the docs](https://ex"] {
            assert_eq!(close(text), text);
        }
    }

    #[test]
    fn a_cut_text_begins_with_a_complete_line() {
        assert_eq!(resume("lf a line\nwhole\n"), "whole\n");
        assert_eq!(resume("x\ncode\n```\ntext\n```py\n"), "```\ncode\n```\ntext\n```py\n");
        assert_eq!(resume("x\ntext\n```\ncode\n```\n"), "text\n```\ncode\n```\n");
        assert_eq!(resume("ne line"), "line");
        let long = "word ".repeat(99);
        assert_eq!(resume(&format!("rd {long}\nnext")), format!("{long}\nnext"));
    }

    #[test]
    fn begun_block_marks_are_dropped() {
        assert_eq!(close("text\n-"), "text\n");
        assert_eq!(close("text\n\n``"), "text\n\n");
        assert_eq!(close("```py\ncode\n``"), "```py\ncode\n");
        assert_eq!(close("~~~\ncode\n``"), "~~~\ncode\n``");
        assert_eq!(close("> ```\n> a **b"), "> ```\n> a **b");
    }

    #[test]
    fn a_table_is_complete_from_its_header_on() {
        assert_eq!(close("x\n\n| a | b |"), "x\n\n| a | b |\n|---|---|");
        assert_eq!(close("x\n| a | b |\n"), "x\n| a | b |\n|---|---|");
        assert_eq!(close("- x\n  | a | b |\n  |"), "- x\n  | a | b |\n  |---|---|");
        assert_eq!(close("| a | b |\n|:-"), "| a | b |\n|---|---|");
        assert_eq!(close("| a | b |\n|:--|--:|"), "| a | b |\n|:--|--:|");
        assert_eq!(close("| a | b |\n|---|---|\n| c"), "| a | b |\n|---|---|\n| c");
    }
}
