//! The end of a Markdown text that still grows, completed so that it looks as it will once the rest is there: no
//! asterisks that turn into bold, no pipes that turn into a table.

use std::borrow::Cow;

/// `text` with what its end leaves open closed, and with a mark that was only begun left out.
pub(super) fn close(text: &str) -> Cow<'_, str> {
    let start = after_last_line_feed(text);
    let (before, line) = text.split_at(start);
    if let Some(fence) = open_fence(before) {
        // The fence that is being closed is no line of code.
        let begun = line.trim();
        let closing = !begun.is_empty() && fence.starts_with(begun);
        return if closing { Cow::Borrowed(before) } else { Cow::Borrowed(text) };
    }
    if let Some(table) = complete_table(text) {
        return Cow::Owned(table);
    }
    if is_begun_mark(line.trim()) {
        return Cow::Borrowed(before);
    }
    let closed = close_inline(line);
    if closed == line { Cow::Borrowed(text) } else { Cow::Owned(format!("{before}{closed}")) }
}

/// Whether the text ends within a block of code.
pub(super) fn is_in_code(text: &str) -> bool {
    open_fence(text).is_some()
}

/// Longer than this, the rest of the line that was cut is worth keeping.
const MAX_DROPPED: usize = 200;

/// The end of a text whose start is lost, from its first whole line or word on. Where it begins within a block of code,
/// as the fences in it tell, that block is opened again.
pub(super) fn resume(text: &str) -> String {
    let text = match text.split_once('\n') {
        Some((part, whole)) if part.len() <= MAX_DROPPED => whole,
        _ => text.split_once(' ').map_or(text, |(part, rest)| if part.len() <= MAX_DROPPED { rest } else { text }),
    };
    let mut fences = text.lines().map(str::trim).filter(|l| l.starts_with("```"));
    let closes = fences.next().is_some_and(|first| first == "```");
    let opens = fences.next().is_some_and(|second| second != "```");
    if closes && opens { format!("```\n{text}") } else { text.to_owned() }
}

fn after_last_line_feed(text: &str) -> usize {
    text.rfind('\n').map_or(0, |at| at + 1)
}

/// The fence that is open at the end of whole lines.
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

/// A list marker, fence, rule or underline that may become another with the next character.
fn is_begun_mark(line: &str) -> bool {
    matches!(line, "`" | "``" | "~" | "~~" | "-" | "--" | "=" | "==" | "*" | "**" | "+" | "_" | "__" | "#" | "|")
}

/// The text with the second line of a table whose head has begun.
fn complete_table(text: &str) -> Option<String> {
    let rows = text.split_inclusive('\n').rev().take_while(|line| line.trim_start().starts_with('|'));
    let (before, table) = text.split_at(text.len() - rows.map(str::len).sum::<usize>());
    let mut lines = table.lines();
    let head = lines.next()?.trim_end();
    let (indent, head) = head.split_at(head.len() - head.trim_start().len());
    let rule = lines.next().unwrap_or_default().trim_start();
    let begun = rule.chars().all(|c| matches!(c, '|' | ':' | '-' | ' '));
    if head.matches('|').count() < 2 || !begun || lines.next().is_some() {
        return None;
    }
    let whole_rule = rule.trim_end().ends_with('|') && rule.matches('|').count() >= head.matches('|').count();
    if whole_rule {
        return None;
    }
    let cells = head.trim_matches('|').replace("\\|", "").split('|').count();
    Some(format!("{before}{indent}{head}\n{indent}|{}", "---|".repeat(cells)))
}

/// A line of a paragraph with open code, emphasis and links closed.
fn close_inline(line: &str) -> String {
    let mut text = line.trim_end();
    // Half a closing mark, or an opening one that nothing follows yet.
    let mut open = open_marks(text);
    while let Some(&(mark, at)) = open.last() {
        if at + mark.len() < text.len() {
            break;
        }
        text = text.split_at(at).0.trim_end();
        open = open_marks(text);
    }
    if open.is_empty() && text.len() == line.trim_end().len() {
        return without_half_link(line);
    }
    let mut closed = if open.iter().any(|o| o.0.starts_with('`')) { text.to_owned() } else { without_half_link(text) };
    for (mark, _) in open.iter().rev() {
        closed.push_str(mark);
    }
    closed
}

