//! A pool of strings that many records have in common, each stored once.

use std::sync::Arc;

/// Maximum strings in the pool; later ones stay in their records.
const MAX_STRINGS: usize = 128;
/// Maximum pool size up to which new sentences are added. A server may send a different sentence each time, and must
/// not fill the pool.
const MAX_STRINGS_FOR_SENTENCE: usize = 64;

/// Strings that the packed records of a case have in common: models, finish reasons, error kinds, frequent sentences.
#[derive(Clone, Debug, Default)]
pub struct StringPool(Arc<Vec<Arc<str>>>);

impl StringPool {
    /// Returns the index of a string and adds it if there is room; `None` if the pool is full.
    pub(super) fn intern(&mut self, text: &str, is_sentence: bool) -> Option<usize> {
        let known = self.0.iter().position(|word| **word == *text);
        known.or_else(|| {
            let index = self.0.len();
            let limit = if is_sentence { MAX_STRINGS_FOR_SENTENCE } else { MAX_STRINGS };
            (index < limit).then(|| {
                // Records packed earlier share this pool. It must not change under them, so it is copied first.
                Arc::make_mut(&mut self.0).push(text.into());
                index
            })
        })
    }

    /// Returns the string at an index; empty if there is none.
    pub(super) fn get(&self, index: usize) -> &str {
        self.0.get(index).map_or("", |word| word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_share_an_index_and_the_pool_is_bounded() {
        let mut pool = StringPool::default();
        assert_eq!(
            (pool.intern("stop", false), pool.intern("", false), pool.intern("stop", true)),
            (Some(0), Some(1), Some(0))
        );
        let before = pool.clone();
        let sentences = (0..999).filter_map(|i| pool.intern(&format!("the {i}th time"), true)).count();
        assert_eq!(sentences, MAX_STRINGS_FOR_SENTENCE - 2);
        let others = (0..999).filter_map(|i| pool.intern(&format!("w{i}"), false)).count();
        assert_eq!(others, MAX_STRINGS - MAX_STRINGS_FOR_SENTENCE);
        assert_eq!((pool.get(0), pool.get(2), pool.get(MAX_STRINGS), before.get(2)), ("stop", "the 0th time", "", ""));
    }
}
