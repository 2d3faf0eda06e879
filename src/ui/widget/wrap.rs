//! Styled text broken into lines of a width in terminal columns, by grapheme.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::ui::fit::{ELLIPSIS, graphemes, width};

/// Must not begin a line.
const CLOSING: &str = "、。，．：；？！）」』】》〉〕ー々・";
/// Must not end a line.
const OPENING: &str = "（「『【《〈〔";

/// Pieces of text, neighbours of one style in one piece.
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

/// One paragraph on its way into lines.
struct Wrapper {
    width: usize,
    lines: Vec<Vec<Span<'static>>>,
    line: Runs,
    blanks: Runs,
    word: Runs,
    /// The word ends in a character that may not end a line.
    opened: bool,
    /// The word ends in an ideograph.
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
        // A line may break on both sides of an ideograph, save where punctuation belongs to it.
        let ideograph = columns == 2;
        let may_break = if ideograph { !CLOSING.contains(text) } else { self.after_ideograph };
        if may_break && !self.opened {
            self.end_word();
        }
        if self.word.width + columns > self.width {
            self.end_word();
        }
        self.word.push(text, style, columns);
        // They are all wide: a narrow one need not be looked for.
        self.opened = ideograph && OPENING.contains(text);
        self.after_ideograph = ideograph;
    }
}

/// Breaks `spans` at blanks into lines of at most `width` columns; words longer than a line are split, a line feed
/// ends a line. Nothing at all for a width of 0, and one empty line for no text.
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

/// Cuts a line of code into pieces of at most `width` columns wherever they are full; tabs are already blanks. Nothing at
/// all for a width of 0, and one empty piece for no text.
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

/// Tabs as blanks up to the next multiple of four columns.
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

    fn lines(text: &str, width: usize) -> Vec<String> {
        let text_of = |l: Vec<Span<'static>>| l.iter().map(|s| s.content.as_ref()).collect();
        wrap(&[Span::raw(text)], width).into_iter().map(text_of).collect()
    }

    #[test]
    fn lines_break_at_blanks_and_drop_them_there() {
        assert_eq!(lines("one two  three", 8), ["one two", "three"]);
        assert_eq!(lines("one two  three", 14), ["one two  three"]);
        assert_eq!(lines("a\nb\n", 9), ["a", "b", ""]);
        assert_eq!(lines("", 9), [""]);
        assert!(lines("x", 0).is_empty());
    }

    #[test]
    fn long_words_are_split_on_a_line_of_their_own() {
        assert_eq!(lines("an abcdefghijkl x", 5), ["an", "abcde", "fghij", "kl x"]);
    }

    #[test]
    fn wide_characters_break_anywhere_but_before_closing_punctuation() {
        assert_eq!(lines("你好世界", 5), ["你好", "世界"]);
        assert_eq!(lines("你好，世界", 4), ["你", "好，", "世界"]);
        assert_eq!(lines("你好（世界", 6), ["你好", "（世界"]);
        assert_eq!(lines("你", 1), ["…"]);
        assert_eq!(lines("用tokio写", 7), ["用tokio", "写"]);
        assert_eq!(lines("你好tokio", 6), ["你好", "tokio"]);
    }

    #[test]
    fn a_joined_emoji_is_one_grapheme() {
        let family = "👨\u{200d}👩\u{200d}👧";
        assert_eq!(width(family), 2);
        assert_eq!(lines(&format!("{family}{family}{family}"), 4), [format!("{family}{family}"), family.to_owned()]);
    }

    #[test]
    fn a_heap_of_marks_is_cut_to_its_base() {
        assert_eq!(lines(&format!("a{}b", "\u{301}".repeat(100)), 9), ["ab"]);
    }

    #[test]
    fn styles_stay_with_their_text() {
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let wrapped = wrap(&[Span::raw("ab"), Span::styled("cd ef", bold)], 4);
        assert_eq!(wrapped, [vec![Span::raw("ab"), Span::styled("cd", bold)], vec![Span::styled("ef", bold)]]);
    }

    #[test]
    fn tabs_go_to_multiples_of_four() {
        assert_eq!(expand_tabs("\ta\tbcde\tf"), "    a   bcde    f");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_allowed_and_no_letter_is_lost(text in "[a-z 你好，（👨\u{200d}\u{301}\n\t]{0,60}", width in 2_usize..30) {
            let wrapped = wrap(&[Span::raw(text.as_str())], width);
            for line in &wrapped {
                prop_assert!(spans_width(line) <= width);
            }
            let letters = |t: &str| t.chars().filter(|c| c.is_ascii_lowercase() || *c == '好').collect::<String>();
            let kept: String = wrapped.iter().flatten().map(|s| s.content.as_ref()).collect();
            prop_assert_eq!(letters(&kept), letters(&text));
            prop_assert!(crate::ui::fit::width(&cut(&text, width)) <= width);
            let line = expand_tabs(&text.replace('\n', " "));
            for piece in split(&[Span::raw(line.as_str())], width) {
                prop_assert!(spans_width(&piece) <= width);
            }
        }
    }
}
