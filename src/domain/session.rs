//! The benchmark as a state machine: facts and wishes in, commands out. It never waits and reads no clock.

mod case;
mod going;
mod history;
mod pace;
mod replay;
pub mod restore;
mod standing;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::case::{AttemptState, CasePhase, CaseState};
use self::going::Idle;
use self::history::History;
use self::pace::Pace;
pub use self::replay::IdleReason;
use super::attempt::{AttemptId, AttemptRecord};
use super::open_loop::OpenLoop;
use super::suite::Suite;
use super::time::Nanos;

/// Starts of the open loop are ordered this long before they are due: the main thread's own delays then cost nothing.
/// A run that is held still sends what was ordered.
const HORIZON: Duration = Duration::from_millis(250);
/// So many attempts of a run keep their text and arrivals, the last of each case; older ones keep their figures.
const WHOLE_RECORDS: usize = 512;
/// Of each case at least so many.
const WHOLE_RECORDS_OF_CASE: usize = 8;

/// [`Plan::concurrency`] of an open loop that names no limit.
pub const NO_LIMIT: usize = usize::MAX;

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Requests in flight at once: as many in a closed loop, no more in an open one, where it may be [`NO_LIMIT`].
    pub concurrency: usize,
    /// Measured attempts per case.
    pub repeat: u32,
    /// Unmeasured attempts before the first measured one, taken from the cases in turn.
    pub warmup: u32,
    /// Prompts go out as they are, so that a server's prefix cache may hold them; else each is made unique.
    pub warm: bool,
    /// Starts at a rate; `None` is the closed loop.
    pub open_loop: Option<OpenLoop>,
    /// Cases are started in turn for so long, whatever `repeat` says.
    pub duration: Option<Duration>,
}

impl Default for Plan {
    fn default() -> Self {
        Self { concurrency: 1, repeat: 1, warmup: 0, warm: false, open_loop: None, duration: None }
    }
}

impl Plan {
    /// Several requests may be in flight, or time and rate decide: the run as a whole is what matters.
    pub fn is_load(&self) -> bool {
        self.concurrency > 1 || self.open_loop.is_some() || self.duration.is_some()
    }

    /// The concurrency, if there is a limit.
    pub fn limit(&self) -> Option<usize> {
        (self.concurrency != NO_LIMIT).then_some(self.concurrency)
    }

    /// Cases take turns; else one is measured to its end before the next.
    fn takes_turns(&self) -> bool {
        self.open_loop.is_some() || self.duration.is_some()
    }

    /// Measured attempts of a case that are to be started.
    fn attempts(&self) -> u32 {
        if self.duration.is_some() { u32::MAX } else { self.repeat }
    }
}

/// The state of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

/// What happens to a session.
#[derive(Clone, Debug)]
pub enum SessionEvent {
    /// The endpoint is there: go.
    Begin(Nanos),
    /// It is this late: what became due is started.
    Tick(Nanos),
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
    /// Give everything up: what ends now is the end.
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
        /// Not before then: its intended start in the open loop.
        due: Option<Nanos>,
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
    /// The concurrencies of the sweep, one stage each; empty without one.
    pub sweep: Vec<usize>,
    /// The stage that runs or ran last.
    pub stage: usize,
    /// Requests that were intended within the run's time and got no slot in it.
    pub not_started: usize,
    warmups_started: u32,
    /// When the schedule stood still: ascending, apart.
    still: Vec<(Nanos, Nanos)>,
    /// When the program was gone: from its end to when the run went on, ascending, apart.
    away: Vec<(Nanos, Nanos)>,
    /// When nothing ran and nothing was to.
    idle: Idle,
    /// How it came to stand so.
    history: History,
    /// The run was begun before, and stopped there.
    stopped: Option<Nanos>,
    /// All slots were taken when last something could have started: what is late then is late for want of one.
    capped: bool,
    now: Nanos,
    pace: Pace,
    turn: usize,
}

impl Session {
    /// A session that waits for its endpoint.
    pub fn new(suite: Arc<Suite>, plan: Plan) -> Self {
        let cases = vec![CaseState::new(plan.attempts()); suite.cases.len()];
        Self {
            suite,
            plan,
            mode: Mode::Waiting,
            cases,
            began: None,
            last_ended: None,
            sweep: Vec::new(),
            stage: 0,
            not_started: 0,
            warmups_started: 0,
            still: Vec::new(),
            away: Vec::new(),
            idle: Idle::default(),
            history: History::default(),
            stopped: None,
            capped: false,
            now: Nanos::default(),
            pace: Pace::new(&plan),
            turn: 0,
        }
    }

