//! The end of the program in the middle of a run: what it cuts off is owed when the run is resumed.

use super::{CaseState, Mode, Pace, RunEvent, Session, What};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, StoredRecord};
use crate::domain::time::Nanos;

/// Note on an attempt of which nothing was saved.
pub(super) const LOST: &str = "in flight when tokscope ended: nothing of it was kept";

impl Session {
    /// Cancels what is left, for the program ends.
    pub(super) fn close(&mut self) {
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::close);
        }
        self.mode = Mode::Finished;
        self.is_closing = true;
    }

    /// Puts the session where a program finds it that resumes the run: waiting for the endpoint with all that is owed, or
    /// finished.
    pub(super) fn stop(&mut self, at: Nanos) {
        self.lose_open(at);
        let was_cut_short = self.is_closing || matches!(self.mode, Mode::Running | Mode::Held);
        (self.is_closing, self.is_cut_off, self.rested_at) = (false, false, None);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::owe);
        }
        if self.began.is_none() {
            self.mode = Mode::Waiting;
        } else if was_cut_short {
            let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len();
            self.mode = if is_left { Mode::Waiting } else { Mode::Finished };
            self.stopped = is_left.then_some(at);
        }
        let spent = self.pace.spent(at);
        let is_timed = self.pace.is_timed();
        self.pace = Pace::new(&self.plan);
        self.pace.spend(spent);
        if !is_timed {
            self.pace.end();
        }
    }

    pub(super) fn resume(&mut self, at: Nanos) {
        if self.stopped.is_none() {
            self.stop(at);
        }
        let Some(stopped) = self.stopped.take() else { return };
        self.still.push((stopped, at));
        self.away.push((stopped, at));
        self.mode = Mode::Running;
    }

    /// Gives each attempt in flight the record of one that left nothing: it ended when the program was last heard of.
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

    /// The session as a program finds it that resumes the run, last heard of at `stopped`: waiting for the endpoint with all
    /// that is owed, or finished. The event that says so was not taken yet.
    #[must_use]
    pub fn to_resume(&self, stopped: Nanos) -> Self {
        let mut session = self.clone();
        let event = RunEvent { at: stopped, what: What::Stopped };
        if session.apply(&event, None).is_ok() {
            session.events = vec![event];
        }
        session
    }

    /// Leaves the session as a report shows it once the program is gone, last heard of at `at`: nothing is in flight, and
    /// what was cut off is owed. Where something is left to do, the run is held.
    pub fn rest(&mut self, at: Nanos) {
        self.pass_time(at.max(self.changed_at));
        self.rested_at = Some(at);
        self.lose_open(at);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::rest);
        }
        // A damaged journal may say that the run finished, and lack the end of an attempt.
        if self.mode == Mode::Running || (self.mode == Mode::Finished && self.index.unsettled() > 0) {
            (self.mode, self.is_cut_off) = (Mode::Held, true);
        }
        let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len();
        if self.mode == Mode::Held && !is_left {
            (self.mode, self.is_cut_off) = (Mode::Finished, false);
        }
        self.pace.stop(at);
    }
}

/// The record of an attempt that left nothing.
fn lost_record(id: AttemptId, warmup: bool, from: Nanos, to: Nanos) -> StoredRecord {
    let mut lost = AttemptRecord::started(id, warmup, String::new(), String::new(), from);
    (lost.status, lost.ended) = (AttemptStatus::Cancelled, to);
    lost.warnings.push(LOST.to_owned());
    lost.into()
}
