//! The benchmark as a state machine: facts and wishes in, commands out. It never waits and reads no clock.

use std::sync::Arc;

use super::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use super::suite::Suite;
use super::time::Nanos;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Requests in flight at once.
    pub concurrency: usize,
    /// Measured attempts per case.
    pub repeat: u32,
    /// Unmeasured attempts before the first measured one, taken from the cases in turn.
    pub warmup: u32,
    /// Prompts go out as they are, so that a server's prefix cache may hold them; else each is made unique.
    pub warm: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self { concurrency: 1, repeat: 1, warmup: 0, warm: false }
    }
}

/// The state of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The endpoint has not answered yet.
    Waiting,
    /// Cases are started as slots get free.
    Running,
    /// Nothing new starts.
    Held,
    /// Nothing is left to do.
    Finished,
}

/// The state of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CasePhase {
    /// Waits for its turn.
    Queued,
    /// An attempt of it is in flight.
    Running,
    /// Waits for the user.
    Paused,
    /// Its last attempt was whole.
    Done,
    /// Its last attempt was not.
    Failed,
    /// Given up by the user.
    Cancelled,
}

/// An attempt in flight or over.
#[derive(Clone, Debug)]
pub struct AttemptState {
    /// Counted from 1.
    pub number: u32,
    /// Not measured.
    pub warmup: bool,
    /// Which batch of attempts it belongs to: 0 the plan's, then one for each rerun.
    pub round: u32,
    /// Given up; its record is still to come.
    pub abandoned: bool,
    /// What it left; `None` while it is in flight.
    pub record: Option<Arc<AttemptRecord>>,
}

/// A case with all its attempts.
#[derive(Clone, Debug)]
pub struct CaseState {
    /// Where it stands.
    pub phase: CasePhase,
    /// None is ever erased.
    pub attempts: Vec<AttemptState>,
    /// Measured attempts still to be started in this round.
    pub remaining: u32,
    round: u32,
}

impl CaseState {
    /// The records that count: the whole, measured ones of the last round that has any.
    pub fn reported(&self) -> Vec<&Arc<AttemptRecord>> {
        let good = |a: &&AttemptState| !a.warmup && a.record.as_ref().is_some_and(|r| r.is_ok());
        let Some(round) = self.attempts.iter().filter(good).map(|a| a.round).max() else { return Vec::new() };
        self.attempts.iter().filter(good).filter(|a| a.round == round).filter_map(|a| a.record.as_ref()).collect()
    }

    /// The record to show: the last that counts, else the last there is.
    pub fn shown(&self) -> Option<&Arc<AttemptRecord>> {
        self.reported().pop().or_else(|| self.attempts.iter().rev().find_map(|a| a.record.as_ref()))
    }

    /// The measured attempt that ended last, whole or not.
    pub fn last_ended(&self) -> Option<&Arc<AttemptRecord>> {
        self.attempts.iter().rev().filter(|a| !a.warmup).find_map(|a| a.record.as_ref())
    }

    fn in_flight(&self) -> impl Iterator<Item = &AttemptState> {
        self.attempts.iter().filter(|a| a.record.is_none())
    }
}

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// The endpoint is there: go.
    Begin(Nanos),
    /// Start nothing new, or go on.
    ToggleHold,
    /// Pause the case, or resume it with a fresh attempt.
    TogglePause(usize),
    /// Add an attempt.
    Rerun(usize),
    /// Add an attempt to every case that failed.
    RerunFailed,
    /// Give the case up.
    Cancel(usize),
    /// An attempt is over.
    Ended(AttemptId, Arc<AttemptRecord>),
    /// Give everything up.
    Abort,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// Send a case's request.
    Start {
        /// Whose.
        id: AttemptId,
        /// Not measured.
        warmup: bool,
    },
    /// Give an attempt up.
    Abort(AttemptId),
}

