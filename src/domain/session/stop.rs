//! The end of the program during a run: a resumed run starts again what it interrupted.

use super::{CaseState, EventKind, Mode, RunClock, RunEvent, Session};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, StoredRecord};
use crate::domain::backlog::Backlog;
use crate::domain::time::Nanos;

/// Warning of an attempt that was lost.
pub(super) const LOST: &str = "in flight when tokscope ended, so nothing of it was saved";

impl Session {
    /// Cancels what is left because the program ends.
    pub(super) fn close(&mut self) {
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::close);
        }
        self.mode = Mode::Finished;
        self.is_closing = true;
    }

    /// Puts the session into the state in which a program resumes it: waiting for the endpoint with everything that is left, or
    /// finished.
    pub(super) fn stop(&mut self, at: Nanos) {
        self.lose_open(at);
        let was_cut_short = self.is_closing || matches!(self.mode, Mode::Running | Mode::Held);
        (self.is_closing, self.is_cut_off, self.shown_ended_at) = (false, false, None);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::requeue_interrupted);
        }
        if self.began.is_none() {
            self.mode = Mode::Waiting;
        } else if was_cut_short {
            let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len();
            self.mode = if is_left { Mode::Waiting } else { Mode::Finished };
            self.stopped = is_left.then_some(at);
        }
        let is_timed = self.clock.is_timed();
        self.clock = RunClock::continuing(&self.plan, &self.clock, at);
        self.set_schedule();
        self.backlog = Backlog::default();
        if !is_timed {
            self.clock.end();
        }
    }

    pub(super) fn resume(&mut self, at: Nanos) {
        if self.stopped.is_none() {
            self.stop(at);
        }
        let Some(stopped) = self.stopped.take() else { return };
        self.schedule_pauses.push((stopped, at));
        self.absences.push((stopped, at));
        self.mode = Mode::Running;
    }

    /// Gives each attempt in flight the record of one that left nothing, ended at the last sign of the program.
    fn lose_open(&mut self, at: Nanos) {
        for (id, ordered) in self.index.open().clone() {
            let Some(attempt) = self.attempt(id) else { continue };
            let warmup = attempt.warmup;
            let lost = lost_record(id, warmup, attempt.due.unwrap_or(ordered).min(at), at);
            self.edit(id.case, |c| c.lose(id.number, lost));
            self.index.end(id, warmup);
            self.attempts_ended += 1;
            self.last_ended = self.last_ended.max(Some(at));
        }
    }

    /// Returns the session as a program resumes it, last active at `stopped`: waiting for the endpoint with everything that is
    /// left, or finished. The event for this has not been taken yet.
    #[must_use]
    pub fn to_resume(&self, stopped: Nanos) -> Self {
        let mut session = self.clone();
        let event = RunEvent { at: stopped, what: EventKind::Stopped };
        if session.apply(&event, None).is_ok() {
            session.events = vec![event];
        }
        session
    }

    /// Puts the session into the state that a report shows after the program ended, last active at `at`: nothing is in flight,
    /// and interrupted attempts are queued. The run is held if something is left to do.
    pub fn show_ended(&mut self, at: Nanos) {
        self.pass_time(at.max(self.changed_at));
        self.shown_ended_at = Some(at);
        self.lose_open(at);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::settle_interrupted);
        }
        // A damaged journal may say that the run finished, but lack the end of an attempt.
        if self.mode == Mode::Running || (self.mode == Mode::Finished && self.index.unsettled() > 0) {
            (self.mode, self.is_cut_off) = (Mode::Held, true);
        }
        let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len();
        if self.mode == Mode::Held && !is_left {
            (self.mode, self.is_cut_off) = (Mode::Finished, false);
        }
        self.clock.pause(at);
    }
}

/// Record of an attempt that left nothing.
fn lost_record(id: AttemptId, warmup: bool, from: Nanos, to: Nanos) -> StoredRecord {
    let mut lost = AttemptRecord::started(id, warmup, String::new(), String::new(), from);
    (lost.status, lost.ended) = (AttemptStatus::Cancelled, to);
    lost.warnings.push(LOST.to_owned());
    lost.into()
}
