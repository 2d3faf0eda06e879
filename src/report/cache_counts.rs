//! Attempts by the state of the prefix cache.

use crate::domain::prefix_cache::PrefixCache;

/// Attempts by the state of the prefix cache that the server reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CacheCounts {
    pub cold: usize,
    pub warm: usize,
    pub unknown: usize,
}

impl CacheCounts {
    /// Counts an attempt.
    pub fn add(&mut self, cache: PrefixCache) {
        match cache {
            PrefixCache::Cold => self.cold += 1,
            PrefixCache::Warm => self.warm += 1,
            PrefixCache::Unknown => self.unknown += 1,
        }
    }

    /// Number of attempts.
    pub const fn all(self) -> usize {
        self.cold + self.warm + self.unknown
    }

    /// Returns the counts without those of `others`, which are among them.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self { cold: self.cold - others.cold, warm: self.warm - others.warm, unknown: self.unknown - others.unknown }
    }

    /// Returns the states that occur: `8 cold, 2 warm`.
    pub fn words(&self) -> String {
        let all =
            [(self.cold, PrefixCache::Cold), (self.warm, PrefixCache::Warm), (self.unknown, PrefixCache::Unknown)];
        let some = all.iter().filter(|(n, _)| *n > 0).map(|(n, cache)| format!("{n} {}", cache.as_str()));
        some.collect::<Vec<_>>().join(", ")
    }
}
