//! The steady part of a load, without the ramp at its start and the drain at its end.

use std::sync::Arc;

use super::attempt::{AttemptRecord, AttemptStatus};
use super::probe_window::{full_span, last_output, work_in};
use super::session::{AttemptState, Session};
use super::tally::Tally;
use super::time::Nanos;

/// The steady part of a load and its figures.
///
/// In a closed loop, the steady part reaches from the first to the last moment at which at least 95% of the concurrency
/// was in flight. An open loop has no such target. Its steady part reaches from the first end of a request, before
/// which the queue can only grow, to the last intended start, after which the queue can only shrink.
#[derive(Clone, Debug)]
pub struct SteadyWindow {
    /// Start of the steady part.
    pub from: Nanos,
    /// End of the steady part.
    pub to: Nanos,
    /// Time from the first request to the window, seconds.
    pub ramp_s: f64,
    /// Time from the window to the last end, seconds.
    pub drain_s: f64,
    /// Complete answers per second that ended in the window.
    pub requests_per_s: f64,
    /// Output tokens per second. The tokens of an answer are spread evenly from its first to its last one, and those in
    /// the window count.
    pub throughput_per_s: f64,
    /// Requests that were sent in the window, or in an open loop due in it.
    pub requests: Tally,
}

impl SteadyWindow {
    /// Returns the steady part of a session. `None` for a single stream, for loads that change, if the load was held or
    /// the run resumed, and if the run never reached its full concurrency.
    pub fn from_session(session: &Session) -> Option<Self> {
        let is_single = session.sweep.is_empty() && session.search().is_none();
        let is_steady_load = is_single && session.load_stages().is_empty();
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
        let (mut ended, mut work) = (0_usize, 0.0);
        let sent = records().inspect(|record| {
            ended += usize::from(record.is_ok() && is_within(last_output(record)));
            work += work_in(record, (from, to));
        });
        let requests = Tally::from_records(session, sent.filter(|record| is_within(record.clock_start())));
        Some(Self {
            from,
            to,
            ramp_s: from.since(first).as_secs_f64(),
            drain_s: last.since(to).as_secs_f64(),
            requests_per_s: ended as f64 / seconds,
            throughput_per_s: work / seconds,
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
