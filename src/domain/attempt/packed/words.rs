//! Strings that many records have in common, each kept once.

use std::sync::Arc;

/// No more are shared; what comes later stands in its record.
const MOST: usize = 128;
/// Sentences, of which a server may have a new one each time, take no more than these places.
const MOST_SENTENCES: usize = 64;

/// What the packed records of a case have in common: models, finish reasons, kinds of errors, usual sentences.
#[derive(Clone, Debug, Default)]
pub struct Words(Arc<Vec<Arc<str>>>);

impl Words {
    /// The place of a word, or of a sentence that was met before; a new one gets a place while there are any.
    pub(super) fn place(&mut self, text: &str, is_sentence: bool) -> Option<usize> {
        let known = self.0.iter().position(|word| **word == *text);
        known.or_else(|| {
            let place = self.0.len();
            let most = if is_sentence { MOST_SENTENCES } else { MOST };
            (place < most).then(|| {
                // Records that were packed before go on with the words that they know.
                Arc::make_mut(&mut self.0).push(text.into());
                place
            })
        })
    }

    /// The word at a place; empty where there is none.
    pub(super) fn at(&self, place: usize) -> &str {
        self.0.get(place).map_or("", |word| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_one_place_and_there_are_so_many() {
        let mut words = Words::default();
        assert_eq!(
            (words.place("stop", false), words.place("", false), words.place("stop", true)),
            (Some(0), Some(1), Some(0))
        );
        let before = words.clone();
        let sentences = (0..999).filter_map(|i| words.place(&format!("the {i}th time"), true)).count();
        assert_eq!(sentences, MOST_SENTENCES - 2);
        let others = (0..999).filter_map(|i| words.place(&format!("w{i}"), false)).count();
        assert_eq!(others, MOST - MOST_SENTENCES);
        assert_eq!((words.at(0), words.at(2), words.at(MOST), before.at(2)), ("stop", "the 0th time", "", ""));
    }
}
