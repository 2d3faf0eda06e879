//! Text cut where a tokenizer might cut it: words with the blank before them, long words in parts, digits by threes.

/// Letters that one piece may have.
const LONGEST_WORD: usize = 8;
/// About how many letters the parts of a longer word have.
const PART_OF_WORD: usize = 7;
/// Letters looked at to cut a word evenly.
const LOOK_AHEAD: usize = 56;
const LONGEST_INDENT: usize = 16;

/// The pieces of `text`; put together they are `text`, and none is empty.
pub fn pieces(text: &str) -> TokenPieces<'_> {
    TokenPieces { rest: text }
}

/// See [`pieces`].
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
            let blanks = bytes_while(text, LONGEST_INDENT, |c| c == ' ');
            match text.chars().nth(blanks) {
                // The last blank belongs to what follows it.
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

/// Length of the first piece of a text that begins with no blank.
fn unspaced(text: &str, first: char) -> usize {
    let after_underscore = text.strip_prefix('_').filter(|rest| rest.starts_with(char::is_alphabetic));
    if let Some(word) = after_underscore {
        1 + part_of_word(word)
    } else if first.is_alphabetic() {
        part_of_word(text)
    } else if first.is_numeric() {
        bytes_while(text, 3, char::is_numeric)
    } else {
        // ``` ** -- == are one each.
        bytes_while(text, 4, |c| c == first)
    }
}

fn part_of_word(word: &str) -> usize {
    let letters = word.chars().take(LOOK_AHEAD).take_while(|c| c.is_alphabetic()).count();
    let take = if letters <= LONGEST_WORD { letters } else { letters.div_ceil(letters.div_ceil(PART_OF_WORD)) };
    bytes_while(word, take, char::is_alphabetic)
}

fn bytes_while(text: &str, at_most: usize, belongs: impl Fn(char) -> bool) -> usize {
    text.chars().take(at_most).take_while(|&c| belongs(c)).map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::pieces;

    fn cut(text: &str) -> Vec<&str> {
        pieces(text).collect()
    }

    #[test]
    fn cuts_like_a_tokenizer() {
        assert_eq!(cut("The user's request."), ["The", " user", "'", "s", " request", "."]);
        assert_eq!(cut("a 12345 b"), ["a", " 123", "45", " b"]);
        assert_eq!(cut("def user_id():\n    return"), ["def", " user", "_id", "(", ")", ":", "\n", "   ", " return"]);
        assert_eq!(cut("\n\n```sql\n"), ["\n\n", "```", "sql", "\n"]);
        assert_eq!(cut("responsibilities"), ["respon", "sibil", "ities"]);
        assert_eq!(cut("**über**  \n"), ["**", "über", "**", "  ", "\n"]);
    }

    #[test]
    fn an_endless_word_is_cut_too() {
        let word = "x".repeat(100_000);
        assert!(pieces(&word).all(|p| (1..=8).contains(&p.len())));
    }

    proptest! {
        #[test]
        fn pieces_make_the_text_again(text in any::<String>()) {
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }

        #[test]
        fn so_they_do_for_markdown(text in "[ \\n\\ta-z_0-9é漢*`#|.-]{0,80}") {
            prop_assert!(pieces(&text).all(|p| !p.is_empty()));
            prop_assert_eq!(pieces(&text).collect::<String>(), text);
        }
    }
}
