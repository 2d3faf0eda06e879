//! Prefill speed: prompt tokens that the server processed, over the time to the first token.

use super::{AttemptRecord, Unresolved};

/// Minimum prefilled tokens of a prefill speed. The TTFT of a shorter prompt is mostly fixed cost: the network, the
/// queue, and the first step of decoding.
pub const MIN_PREFILLED_TOKENS: u64 = 256;

impl AttemptRecord {
    /// Prompt tokens that the server took from its prefix cache, as reported; 0 for a unique prompt without a report.
    /// `None` if the prompt may have been cached and the server reports nothing.
    fn cached_prompt_tokens(&self) -> Option<u64> {
        let reported = self.usage.cached_tokens.or_else(|| self.server_timings?.cached_tokens);
        let is_unique = self.has_unique_prompt() && !self.is_later_turn();
        reported.or_else(|| is_unique.then_some(0))
    }

    /// Prompt tokens that the server processed: all but those from its prefix cache. `None` if either number is
    /// unknown.
    pub fn prefilled_tokens(&self) -> Option<u64> {
        self.usage.prompt_tokens?.checked_sub(self.cached_prompt_tokens()?)
    }

    /// Prefill speed: prefilled tokens / TTFT, tokens per second. A lower bound of the server's own speed, because the
    /// TTFT includes the network, the queue and the first step of decoding. `None` below [`MIN_PREFILLED_TOKENS`].
    pub fn prefill_tokens_per_s(&self) -> Option<f64> {
        self.prefilled_per(self.time_to_first_token_ms()?)
    }

    /// Reason why the prefill speed is unresolved: the same as for the TTFT.
    pub fn unresolved_prefill(&self) -> Option<Unresolved> {
        let is_long = self.prefilled_tokens().is_some_and(|tokens| tokens >= MIN_PREFILLED_TOKENS);
        self.unresolved_first_token().filter(|_| is_long)
    }

    /// Prefilled tokens / the server's own time for the prompt, tokens per second; `None` if it reports no time.
    pub fn server_prefill_tokens_per_s(&self) -> Option<f64> {
        self.prefilled_per(self.server_timings?.prompt_ms?)
    }

    fn prefilled_per(&self, time_ms: f64) -> Option<f64> {
        let tokens = self.prefilled_tokens().filter(|tokens| *tokens >= MIN_PREFILLED_TOKENS)?;
        (time_ms > 0.0).then(|| tokens as f64 / time_ms * 1000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Arrival, AttemptId, TextKind};
    use crate::domain::request_lengths::Uniqueness;
    use crate::domain::server_timings::{ServerTimings, TimingSource};
    use crate::domain::time::Nanos;
    use crate::domain::turn::Turn;

    /// An answer with a TTFT of 500 ms to a unique prompt.
    fn record(prompt_tokens: u64, cached_tokens: Option<u64>) -> AttemptRecord {
        let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
        record.arrivals = (0..20)
            .map(|i| Arrival { at: Nanos::from_millis(500 + i * 10), kind: TextKind::Answer, coalesced: false })
            .collect();
        record.lengths.uniqueness = Uniqueness::OwnText;
        (record.usage.prompt_tokens, record.usage.cached_tokens) = (Some(prompt_tokens), cached_tokens);
        record
    }

    #[test]
    fn cached_tokens_are_not_prefilled() {
        let speed = |cached| record(10_240, cached).prefill_tokens_per_s();
        assert_eq!([speed(None), speed(Some(0)), speed(Some(8192))], [Some(20_480.0), Some(20_480.0), Some(4096.0)]);
        // A server may report cached tokens only beside its timings.
        let mut timed = record(10_240, None);
        timed.server_timings = Some(ServerTimings {
            prompt_ms: Some(400.0),
            cached_tokens: Some(8192),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        });
        assert_eq!(timed.prefill_tokens_per_s(), Some(4096.0));
        assert_eq!(timed.server_prefill_tokens_per_s(), Some(5120.0));
        assert_eq!(record(10_240, None).server_prefill_tokens_per_s(), None);
    }

    #[test]
    fn a_prompt_that_may_be_cached_has_a_speed_only_with_a_report() {
        let mut shared = record(10_240, None);
        shared.lengths.uniqueness = Uniqueness::Shared;
        assert_eq!(shared.prefill_tokens_per_s(), None);
        shared.usage.cached_tokens = Some(0);
        assert_eq!(shared.prefill_tokens_per_s(), Some(20_480.0));
        // A later turn repeats the turns before it.
        let mut later = record(10_240, None);
        later.turn = Turn::first(1, 2).next();
        assert_eq!(later.prefill_tokens_per_s(), None);
    }

    #[test]
    fn few_tokens_or_more_cached_than_sent_have_no_speed() {
        assert_eq!(record(255, None).prefill_tokens_per_s(), None);
        assert_eq!(record(256, None).prefill_tokens_per_s(), Some(512.0));
        assert_eq!(record(10_240, Some(10_000)).prefill_tokens_per_s(), None);
        assert_eq!(record(10_240, Some(10_241)).prefill_tokens_per_s(), None);
        let mut uncounted = record(1, None);
        uncounted.usage.prompt_tokens = None;
        assert_eq!(uncounted.prefill_tokens_per_s(), None);
    }

    #[test]
    fn an_unresolved_ttft_leaves_no_prefill_speed() {
        let mut bunched = record(10_240, None);
        bunched.arrivals.iter_mut().for_each(|a| a.at = Nanos::from_millis(500));
        assert!(bunched.unresolved_prefill().is_some() && bunched.prefill_tokens_per_s().is_none());
        bunched.usage.prompt_tokens = Some(20);
        assert_eq!(bunched.unresolved_prefill(), None);
    }
}