    /// The same at these concurrencies in turn: each stage runs the whole plan.
    #[must_use]
    pub fn with_sweep(mut self, concurrencies: Vec<usize>) -> Self {
        self.plan.concurrency = concurrencies.first().copied().unwrap_or(self.plan.concurrency);
        self.sweep = concurrencies;
        self
    }

    /// [`Self::handle`] of what happened at `now`.
    pub fn handle_at(&mut self, now: Nanos, event: SessionEvent) -> Vec<SessionCommand> {
        self.now = self.now.max(now);
        self.handle(event)
    }

    /// Takes what happened, returns what to do. Facts of unknown or ended attempts are ignored.
    pub fn handle(&mut self, event: SessionEvent) -> Vec<SessionCommand> {
        let mut out = Vec::new();
        let ended = if let SessionEvent::Ended(_, record) = &event { Some(record.ended) } else { None };
        match event {
            SessionEvent::Tick(now) => self.now = self.now.max(now),
            SessionEvent::Begin(at) => {
                self.now = self.now.max(at);
                if self.mode == Mode::Waiting {
                    self.mode = Mode::Running;
                    self.begin(at);
                }
            }
            SessionEvent::ToggleHold => match self.mode {
                Mode::Running => {
                    self.mode = Mode::Held;
                    self.take_back(&mut out);
                }
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
                self.mode = Mode::Finished;
            }
        }
        self.fill_slots(&mut out);
        self.note(ended);
        out
    }

