//! State of the server's prefix cache for a prompt: cold, warm or unknown.

use serde::Serialize;

use super::attempt::AttemptRecord;
use super::request_lengths::Uniqueness;

/// Minimum cached tokens that matter. Fewer belong to the chat template before the prompt, which clients cannot change.
const TEMPLATE_TOKENS: u64 = 16;
/// Divisor of the prompt length that gives the share below which cached tokens are negligible: a twentieth.
const NEGLIGIBLE: u64 = 20;

/// State of the server's prefix cache for a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PrefixCache {
    /// The server reported no cached tokens, or no more than a chat template has.
    Cold,
    /// The server reported enough cached tokens to shorten the TTFT.
    Warm,
    /// The server reported nothing about its cache.
    Unknown,
}

impl PrefixCache {
    /// Name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Warm => "warm",
            Self::Unknown => "unknown",
        }
    }
}

impl AttemptRecord {
    /// Returns the state of the prefix cache. It depends on what the server reported, not on what the run intended.
    ///
    /// Cold means that less than a twentieth of the prompt was cached, or fewer than 16 tokens and less than half of
    /// the prompt. So few tokens are the chat template, which is cached even if the prompt is unique.
    pub fn prefix_cache(&self) -> PrefixCache {
        let Some(cached) = self.usage.cached_tokens else { return PrefixCache::Unknown };
        let is_less_than = |part| self.usage.prompt_tokens.is_some_and(|prompt| cached < prompt.div_ceil(part));
        let is_template = cached < TEMPLATE_TOKENS && (is_less_than(2) || self.usage.prompt_tokens.is_none());
        if cached == 0 || is_template || is_less_than(NEGLIGIBLE) { PrefixCache::Cold } else { PrefixCache::Warm }
    }

    /// Returns whether the prompt repeats the turns before it, so that a warm cache is expected.
    pub fn is_later_turn(&self) -> bool {
        self.turn.is_some_and(|turn| turn.number > 1)
    }

    /// Returns a caveat for the TTFT if the cache was warm, or may have been. `None` if the prompt was cold, if the
    /// server reported nothing but the prompt was unique, and for later turns of a conversation.
    pub fn cache_doubt(&self) -> Option<&'static str> {
        if self.is_later_turn() {
            return None;
        }
        match self.prefix_cache() {
            PrefixCache::Warm => Some("warm"),
            PrefixCache::Unknown if !self.has_unique_prompt() => Some("cache unknown"),
            PrefixCache::Cold | PrefixCache::Unknown => None,
        }
    }

    /// Returns whether the prompt was made unique, so that the server can hardly have it in its prefix cache.
    pub fn has_unique_prompt(&self) -> bool {
        self.nonce.is_some() || self.lengths.uniqueness == Uniqueness::OwnText
    }
}

/// Number of complete answers whose TTFT must not appear unmarked among cold ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheDoubts {
    /// Answers with a warm cache.
    pub warm: usize,
    /// Answers whose prompt may have been cached, although the server reported nothing.
    pub unknown: usize,
    /// All answers, including cold ones.
    pub total: usize,
}

impl CacheDoubts {
    /// Counts a complete answer.
    pub fn add(&mut self, record: &AttemptRecord) {
        self.total += 1;
        if record.cache_doubt().is_some() {
            match record.prefix_cache() {
                PrefixCache::Unknown => self.unknown += 1,
                PrefixCache::Warm | PrefixCache::Cold => self.warm += 1,
            }
        }
    }

    /// Summary like `3 of 40 warm` or `3 of 40 warm, 5 cache unknown`; `None` if no answer is in doubt.
    pub fn summary(&self) -> Option<String> {
        let share = |n: usize, what: &str| format!("{n} of {} {what}", self.total);
        match (self.warm, self.unknown) {
            (0, 0) => None,
            (warm, 0) => Some(share(warm, "warm")),
            (0, unknown) => Some(share(unknown, "cache unknown")),
            (warm, unknown) => Some(format!("{}, {unknown} cache unknown", share(warm, "warm"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::AttemptId;
    use super::super::time::Nanos;
    use super::super::turn::Turn;
    use super::*;

    fn prefix_cache(prompt: Option<u64>, cached: Option<u64>) -> PrefixCache {
        let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
        (record.usage.prompt_tokens, record.usage.cached_tokens) = (prompt, cached);
        record.prefix_cache()
    }

    #[test]
    fn cached_template_tokens_are_cold_and_more_are_warm() {
        for (prompt, cached, expected) in [
            (Some(100), None, PrefixCache::Unknown),
            (Some(100), Some(0), PrefixCache::Cold),
            (Some(0), Some(0), PrefixCache::Cold),
            (Some(100), Some(15), PrefixCache::Cold),
            (Some(100), Some(16), PrefixCache::Warm),
            (Some(1000), Some(49), PrefixCache::Cold),
            (Some(1000), Some(50), PrefixCache::Warm),
            // A few tokens are the largest part of a short prompt.
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
    fn only_answers_that_may_be_warm_are_in_doubt() {
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
    fn a_warm_cache_in_later_turns_is_no_doubt() {
        for cached in [None, Some(0), Some(90)] {
            let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
            (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(100), cached);
            record.turn = Some(Turn::first(1, 2));
            assert_eq!(record.cache_doubt().is_some(), cached != Some(0), "first turn, {cached:?}");
            record.turn = record.turn.and_then(Turn::next);
            assert_eq!(record.cache_doubt(), None, "second turn, {cached:?}");
        }
    }

    #[test]
    fn doubts_are_counted_and_cold_answers_raise_none() {
        let mut doubts = CacheDoubts::default();
        let mut add = |cached: Option<u64>, nonce: Option<&str>| {
            let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
            (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(100), cached);
            record.nonce = nonce.map(str::to_owned);
            doubts.add(&record);
            doubts.summary()
        };
        assert_eq!(add(Some(0), None), None);
        assert_eq!(add(None, Some("0")), None);
        assert_eq!(add(Some(90), Some("0")).as_deref(), Some("1 of 3 warm"));
        assert_eq!(add(None, None).as_deref(), Some("1 of 4 warm, 1 cache unknown"));
        assert_eq!(CacheDoubts { warm: 0, unknown: 2, total: 2 }.summary().as_deref(), Some("2 of 2 cache unknown"));
    }
}
