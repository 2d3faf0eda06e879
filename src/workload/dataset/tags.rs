//! Tags of rows, stored in two bytes per row.

use std::collections::HashMap;
use std::sync::Arc;

/// Maximum number of distinct tags. A column with more values is free text, and results per tag would have too few
/// rows.
pub const MAX_TAGS: usize = 4096;
/// Number that marks a row without a tag.
const NO_TAG: u16 = u16::MAX;

/// Distinct tags in order of appearance, and the tag of each row.
#[derive(Debug, Default)]
pub struct Tags {
    names: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u16>,
    /// Number of each row's tag; empty until a row has a tag.
    rows: Vec<u16>,
}

impl Tags {
    /// Sets the tag of row number `row`, the one after all rows that were set before. Returns false if there would be
    /// too many tags.
    pub fn push(&mut self, row: u64, tag: Option<&Arc<str>>) -> bool {
        let Some(tag) = tag else {
            if !self.rows.is_empty() {
                self.rows.push(NO_TAG);
            }
            return true;
        };
        let number = match self.numbers.get(tag) {
            Some(number) => *number,
            None if self.names.len() >= MAX_TAGS => return false,
            None => {
                let number = self.names.len() as u16;
                self.names.push(Arc::clone(tag));
                self.numbers.insert(Arc::clone(tag), number);
                number
            }
        };
        // The rows before the first tag have none.
        self.rows.resize(row as usize, NO_TAG);
        self.rows.push(number);
        true
    }

    /// Returns the distinct tags in order of appearance.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Returns the index of a row's tag in [`names`](Self::names); `None` if the row has no tag.
    pub fn number(&self, row: u64) -> Option<u16> {
        let number = usize::try_from(row).ok().and_then(|row| self.rows.get(row)).copied();
        number.filter(|number| *number != NO_TAG)
    }

    /// Frees unused memory.
    pub fn shrink(&mut self) {
        self.rows.shrink_to_fit();
    }

    /// Returns the memory of the tag numbers, bytes.
    pub const fn memory_bytes(&self) -> usize {
        self.rows.capacity() * size_of::<u16>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_number_of_their_tag() {
        let mut tags = Tags::default();
        for (row, tag) in [None, None, Some("b"), Some("a"), None, Some("b")].into_iter().enumerate() {
            assert!(tags.push(row as u64, tag.map(Arc::from).as_ref()));
        }
        assert_eq!(
            (0..7).map(|row| tags.number(row)).collect::<Vec<_>>(),
            [None, None, Some(0), Some(1), None, Some(0), None]
        );
        assert_eq!(tags.names().iter().map(AsRef::as_ref).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn tags_are_bounded() {
        let mut tags = Tags::default();
        for n in 0..MAX_TAGS as u64 {
            assert!(tags.push(n, Some(&n.to_string().into())));
        }
        assert!(!tags.push(MAX_TAGS as u64, Some(&"more".into())));
        assert!(tags.push(MAX_TAGS as u64, Some(&"7".into())));
        assert_eq!(tags.number(MAX_TAGS as u64), Some(7));
    }
}
