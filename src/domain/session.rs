//! The benchmark as a state machine that never waits and reads no clock. A request of the user or a fact from the
//! engine comes in ([`Session::handle`]); the session decides which events happen ([`RunEvent`]) and applies them
//! ([`Session::apply`]). A journal stores the events; applying them again gives the same session.

mod apply;
mod case;
mod decide;
mod elapsed;
mod event;
mod index;
mod load;
mod pace;
mod repeated;
mod replay;
mod rows;
mod run_clock;
mod saturation;
mod schedule;
mod search;
mod status;
mod stop;
mod unpacked;
mod workload;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::case::{AttemptState, CasePhase, CaseState, NextTurn};
use self::elapsed::Idle;
pub use self::event::{EventKind, InvalidEvent, RunEvent};
use self::index::Index;
pub use self::load::warmup_name;
pub use self::pace::{Capped, Durations, Pace, StagePace};
pub use self::replay::IdleReason;
pub use self::rows::RowPlan;
use self::run_clock::RunClock;
pub use self::search::{Probe, SearchState};
use self::unpacked::UnpackedRecords;
use super::attempt::{AttemptId, AttemptRecord};
use super::backlog::Backlog;
use super::open_loop::OpenLoop;
use super::suite::Suite;
use super::time::Nanos;
use super::turn::Turn;

/// Time by which the open loop orders a start before it is due, so that delays of the main thread do no harm. Orders
/// that are not due yet are withdrawn when the user holds the run.
const HORIZON: Duration = Duration::from_millis(250);
/// Maximum attempts of a run that keep text and arrivals; older attempts of each case keep only their figures.
const MAX_UNPACKED_RECORDS: usize = 512;
/// Minimum attempts of each case that keep text and arrivals.
const MIN_UNPACKED_RECORDS_PER_CASE: usize = 8;

/// [`Plan::concurrency`] of an open loop without a limit.
pub const NO_LIMIT: usize = usize::MAX;

/// Amount of work in a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Number of requests in flight in a closed loop, and the maximum in an open loop, where it may be [`NO_LIMIT`].
    pub concurrency: usize,
    /// Measured attempts per case.
    pub repeat: u32,
    /// Unmeasured attempts before the first measured one, taken from the cases in turn.
    pub warmup: u32,
    /// Whether prompts are sent unchanged, so that a prefix cache may hold them. Otherwise each prompt is made unique.
    pub warm: bool,
    /// Rate and distribution of the starts; `None` in a closed loop.
    pub open_loop: Option<OpenLoop>,
    /// Time for which cases are started in turn, regardless of `repeat`.
    pub duration: Option<Duration>,
    /// Measured requests in all, spread over the cases in turn, regardless of `repeat`. At least one per case.
    pub requests: Option<u32>,
    /// Whether an open loop ends once its queue only grows.
    pub stop_when_saturated: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            concurrency: 1,
            repeat: 1,
            warmup: 0,
            warm: false,
            open_loop: None,
            duration: None,
            requests: None,
            stop_when_saturated: false,
        }
    }
}

impl Plan {
    /// Returns whether the run is a load test: with concurrency, a rate or a duration, totals matter more than single
    /// cases.
    pub fn is_load(&self) -> bool {
        self.concurrency > 1 || self.open_loop.is_some() || self.duration.is_some()
    }

    /// Concurrency; `None` without a limit.
    pub fn limit(&self) -> Option<usize> {
        (self.concurrency != NO_LIMIT).then_some(self.concurrency)
    }

    /// Returns whether cases take turns. Otherwise each case is completed before the next starts.
    fn takes_turns(&self) -> bool {
        self.open_loop.is_some() || self.duration.is_some() || self.requests.is_some()
    }

    /// Number of measured attempts to start of the case at position `case` among `cases`. [`u32::MAX`] if only the time
    /// limits them.
    fn attempts_of(&self, case: usize, cases: usize) -> u32 {
        match self.requests {
            _ if self.duration.is_some() => u32::MAX,
            None => self.repeat,
            Some(requests) => {
                let cases = u32::try_from(cases.max(1)).unwrap_or(u32::MAX);
                let is_early = u32::try_from(case).is_ok_and(|case| case < requests % cases);
                // The command line refuses fewer requests than cases; a damaged journal may hold fewer.
                (requests / cases + u32::from(is_early)).max(1)
            }
        }
    }

    /// Number of measured requests of a run, or of one stage of a sweep, over `cases` cases. `None` if the time limits
    /// them.
    pub fn measured_requests(&self, cases: usize) -> Option<usize> {
        let repeated = cases.saturating_mul(self.repeat as usize);
        self.duration.is_none().then(|| self.requests.map_or(repeated, |requests| requests as usize))
    }
}

