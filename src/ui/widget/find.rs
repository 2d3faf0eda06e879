//! Text search in laid-out lines, including matches that cross a line wrap.

use ratatui::text::Line;

use crate::ui::fit;

/// Maximum number of matches; the search stops there.
const MAX_MATCHES: usize = 10_000;

/// One match, in one part per line that it touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Line, first column, and the column after the last.
    pub parts: Vec<(usize, usize, usize)>,
}

impl Match {
    /// The line on which the match begins.
    pub fn line(&self) -> usize {
        self.parts.first().map_or(0, |part| part.0)
    }
}

/// A character of the searched lines, in lower case, with its position.
struct PlacedChar {
    c: char,
    line: usize,
    from: usize,
    to: usize,
}

/// Marks the end of a line, where wrapping may have replaced a blank. [`FULL_BREAK`] marks the end of a full line,
/// where wrapping may have split a word.
const BREAK: char = '\n';
const FULL_BREAK: char = '\r';

/// Finds `wanted` in these lines, ignoring case. Matches do not overlap. A blank in `wanted` matches any run of blanks
/// or one line end. `columns` is the width at which the lines were wrapped; with `None` (for texts side by side) no
/// match crosses a line end.
pub fn find(lines: &[Line<'_>], wanted: &str, columns: Option<usize>) -> Vec<Match> {
    let wanted: Vec<char> = wanted.split_whitespace().collect::<Vec<_>>().join(" ").chars().map(lower).collect();
    let Some(&first) = wanted.first() else { return Vec::new() };
    let places = places(lines, columns);
    let mut matches = Vec::new();
    let mut at = 0;
    while at < places.len() && matches.len() < MAX_MATCHES {
        if places[at].c == first
            && let Some(end) = end_of(&places, at, &wanted, columns.is_some())
        {
            matches.push(to_match(&places[at..end]));
            at = end;
        } else {
            at += 1;
        }
    }
    matches
}

fn lower(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn places(lines: &[Line<'_>], columns: Option<usize>) -> Vec<PlacedChar> {
    let mut places = Vec::new();
    for (line, spans) in lines.iter().enumerate() {
        let mut column = 0;
        let mut in_margin = true;
        for span in &spans.spans {
            // Bars and indents are not text: a match may continue behind them.
            in_margin &= matches!(&*span.content, "│ " | "┊ " | "▌ ") || span.content.trim().is_empty();
            for (grapheme, width) in fit::graphemes(&span.content) {
                let (from, to) = (column, column + width);
                column = to;
                if !in_margin {
                    places.extend(grapheme.chars().map(|c| PlacedChar { c: lower(c), line, from, to }));
                }
            }
        }
        let is_full = columns.is_some_and(|columns| column + 1 >= columns);
        let c = if is_full { FULL_BREAK } else { BREAK };
        places.push(PlacedChar { c, line, from: column, to: column });
    }
    places
}

/// The index after a match that begins at `at`; `None` if there is no match. With `crosses_lines` it may pass a line
/// end.
fn end_of(places: &[PlacedChar], mut at: usize, wanted: &[char], crosses_lines: bool) -> Option<usize> {
    for (i, &c) in wanted.iter().enumerate() {
        let is_break = |at: usize| places.get(at).is_some_and(|p| matches!(p.c, BREAK | FULL_BREAK));
        let blanks_from = at;
        if c == ' ' {
            while places.get(at).is_some_and(|p| p.c == ' ') {
                at += 1;
            }
            if is_break(at) && crosses_lines {
                at += 1;
            }
            if at == blanks_from {
                return None;
            }
            continue;
        }
        if i > 0 && crosses_lines && places.get(at)?.c == FULL_BREAK {
            at += 1;
        }
        if places.get(at)?.c != c {
            return None;
        }
        at += 1;
    }
    Some(at)
}

fn to_match(places: &[PlacedChar]) -> Match {
    let mut parts: Vec<(usize, usize, usize)> = Vec::new();
    for place in places.iter().filter(|p| p.to > p.from) {
        match parts.last_mut() {
            Some((line, _, to)) if *line == place.line => *to = place.to,
            _ => parts.push((place.line, place.from, place.to)),
        }
    }
    Match { parts }
}

#[cfg(test)]
mod tests {
    use ratatui::text::Span;

    use super::*;
    use crate::ui::widget::wrap::wrap;

    fn matches_in(lines: &[&str], wanted: &str, columns: Option<usize>) -> Vec<Vec<(usize, usize, usize)>> {
        let lines: Vec<_> = lines.iter().map(|l| Line::raw(*l)).collect();
        find(&lines, wanted, columns).into_iter().map(|m| m.parts).collect()
    }

    #[test]
    fn search_ignores_case_and_counts_columns_in_cells() {
        assert_eq!(matches_in(&["Über das 数据库, ÜBER"], "über", Some(40)), [[(0, 0, 4)], [(0, 17, 21)]]);
        assert_eq!(matches_in(&["数据库"], "据库", Some(40)), [[(0, 2, 6)]]);
        assert_eq!(matches_in(&["aaa"], "aa", Some(40)), [[(0, 0, 2)]]);
        assert!(matches_in(&["abc"], " ", Some(40)).is_empty() && matches_in(&[], "a", Some(40)).is_empty());
    }

    #[test]
    fn a_match_crosses_wrapped_lines() {
        assert_eq!(matches_in(&["a race", "condition"], "race  Condition", Some(10)), [[(0, 2, 6), (1, 0, 9)]]);
        // A word that wrapping split matches; two words on lines with room left do not.
        assert_eq!(matches_in(&["abcde", "fgh"], "def", Some(5)), [[(0, 3, 5), (1, 0, 1)]]);
        assert!(matches_in(&["abc", "def"], "cd", Some(9)).is_empty());
        assert!(matches_in(&["one", "", "two"], "one two", Some(9)).is_empty());
    }

    #[test]
    fn without_columns_no_match_crosses_a_line_end() {
        assert!(matches_in(&["a race", "condition"], "race condition", None).is_empty());
        assert_eq!(matches_in(&["a race", "condition"], "race", None), [[(0, 2, 6)]]);
    }

    #[test]
    fn bars_are_not_part_of_the_text() {
        let bar = |bar: &'static str, text: &'static str| Line::from(vec![Span::raw(bar), Span::raw(text)]);
        let lines = [bar("│ ", "let na"), bar("┊ ", "me = 1")];
        assert_eq!(find(&lines, "name", Some(8))[0].parts, [(0, 6, 8), (1, 2, 4)]);
        assert!(find(&lines, "│", Some(8)).is_empty());
    }

    proptest::proptest! {
        /// Words in a row are found at any width at which they were wrapped.
        #[test]
        fn wrapped_words_are_found(words in proptest::collection::vec("[a-c]{1,9}", 1..20), from in 0_usize..20, width in 4_usize..30) {
            let text = words.join(" ");
            let lines: Vec<_> = wrap(&[Span::raw(text.as_str())], width).into_iter().map(Line::from).collect();
            let wanted = words[from % words.len()..].join(" ");
            proptest::prop_assert!(!find(&lines, &wanted, Some(width)).is_empty(), "{wanted:?} in {lines:?}");
        }
    }
}
