//! Where a text stands in lines that are laid out: also across the places where they were wrapped.

use ratatui::text::Line;

use crate::ui::fit;

/// More than these are not walked through.
const MAX_MATCHES: usize = 10_000;

/// A match: its parts, one on each line that it goes over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// Line, first column, column after the last.
    pub parts: Vec<(usize, usize, usize)>,
}

impl Match {
    /// The line it begins on.
    pub fn line(&self) -> usize {
        self.parts.first().map_or(0, |part| part.0)
    }
}

/// A character of the lines: lower case, where it stands.
struct Place {
    c: char,
    line: usize,
    from: usize,
    to: usize,
}

/// The end of a line, which a blank of the text stands for; where it is `full` it may have split a word.
const BREAK: char = '\n';
const FULL_BREAK: char = '\r';

/// Finds `wanted` without regard to case, from the top down; matches do not overlap. A blank of it is any blanks or one
/// line end. Lines of `columns` columns may go on in the next; in text side by side (`None`) no match leaves its line.
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
            matches.push(from_places(&places[at..end]));
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

fn places(lines: &[Line<'_>], columns: Option<usize>) -> Vec<Place> {
    let mut places = Vec::new();
    for (line, spans) in lines.iter().enumerate() {
        let mut column = 0;
        let mut in_margin = true;
        for span in &spans.spans {
            // Bars and indents are no text, and a match may go on behind them.
            in_margin &= matches!(&*span.content, "│ " | "┊ " | "▌ ") || span.content.trim().is_empty();
            for (grapheme, width) in fit::graphemes(&span.content) {
                let (from, to) = (column, column + width);
                column = to;
                if !in_margin {
                    places.extend(grapheme.chars().map(|c| Place { c: lower(c), line, from, to }));
                }
            }
        }
        let is_full = columns.is_some_and(|columns| column + 1 >= columns);
        let c = if is_full { FULL_BREAK } else { BREAK };
        places.push(Place { c, line, from: column, to: column });
    }
    places
}

/// The place after a match that begins at `at`.
fn end_of(places: &[Place], mut at: usize, wanted: &[char], crosses: bool) -> Option<usize> {
    for (i, &c) in wanted.iter().enumerate() {
        let is_break = |at: usize| places.get(at).is_some_and(|p| matches!(p.c, BREAK | FULL_BREAK));
        let blanks_from = at;
        if c == ' ' {
            while places.get(at).is_some_and(|p| p.c == ' ') {
                at += 1;
            }
            if is_break(at) && crosses {
                at += 1;
            }
            if at == blanks_from {
                return None;
            }
            continue;
        }
        if i > 0 && crosses && places.get(at)?.c == FULL_BREAK {
            at += 1;
        }
        if places.get(at)?.c != c {
            return None;
        }
        at += 1;
    }
    Some(at)
}

fn from_places(places: &[Place]) -> Match {
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

    fn found(lines: &[&str], wanted: &str, columns: Option<usize>) -> Vec<Vec<(usize, usize, usize)>> {
        let lines: Vec<_> = lines.iter().map(|l| Line::raw(*l)).collect();
        find(&lines, wanted, columns).into_iter().map(|m| m.parts).collect()
    }

    #[test]
    fn case_does_not_matter_and_columns_are_cells() {
        assert_eq!(found(&["Über das 数据库, ÜBER"], "über", Some(40)), [[(0, 0, 4)], [(0, 17, 21)]]);
        assert_eq!(found(&["数据库"], "据库", Some(40)), [[(0, 2, 6)]]);
        assert_eq!(found(&["aaa"], "aa", Some(40)), [[(0, 0, 2)]]);
        assert!(found(&["abc"], " ", Some(40)).is_empty() && found(&[], "a", Some(40)).is_empty());
    }

    #[test]
    fn a_match_goes_over_wrapped_lines() {
        assert_eq!(found(&["a race", "condition"], "race  Condition", Some(10)), [[(0, 2, 6), (1, 0, 9)]]);
        // A word that was split, but not two words on lines with room left.
        assert_eq!(found(&["abcde", "fgh"], "def", Some(5)), [[(0, 3, 5), (1, 0, 1)]]);
        assert!(found(&["abc", "def"], "cd", Some(9)).is_empty());
        assert!(found(&["one", "", "two"], "one two", Some(9)).is_empty());
    }

    #[test]
    fn side_by_side_no_match_leaves_its_line() {
        assert!(found(&["a race", "condition"], "race condition", None).is_empty());
        assert_eq!(found(&["a race", "condition"], "race", None), [[(0, 2, 6)]]);
    }

    #[test]
    fn bars_are_no_text() {
        let bar = |bar: &'static str, text: &'static str| Line::from(vec![Span::raw(bar), Span::raw(text)]);
        let lines = [bar("│ ", "let na"), bar("┊ ", "me = 1")];
        assert_eq!(find(&lines, "name", Some(8))[0].parts, [(0, 6, 8), (1, 2, 4)]);
        assert!(find(&lines, "│", Some(8)).is_empty());
    }

    proptest::proptest! {
        /// However it is wrapped, a run of words is found where it is.
        #[test]
        fn wrapped_words_are_found(words in proptest::collection::vec("[a-c]{1,9}", 1..20), from in 0_usize..20, width in 4_usize..30) {
            let text = words.join(" ");
            let lines: Vec<_> = wrap(&[Span::raw(text.as_str())], width).into_iter().map(Line::from).collect();
            let wanted = words[from % words.len()..].join(" ");
            proptest::prop_assert!(!find(&lines, &wanted, Some(width)).is_empty(), "{wanted:?} in {lines:?}");
        }
    }
}