/// The marks left open in a line, outermost first, with the bytes they stand at.
fn open_marks(line: &str) -> Vec<(&str, usize)> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let bytes = line.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' {
            at += 2;
            continue;
        }
        if !matches!(byte, b'`' | b'*' | b'~') {
            at += 1;
            continue;
        }
        let length = bytes.iter().skip(at).take_while(|&&b| b == byte).count();
        let mark = line.get(at..at + length).unwrap_or_default();
        let in_code = open.last().is_some_and(|o| o.0.starts_with('`'));
        let spaced_before = at == 0 || bytes[at - 1].is_ascii_whitespace();
        let spaced_after = bytes.get(at + length).is_none_or(u8::is_ascii_whitespace);
        match open.iter().rposition(|o| o.0 == mark) {
            Some(i) if !in_code || i + 1 == open.len() => open.truncate(i),
            _ if in_code => {}
            // "* item" and "2 * 3" open nothing.
            _ if byte == b'*' && spaced_before && spaced_after && bytes.get(at + length).is_some() => {}
            // One alone opens nothing, at the end it may be half of two.
            _ if byte == b'~' && length != 2 && at + length < line.len() => {}
            // Half of a closing mark: as if it were not there yet.
            _ if open.last().is_some_and(|o| o.0.starts_with(mark)) && at + length == line.len() => {
                open.push((mark, at));
            }
            _ if length <= 3 => open.push((mark, at)),
            _ => {}
        }
        at += length;
    }
    open
}

/// Of a link whose address is not complete, the text alone.
fn without_half_link(line: &str) -> String {
    let whole = || line.to_owned();
    let Some(middle) = line.rfind("](") else { return whole() };
    let (start, address) = line.split_at(middle);
    if address.contains(')') {
        return whole();
    }
    let Some(bracket) = start.rfind('[') else { return whole() };
    let (before, text) = start.split_at(bracket);
    let before = before.strip_suffix('!').unwrap_or(before);
    format!("{before}{}", text.trim_start_matches('['))
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
    fn emphasis_and_code_are_closed() {
        assert_eq!(close("a **bo"), "a **bo**");
        assert_eq!(close("a **bo "), "a **bo**");
        assert_eq!(close("a **bold*"), "a **bold**");
        assert_eq!(close("a **"), "a");
        assert_eq!(close("**a `b"), "**a `b`**");
        assert_eq!(close("1\n2 `f(a*"), "1\n2 `f(a*`");
        assert_eq!(close("*em ~~no"), "*em ~~no~~*");
        assert_eq!(close("* item **x"), "* item **x**");
    }

    #[test]
    fn a_text_without_its_start_begins_with_a_whole_line() {
        assert_eq!(resume("lf a line\nwhole\n"), "whole\n");
        assert_eq!(resume("x\ncode\n```\ntext\n```py\n"), "```\ncode\n```\ntext\n```py\n");
        assert_eq!(resume("x\ntext\n```\ncode\n```\n"), "text\n```\ncode\n```\n");
        assert_eq!(resume("ne line"), "line");
        let long = "word ".repeat(99);
        assert_eq!(resume(&format!("rd {long}\nnext")), format!("{long}\nnext"));
    }

    #[test]
    fn half_a_link_is_its_text() {
        assert_eq!(close("see [the docs](https://ex"), "see the docs");
        assert_eq!(close("see ![a picture](da"), "see a picture");
    }

    #[test]
    fn begun_marks_are_left_out() {
        assert_eq!(close("text\n-"), "text\n");
        assert_eq!(close("text\n\n``"), "text\n\n");
        assert_eq!(close("```py\ncode\n``"), "```py\ncode\n");
        assert_eq!(close("~~~\ncode\n``"), "~~~\ncode\n``");
        assert_eq!(close("> ```\n> a **b"), "> ```\n> a **b");
    }

    #[test]
    fn a_table_is_one_from_its_head_on() {
        assert_eq!(close("x\n\n| a | b |"), "x\n\n| a | b |\n|---|---|");
        assert_eq!(close("x\n| a | b |\n"), "x\n| a | b |\n|---|---|");
        assert_eq!(close("- x\n  | a | b |\n  |"), "- x\n  | a | b |\n  |---|---|");
        assert_eq!(close("| a | b |\n|:-"), "| a | b |\n|---|---|");
        assert_eq!(close("| a | b |\n|:--|--:|"), "| a | b |\n|:--|--:|");
        assert_eq!(close("| a | b |\n|---|---|\n| c"), "| a | b |\n|---|---|\n| c");
    }
}
