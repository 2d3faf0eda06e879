//! A line of text that the user edits on the screen.

use unicode_segmentation::UnicodeSegmentation;

/// An edit of a [`TextField`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each name describes its edit")]
pub enum Edit {
    Insert(char),
    Paste(String),
    Backspace,
    Delete,
    DeleteWord,
    Clear,
    Left,
    Right,
    Home,
    End,
}

/// A line of text and its cursor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextField {
    text: String,
    /// Byte offset of the cursor, always between two graphemes.
    cursor: usize,
}

impl TextField {
    /// Maximum length, bytes.
    pub const MAX_BYTES: usize = 1024;

    /// A field with this text and the cursor at its end.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { cursor: text.len(), text }
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the field is empty.
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The text before the cursor and the text after it.
    pub fn around_cursor(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Removes the whole text.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Applies an edit. Control characters are dropped; line ends and tabs in a paste become spaces.
    pub fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Insert(c) => self.insert(*c),
            Edit::Paste(text) => {
                text.trim_end().chars().for_each(|c| self.insert(if c == '\n' || c == '\t' { ' ' } else { c }));
            }
            Edit::Backspace => self.cut_back_to(self.before()),
            Edit::Delete => {
                let to = self.after();
                self.text.replace_range(self.cursor..to, "");
            }
            Edit::DeleteWord => {
                let (before, _) = self.around_cursor();
                let word = before.trim_end().rfind(char::is_whitespace);
                self.cut_back_to(word.map_or(0, |space| self.next_edge(space)));
            }
            Edit::Clear => self.clear(),
            Edit::Left => self.cursor = self.before(),
            Edit::Right => self.cursor = self.after(),
            Edit::Home => self.cursor = 0,
            Edit::End => self.cursor = self.text.len(),
        }
    }

    fn insert(&mut self, c: char) {
        if c.is_control() || self.text.len() + c.len_utf8() > Self::MAX_BYTES {
            return;
        }
        self.text.insert(self.cursor, c);
        self.cursor += c.len_utf8();
    }

    fn cut_back_to(&mut self, from: usize) {
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
    }

    /// Offset of the grapheme edge before the cursor.
    fn before(&self) -> usize {
        let (before, _) = self.around_cursor();
        self.cursor - before.graphemes(true).next_back().map_or(0, str::len)
    }

    /// Offset of the grapheme edge after the cursor.
    fn after(&self) -> usize {
        self.next_edge(self.cursor)
    }

    fn next_edge(&self, from: usize) -> usize {
        let (_, rest) = self.text.split_at(from);
        from + rest.graphemes(true).next().map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn typed(edits: &[Edit]) -> (String, String) {
        let mut field = TextField::default();
        for edit in edits {
            field.edit(edit);
        }
        let (before, after) = field.around_cursor();
        (before.to_owned(), after.to_owned())
    }

    #[test]
    fn editing_works_as_in_a_shell() {
        use Edit as E;
        let paste = |text: &str| E::Paste(text.to_owned());
        let check = |edits: &[E], before: &str, after: &str| {
            assert_eq!(typed(edits), (before.to_owned(), after.to_owned()), "{edits:?}");
        };
        check(&[paste("abc"), E::Left, E::Insert('x')], "abx", "c");
        check(&[paste("abc"), E::Home, E::Delete, E::Right, E::Backspace], "", "c");
        check(&[paste("one two  "), E::DeleteWord], "one ", "");
        check(&[paste("one"), E::Insert(' '), E::DeleteWord, E::DeleteWord], "", "");
        check(&[paste("a"), E::Insert('\u{1b}'), paste("b\tc\nd\n")], "ab c d", "");
        check(&[paste("x"), E::Clear, E::Left, E::Delete, E::Backspace], "", "");
        // A letter with a combining accent and an emoji of four people are one step each.
        check(&[paste("e\u{301}👨‍👩‍👧‍👦"), E::Backspace], "e\u{301}", "");
        check(&[paste("e\u{301}x"), E::Home, E::Right], "e\u{301}", "x");
    }

    proptest! {
        #[test]
        fn no_edit_leaves_the_cursor_within_a_character(edits in proptest::collection::vec(0_u8..10, 0..60), text in "\\PC{0,8}") {
            let mut field = TextField::new(text.clone());
            for edit in edits {
                field.edit(&match edit {
                    0 => Edit::Insert('é'),
                    1 => Edit::Paste(text.clone()),
                    2 => Edit::Backspace,
                    3 => Edit::Delete,
                    4 => Edit::DeleteWord,
                    5 => Edit::Clear,
                    6 => Edit::Left,
                    7 => Edit::Right,
                    8 => Edit::Home,
                    _ => Edit::End,
                });
                let (before, after) = field.around_cursor();
                prop_assert_eq!(format!("{before}{after}"), field.as_str());
                prop_assert!(field.as_str().len() <= TextField::MAX_BYTES);
            }
        }
    }
}
