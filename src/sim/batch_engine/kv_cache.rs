//! Memory for keys and values, in blocks.

/// Block size in tokens.
pub const BLOCK_TOKENS: u64 = 16;

/// Free and used blocks. Sequences share none.
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

    /// Number of blocks that hold this many tokens.
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

    /// Takes blocks. Returns false and takes none if too few are free.
    #[must_use]
    pub const fn take(&mut self, blocks: u64) -> bool {
        let fits = blocks <= self.free();
        if fits {
            self.used += blocks;
        }
        fits
    }

    /// Returns blocks.
    pub const fn give_back(&mut self, blocks: u64) {
        self.used = self.used.saturating_sub(blocks);
    }
}
