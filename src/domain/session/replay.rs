//! State of a saved run at an earlier time, rebuilt from its events up to that time.

use super::{CasePhase, EventKind, Mode, RunEvent, Session};
use crate::domain::attempt::StoredRecord;
use crate::domain::spans::Span;
use crate::domain::time::Nanos;

/// Reason why nothing ran during a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleReason {
    /// The program was not running.
    Away,
    /// The user held the run.
    Held,
    /// The user had paused all remaining cases.
    Paused,
    /// All work was done.
    Finished,
    /// Nothing was due by the schedule.
    NotDue,
}

impl Session {
    /// Returns this session in its initial state, without any events.
    #[must_use]
    pub fn without_events(&self) -> Self {
        Self::new(self.suite.clone(), self.plan).with_sweep(self.sweep.clone())
    }

    /// Returns this session, whose events are `events`, in its state at `at`.
    #[must_use]
    pub fn as_at(&self, events: &[RunEvent], at: Nanos) -> Self {
        let mut session = self.without_events();
        for event in events.iter().take_while(|e| e.at <= at) {
            session.apply_from(event, self);
        }
        session.advance_to(at, self);
        session
    }

    /// Applies an event of the session `complete`, with the attempt's record from that session.
    pub fn apply_from(&mut self, event: &RunEvent, complete: &Self) {
        let record = complete.record_of(event);
        // An invalid event had no effect on `complete` either.
        let _ignored = self.apply(event, record.cloned());
    }

    /// Record of the attempt that ended with this event; `None` for other events.
    pub fn record_of(&self, event: &RunEvent) -> Option<&StoredRecord> {
        let EventKind::Ended(id) = event.what else { return None };
        self.attempt(id)?.record.as_ref()
    }

    /// Advances a session that has all events up to `at` to that time.
    pub fn advance_to(&mut self, at: Nanos, complete: &Self) {
        self.now = self.now.max(at);
        if let Some(shown_ended_at) =
            complete.shown_ended_at.filter(|ended_at| *ended_at <= at && self.shown_ended_at.is_none())
        {
            self.show_ended(shown_ended_at);
        }
    }

    /// Returns the reason why nothing ran, for each of these spans, which must be ascending and disjoint.
    pub fn idle_reasons(&self, events: &[RunEvent], times: &[Span]) -> Vec<IdleReason> {
        let mut session = self.without_events();
        let mut remaining = events.iter().peekable();
        let reason = |&(from, to): &Span| {
            let middle = Nanos(from.0.midpoint(to.0));
            while let Some(event) = remaining.next_if(|e| e.at <= middle) {
                session.apply_from(event, self);
            }
            if self.absences.iter().any(|(left, returned)| *left < to && from < *returned) {
                return IdleReason::Away;
            }
            let waits = session.count(CasePhase::Queued) + session.count(CasePhase::Running) > 0;
            match session.mode {
                Mode::Held => IdleReason::Held,
                Mode::Finished => IdleReason::Finished,
                _ if session.count(CasePhase::Paused) > 0 && !waits => IdleReason::Paused,
                _ => IdleReason::NotDue,
            }
        };
        times.iter().map(reason).collect()
    }
}

#[cfg(test)]
pub(super) mod tests;
