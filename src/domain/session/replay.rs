//! A saved run as it was at some time before: its events up to then.

use super::{CasePhase, Mode, RunEvent, Session, What};
use crate::domain::attempt::StoredRecord;
use crate::domain::spans::Span;
use crate::domain::time::Nanos;

/// Why nothing ran for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleReason {
    /// The program was gone.
    Away,
    /// The user held the run.
    Held,
    /// The user had paused all that was left.
    Paused,
    /// All was done.
    Finished,
    /// By the schedule, nothing was due.
    NotDue,
}

impl Session {
    /// This session before anything happened.
    #[must_use]
    pub fn before_anything(&self) -> Self {
        Self::new(self.suite.clone(), self.plan).with_sweep(self.sweep.clone())
    }

    /// This session, which `events` led to, as it was at `at`.
    #[must_use]
    pub fn as_at(&self, events: &[RunEvent], at: Nanos) -> Self {
        let mut session = self.before_anything();
        for event in events.iter().take_while(|e| e.at <= at) {
            session.follow(event, self);
        }
        session.reach(at, self);
        session
    }

    /// Applies an event that led to `whole`, with the record that the attempt has there.
    pub fn follow(&mut self, event: &RunEvent, whole: &Self) {
        let record = whole.record_of(event);
        // An event that could not happen did nothing when `whole` was made, either.
        let _ignored = self.apply(event, record.cloned());
    }

    /// The record of the attempt that an event ended.
    pub fn record_of(&self, event: &RunEvent) -> Option<&StoredRecord> {
        let What::Ended(id) = event.what else { return None };
        self.attempt(id)?.record.as_ref()
    }

    /// Brings a session that followed all events up to `at` to that time.
    pub fn reach(&mut self, at: Nanos, whole: &Self) {
        self.now = self.now.max(at);
        if let Some(rested_at) = whole.rested_at.filter(|rested_at| *rested_at <= at && self.rested_at.is_none()) {
            self.rest(rested_at);
        }
    }

    /// Why nothing ran in each of these times: ascending, apart.
    pub fn why_idle(&self, events: &[RunEvent], times: &[Span]) -> Vec<IdleReason> {
        let mut session = self.before_anything();
        let mut left = events.iter().peekable();
        let reason = |&(from, to): &Span| {
            let middle = Nanos(from.0.midpoint(to.0));
            while let Some(event) = left.next_if(|e| e.at <= middle) {
                session.follow(event, self);
            }
            if self.away.iter().any(|(gone, back)| *gone < to && from < *back) {
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
mod tests;
