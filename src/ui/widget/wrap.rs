//! Wraps styled text into lines of a given width in terminal columns, grapheme by grapheme.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::ui::fit::{ELLIPSIS, graphemes, width};

/// Punctuation that must not begin a line.
const CLOSING: &str = "、。，．：；？！）」』】》〉〕ー々・";
/// Punctuation that must not end a line.
const OPENING: &str = "（「『【《〈〔";

/// Styled pieces of text; neighbours of the same style are merged.
#[derive(Clone, Debug, Default)]
struct Runs {
    spans: Vec<Span<'static>>,
    width: usize,
}

impl Runs {
    fn push(&mut self, text: &str, style: Style, width: usize) {
        self.width += width;
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.content.to_mut().push_str(text),
            _ => self.spans.push(Span::styled(text.to_owned(), style)),
        }
    }

    fn append(&mut self, other: &mut Self) {
        for span in other.spans.drain(..) {
            self.push(&span.content, span.style, 0);
        }
        self.width += std::mem::take(&mut other.width);
    }

    fn clear(&mut self) {
        self.spans.clear();
        self.width = 0;
    }
}

/// State of wrapping one paragraph.
struct Wrapper {
    width: usize,
    lines: Vec<Vec<Span<'static>>>,
    line: Runs,
    blanks: Runs,
    word: Runs,
    /// Whether the word ends in a character of [`OPENING`].
    opened: bool,
    /// Whether the word ends in an ideograph.
    after_ideograph: bool,
}

impl Wrapper {
    fn end_line(&mut self) {
        self.blanks.clear();
        self.lines.push(std::mem::take(&mut self.line).spans);
    }

    fn end_word(&mut self) {
        self.opened = false;
        self.after_ideograph = false;
        if self.word.spans.is_empty() {
            return;
        }
        if self.line.width + self.blanks.width + self.word.width > self.width && !self.line.spans.is_empty() {
            self.end_line();
        }
        if self.line.spans.is_empty() {
            self.blanks.clear();
        }
        self.line.append(&mut self.blanks);
        self.line.append(&mut self.word);
    }

    fn grapheme(&mut self, text: &str, style: Style, columns: usize) {
        if text == " " || text == "\t" {
            self.end_word();
            return self.blanks.push(" ", style, 1);
        }
        let (text, columns) = if columns > self.width { (ELLIPSIS, 1) } else { (text, columns) };
        // A line may break on both sides of an ideograph, except between it and its punctuation.
        let ideograph = columns == 2;
        let may_break = if ideograph { !CLOSING.contains(text) } else { self.after_ideograph };
        if may_break && !self.opened {
            self.end_word();
        }
        if self.word.width + columns > self.width {
            self.end_word();
        }
        self.word.push(text, style, columns);
        // All characters of `OPENING` are wide, so look up only wide graphemes.
        self.opened = ideograph && OPENING.contains(text);
        self.after_ideograph = ideograph;
    }
}