/// Number of measured attempts of a case to start; [`u32::MAX`] if only the time limits them.
fn attempts_of(suite: &Suite, plan: &Plan, case: usize) -> u32 {
    let workload = suite.workload.as_ref().filter(|_| plan.duration.is_none());
    let planned = workload.map(|w| w.planned.get(case).copied().unwrap_or_default());
    planned.unwrap_or_else(|| plan.attempts_of(case, suite.cases.len()))
}

/// State of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Waiting for the endpoint to answer.
    Waiting,
    /// Starting cases as slots become free.
    Running,
    /// Held by the user; nothing new starts.
    Held,
    /// Finished; nothing is left to do.
    Finished,
}

/// Input of a session: a request of the user or a fact from the engine.
#[derive(Clone, Debug)]
pub enum SessionInput {
    /// The endpoint answered, so the run begins.
    Begin(Nanos),
    /// The time is now this; attempts that became due are started.
    Tick(Nanos),
    /// Hold the run, or resume it.
    ToggleHold,
    /// Pause a case, or resume it with a fresh attempt.
    TogglePause(usize),
    /// Add an attempt to a case.
    Rerun(usize),
    /// Add an attempt to every failed case.
    RerunFailed,
    /// Cancel a case.
    Cancel(usize),
    /// An attempt ended with this record.
    Ended(AttemptId, Arc<AttemptRecord>),
    /// Cancel everything, because the program ends.
    Abort,
}

/// Command of a session to the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionCommand {
    /// Send a case's request.
    Start {
        /// Attempt to start.
        id: AttemptId,
        /// Whether the attempt is an unmeasured warm-up.
        warmup: bool,
        /// Intended start in the open loop; the request must not be sent before.
        due: Option<Nanos>,
        /// Row of the data set to send.
        row: Option<u32>,
        /// Place in a conversation; `None` for a single request.
        turn: Option<Turn>,
    },
    /// Cancel an attempt.
    Abort(AttemptId),
}

/// A run of a suite.
#[derive(Clone, Debug)]
pub struct Session {
    /// Suite that is run.
    pub suite: Arc<Suite>,
    /// Amount of work.
    pub plan: Plan,
    /// State of the run.
    pub mode: Mode,
    /// Cases in the suite's order.
    pub cases: Vec<CaseState>,
    /// Time of the first start.
    pub began: Option<Nanos>,
    /// End of the attempt that ended last.
    pub last_ended: Option<Nanos>,
    /// Concurrency of each stage of the sweep; empty without a sweep.
    pub sweep: Vec<usize>,
    /// Index of the current or last stage, or of the probe of a search.
    pub stage: usize,
    /// Index of the current or last run of a group of repeated runs; 0 for a single run.
    run: u16,
    /// End of the run before the current one, until the current one sends its first measured request.
    previous_run_ended: Option<Nanos>,
    /// Search for the largest load; `None` if the load is given.
    search: Option<SearchState>,
    /// Times at which the load stages after the first one began.
    stages_began: Vec<Nanos>,
    /// Requests that were due within the run's duration but got no slot.
    pub not_started: usize,
    /// Time at which the run stopped because its queue only grew.
    saturated_at: Option<Nanos>,
    /// Length of the queue so far, if it is watched; not part of a saved run.
    backlog: Backlog,
    warmups_started: u32,
    /// Spans in which the schedule was paused, ascending and disjoint.
    schedule_pauses: Vec<(Nanos, Nanos)>,
    /// Spans in which the program was not running, from its end to the resume: ascending and disjoint.
    absences: Vec<(Nanos, Nanos)>,
    idle: Idle,
    /// Time of the program's last sign of life; set until the run is resumed.
    stopped: Option<Nanos>,
    /// Time of the last stop up to which rates count; the time after it was not measured.
    rates_end: Nanos,
    /// Measured attempts that the end of the program interrupted since the last resume, with their starts.
    interrupted: Vec<(AttemptId, Nanos)>,
    /// End of the last request that was measured, complete or failed.
    last_measured_end: Option<Nanos>,
    /// Whether the program is ending, so that cancelled attempts are started again after a resume.
    is_closing: bool,
    /// Whether the program ended in the middle of the run.
    is_cut_off: bool,
    /// Time from which a report shows the run as ended, with nothing in flight.
    shown_ended_at: Option<Nanos>,
    index: Index,
    /// Events not yet taken by [`Self::take_events`].
    events: Vec<RunEvent>,
    /// Time of the last event.
    changed_at: Nanos,
    /// Time since which nothing has been in flight, if nothing is.
    quiet_since: Nanos,
    /// Last time at which every slot was taken.
    last_full_at: Option<Nanos>,
    /// Number of attempts known only because later ones have higher numbers.
    inferred: usize,
    attempts_ended: usize,
    /// Durations of the requests that ended.
    pace: Pace,
    requests_done: usize,
    /// Sum of the cases' measured requests in flight and still to start.
    requests_left_in_stage: usize,
    /// Requests that the plan asks for in each stage.
    requests_planned_in_stage: usize,
    requests_when_time_was_up: usize,
    unpacked: UnpackedRecords,
    /// Number of events applied.
    version: u64,
    now: Nanos,
    clock: RunClock,
    turn: usize,
    /// Rows to send; `None` if each case sends its own prompt, and in a saved run.
    rows: Option<Arc<RowPlan>>,
    /// Number of rows taken in this stage.
    rows_taken: u64,
    /// Times from which the next turns of conversations may start, with case and conversation.
    next_turns: BTreeSet<(Nanos, usize, u32)>,
    /// Cases whose conversations changed with the current event.
    changed_conversations: BTreeSet<usize>,
}

