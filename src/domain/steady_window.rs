//! The steady part of a load, without the ramp at its start and the drain at its end.

use std::sync::Arc;

use super::attempt::{AttemptRecord, AttemptStatus};
use super::session::{AttemptState, Session};
use super::spans::Span;
use super::tally::Tally;
use super::time::Nanos;

/// Share of the concurrency that a closed loop has in flight in its steady part, as in vllm-bench.
const FULL_SHARE: f64 = 0.95;

/// The steady part of a load and its figures.
///
/// In a closed loop it reaches from the first to the last moment at which at least 95% of the concurrency was in
/// flight. In an open loop, which has no such target, it reaches from the first end of a request, before which the
/// queue can only grow, to the last intended start, after which it can only shrink.
#[derive(Clone, Debug)]
pub struct SteadyWindow {
    /// Start of the window.
    pub from: Nanos,
    /// End of the window.
    pub to: Nanos,
    /// Time from the first request to the window, seconds.
    pub ramp_s: f64,
    /// Time from the window to the last end, seconds.
    pub drain_s: f64,
    /// Complete answers per second that ended in the window.
    pub requests_per_s: f64,
    /// Output tokens per second. The tokens of an answer are spread evenly from its first to its last one, and those in
    /// the window count.
    pub tokens_per_s: f64,
    /// Requests that were sent in the window, or in an open loop due in it.
    pub requests: Tally,
}

impl SteadyWindow {
    /// Returns the window of a session. `None` for a single stream, for loads that change, if the load was held or the
    /// run resumed, and if it was never at its full concurrency.
    pub fn from_session(session: &Session) -> Option<Self> {
        let is_steady_load = session.sweep.is_empty() && session.load_stages().is_empty();
        if !is_steady_load || !session.is_load() || !session.schedule_pauses().is_empty() {
            return None;
        }
        let measured = |record: &Arc<AttemptRecord>| !record.warmup && record.status != AttemptStatus::Cancelled;
        // Old records are unpacked one at a time, because those of a long run would fill the memory.
        let records = || session.attempts().filter_map(AttemptState::record).filter(measured);
        let times: Vec<Times> = records().map(|r| Times::from_record(&r)).collect();
        let first = times.iter().map(|t| t.clock_start).min()?;
        let last = times.iter().map(|t| t.ended).max()?;
        let (from, to) = if session.is_open_loop() {
            (times.iter().map(|t| t.ended).min()?, times.iter().filter_map(|t| t.intended).max()?)
        } else {
            full_span(times.iter().map(|t| (t.started, t.ended)).collect(), session.plan.concurrency)?
        };
        drop(times);
        let seconds = to.since(from).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let is_within = |at: Nanos| from <= at && at <= to;
        let (mut ended, mut tokens) = (0_usize, 0.0);
        let sent = records().inspect(|record| {
            ended += usize::from(record.is_ok() && is_within(last_output(record)));
            tokens += tokens_in(record, (from, to));
        });
        let requests = Tally::from_records(session, sent.filter(|record| is_within(record.clock_start())));
        Some(Self {
            from,
            to,
            ramp_s: from.since(first).as_secs_f64(),
            drain_s: last.since(to).as_secs_f64(),
            requests_per_s: ended as f64 / seconds,
            tokens_per_s: tokens / seconds,
            requests,
        })
    }

    /// Length of the window, seconds.
    pub fn seconds(&self) -> f64 {
        self.to.since(self.from).as_secs_f64()
    }
}

/// Times of a record.
struct Times {
    clock_start: Nanos,
    intended: Option<Nanos>,
    started: Nanos,
    ended: Nanos,
}

impl Times {
    fn from_record(record: &AttemptRecord) -> Self {
        let AttemptRecord { intended, started, ended, .. } = *record;
        Self { clock_start: record.clock_start(), intended, started, ended }
    }
}

/// From the first to the last moment at which the spans overlap [`FULL_SHARE`] of `concurrency` times.
fn full_span(spans: Vec<Span>, concurrency: usize) -> Option<Span> {
    let needed = (FULL_SHARE * concurrency as f64).ceil() as i64;
    let mut changes: Vec<(Nanos, i64)> = spans.into_iter().flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    changes.sort_unstable();
    let (mut in_flight, mut first, mut last) = (0, None, None);
    for (at, change) in changes {
        if in_flight >= needed {
            last = Some(at);
        }
        in_flight += change;
        if in_flight >= needed {
            first.get_or_insert(at);
        }
    }
    first.zip(last)
}

fn last_output(record: &AttemptRecord) -> Nanos {
    record.last_arrival().max(record.finish_at).unwrap_or(record.ended)
}

/// Time from the first to the last token of an answer.
pub(super) fn output_span(record: &AttemptRecord) -> Span {
    let end = last_output(record);
    let to_first_ns = record.time_to_first_token_ms().map_or(0.0, |ms| ms * 1e6);
    (Nanos(record.clock_start().0.saturating_add(to_first_ns as u64)).min(end), end)
}

/// Output tokens of an answer in a span.
fn tokens_in(record: &AttemptRecord, (from, to): Span) -> f64 {
    let Some((tokens, _)) = record.output_tokens().filter(|_| record.is_ok()) else { return 0.0 };
    let (begin, end) = output_span(record);
    let whole = end.since(begin).as_secs_f64();
    if whole == 0.0 {
        return if from <= end && end <= to { tokens as f64 } else { 0.0 };
    }
    tokens as f64 * end.min(to).since(begin.max(from)).as_secs_f64() / whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_window_reaches_from_the_first_to_the_last_full_moment() {
        let span = |from: u64, to: u64| (Nanos(from), Nanos(to));
        let spans = vec![span(0, 10), span(1, 5), span(5, 20), span(12, 18), span(19, 30)];
        assert_eq!(full_span(spans.clone(), 2), Some(span(1, 20)));
        assert_eq!(full_span(spans.clone(), 3), None);
        assert_eq!(full_span(spans, 1), Some(span(0, 30)));
    }

    proptest! {
        #[test]
        fn no_moment_outside_of_the_window_is_full(
            spans in prop::collection::vec((0_u64..50, 1_u64..20), 1..20), concurrency in 1_usize..25,
        ) {
            let spans: Vec<Span> = spans.into_iter().map(|(from, length)| (Nanos(from), Nanos(from + length))).collect();
            let needed = (concurrency * 95).div_ceil(100);
            let full: Vec<u64> =
                (0..70).filter(|at| spans.iter().filter(|s| s.0.0 <= *at && *at < s.1.0).count() >= needed).collect();
            let expected = full.first().zip(full.last()).map(|(first, last)| (Nanos(*first), Nanos(*last + 1)));
            prop_assert_eq!(full_span(spans, concurrency), expected);
        }
    }
}
