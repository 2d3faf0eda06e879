//! The benchmark as a state machine that never waits and reads no clock. A wish or a fact comes in ([`Session::handle`]),
//! the session decides which events happen ([`RunEvent`]), and applies them ([`Session::apply`]). A journal holds the events:
//! applied again, they make the same session.

mod apply;
mod case;
mod decide;
mod elapsed;
mod event;
mod index;
mod replay;
mod run_clock;
mod status;
mod stop;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::case::{AttemptState, CasePhase, CaseState};
use self::elapsed::Idle;
pub use self::event::{InvalidEvent, RunEvent, What};
use self::index::Index;
pub use self::replay::IdleReason;
use self::run_clock::RunClock;
use super::attempt::{AttemptId, AttemptRecord};
use super::open_loop::OpenLoop;
use super::suite::Suite;
use super::time::Nanos;

/// Starts of the open loop are ordered this long before they are due: the main thread's own delays then cost nothing.
/// A run that is held still sends what was ordered.
const HORIZON: Duration = Duration::from_millis(250);
/// Attempts of a run that keep their text and arrivals, the last of each case; older ones keep their figures.
const WHOLE_RECORDS: usize = 512;
/// Minimum attempts of each case that do.
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

/// A wish of the user or a fact of the engine that a session has to handle.
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
    /// When the program was gone: from its end to when the run was resumed, ascending, apart.
    away: Vec<(Nanos, Nanos)>,
    idle: Idle,
    /// When the program was last heard of, from then on until the run is resumed.
    stopped: Option<Nanos>,
    /// The program ends: what is cancelled is owed.
    is_closing: bool,
    /// The program ended while the run went on.
    is_cut_off: bool,
    /// When that was noted; nothing is in flight from then on.
    rested_at: Option<Nanos>,
    index: Index,
    /// Events that were not taken yet.
    events: Vec<RunEvent>,
    /// When the last event happened.
    changed_at: Nanos,
    /// If nothing runs: since when.
    quiet_since: Nanos,
    /// When every slot was last taken.
    full_until: Option<Nanos>,
    /// Attempts that are known only from the numbers of later ones.
    unseen: usize,
    attempts_ended: usize,
    /// Attempts that ended, oldest first, and how many bytes their records took then.
    whole: VecDeque<(AttemptId, usize)>,
    whole_bytes: usize,
    /// Number of events that happened.
    version: u64,
    now: Nanos,
    pace: RunClock,
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
            began: None,
            last_ended: None,
            sweep: Vec::new(),
            stage: 0,
            not_started: 0,
            warmups_started: 0,
            still: Vec::new(),
            away: Vec::new(),
            idle: Idle::default(),
            stopped: None,
            is_closing: false,
            is_cut_off: false,
            rested_at: None,
            index: Index::new(&cases),
            cases,
            events: Vec::new(),
            changed_at: Nanos::default(),
            quiet_since: Nanos::default(),
            full_until: None,
            unseen: 0,
            attempts_ended: 0,
            whole: VecDeque::new(),
            whole_bytes: 0,
            version: 0,
            now: Nanos::default(),
            pace: RunClock::new(&plan),
            turn: 0,
        }
    }

    /// The same at these concurrencies in turn: each stage runs the whole plan. Without any, it is the plan's.
    #[must_use]
    pub fn with_sweep(mut self, concurrencies: Vec<usize>) -> Self {
        self.plan.concurrency = concurrencies.first().copied().unwrap_or(self.plan.concurrency);
        self.sweep = concurrencies;
        self
    }

    /// All attempts, case by case.
    pub fn attempts(&self) -> impl Iterator<Item = &AttemptState> {
        self.cases.iter().flat_map(|c| &c.attempts)
    }

    /// The records of all attempts that are over. Old ones are unpacked one by one as they are asked for: all of a long run
    /// at once are a hundred megabytes.
    pub fn records(&self) -> impl Iterator<Item = Arc<AttemptRecord>> {
        self.attempts().filter_map(AttemptState::record)
    }
}

#[cfg(test)]
mod tests;
