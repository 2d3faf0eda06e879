//! The simulator's prefix cache: blocks of sixteen tokens, each known by all that comes before it, as vLLM keeps them.

use std::collections::HashSet;

use super::pace::seed_of;
use super::tokens::pieces;

/// Only whole blocks are kept.
const BLOCK: usize = 16;
/// With more than that it begins anew, which bounds it.
const MOST_BLOCKS: usize = 1 << 16;

/// What prompts left behind.
#[derive(Debug, Default)]
pub struct PrefixCache {
    blocks: HashSet<u64>,
}

impl PrefixCache {
    /// The tokens at the start of a conversation that an earlier one had, too. From now on this one is known.
    pub fn take(&mut self, conversation: &str) -> u64 {
        let tokens: Vec<&str> = pieces(conversation).collect();
        let mut before = 0_u64;
        let mut cached = 0;
        for block in tokens.chunks_exact(BLOCK) {
            let parts: Vec<&[u8]> = block.iter().map(|t| t.as_bytes()).collect();
            before = seed_of(&[&before.to_le_bytes(), &seed_of(&parts).to_le_bytes()]);
            if self.blocks.len() >= MOST_BLOCKS {
                self.blocks.clear();
            }
            // After a block that is new, all are: each is known by those before it.
            let is_known = !self.blocks.insert(before);
            cached += if is_known { BLOCK as u64 } else { 0 };
        }
        cached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(range: std::ops::Range<u32>) -> String {
        // "w", "10" and the like: two tokens each.
        range.flat_map(|n| ["w".to_owned(), (n % 90 + 10).to_string()]).collect()
    }

    #[test]
    fn whole_blocks_of_a_common_start_are_cached_and_nothing_after_the_first_difference() {
        let mut cache = PrefixCache::default();
        assert_eq!(cache.take(&words(0..20)), 0);
        // 40 tokens: two blocks, and eight that are none.
        assert_eq!(cache.take(&words(0..20)), 32);
        assert_eq!(cache.take(&(words(0..8) + &words(40..52))), 16);
        assert_eq!(cache.take(&format!("[3f9a1c07]\n{}", words(0..20))), 0);
        // The same block after another start is another block.
        assert_eq!(cache.take(&words(8..20)), 0);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let mut cache = PrefixCache::default();
        for n in 0..40 {
            cache.take(&format!("{n}{}", words(0..16_000)));
        }
        assert!(cache.blocks.len() <= MOST_BLOCKS);
    }
}
