//! Bounds Markdown before it is parsed: the cost of parsing grows with nesting times length.

use std::borrow::Cow;

/// Maximum text that is rendered, bytes; the rest of a longer text is dropped.
const MAX_TEXT: usize = 1024 * 1024;
/// Maximum number of containers opened on one line.
const MAX_MARKERS: usize = 24;
/// Maximum indent of a line, columns.
const MAX_INDENT: usize = 160;
/// Maximum number of consecutive blank lines.
const MAX_BLANK_LINES: usize = 40;

/// Cuts the length of `text`, the nesting and indent of its lines and its runs of blank lines to the limits above.
pub fn bounded(text: &str) -> Cow<'_, str> {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let (text, rest) = text.split_at(end);
    let mut blank_lines = 0;
    let is_excessive = |line: &str| {
        blank_lines = if line.trim().is_empty() { blank_lines + 1 } else { 0 };
        blank_lines > MAX_BLANK_LINES || excess(line).is_some()
    };
    if rest.is_empty() && !text.lines().any(is_excessive) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut blank_lines = 0;
    for line in text.split_inclusive('\n') {
        blank_lines = if line.trim().is_empty() { blank_lines + 1 } else { 0 };
        if blank_lines > MAX_BLANK_LINES {
            continue;
        }
        match excess(line) {
            Some((from, to)) => {
                out.push_str(line.split_at(from).0);
                out.push_str(line.split_at(to).1);
            }
            None => out.push_str(line),
        }
    }
    if !rest.is_empty() {
        out.push('…');
    }
    Cow::Owned(out)
}

/// Returns the byte range at the start of a line that exceeds the limits on containers or indent.
fn excess(line: &str) -> Option<(usize, usize)> {
    let (mut markers, mut blanks, mut from) = (0, 0, None);
    let mut at = 0;
    let bytes = line.as_bytes();
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        let before_blank = matches!(next, None | Some(b' ' | b'\t' | b'\n'));
        match byte {
            b' ' | b'\t' => blanks += 1,
            b'>' => markers += 1,
            b'-' | b'+' | b'*' if before_blank => markers += 1,
            b'.' | b')' if before_blank && at > 0 && bytes[at - 1].is_ascii_digit() => markers += 1,
            b'0'..=b'9' => {}
            _ => break,
        }
        at += 1;
        if from.is_none() && (markers > MAX_MARKERS || blanks > MAX_INDENT) {
            from = Some(at - 1);
        }
    }
    from.map(|from| (from, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_text_is_not_copied() {
        assert!(matches!(bounded("> a\n  - b\n\n1. c\n***\n- - -\n2024 1999"), Cow::Borrowed(_)));
    }

    #[test]
    fn nesting_indents_and_blank_lines_are_bounded() {
        assert_eq!(bounded(&format!("{}x\n", ">".repeat(9999))), format!("{}x\n", ">".repeat(MAX_MARKERS)));
        assert_eq!(bounded(&format!("{}x", "- ".repeat(9999))).matches('-').count(), MAX_MARKERS);
        assert_eq!(bounded(&format!("{}x", "1. ".repeat(9999))).matches('.').count(), MAX_MARKERS);
        assert_eq!(bounded(&format!("{}x", " ".repeat(9999))).len(), MAX_INDENT + 1);
        assert_eq!(bounded(&"\n".repeat(9999)).len(), MAX_BLANK_LINES);
    }

    #[test]
    fn an_overlong_text_is_cut_and_ends_in_an_ellipsis() {
        let text = "é".repeat(MAX_TEXT);
        assert_eq!(bounded(&text).len(), MAX_TEXT + '…'.len_utf8());
    }
}
