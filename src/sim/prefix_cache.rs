//! Prefix cache of the simulator: blocks of sixteen tokens. As in vLLM, a block is identified by its content and
//! everything before it.

use std::collections::HashSet;

use super::pace::seed_of;
use super::tokens::pieces;

/// Block size, tokens. Only complete blocks are cached.
const BLOCK_TOKENS: usize = 16;
/// Maximum number of blocks. A full cache is emptied.
const MAX_BLOCKS: usize = 1 << 16;

/// Blocks of earlier prompts.
#[derive(Debug, Default)]
pub struct PrefixCache {
    blocks: HashSet<u64>,
}

impl PrefixCache {
    /// Adds a conversation. Returns the number of tokens at its start that are shared with an earlier conversation.
    pub fn insert(&mut self, conversation: &str) -> u64 {
        let tokens: Vec<&str> = pieces(conversation).collect();
        let mut prefix = 0_u64;
        let mut cached = 0;
        for block in tokens.chunks_exact(BLOCK_TOKENS) {
            let parts: Vec<&[u8]> = block.iter().map(|t| t.as_bytes()).collect();
            prefix = seed_of(&[&prefix.to_le_bytes(), &seed_of(&parts).to_le_bytes()]);
            if self.blocks.len() >= MAX_BLOCKS {
                self.blocks.clear();
            }
            // After a new block all blocks are new, because each depends on the blocks before it.
            let is_known = !self.blocks.insert(prefix);
            cached += if is_known { BLOCK_TOKENS as u64 } else { 0 };
        }
        cached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(range: std::ops::Range<u32>) -> String {
        // Each number gives two tokens, like "w" and "10".
        range.flat_map(|n| ["w".to_owned(), (n % 90 + 10).to_string()]).collect()
    }

    #[test]
    fn complete_blocks_of_a_common_prefix_are_cached() {
        let mut cache = PrefixCache::default();
        assert_eq!(cache.insert(&words(0..20)), 0);
        // These 40 tokens fill two blocks. The remaining eight fill none.
        assert_eq!(cache.insert(&words(0..20)), 32);
        assert_eq!(cache.insert(&(words(0..8) + &words(40..52))), 16);
        assert_eq!(cache.insert(&format!("[3f9a1c07]\n{}", words(0..20))), 0);
        // A block after a different start is a different block.
        assert_eq!(cache.insert(&words(8..20)), 0);
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = PrefixCache::default();
        for n in 0..40 {
            cache.insert(&format!("{n}{}", words(0..16_000)));
        }
        assert!(cache.blocks.len() <= MAX_BLOCKS);
    }
}