/// A run of a suite.
#[derive(Clone, Debug)]
pub struct Session {
    /// What is run.
    pub suite: Arc<Suite>,
    /// How much of it.
    pub plan: Plan,
    /// Where the run stands.
    pub mode: Mode,
    /// In the suite's order.
    pub cases: Vec<CaseState>,
    /// When the first request went out.
    pub began: Option<Nanos>,
    /// When the last attempt ended.
    pub last_ended: Option<Nanos>,
    warmups_started: u32,
}

impl Session {
    /// A session that waits for its endpoint.
    pub fn new(suite: Arc<Suite>, plan: Plan) -> Self {
        let case = CaseState { phase: CasePhase::Queued, attempts: Vec::new(), remaining: plan.repeat, round: 0 };
        let cases = vec![case; suite.cases.len()];
        Self { suite, plan, mode: Mode::Waiting, cases, began: None, last_ended: None, warmups_started: 0 }
    }

    /// Attempts in flight.
    pub fn in_flight(&self) -> usize {
        self.cases.iter().map(|c| c.in_flight().count()).sum()
    }

    /// Cases that are done, failed or cancelled.
    pub fn settled(&self) -> usize {
        let settled = |c: &&CaseState| matches!(c.phase, CasePhase::Done | CasePhase::Failed | CasePhase::Cancelled);
        self.cases.iter().filter(settled).count()
    }

    /// Whether something is being measured or still will be without the user's doing.
    pub fn is_active(&self) -> bool {
        self.in_flight() > 0 || (self.mode == Mode::Running && self.cases.iter().any(|c| c.phase == CasePhase::Queued))
    }

    /// Whether some case has fewer whole answers than the plan asks for, or waits for one.
    pub fn is_partial(&self) -> bool {
        let wanted = self.plan.repeat.max(1) as usize;
        let open = |c: &CaseState| {
            matches!(c.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused)
                || c.in_flight().next().is_some()
        };
        self.cases.iter().any(|c| c.reported().len() < wanted || open(c))
    }

    /// Takes what happened, returns what to do. Facts of unknown or ended attempts are ignored.
    pub fn handle(&mut self, event: SessionEvent) -> Vec<SessionCommand> {
        let mut out = Vec::new();
        match event {
            SessionEvent::Begin(at) => {
                if self.mode == Mode::Waiting {
                    self.mode = Mode::Running;
                    self.began = Some(at);
                }
            }
            SessionEvent::ToggleHold => match self.mode {
                Mode::Running => self.mode = Mode::Held,
                Mode::Held => self.mode = Mode::Running,
                Mode::Waiting | Mode::Finished => {}
            },
            SessionEvent::TogglePause(case) => self.toggle_pause(case, &mut out),
            SessionEvent::Rerun(case) => self.rerun(case),
            SessionEvent::RerunFailed => {
                for case in 0..self.cases.len() {
                    if self.cases[case].phase == CasePhase::Failed {
                        self.rerun(case);
                    }
                }
            }
            SessionEvent::Cancel(case) => self.give_up(case, CasePhase::Cancelled, &mut out),
            SessionEvent::Ended(id, record) => self.ended(id, record),
            SessionEvent::Abort => {
                for case in 0..self.cases.len() {
                    self.give_up(case, CasePhase::Cancelled, &mut out);
                }
            }
        }
        self.fill_slots(&mut out);
        out
    }

    fn toggle_pause(&mut self, case: usize, out: &mut Vec<SessionCommand>) {
        let Some(state) = self.cases.get_mut(case) else { return };
        match state.phase {
            CasePhase::Paused => {
                state.phase = CasePhase::Queued;
                state.remaining = state.remaining.max(1);
                self.wake();
            }
            CasePhase::Queued | CasePhase::Running => self.give_up(case, CasePhase::Paused, out),
            CasePhase::Done | CasePhase::Failed | CasePhase::Cancelled => {}
        }
    }