    /// All attempts, case by case.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptState> {
        self.cases.iter().flat_map(|c| &c.attempts)
    }

    /// The records of all that are over. Old ones are unpacked one by one as they are asked for: all of a long run at once are
    /// a hundred megabytes.
    pub fn records(&self) -> impl Iterator<Item = Arc<AttemptRecord>> {
        self.attempts().filter_map(AttemptState::record)
    }

    /// Notes what became of it; an attempt ended a moment before that was told.
    fn note(&mut self, ended: Option<Nanos>) {
        if self.began.is_some() && self.mode != Mode::Waiting {
            self.idle.note(!self.is_active(), ended.unwrap_or(self.now));
        }
        let mut history = std::mem::take(&mut self.history);
        history.note(self.now, self);
        self.history = history;
    }

    fn begin(&mut self, at: Nanos) {
        match self.stopped.take() {
            None => self.began = Some(at),
            Some(stopped) => {
                self.still.push((stopped, at));
                self.away.push((stopped, at));
                self.idle.note(true, stopped);
            }
        }
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
            CasePhase::Done | CasePhase::Failed | CasePhase::Cancelled | CasePhase::Unreached => {}
        }
    }

    /// Has what is ordered ahead and not due come later: held, nothing new starts.
    fn take_back(&mut self, out: &mut Vec<SessionCommand>) {
        let mut back: Vec<(Nanos, AttemptId)> = Vec::new();
        for (case, state) in self.cases.iter_mut().enumerate() {
            let of_case = state.take_back(self.now).into_iter();
            back.extend(of_case.map(|(number, due)| (due, AttemptId { case, number })));
        }
        back.sort_unstable();
        if let Some((_, first)) = back.first() {
            self.turn = first.case;
        }
        self.pace.take_back(back.iter().map(|(due, _)| *due));
        out.extend(back.into_iter().map(|(_, id)| SessionCommand::Abort(id)));
    }

    /// Ends what is in flight of the case and leaves it in `phase`. A paused case owes the attempts it gave up.
    fn give_up(&mut self, case: usize, phase: CasePhase, out: &mut Vec<SessionCommand>) {
        let Some(state) = self.cases.get_mut(case) else { return };
        if !matches!(state.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused) {
            return;
        }
        let (given_up, owed) = state.abandon();
        out.extend(given_up.into_iter().map(|number| SessionCommand::Abort(AttemptId { case, number })));
        state.remaining = if phase == CasePhase::Paused { state.remaining.saturating_add(owed) } else { 0 };
        state.phase = phase;
    }

    fn rerun(&mut self, case: usize) {
        let Some(state) = self.cases.get_mut(case) else { return };
        if matches!(state.phase, CasePhase::Queued | CasePhase::Running) {
            return;
        }
        if state.phase != CasePhase::Paused {
            state.begin_round();
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
        let keep = self.whole_records_of_case();
        let ended = record.ended;
        if self.cases.get_mut(id.case).is_some_and(|state| state.end(id.number, record, keep)) {
            self.last_ended = Some(ended);
            self.now = self.now.max(ended);
        }
    }

    /// So many attempts of a case keep text and arrivals.
    fn whole_records_of_case(&self) -> usize {
        (WHOLE_RECORDS / self.cases.len().max(1)).max(WHOLE_RECORDS_OF_CASE)
    }

    fn fill_slots(&mut self, out: &mut Vec<SessionCommand>) {
        if self.mode == Mode::Running {
            // Also without a free slot: what is due from now on waits for the server.
            if self.cases.iter().any(CaseState::is_ready) {
                self.still.extend(self.pace.go_on(self.now));
            }
            while self.in_flight() < self.plan.concurrency.max(1) {
                if !self.start_next(out) {
                    break;
                }
            }
            self.capped = self.in_flight() >= self.plan.concurrency.max(1);
            let busy = |c: &CaseState| matches!(c.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused);
            if !self.cases.iter().any(busy) && self.in_flight() == 0 {
                if self.begin_next_stage() {
                    return self.fill_slots(out);
                }
                self.mode = Mode::Finished;
            }
        }
        if self.mode != Mode::Running || !self.cases.iter().any(CaseState::is_ready) {
            self.pace.stop(self.now);
        }
    }

    /// Goes on to the next stage of the sweep, if there is one and anything is left to measure.
    fn begin_next_stage(&mut self) -> bool {
        let left = self.cases.iter().any(|c| c.phase != CasePhase::Cancelled);
        let Some(concurrency) = self.sweep.get(self.stage + 1).copied().filter(|_| left) else { return false };
        self.stage += 1;
        self.plan.concurrency = concurrency;
        self.pace = Pace::new(&self.plan);
        self.cases.iter_mut().for_each(|c| c.stage = self.stage);
        for state in self.cases.iter_mut().filter(|c| c.phase != CasePhase::Cancelled) {
            state.begin_round();
            state.remaining = self.plan.attempts();
            state.phase = CasePhase::Queued;
        }
        true
    }

    fn is_warming(&self) -> bool {
        self.cases.iter().any(|c| c.in_flight().any(|a| a.warmup))
    }

    fn start_next(&mut self, out: &mut Vec<SessionCommand>) -> bool {
        let count = self.cases.len();
        if self.warmups_started < self.plan.warmup && count > 0 {
            let case = self.warmups_started as usize % count;
            self.warmups_started += 1;
            if self.cases[case].phase == CasePhase::Paused || self.cases[case].phase == CasePhase::Cancelled {
                return true;
            }
            self.start(case, true, None, out);
            return true;
        }
        // Only warm-ups, and only in the beginning, would keep measured attempts waiting.
        if self.is_warming() {
            return false;
        }
        let from = if self.plan.takes_turns() { self.turn } else { 0 };
        let Some(case) = (0..count).map(|i| (from + i) % count).find(|&i| self.cases[i].is_ready()) else {
            return false;
        };
        self.pace.begin(self.now);
        if self.pace.is_over(self.now, self.capped) {
            self.end_time();
            return self.cases.iter().any(CaseState::is_ready);
        }
        let due = self.pace.next();
        if due.is_some_and(|at| at > self.now.plus(HORIZON)) {
            return false;
        }
        self.pace.advance();
        self.turn = (case + 1) % count;
        let state = &mut self.cases[case];
        if state.remaining < u32::MAX {
            state.remaining -= 1;
        }
        self.start(case, false, due, out);
        true
    }

    /// The time is up: what only the time limited is not started again.
    fn end_time(&mut self) {
        self.not_started += self.pace.end();
        for state in self.cases.iter_mut().filter(|c| c.remaining == u32::MAX) {
            state.remaining = 0;
            if state.phase == CasePhase::Queued {
                state.settle(false);
                if !state.is_reached(self.stage) {
                    state.phase = CasePhase::Unreached;
                }
            }
        }
    }

    fn start(&mut self, case: usize, warmup: bool, due: Option<Nanos>, out: &mut Vec<SessionCommand>) {
        let number = self.cases[case].start(warmup, due);
        out.push(SessionCommand::Start { id: AttemptId { case, number }, warmup, due });
    }
}

#[cfg(test)]
mod tests;
