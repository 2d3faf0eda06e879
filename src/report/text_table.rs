//! Aligned plain-text tables, and cutting and wrapping of text.

use unicode_width::UnicodeWidthStr;

/// Space between two columns.
pub const BETWEEN: &str = "  ";

/// Aligns rows in columns; those in `right` are aligned to the right. `paint` styles each padded cell by its row and
/// column.
pub fn table<R: AsRef<[String]>>(rows: &[R], right: &[usize], paint: impl Fn(usize, usize, &str) -> String) -> String {
    let widths = widths(rows);
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate() {
        let row = row.as_ref();
        // Lines do not end in blanks.
        let last = row.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
        for (i, (cell, width)) in row.iter().zip(&widths).enumerate().take(last + 1) {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            let gap = if i == 0 { "" } else { BETWEEN };
            let (before, after) = if right.contains(&i) { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            let after = if i == last { "" } else { after };
            out.extend([gap, before, &paint(at, i, cell), after]);
        }
        out.push('\n');
    }
    out
}

/// Width of each column.
fn widths<R: AsRef<[String]>>(rows: &[R]) -> Vec<usize> {
    let mut widths = vec![0; rows.first().map_or(0, |row| row.as_ref().len())];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = cell.width().max(*width);
        }
    }
    widths
}

/// Cuts text to `width` columns of the terminal, with an ellipsis at the cut.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + c.to_string().width() + 1 > width {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// Wraps text between words to lines of at most `width` columns. All lines but the first begin with `indent` blanks.
pub fn wrap(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width else { return text.to_owned() };
    let (mut out, mut used) = (String::new(), 0);
    // Splitting at single blanks keeps consecutive blanks within a line.
    for (at, word) in text.split(' ').enumerate() {
        if at > 0 && used + 1 + word.width() > width {
            out = out.trim_end().to_owned() + "\n" + &" ".repeat(indent);
            used = indent;
        } else if at > 0 {
            out.push(' ');
            used += 1;
        }
        out += word;
        used += word.width();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_continue_indented() {
        assert_eq!(wrap("!  one two three", Some(10), 3), "!  one two\n   three");
        assert_eq!(wrap("one two", None, 3), "one two");
        assert_eq!(wrap("unbreakable", Some(4), 0), "unbreakable");
    }

    #[test]
    fn cut_texts_fit_and_show_the_cut() {
        assert_eq!(
            (cut("abcdef", 6).as_str(), cut("abcdef", 4).as_str(), cut("你好吗", 4).as_str()),
            ("abcdef", "abc…", "你…")
        );
    }
}
