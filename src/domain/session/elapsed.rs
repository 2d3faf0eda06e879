//! How long a run has been going: the time on every clock, summary and report.

use std::time::Duration;

use super::Session;
use crate::domain::spans::{Span, union};
use crate::domain::time::Nanos;

/// Times in which nothing ran and nothing would have without the user, that are over: ascending, apart. The user held or
/// paused what was left, all was done until something was run again, or the program was gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Idle(Vec<Span>);

impl Idle {
    /// Adds a time that ended later than those before; what was added before counts once.
    pub(super) fn add(&mut self, from: Nanos, to: Nanos) {
        match self.0.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ if from < to => self.0.push((from, to)),
            _ => {}
        }
    }

    /// How much of it lies between two times.
    fn between(&self, from: Nanos, to: Nanos) -> Duration {
        self.0.iter().map(|&(a, b)| b.min(to).since(a.max(from))).sum()
    }
}

impl Session {
    /// When any attempt that is over was on its way or queued: ascending, apart.
    pub fn in_flight_spans(&self) -> Vec<Span> {
        let records = self.attempts().filter_map(|a| a.record.as_ref());
        union(records.map(|r| (r.began(), r.ended())))
    }

    /// How long the run was going up to `now`, or up to its last end while nothing is to come: from its first request on,
    /// without what was held, paused or done while nothing was in flight, and without the time in which the program was gone.
    /// `None` before it began.
    pub fn going(&self, now: Nanos) -> Option<Duration> {
        let began = self.began?;
        let is_active = self.is_active();
        let to = if is_active { now } else { self.last_ended.unwrap_or(now) };
        let mut idle = self.idle.clone();
        if !is_active {
            idle.add(self.quiet_since, to);
        }
        Some(to.since(began).saturating_sub(idle.between(began, to)))
    }

    /// Whether that is more than the attempts that count took one after another: several at once, or others beside them.
    pub fn is_more_than_reported(&self) -> bool {
        let reported: usize = self.cases.iter().map(|c| c.reported().count()).sum();
        self.plan.is_load() || self.attempts().count() > reported
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
