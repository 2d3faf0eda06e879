//! Splits text roughly like a tokenizer: words with the space before them, long words in parts, and digits in groups of
//! three.

/// Maximum length of a word that stays one piece, letters.
const MAX_WORD_LETTERS: usize = 8;
/// Approximate length of the parts of a longer word, letters.
const PART_LETTERS: usize = 7;
/// Maximum number of letters to look at when splitting a word into even parts.
const LOOK_AHEAD: usize = 56;
const MAX_INDENT: usize = 16;

/// Splits `text` into pieces, none of which is empty. Joined, the pieces give `text` again.
pub fn pieces(text: &str) -> TokenPieces<'_> {
    TokenPieces { rest: text }
}

/// Iterator returned by [`pieces`].
#[derive(Clone, Debug)]
pub struct TokenPieces<'a> {
    rest: &'a str,
}

impl<'a> Iterator for TokenPieces<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let first = self.rest.chars().next()?;
        let length = first_piece(self.rest, first);
        let (piece, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        Some(piece)
    }
}

fn first_piece(text: &str, first: char) -> usize {
    match first {
        '\n' | '\r' => bytes_while(text, usize::MAX, |c| matches!(c, '\n' | '\r')),
        ' ' => {
            let blanks = bytes_while(text, MAX_INDENT, |c| c == ' ');
            match text.chars().nth(blanks) {
                // The last space belongs to the text after it.
                Some(next) if !next.is_whitespace() => {
                    if blanks > 1 {
                        blanks - 1
                    } else {
                        1 + unspaced(text.trim_start_matches(' '), next)
                    }
                }
                _ => blanks,
            }
        }
        _ => unspaced(text, first),
    }
}

/// Returns the length of the first piece of a text that does not start with a space, bytes.
fn unspaced(text: &str, first: char) -> usize {
    let after_underscore = text.strip_prefix('_').filter(|rest| rest.starts_with(char::is_alphabetic));
    if let Some(word) = after_underscore {
        1 + part_of_word(word)
    } else if first.is_alphabetic() {
        part_of_word(text)
    } else if first.is_numeric() {
        bytes_while(text, 3, char::is_numeric)
    } else {
        // Keep a run of equal characters together, such as ``` ** -- ==.
        bytes_while(text, 4, |c| c == first)
    }
}

fn part_of_word(word: &str) -> usize {
    let letters = word.chars().take(LOOK_AHEAD).take_while(|c| c.is_alphabetic()).count();
    let take = if letters <= MAX_WORD_LETTERS { letters } else { letters.div_ceil(letters.div_ceil(PART_LETTERS)) };
    bytes_while(word, take, char::is_alphabetic)
}

fn bytes_while(text: &str, at_most: usize, belongs: impl Fn(char) -> bool) -> usize {
    text.chars().take(at_most).take_while(|&c| belongs(c)).map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pieces;

    fn split(text: &str) -> Vec<&str> {
        pieces(text).collect()
    }

    #[test]
    fn text_is_split_like_a_tokenizer() {
        assert_eq!(split("The user's request."), ["The", " user", "'", "s", " request", "."]);
        assert_eq!(split("a 12345 b"), ["a", " 123", "45", " b"]);
        assert_eq!(split("def user_id():\n    return"), ["def", " user", "_id", "(", ")", ":", "\n", "   ", " return"]);
        assert_eq!(split("\n\n```sql\n"), ["\n\n", "```", "sql", "\n"]);
        assert_eq!(split("responsibilities"), ["respon", "sibil", "ities"]);
        assert_eq!(split("**über**  \n"), ["**", "über", "**", "  ", "\n"]);
    }

    #[test]
    fn an_endless_word_is_split() {
        let word = "x".repeat(100_000);
        assert!(pieces(&word).all(|p| (1..=8).contains(&p.len())));
    }

    proptest! {
        #[test]
        fn pieces_join_to_the_text(text in any::<String>()) {
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }

        #[test]
        fn pieces_of_markdown_join_to_the_text(text in "[ \\n\\ta-z_0-9é漢*`#|.-]{0,80}") {
            prop_assert!(pieces(&text).all(|p| !p.is_empty()));
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }
    }
}
