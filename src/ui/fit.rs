//! Cuts and pads text by the cells it takes, never by bytes or characters.

use ratatui::buffer::Buffer;
use ratatui::text::Span;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Marks text that was cut off.
pub const ELLIPSIS: &str = "…";

/// Ends of clauses at which a sentence may be cut, the best ones first.
const CLAUSE_ENDS: [&[&str]; 2] = [&[". ", "; "], &[", ", ": ", " (", " · "]];

/// Maximum length of a grapheme that is shown in full, bytes. An emoji of four people with skin tones is shorter; a
/// long pile of combining marks is not.
const MAX_GRAPHEME_BYTES: usize = 64;

/// The graphemes of a text and the cells each takes, as the terminal library lays them out. Control characters are
/// dropped, and overlong graphemes are cut to their base character.
pub fn graphemes(text: &str) -> impl Iterator<Item = (&str, usize)> {
    // Fast path: each character of an ASCII text is a grapheme of one cell.
    let (plain, rich) = if text.is_ascii() { (text, "") } else { ("", text) };
    let one = move |at| plain.get(at..=at).filter(|c| !c.bytes().any(|b| b.is_ascii_control()));
    (0..plain.len()).filter_map(one).map(|c| (c, 1)).chain(rich_graphemes(rich))
}

/// Cuts every overlong grapheme in the buffer to its base character, whoever drew it.
pub fn cut_long_graphemes(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().len() > MAX_GRAPHEME_BYTES {
            let base = cell.symbol().chars().next().unwrap_or(' ');
            cell.set_char(base);
        }
    }
}

fn rich_graphemes(text: &str) -> impl Iterator<Item = (&str, usize)> {
    text.graphemes(true).filter(|g| !g.chars().any(char::is_control)).map(|g| {
        let first = g.chars().next().map_or(0, char::len_utf8);
        let g = if g.len() > MAX_GRAPHEME_BYTES { g.get(..first).unwrap_or_default() } else { g };
        (g, g.width())
    })
}

/// Number of cells that `text` takes.
pub fn width(text: &str) -> usize {
    if text.is_ascii() && !text.bytes().any(|b| b.is_ascii_control()) {
        return text.len();
    }
    graphemes(text).map(|(_, cells)| cells).sum()
}

/// Number of cells that styled text takes.
pub fn spans_width(spans: &[Span<'_>]) -> usize {
    spans.iter().map(|s| width(&s.content)).sum()
}

/// The start of `text` that fits into `cells` cells, with `…` at the end if it was cut.
pub fn cut(text: &str, cells: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    let mut fitting = 0;
    for (grapheme, columns) in graphemes(text) {
        if used + columns > cells {
            out.truncate(fitting);
            if cells > 0 {
                out.push_str(ELLIPSIS);
            }
            return out;
        }
        out.push_str(grapheme);
        used += columns;
        if used < cells {
            fitting = out.len();
        }
    }
    out
}

/// The start of a sentence: as many complete clauses as fit into `cells` cells. If not even the first clause fits, it
/// is cut.
pub fn clauses(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let longest = |marks: &[&str]| {
        let ends = marks.iter().flat_map(|mark| text.match_indices(mark)).map(|(at, _)| text.split_at(at).0);
        ends.filter(|start| !start.is_empty() && width(start) <= cells).max_by_key(|start| start.len())
    };
    CLAUSE_ENDS.iter().find_map(|marks| longest(marks)).map_or_else(|| cut(text, cells), str::to_owned)
}

/// `text` in exactly `cells` cells, left-aligned.
pub fn left(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.push_str(&" ".repeat(cells.saturating_sub(width(&out))));
    out
}

/// `text` in exactly `cells` cells, right-aligned.
pub fn right(text: &str, cells: usize) -> String {
    let out = cut(text, cells);
    format!("{}{out}", " ".repeat(cells.saturating_sub(width(&out))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_as_two_cells_and_are_never_halved() {
        assert_eq!(cut("数据库优化", 10), "数据库优化");
        assert_eq!(cut("数据库优化", 9), "数据库优…");
        assert_eq!(cut("数据库优化", 8), "数据库…");
        assert_eq!(left("数据库优化", 8), "数据库… ");
        assert_eq!(right("é", 3), "  é");
    }

    #[test]
    fn a_family_of_joined_emoji_stays_together() {
        let family = "👩‍👩‍👧‍👦";
        assert_eq!(cut(&format!("{family}{family}x"), 3), format!("{family}…"));
    }

    #[test]
    fn cutting_leaves_room_for_the_ellipsis() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
        assert_eq!(cut("你好吗", 5), "你好…");
        assert_eq!(cut("你好吗", 4), "你…");
        assert_eq!(cut("ab", 0), "");
        assert_eq!(cut("你", 1), "…");
    }

    #[test]
    fn a_sentence_ends_with_a_complete_clause() {
        let sentence = "Too few answers: p95 needs 20 (of them 3 are missing), p99 100";
        assert_eq!(clauses(sentence, 62), sentence);
        assert_eq!(clauses(sentence, 61), "Too few answers: p95 needs 20 (of them 3 are missing)");
        assert_eq!(clauses(sentence, 40), "Too few answers: p95 needs 20");
        assert_eq!(clauses(sentence, 20), "Too few answers");
        assert_eq!(clauses(sentence, 6), "Too f…");
        assert_eq!(clauses(". a", 1), "…");
        assert_eq!(clauses("2 at 1; 3, 4 at 2", 10), "2 at 1");
    }

    #[test]
    fn without_room_the_text_is_empty() {
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(left("", 2), "  ");
    }

    #[test]
    fn the_fast_path_for_ascii_gives_the_same_graphemes() {
        let all: String = (0..=127_u8).map(char::from).chain("\r\n\ta b".chars()).collect();
        assert!(graphemes(&all).eq(rich_graphemes(&all)));
    }

    proptest::proptest! {
        #[test]
        fn padded_text_has_exactly_its_width(text in "\\PC{0,20}", cells in 0_usize..30) {
            proptest::prop_assert!(width(&cut(&text, cells)) <= cells);
            proptest::prop_assert_eq!(width(&left(&text, cells)), cells);
        }
    }
}
