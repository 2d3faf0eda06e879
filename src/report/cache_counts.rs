//! Counts attempts by the state of the server's prefix cache.

use crate::domain::prefix_cache::PrefixCache;

/// Number of attempts by the state of the prefix cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CacheCounts {
    pub cold: usize,
    pub warm: usize,
    pub unknown: usize,
}

impl CacheCounts {
    /// Counts an attempt in this state.
    pub fn add(&mut self, cache: PrefixCache) {
        match cache {
            PrefixCache::Cold => self.cold += 1,
            PrefixCache::Warm => self.warm += 1,
            PrefixCache::Unknown => self.unknown += 1,
        }
    }

    /// Returns the number of attempts in all states.
    pub const fn all(self) -> usize {
        self.cold + self.warm + self.unknown
    }

    /// Subtracts counts of a part of these attempts.
    #[must_use]
    pub const fn without(self, others: Self) -> Self {
        Self { cold: self.cold - others.cold, warm: self.warm - others.warm, unknown: self.unknown - others.unknown }
    }

    /// Formats the states that occur: `8 cold, 2 warm`.
    pub fn words(&self) -> String {
        let all =
            [(self.cold, PrefixCache::Cold), (self.warm, PrefixCache::Warm), (self.unknown, PrefixCache::Unknown)];
        let some = all.iter().filter(|(n, _)| *n > 0).map(|(n, cache)| format!("{n} {}", cache.as_str()));
        some.collect::<Vec<_>>().join(", ")
    }
}
