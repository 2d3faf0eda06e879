//! Text that fits its place: cut and padded by the cells it takes, never by bytes or characters.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// Cells that `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `cells` cells, with `…` at the end when something had to go.
pub fn cut(text: &str, cells: usize) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let Some(room) = cells.checked_sub(1) else { return String::new() };
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += width(grapheme);
        if used > room {
            break;
        }
        out.push_str(grapheme);
    }
    out.push('…');
    out
}

/// `text` in exactly `cells` cells, at their left.
pub fn left(text: &str, cells: usize) -> String {
    let mut out = cut(text, cells);
    out.push_str(&" ".repeat(cells.saturating_sub(width(&out))));
    out
}

/// `text` in exactly `cells` cells, at their right.
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
    fn no_room_is_no_text() {
        assert_eq!(cut("abc", 0), "");
        assert_eq!(cut("abc", 1), "…");
        assert_eq!(left("", 2), "  ");
    }

    proptest::proptest! {
        #[test]
        fn padded_text_takes_its_cells_exactly(text in "\\PC{0,20}", cells in 0_usize..30) {
            // Strange clusters may measure less joined than apart: that the place is never exceeded is what matters.
            proptest::prop_assert!(width(&cut(&text, cells)) <= cells);
            proptest::prop_assert_eq!(width(&left(&text, cells)), cells);
        }
    }
}
