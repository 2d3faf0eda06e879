//! Memory for keys and values, in blocks.

/// Block size in tokens.
pub const BLOCK_TOKENS: u64 = 16;

/// Number of free and used blocks. Sequences share no blocks.
#[derive(Clone, Debug)]
pub struct KvCache {
    total: u64,
    used: u64,
}

impl KvCache {
    /// Creates an empty cache.
    pub const fn new(blocks: u32) -> Self {
        Self { total: blocks as u64, used: 0 }
    }

    /// Returns the number of blocks that this many tokens need.
    pub const fn blocks_for(tokens: u64) -> u64 {
        tokens.div_ceil(BLOCK_TOKENS)
    }

    /// Number of used blocks.
    pub const fn used(&self) -> u64 {
        self.used
    }

    /// Number of free blocks.
    pub const fn free(&self) -> u64 {
        self.total - self.used
    }

    /// Reserves blocks. Returns false and reserves none if too few are free.
    #[must_use]
    pub const fn take(&mut self, blocks: u64) -> bool {
        let fits = blocks <= self.free();
        if fits {
            self.used += blocks;
        }
        fits
    }

    /// Frees blocks.
    pub const fn give_back(&mut self, blocks: u64) {
        self.used = self.used.saturating_sub(blocks);
    }
}