/// Wraps `spans` at blanks into lines of at most `width` columns. Splits words longer than a line; a line feed ends a
/// line. Returns no line for a width of 0, and one empty line for an empty text.
pub fn wrap(spans: &[Span<'_>], width: usize) -> Vec<Vec<Span<'static>>> {
    if width == 0 {
        return Vec::new();
    }
    let mut wrapper = Wrapper {
        width,
        lines: Vec::new(),
        line: Runs::default(),
        blanks: Runs::default(),
        word: Runs::default(),
        opened: false,
        after_ideograph: false,
    };
    for span in spans {
        for (i, part) in span.content.split('\n').enumerate() {
            if i > 0 {
                wrapper.end_word();
                wrapper.end_line();
            }
            let part = part.replace('\t', " ");
            for (grapheme, columns) in graphemes(&part) {
                wrapper.grapheme(grapheme, span.style, columns);
            }
        }
    }
    wrapper.end_word();
    wrapper.end_line();
    wrapper.lines
}

/// Splits a line of code into pieces of at most `width` columns, at any character. Tabs must be expanded already.
/// Returns no piece for a width of 0, and one empty piece for an empty line.
pub fn split(spans: &[Span<'_>], width: usize) -> Vec<Vec<Span<'static>>> {
    let mut pieces = Vec::new();
    if width == 0 {
        return pieces;
    }
    let mut piece = Runs::default();
    for span in spans {
        for (grapheme, columns) in graphemes(&span.content) {
            let (grapheme, columns) = if columns > width { (ELLIPSIS, 1) } else { (grapheme, columns) };
            if piece.width + columns > width {
                pieces.push(std::mem::take(&mut piece).spans);
            }
            piece.push(grapheme, span.style, columns);
        }
    }
    pieces.push(piece.spans);
    pieces
}

/// Expands tabs to blanks, up to the next multiple of four columns.
pub fn expand_tabs(line: &str) -> String {
    if !line.contains('\t') {
        return line.to_owned();
    }
    let mut out = String::with_capacity(line.len() + 16);
    let mut column = 0;
    for part in line.split_inclusive('\t') {
        let text = part.trim_end_matches('\t');
        out.push_str(text);
        column += width(text);
        if part.ends_with('\t') {
            let blanks = 4 - column % 4;
            out.extend(std::iter::repeat_n(' ', blanks));
            column += blanks;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ratatui::style::Modifier;

    use super::*;
    use crate::ui::fit::{cut, spans_width};

    fn wrapped(text: &str, width: usize) -> Vec<String> {
        let text_of = |l: Vec<Span<'static>>| l.iter().map(|s| s.content.as_ref()).collect();
        wrap(&[Span::raw(text)], width).into_iter().map(text_of).collect()
    }

    #[test]
    fn lines_break_at_blanks_and_drop_the_blanks() {
        assert_eq!(wrapped("one two  three", 8), ["one two", "three"]);
        assert_eq!(wrapped("one two  three", 14), ["one two  three"]);
        assert_eq!(wrapped("a\nb\n", 9), ["a", "b", ""]);
        assert_eq!(wrapped("", 9), [""]);
        assert!(wrapped("x", 0).is_empty());
    }

    #[test]
    fn a_word_longer_than_a_line_is_split() {
        assert_eq!(wrapped("an abcdefghijkl x", 5), ["an", "abcde", "fghij", "kl x"]);
    }

    #[test]
    fn wide_text_breaks_anywhere_except_before_closing_punctuation() {
        assert_eq!(wrapped("你好世界", 5), ["你好", "世界"]);
        assert_eq!(wrapped("你好，世界", 4), ["你", "好，", "世界"]);
        assert_eq!(wrapped("你好（世界", 6), ["你好", "（世界"]);
        assert_eq!(wrapped("你", 1), ["…"]);
        assert_eq!(wrapped("用tokio写", 7), ["用tokio", "写"]);
        assert_eq!(wrapped("你好tokio", 6), ["你好", "tokio"]);
    }

    #[test]
    fn a_joined_emoji_is_one_grapheme() {
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(width(family), 2);
        assert_eq!(wrapped(&format!("{family}{family}{family}"), 4), [format!("{family}{family}"), family.to_owned()]);
    }

    #[test]
    fn excessive_combining_marks_are_dropped() {
        assert_eq!(wrapped(&format!("a{}b", "\u{301}".repeat(100)), 9), ["ab"]);
    }

    #[test]
    fn text_keeps_its_style() {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let wrapped = wrap(&[Span::raw("ab"), Span::styled("cd ef", bold)], 4);
        assert_eq!(wrapped, [vec![Span::raw("ab"), Span::styled("cd", bold)], vec![Span::styled("ef", bold)]]);
    }

    #[test]
    fn tabs_expand_to_multiples_of_four() {
        assert_eq!(expand_tabs("\ta\tbcde\tf"), "    a   bcde    f");
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide_and_no_letter_is_lost(text in "[a-z 你好，（👨\u{200d}\u{301}\n\t]{0,60}", width in 2_usize..30) {
            let wrapped = wrap(&[Span::raw(text.as_str())], width);
            for line in &wrapped {
                prop_assert!(spans_width(line) <= width);
            }
            let letters = |t: &str| t.chars().filter(|c| c.is_ascii_lowercase() || *c == '好').collect::<String>();
            let shown: String = wrapped.iter().flatten().map(|s| s.content.as_ref()).collect();
            prop_assert_eq!(letters(&shown), letters(&text));
            prop_assert!(crate::ui::fit::width(&cut(&text, width)) <= width);
            let line = expand_tabs(&text.replace('\n', " "));
            for piece in split(&[Span::raw(line.as_str())], width) {
                prop_assert!(spans_width(&piece) <= width);
            }
        }
    }
}
