//! How long a run was going: what every clock, summary and report says of its time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Session;
use crate::domain::spans::{Span, union, without};
use crate::domain::time::Nanos;

/// When nothing ran and nothing would have without the user: he held or paused what was left, all was done until he had
/// something run again, or the program was gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Idle {
    /// What is over: ascending, apart.
    over: Vec<Span>,
    /// That goes on since then.
    since: Option<Nanos>,
}

impl Idle {
    /// It is so, or it is not, from `at` on.
    pub(super) fn note(&mut self, is_idle: bool, at: Nanos) {
        match (self.since, is_idle) {
            (None, true) => self.since = Some(at.max(self.over.last().map_or(Nanos::default(), |s| s.1))),
            (Some(since), false) => {
                self.over.push((since, at.max(since)));
                self.since = None;
            }
            (None, false) | (Some(_), true) => {}
        }
    }

    /// How much of it lies between two times.
    fn between(&self, from: Nanos, to: Nanos) -> Duration {
        let open = self.since.map(|since| (since, to));
        self.over.iter().copied().chain(open).map(|(a, b)| b.min(to).since(a.max(from))).sum()
    }

    /// What of it had been by then.
    pub(super) fn as_at(&self, at: Nanos) -> Self {
        let over: Vec<Span> = self.over.iter().copied().filter(|s| s.1 <= at).collect();
        let since = self.over.iter().map(|s| s.0).chain(self.since).nth(over.len()).filter(|since| *since <= at);
        Self { over, since }
    }

    /// Of a session whose journal does not tell: where its schedule stood still and nothing was in flight.
    pub(super) fn found(session: &Session) -> Self {
        let still = union(session.still.iter().chain(&session.away).copied());
        Self { over: without(&still, &session.in_flight_spans()), since: None }
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
        let to = if self.is_active() { now } else { self.last_ended.unwrap_or(now) };
        Some(to.since(began).saturating_sub(self.idle.between(began, to)))
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
    fn what_was_idle_counts_once_and_only_where_it_was() {
        let mut idle = Idle::default();
        for (is_idle, at) in [(false, 1), (true, 10), (true, 12), (false, 30), (true, 40)] {
            idle.note(is_idle, s(at));
        }
        assert_eq!(idle, Idle { over: vec![(s(10), s(30))], since: Some(s(40)) });
        assert_eq!(idle.between(s(0), s(45)).as_secs(), 25);
        assert_eq!(idle.between(s(20), s(25)).as_secs(), 5);
        assert_eq!(idle.as_at(s(9)), Idle::default());
        assert_eq!(idle.as_at(s(20)), Idle { over: Vec::new(), since: Some(s(10)) });
        assert_eq!(idle.as_at(s(35)), Idle { over: vec![(s(10), s(30))], since: None });
        assert_eq!(idle.as_at(s(40)), idle);
    }
}
