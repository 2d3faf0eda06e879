//! The steady part of a load, without the ramp at its start and the drain at its end.

use std::sync::Arc;

use super::attempt::{AttemptRecord, AttemptStatus};
use super::probe_window::{full_span, last_output, tokens_in};
use super::session::{AttemptState, Session};
use super::tally::Tally;
use super::time::Nanos;

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
        let is_single = session.sweep.is_empty() && session.search().is_none();
        let is_steady_load = is_single && session.load_stages().is_empty();
        if !is_steady_load || !session.is_load() || !session.schedule_pauses().is_empty() {
            return None;
        }
        let measured = |record: &Arc<AttemptRecord>| !record.warmup && record.status != AttemptStatus::Cancelled;
        let records: Vec<_> = session.attempts().filter_map(AttemptState::record).filter(measured).collect();
        let first = records.iter().map(|r| r.clock_start()).min()?;
        let last = records.iter().map(|r| r.ended).max()?;
        let (from, to) = if session.is_open_loop() {
            (records.iter().map(|r| r.ended).min()?, records.iter().filter_map(|r| r.intended).max()?)
        } else {
            full_span(records.iter().map(|r| (r.started, r.ended)).collect(), session.plan.concurrency)?
        };
        let seconds = to.since(from).as_secs_f64();
        if seconds <= 0.0 {
            return None;
        }
        let is_within = |at: Nanos| from <= at && at <= to;
        let sent = records.iter().filter(|r| is_within(r.clock_start()));
        let ended = records.iter().filter(|r| r.is_ok() && is_within(last_output(r))).count();
        Some(Self {
            from,
            to,
            ramp_s: from.since(first).as_secs_f64(),
            drain_s: last.since(to).as_secs_f64(),
            requests_per_s: ended as f64 / seconds,
            tokens_per_s: records.iter().map(|record| tokens_in(record, (from, to))).sum::<f64>() / seconds,
            requests: Tally::from_records(session, sent.map(Arc::clone)),
        })
    }

    /// Length of the window, seconds.
    pub fn seconds(&self) -> f64 {
        self.to.since(self.from).as_secs_f64()
    }
}
