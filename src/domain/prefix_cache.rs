//! Cold and warm: whether a server had the prompt in its prefix cache.

use serde::Serialize;

use super::attempt::AttemptRecord;

/// So few tokens in the cache are those of the chat template before the prompt, which no client can change.
const TEMPLATE_TOKENS: u64 = 16;
/// So small a part of the prompt in the cache changes no figure: a twentieth.
const NEGLIGIBLE: u64 = 20;

/// Whether the server had the prompt in its prefix cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixCache {
    /// It told that it had nothing of it, or no more than a template's worth.
    Cold,
    /// It told that it had a part that makes its TTFT shorter.
    Warm,
    /// It told nothing.
    Unknown,
}

impl PrefixCache {
    /// The name it has in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Unknown => "unknown",
        }
    }
}

impl AttemptRecord {
    /// Cold, warm or unknown, from what the server told and not from what was intended.
    ///
    /// Cold is less than a twentieth of the prompt in the cache, or fewer than 16 tokens that are less than half of it:
    /// with a unique prompt, what the chat template puts before it is all there can be.
    pub fn prefix_cache(&self) -> PrefixCache {
        let Some(cached) = self.usage.cached_tokens else { return PrefixCache::Unknown };
        let is_less_than = |part| self.usage.prompt_tokens.is_some_and(|prompt| cached < prompt.div_ceil(part));
        let is_template = cached < TEMPLATE_TOKENS && (is_less_than(2) || self.usage.prompt_tokens.is_none());
        if cached == 0 || is_template || is_less_than(NEGLIGIBLE) { PrefixCache::Cold } else { PrefixCache::Warm }
    }

    /// What a reader must know of its TTFT: that it is a warm one, or may be. `None` where it is cold, and where the
    /// server tells nothing but the prompt was made unique.
    pub fn cache_doubt(&self) -> Option<&'static str> {
        match (self.prefix_cache(), &self.nonce) {
            (PrefixCache::Warm, _) => Some("warm"),
            (PrefixCache::Unknown, None) => Some("cache unknown"),
            (PrefixCache::Cold, _) | (PrefixCache::Unknown, Some(_)) => None,
        }
    }
}

/// Whole answers whose TTFT must not stand unmarked among cold ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheDoubts {
    /// Warm ones.
    pub warm: usize,
    /// Of which the server told nothing, and whose prompt may have been in its cache.
    pub unknown: usize,
    /// All of them, the cold ones too.
    pub of: usize,
}

impl CacheDoubts {
    /// Counts a whole answer.
    pub fn add(&mut self, record: &AttemptRecord) {
        self.of += 1;
        if record.cache_doubt().is_some() {
            match record.prefix_cache() {
                PrefixCache::Unknown => self.unknown += 1,
                PrefixCache::Warm | PrefixCache::Cold => self.warm += 1,
            }
        }
    }

    /// `3 of 40 warm`, `3 of 40 warm, 5 cache unknown`; `None` where none is in doubt.
    pub fn words(&self) -> Option<String> {
        let of = |n: usize, what: &str| format!("{n} of {} {what}", self.of);
        match (self.warm, self.unknown) {
            (0, 0) => None,
            (warm, 0) => Some(of(warm, "warm")),
            (0, unknown) => Some(of(unknown, "cache unknown")),
            (warm, unknown) => Some(format!("{}, {unknown} cache unknown", of(warm, "warm"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::AttemptId;
    use super::super::time::Nanos;
    use super::*;

    fn prefix_cache(prompt: Option<u64>, cached: Option<u64>) -> PrefixCache {
        let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
        (record.usage.prompt_tokens, record.usage.cached_tokens) = (prompt, cached);
        record.prefix_cache()
    }

    #[test]
    fn a_template_s_worth_is_cold_and_more_is_warm() {
        for (prompt, cached, expected) in [
            (Some(100), None, PrefixCache::Unknown),
            (Some(100), Some(0), PrefixCache::Cold),
            (Some(0), Some(0), PrefixCache::Cold),
            (Some(100), Some(15), PrefixCache::Cold),
            (Some(100), Some(16), PrefixCache::Warm),
            (Some(1000), Some(49), PrefixCache::Cold),
            (Some(1000), Some(50), PrefixCache::Warm),
            // Of a short prompt a few tokens are most of it.
            (Some(15), Some(14), PrefixCache::Warm),
            (Some(15), Some(7), PrefixCache::Cold),
            (Some(14), Some(7), PrefixCache::Warm),
            (None, Some(15), PrefixCache::Cold),
            (None, Some(16), PrefixCache::Warm),
        ] {
            assert_eq!(prefix_cache(prompt, cached), expected, "{cached:?} of {prompt:?}");
        }
    }

    #[test]
    fn only_what_may_be_warm_is_in_doubt() {
        let doubt = |cached, nonce: Option<&str>| {
            let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
            (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(100), cached);
            record.nonce = nonce.map(str::to_owned);
            record.cache_doubt()
        };
        assert_eq!((doubt(Some(90), Some("0")), doubt(Some(90), None)), (Some("warm"), Some("warm")));
        assert_eq!((doubt(Some(0), Some("0")), doubt(Some(0), None)), (None, None));
        assert_eq!((doubt(None, Some("0")), doubt(None, None)), (None, Some("cache unknown")));
    }

    #[test]
    fn doubts_are_counted_and_cold_ones_raise_none() {
        let mut doubts = CacheDoubts::default();
        let mut add = |cached: Option<u64>, nonce: Option<&str>| {
            let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
            (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(100), cached);
            record.nonce = nonce.map(str::to_owned);
            doubts.add(&record);
            doubts.words()
        };
        assert_eq!(add(Some(0), None), None);
        assert_eq!(add(None, Some("0")), None);
        assert_eq!(add(Some(90), Some("0")).as_deref(), Some("1 of 3 warm"));
        assert_eq!(add(None, None).as_deref(), Some("1 of 4 warm, 1 cache unknown"));
        assert_eq!(CacheDoubts { warm: 0, unknown: 2, of: 2 }.words().as_deref(), Some("2 of 2 cache unknown"));
    }
}