impl Session {
    /// Creates a session that waits for its endpoint.
    pub fn new(suite: Arc<Suite>, plan: Plan) -> Self {
        let plan = Self::plan_of_search(plan, suite.find.as_ref());
        let count = suite.cases.len();
        let cases: Vec<_> = (0..count).map(|case| CaseState::new(attempts_of(&suite, &plan, case))).collect();
        let mut session = Self {
            search: suite.find.map(SearchState::new),
            suite,
            plan,
            mode: Mode::Waiting,
            began: None,
            last_ended: None,
            sweep: Vec::new(),
            stage: 0,
            run: 0,
            previous_run_ended: None,
            stages_began: Vec::new(),
            not_started: 0,
            saturated_at: None,
            backlog: Backlog::default(),
            warmups_started: 0,
            schedule_pauses: Vec::new(),
            absences: Vec::new(),
            idle: Idle::default(),
            stopped: None,
            rates_end: Nanos::default(),
            interrupted: Vec::new(),
            last_measured_end: None,
            is_closing: false,
            is_cut_off: false,
            shown_ended_at: None,
            index: Index::new(&cases),
            cases,
            events: Vec::new(),
            changed_at: Nanos::default(),
            quiet_since: Nanos::default(),
            last_full_at: None,
            inferred: 0,
            attempts_ended: 0,
            pace: Pace::default(),
            requests_done: 0,
            requests_left_in_stage: 0,
            requests_planned_in_stage: 0,
            requests_when_time_was_up: 0,
            unpacked: UnpackedRecords::default(),
            version: 0,
            now: Nanos::default(),
            clock: RunClock::new(&plan),
            turn: 0,
            rows: None,
            rows_taken: 0,
            next_turns: BTreeSet::new(),
            changed_conversations: BTreeSet::new(),
        };
        session.count_requests();
        session.set_schedule();
        session
    }

    /// Adds the rows that the cases of a workload send.
    #[must_use]
    pub fn with_rows(mut self, rows: Arc<RowPlan>) -> Self {
        self.send_rows(Some(rows));
        self
    }

    /// Sets the rows to send from now on; `None` if each case sends its own prompt.
    pub fn send_rows(&mut self, rows: Option<Arc<RowPlan>>) {
        self.rows = rows;
        self.set_schedule();
    }

    /// Number of rows sent in this stage; a conversation sends one. A row that is sent again counts once.
    pub const fn rows_sent(&self) -> u64 {
        self.rows_taken
    }

    /// Number of measured attempts of a case to start, in each stage; [`u32::MAX`] if only the time limits them.
    pub fn planned_attempts(&self, case: usize) -> u32 {
        self.attempts_of(case)
    }

    fn attempts_of(&self, case: usize) -> u32 {
        attempts_of(&self.suite, &self.plan, case)
    }

    /// Adds a sweep: each stage runs the whole plan at one of these concurrencies. An empty list means no sweep.
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

    /// Records of all ended attempts. Old records are unpacked one at a time as the iterator advances, because those of
    /// a long run would together take hundreds of megabytes.
    pub fn records(&self) -> impl Iterator<Item = Arc<AttemptRecord>> {
        self.attempts().filter_map(AttemptState::record)
    }
}

#[cfg(test)]
mod tests;
