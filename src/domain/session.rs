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
mod plan;
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
use self::plan::attempts_of;
pub use self::plan::{NO_LIMIT, Plan};
pub use self::replay::IdleReason;
pub use self::rows::RowPlan;
use self::run_clock::RunClock;
pub use self::search::{Probe, SearchState};
use self::unpacked::UnpackedRecords;
use super::attempt::{AttemptId, AttemptRecord};
use super::backlog::Backlog;
use super::suite::Suite;
use super::time::Nanos;
use super::turn::Turn;

/// Lead time with which the open loop orders a start from the engine before the start is due, so that delays of the
/// main thread do no harm. When the user holds the run, orders that are not due yet are withdrawn.
const HORIZON: Duration = Duration::from_millis(250);
/// Maximum number of attempts of a run whose text and arrivals stay in memory. Of older attempts, only the figures
/// stay.
const MAX_UNPACKED_RECORDS: usize = 512;
/// Minimum number of attempts of each case whose text and arrivals stay in memory.
const MIN_UNPACKED_RECORDS_PER_CASE: usize = 8;

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
    /// Begin the run, because the endpoint answered.
    Begin(Nanos),
    /// Advance the session to this time and start the attempts that became due.
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
    /// Take the record of an attempt that ended.
    Ended(AttemptId, Arc<AttemptRecord>),
    /// Cancel all attempts, because tokscope ends.
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
    /// Suite of the run.
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
    /// Spans between the end of the program and the resume of the run: ascending and disjoint.
    absences: Vec<(Nanos, Nanos)>,
    idle: Idle,
    /// Last time at which the program is known to have run; `None` once the run is resumed.
    stopped: Option<Nanos>,
    /// Time at which measurement ended before the last stop of the program. Rates do not include the time from then to
    /// the resume.
    rates_end: Nanos,
    /// Measured attempts that the end of the program interrupted since the last resume, with their starts.
    interrupted: Vec<(AttemptId, Nanos)>,
    /// End of the last request that was measured, complete or failed.
    last_measured_end: Option<Nanos>,
    /// Whether the program is ending. Attempts cancelled by the end are started again after a resume.
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
    /// Number of attempts without events of their own, inferred from the higher numbers of later attempts.
    inferred: usize,
    attempts_ended: usize,
    /// Durations of the requests that ended.
    pace: Pace,
    requests_done: usize,
    /// Number of measured requests in flight and still to start in this stage, over all cases.
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
    /// Next turns of conversations, in order: the time from which the turn may start, the case, and the conversation.
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

    /// Returns the session with the rows that its workload sends.
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

    /// Number of rows sent in this stage. A conversation uses one row, and a row that is sent again counts once.
    pub const fn rows_sent(&self) -> u64 {
        self.rows_taken
    }

    /// Number of measured attempts to start for a case in each stage; [`u32::MAX`] if only the time limits the number.
    pub fn planned_attempts(&self, case: usize) -> u32 {
        self.attempts_of(case)
    }

    fn attempts_of(&self, case: usize) -> u32 {
        attempts_of(&self.suite, &self.plan, case)
    }

    /// Returns the session with a sweep, each stage of which runs the whole plan at one of these concurrencies. An
    /// empty list means no sweep.
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