    /// Ends what is in flight of the case and leaves it in `phase`. A paused case owes the attempts it gave up.
    fn give_up(&mut self, case: usize, phase: CasePhase, out: &mut Vec<SessionCommand>) {
        let Some(state) = self.cases.get_mut(case) else { return };
        if !matches!(state.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused) {
            return;
        }
        let mut owed = 0;
        for attempt in state.attempts.iter_mut().filter(|a| a.record.is_none() && !a.abandoned) {
            attempt.abandoned = true;
            owed += u32::from(!attempt.warmup);
            out.push(SessionCommand::Abort(AttemptId { case, number: attempt.number }));
        }
        state.remaining = if phase == CasePhase::Paused { state.remaining + owed } else { 0 };
        state.phase = phase;
    }

    fn rerun(&mut self, case: usize) {
        let Some(state) = self.cases.get_mut(case) else { return };
        if matches!(state.phase, CasePhase::Queued | CasePhase::Running) {
            return;
        }
        if state.phase != CasePhase::Paused {
            state.round += 1;
        }
        state.remaining = self.plan.repeat;
        state.phase = CasePhase::Queued;
        self.wake();
    }

    fn wake(&mut self) {
        if self.mode == Mode::Finished {
            self.mode = Mode::Running;
        }
    }

    fn ended(&mut self, id: AttemptId, record: Arc<AttemptRecord>) {
        let Some(state) = self.cases.get_mut(id.case) else { return };
        let Some(attempt) = state.attempts.iter_mut().find(|a| a.number == id.number && a.record.is_none()) else {
            return;
        };
        self.last_ended = Some(record.ended);
        let (abandoned, warmup, status) = (attempt.abandoned, attempt.warmup, record.status);
        attempt.record = Some(record);
        // What was given up may end long after its successor; only what still counts keeps the case running.
        let others = state.in_flight().any(|a| !a.abandoned);
        if abandoned || others || state.phase != CasePhase::Running {
            return;
        }
        let round = state.round;
        let failed_in_round = state.attempts.iter().any(|a| {
            a.round == round
                && !a.warmup
                && a.record.as_ref().is_some_and(|r| !r.is_ok() && r.status != AttemptStatus::Cancelled)
        });
        state.phase = if state.remaining > 0 {
            CasePhase::Queued
        } else if warmup || status == AttemptStatus::Cancelled {
            CasePhase::Cancelled
        } else if failed_in_round {
            CasePhase::Failed
        } else {
            CasePhase::Done
        };
    }

    fn fill_slots(&mut self, out: &mut Vec<SessionCommand>) {
        if self.mode != Mode::Running {
            return;
        }
        while self.in_flight() < self.plan.concurrency.max(1) {
            if !self.start_next(out) {
                break;
            }
        }
        let busy =
            self.cases.iter().any(|c| matches!(c.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused));
        if !busy && self.in_flight() == 0 {
            self.mode = Mode::Finished;
        }
    }

    fn start_next(&mut self, out: &mut Vec<SessionCommand>) -> bool {
        let count = self.cases.len();
        if self.warmups_started < self.plan.warmup && count > 0 {
            let case = self.warmups_started as usize % count;
            self.warmups_started += 1;
            if self.cases[case].phase == CasePhase::Paused || self.cases[case].phase == CasePhase::Cancelled {
                return true;
            }
            self.start(case, true, out);
            return true;
        }
        let warming = self.cases.iter().any(|c| c.in_flight().any(|a| a.warmup));
        if warming {
            return false;
        }
        let ready = |c: &CaseState| c.remaining > 0 && matches!(c.phase, CasePhase::Queued | CasePhase::Running);
        let Some(case) = self.cases.iter().position(ready) else { return false };
        self.cases[case].remaining -= 1;
        self.start(case, false, out);
        true
    }

    fn start(&mut self, case: usize, warmup: bool, out: &mut Vec<SessionCommand>) {
        let state = &mut self.cases[case];
        let number = state.attempts.len() as u32 + 1;
        state.attempts.push(AttemptState { number, warmup, round: state.round, abandoned: false, record: None });
        state.phase = CasePhase::Running;
        out.push(SessionCommand::Start { id: AttemptId { case, number }, warmup });
    }
}

#[cfg(test)]
mod tests;
