//! The end of the program during a run. A resumed run starts the interrupted attempts again.

use std::time::Duration;

use super::{CaseState, EventKind, Mode, RunClock, RunEvent, Session};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, StoredRecord};
use crate::domain::backlog::Backlog;
use crate::domain::time::Nanos;

/// Warning in the record of a lost attempt.
pub(super) const LOST: &str = "in flight when tokscope ended, so nothing of it was saved";

impl Session {
    /// Cancels all remaining attempts, because the program ends.
    pub(super) fn close(&mut self) {
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::close);
        }
        self.mode = Mode::Finished;
        self.is_closing = true;
    }

    /// Prepares the session for a resume: finished, or waiting for the endpoint with all remaining work.
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
            let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len() || self.is_search_left();
            self.mode = if is_left { Mode::Waiting } else { Mode::Finished };
            self.stopped = is_left.then_some(at);
        }
        let is_timed = self.clock.is_timed();
        // A load that changes continues where it was: earlier stages are not repeated.
        let changes = self.suite.load_stages.is_some();
        let repeated = if changes { Duration::ZERO } else { self.time_to_repeat(at) };
        self.clock = RunClock::continuing(&self.plan, &self.clock, at, repeated);
        self.set_schedule();
        self.backlog = Backlog::default();
        if !is_timed {
            self.clock.end();
        }
        self.rates_end = self.interrupted_from(at);
        if let Some((first, _)) = self.interrupted.iter().min_by_key(|(_, started)| *started) {
            self.turn = first.case;
        }
        self.interrupted.clear();
    }

    /// Notes that the end of the program interrupted an attempt, so that a resumed run repeats it. Warm-ups only run
    /// before the first measured attempt.
    pub(super) fn interrupt(&mut self, id: AttemptId, warmup: bool, started: Nanos) {
        if warmup {
            self.warmups_started = self.warmups_started.saturating_sub(1);
        } else {
            self.interrupted.push((id, started));
        }
    }

    /// Number of measured requests that the end of the program interrupted and that no resumed run has repeated.
    pub const fn interrupted(&self) -> usize {
        self.interrupted.len()
    }

    /// Time from which only interrupted requests were in flight, until the program ended at `at`. The time in between
    /// was not measured.
    fn interrupted_from(&self, at: Nanos) -> Nanos {
        let first = self.interrupted.iter().map(|(_, started)| *started).min();
        first.map_or(at, |first| self.last_measured_end.map_or(first, |ended| ended.max(first)).min(at))
    }

    /// Part of the used duration that a resumed run repeats: the time from [`Self::interrupted_from`] on, and one
    /// interval of the rate for each interrupted request that started earlier.
    fn time_to_repeat(&self, at: Nanos) -> Duration {
        let from = self.interrupted_from(at);
        let paused: Duration = self.schedule_pauses.iter().map(|p| p.1.min(at).since(p.0.max(from))).sum();
        let paused = paused + self.clock.paused_until(from, at);
        let earlier = self.interrupted.iter().filter(|(_, started)| *started < from).count();
        let intervals = self.plan.open_loop.map_or(0.0, |open| earlier as f64 / open.rate_per_s);
        let intervals = Duration::try_from_secs_f64(intervals).unwrap_or_default();
        at.since(from).saturating_sub(paused).saturating_add(intervals)
    }

    pub(super) fn resume(&mut self, at: Nanos) {
        if self.stopped.is_none() {
            self.stop(at);
        }
        let Some(stopped) = self.stopped.take() else { return };
        // Rates exclude the time in which only interrupted requests were in flight, because nothing was measured.
        let last_pause = self.schedule_pauses.last().map_or(Nanos::default(), |pause| pause.1);
        self.schedule_pauses.push((self.rates_end.min(stopped).max(last_pause), at));
        self.absences.push((stopped, at));
        self.mode = Mode::Running;
    }

    /// Gives each attempt in flight the record of a lost attempt, which ended at `at`, the last time at which the
    /// program is known to have run.
    fn lose_open(&mut self, at: Nanos) {
        for (id, ordered) in self.index.open().clone() {
            let Some(attempt) = self.attempt(id) else { continue };
            let warmup = attempt.warmup;
            let (is_discarded, started) = (attempt.abandoned, attempt.due.unwrap_or(ordered).min(at));
            let lost = lost_record(id, warmup, started, at);
            let is_interrupted =
                !is_discarded || self.cases.get(id.case).is_some_and(|c| c.was_interrupted_in(id.number));
            if is_interrupted {
                self.interrupt(id, warmup, started);
            }
            self.edit(id.case, |c| c.lose(id.number, lost));
            self.index.end(id, warmup);
            self.attempts_ended += 1;
            self.last_ended = self.last_ended.max(Some(at));
        }
    }

    /// Returns the session to resume, whose program is known to have run until `stopped`. The session waits for the
    /// endpoint, or is finished if nothing is left. The caller can take the event for the journal.
    #[must_use]
    pub fn to_resume(&self, stopped: Nanos) -> Self {
        let mut session = self.clone();
        let event = RunEvent { at: stopped, what: EventKind::Stopped };
        if session.apply(&event, None).is_ok() {
            session.events = vec![event];
        }
        session
    }

    /// Puts the session into the state that a report shows, if its program is known to have run until `at`: nothing is
    /// in flight, and interrupted attempts are queued. If something is left to do, the run is held.
    pub fn show_ended(&mut self, at: Nanos) {
        self.pass_time(at.max(self.changed_at));
        self.shown_ended_at = Some(at);
        self.lose_open(at);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::settle_interrupted);
        }
        // A damaged journal may have the event that the run finished, but lack the end of an attempt.
        if self.mode == Mode::Running || (self.mode == Mode::Finished && self.index.unsettled() > 0) {
            (self.mode, self.is_cut_off) = (Mode::Held, true);
        }
        let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len() || self.is_search_left();
        if self.mode == Mode::Held && !is_left {
            (self.mode, self.is_cut_off) = (Mode::Finished, false);
        }
        self.clock.pause(at);
    }
}

/// Returns the record of a lost attempt: in flight when the program ended, and never saved.
fn lost_record(id: AttemptId, warmup: bool, from: Nanos, to: Nanos) -> StoredRecord {
    let mut lost = AttemptRecord::started(id, warmup, String::new(), String::new(), from);
    (lost.status, lost.ended) = (AttemptStatus::Cancelled, to);
    lost.warnings.push(LOST.to_owned());
    lost.into()
}

#[cfg(test)]
mod tests;
