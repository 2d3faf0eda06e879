//! Counts the pieces (words and marks) of a text, to predict its tokens without a tokenizer.
//!
//! Pieces predict tokens better than characters do, because dialogue has more marks than narrative. With a vocabulary
//! of 65,000 tokens, passages of 4,400 characters of the prose were compared. Tokens per character vary by 4.2%
//! (standard deviation), tokens per piece by 1.5%.

/// Returns the number of pieces: runs of letters and digits, other visible characters, and runs of line breaks.
pub fn count(text: &str) -> u64 {
    #[derive(Clone, Copy, PartialEq)]
    enum Kind {
        Word,
        Break,
        Mark,
        Space,
    }
    let mut before = Kind::Space;
    let mut pieces = 0;
    for c in text.chars() {
        let kind = match c {
            '\n' => Kind::Break,
            c if c.is_whitespace() => Kind::Space,
            c if c.is_alphanumeric() => Kind::Word,
            _ => Kind::Mark,
        };
        let is_new = kind == Kind::Mark || kind != Kind::Space && kind != before;
        pieces += u64::from(is_new);
        before = kind;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_marks_and_breaks_are_pieces() {
        for (text, pieces) in [
            ("", 0),
            ("   ", 0),
            ("word", 1),
            ("two words", 2),
            ("\"Seven!\" I answered.", 7),
            ("end.\n\nNew", 4),
            ("half-past 1888", 4),
            ("...", 3),
            ("déjà vu", 2),
        ] {
            assert_eq!(count(text), pieces, "{text:?}");
        }
    }
}
