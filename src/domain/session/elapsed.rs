//! Duration of a run, as shown by clocks, summaries and reports.

use std::time::Duration;

use super::Session;
use crate::domain::spans::{Span, union};
use crate::domain::time::Nanos;

/// Past idle spans, ascending and disjoint. In these nothing ran, and only the user could have started something: the
/// run was held, cases were paused, all work was done, or the program was not running.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Idle(Vec<Span>);

impl Idle {
    /// Adds a span that ends later than all earlier spans. An overlap with them counts once.
    pub(super) fn add(&mut self, from: Nanos, to: Nanos) {
        match self.0.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ if from < to => self.0.push((from, to)),
            _ => {}
        }
    }

    /// Length of the part of these spans between two times.
    fn between(&self, from: Nanos, to: Nanos) -> Duration {
        self.0.iter().map(|&(a, b)| b.min(to).since(a.max(from))).sum()
    }
}

impl Session {
    /// Spans in which an attempt that ended was queued or in flight: ascending and disjoint.
    pub fn in_flight_spans(&self) -> Vec<Span> {
        let records = self.attempts().filter_map(|a| a.record.as_ref());
        union(records.map(|r| (r.began(), r.ended())))
    }

    /// Duration of the run from its first request up to `now`, or up to the last end of an attempt if nothing is left.
    /// Excludes holds, pauses, waiting for a rerun, and time without the program. `None` before the run began.
    pub fn running_for(&self, now: Nanos) -> Option<Duration> {
        let began = self.began?;
        let is_active = self.is_active();
        let to = if is_active { now } else { self.last_ended.unwrap_or(now) };
        let mut idle = self.idle.clone();
        if !is_active {
            idle.add(self.quiet_since, to);
        }
        Some(to.since(began).saturating_sub(idle.between(began, to)))
    }

    /// Duration of a run that is over, up to `at`, with the same exclusions as [`Self::running_for`].
    pub fn run_time_at(&self, at: Nanos) -> Duration {
        let Some(began) = self.began else { return Duration::ZERO };
        let to = self.last_ended.map_or(at, |ended| at.min(ended));
        to.since(began).saturating_sub(self.idle.between(began, to))
    }

    /// Returns whether the duration covers more than the attempts that count, one after another: attempts in parallel,
    /// warm-ups, failures or attempts that a rerun replaced.
    pub fn is_more_than_reported(&self) -> bool {
        let reported: usize = self.cases.iter().map(|c| c.reported_in(self.stage).count()).sum();
        self.is_load() || self.attempts().count() > reported
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(at: u64) -> Nanos {
        Nanos::from_millis(at * 1000)
    }

    #[test]
    fn idle_time_counts_once_and_only_between_the_two_times() {
        let mut idle = Idle::default();
        for (from, to) in [(10, 30), (12, 30), (20, 31), (40, 40), (41, 45)] {
            idle.add(s(from), s(to));
        }
        assert_eq!(idle, Idle(vec![(s(10), s(31)), (s(41), s(45))]));
        assert_eq!(idle.between(s(0), s(43)).as_secs(), 23);
        assert_eq!(idle.between(s(20), s(25)).as_secs(), 5);
    }
}
