//! A saved run at an earlier time, rebuilt from its events up to then.

use super::{CasePhase, EventKind, Mode, RunEvent, Session};
use crate::domain::attempt::StoredRecord;
use crate::domain::spans::Span;
use crate::domain::time::Nanos;

/// Reason why nothing ran for a while.
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
    /// This session without any events.
    #[must_use]
    pub fn without_events(&self) -> Self {
        Self::new(self.suite.clone(), self.plan).with_sweep(self.sweep.clone())
    }

    /// This session, which came from `events`, as it was at `at`.
    #[must_use]
    pub fn as_at(&self, events: &[RunEvent], at: Nanos) -> Self {
        let mut session = self.without_events();
        for event in events.iter().take_while(|e| e.at <= at) {
            session.apply_from(event, self);
        }
        session.advance_to(at, self);
        session
    }

    /// Applies an event of the session `complete`, with the record from there.
    pub fn apply_from(&mut self, event: &RunEvent, complete: &Self) {
        let record = complete.record_of(event);
        // An invalid event had no effect on `complete` either.
        let _ignored = self.apply(event, record.cloned());
    }

    /// Record of the attempt that an event ended.
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

    /// Reason why nothing ran in each of these spans, which are ascending and disjoint.
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
