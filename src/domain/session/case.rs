//! One case of a session: its attempts and its phase.

mod changes;
mod counts;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use self::counts::AttemptCounts;
use crate::domain::attempt::{AttemptRecord, AttemptStatus, StoredRecord, StringPool};
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;

/// Phase of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CasePhase {
    /// Waiting for a slot.
    Queued,
    /// An attempt is in flight.
    Running,
    /// Paused by the user.
    Paused,
    /// The last attempt got a complete answer.
    Done,
    /// The last attempt failed.
    Failed,
    /// Cancelled by the user.
    Cancelled,
    /// The run's duration ended before the case's turn came.
    Unreached,
}

impl CasePhase {
    /// Number of phases.
    pub const COUNT: usize = Self::Unreached as usize + 1;
}

/// An attempt in flight or ended.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptState {
    /// Number within the case, from 1.
    pub number: u32,
    /// Whether the attempt is an unmeasured warm-up.
    pub warmup: bool,
    /// Index of the batch of attempts: 0 for the plan's attempts, then one more for each rerun.
    pub round: u32,
    /// Index of the stage of the sweep; 0 without a sweep.
    pub stage: usize,
    /// Whether the attempt was discarded. Its record may not have arrived yet.
    pub abandoned: bool,
    /// Intended start in the open loop.
    pub due: Option<Nanos>,
    /// Row of the data set that the request sent.
    pub row: Option<u32>,
    /// Place in a conversation; `None` for a single request.
    pub turn: Option<Turn>,
    /// Record; `None` while the attempt is in flight.
    pub record: Option<StoredRecord>,
}

impl AttemptState {
    /// Record of an ended attempt. Each call unpacks an old record again, so prefer [`Self::status`] if the status is
    /// enough.
    pub fn record(&self) -> Option<Arc<AttemptRecord>> {
        self.record.as_ref().map(StoredRecord::get)
    }

    /// Status of an ended attempt.
    pub fn status(&self) -> Option<AttemptStatus> {
        self.record.as_ref().map(StoredRecord::status)
    }

    /// Returns whether the attempt has a complete, measured answer.
    pub fn is_good(&self) -> bool {
        !self.warmup && self.status() == Some(AttemptStatus::Ok)
    }

    /// Returns whether a measured attempt was cut off, because the program ended or its case was cancelled.
    pub fn is_interrupted(&self) -> bool {
        !self.warmup && !self.abandoned && self.status() == Some(AttemptStatus::Cancelled)
    }

    /// Returns whether a measured attempt failed. Cancelled attempts have not failed.
    pub fn is_failed(&self) -> bool {
        !self.warmup && self.status().is_some_and(|s| !matches!(s, AttemptStatus::Ok | AttemptStatus::Cancelled))
    }
}

/// Properties of a case that [`super::index::Index`] counts.
#[expect(clippy::struct_excessive_bools, reason = "each is counted by itself")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Phase of the case.
    pub phase: CasePhase,
    /// Whether the case could start an attempt if a slot were free.
    pub is_ready: bool,
    /// Whether the case has several attempts.
    pub is_repeated: bool,
    /// Whether the case has two complete answers to compare.
    pub is_comparable: bool,
    /// Whether the server's prefix cache may have shortened the TTFT that the case shows.
    pub is_doubtful: bool,
}

/// A case with all its attempts.
#[derive(Clone, Debug)]
pub struct CaseState {
    /// Phase.
    pub phase: CasePhase,
    /// All attempts in order. No attempt is ever removed.
    pub attempts: Vec<AttemptState>,
    /// Measured attempts still to start in this batch; [`u32::MAX`] if only the time limits them.
    pub remaining: u32,
    pub(super) round: u32,
    pub(super) stage: usize,
    /// Numbers of the attempts in flight.
    open: Vec<u32>,
    /// Next turns of the conversations in progress that have no request in flight.
    next_turns: Vec<NextTurn>,
    /// Whether the time limit is over, so that conversations do not continue.
    is_time_over: bool,
    rows: RowCursor,
    failed_in_round: bool,
    counts: AttemptCounts,
    /// Number of requests that the attempts in flight still need: the attempts that count, and the turns that follow
    /// them.
    open_left: usize,
    /// Number of requests that the conversations in [`Self::next_turns`] still need.
    next_left: usize,
    /// Whether the server's prefix cache may have shortened the TTFT of the answer to show.
    is_doubtful: bool,
    /// Work left when the end of the program cancelled the case.
    interrupted: Option<Box<Interrupted>>,
    /// Numbers of the attempts that still have text and arrivals, in two lists: those with complete answers, and the
    /// others.
    unpacked: [VecDeque<u32>; 2],
    strings: StringPool,
}

/// Work of a case that the end of the program interrupted.
#[derive(Clone, Debug)]
struct Interrupted {
    /// Measured attempts to start when the run is resumed.
    remaining: u32,
    /// Numbers of the attempts in flight. An attempt that ends as cancelled is started again, too.
    open: Vec<u32>,
}

/// Properties of an attempt at its start.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub number: u32,
    pub warmup: bool,
    pub due: Option<Nanos>,
    pub row: Option<u32>,
    pub turn: Option<Turn>,
}

/// Rows of a data set that a case has sent.
#[derive(Clone, Debug, Default)]
struct RowCursor {
    /// Number of rows taken in order.
    taken: u64,
    /// Rows that were taken and discarded; they are sent again before any other.
    returned: BTreeSet<u32>,
}

impl RowCursor {
    fn take(&mut self, row: Option<u32>) {
        if row.is_some_and(|row| !self.returned.remove(&row)) {
            self.taken += 1;
        }
    }

    fn give_back(&mut self, row: Option<u32>) {
        self.returned.extend(row);
    }
}

/// Next turn of a conversation, after its think time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextTurn {
    /// Time from which the turn may start.
    pub ready_at: Nanos,
    /// Row of the data set that the conversation uses.
    pub row: Option<u32>,
    /// Place of the turn.
    pub turn: Turn,
}

impl CaseState {
    /// Creates a case that waits for its turn.
    pub(super) fn new(remaining: u32) -> Self {
        Self {
            phase: if remaining == 0 { CasePhase::Unreached } else { CasePhase::Queued },
            attempts: Vec::new(),
            remaining,
            round: 0,
            stage: 0,
            open: Vec::new(),
            next_turns: Vec::new(),
            is_time_over: false,
            rows: RowCursor::default(),
            failed_in_round: false,
            counts: AttemptCounts::default(),
            open_left: 0,
            next_left: 0,
            is_doubtful: false,
            interrupted: None,
            unpacked: Default::default(),
            strings: StringPool::default(),
        }
    }

    /// Attempts that count in the current stage, for tests. Product code names the stage: see [`Self::reported_in`].
    #[cfg(test)]
    pub fn reported(&self) -> impl DoubleEndedIterator<Item = &AttemptState> {
        self.reported_in(self.stage)
    }

    /// Attempts that count in one stage of a sweep: complete, measured answers of the last batch that has any. Without
    /// a sweep, all attempts are in stage 0.
    pub fn reported_in(&self, stage: usize) -> impl DoubleEndedIterator<Item = &AttemptState> {
        reported(self.stage_attempts(stage))
    }

    /// Number of attempts that count in one stage of a sweep; see [`Self::reported_in`]. Takes constant time for the
    /// current stage only.
    pub fn reported_count_in(&self, stage: usize) -> usize {
        if stage == self.stage { self.counts.reported_in(stage) } else { self.reported_in(stage).count() }
    }

    /// Number of measured attempts, in flight or ended.
    pub const fn measured_count(&self) -> usize {
        self.counts.measured
    }

    /// Number of attempts that ended.
    pub const fn ended_count(&self) -> usize {
        self.counts.ended
    }

    /// Returns whether a warm-up is in flight.
    pub fn is_warming(&self) -> bool {
        self.in_flight().any(|a| a.warmup)
    }

    /// The attempt of this number, from 1.
    pub fn attempt(&self, number: u32) -> Option<&AttemptState> {
        self.attempts.get((number as usize).checked_sub(1)?)
    }

    /// Describes how the end of the run left an unfinished case in its current stage: `not sent`, or `interrupted` if a
    /// request was in flight. `None` for a case that was finished or that the user cancelled.
    pub fn left_as(&self) -> Option<&'static str> {
        let is_left = self.phase == CasePhase::Cancelled && self.interrupted.is_some();
        let was_sent = self.stage_attempts(self.stage).iter().any(|a| !a.warmup && a.record.is_some());
        is_left.then_some(if was_sent { "interrupted" } else { "not sent" })
    }

    /// Returns whether nothing is left to do for the case.
    pub fn is_settled(&self) -> bool {
        !matches!(self.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused)
    }

    /// Returns whether a rerun is queued or running and has no complete answer yet, so that the case still shows its
    /// earlier figures.
    pub fn is_rerun(&self) -> bool {
        let complete = self.counts.last_complete.and_then(|number| self.attempt(number));
        let complete = complete.filter(|a| a.stage == self.stage);
        (!self.is_settled() || self.open() > 0) && complete.is_some_and(|a| a.round < self.round)
    }

    /// Returns whether a stage has fewer complete answers than `wanted`. If `wanted` is `None`, returns whether the
    /// stage has no complete answer, or a failure or an interruption in its last batch.
    pub(super) fn lacks(&self, stage: usize, wanted: Option<usize>) -> bool {
        let attempts = self.stage_attempts(stage);
        let Some(wanted) = wanted else {
            let complete = reported(attempts).count();
            let last = attempts.last().map(|a| a.round);
            return complete == 0
                || attempts
                    .iter()
                    .rev()
                    .take_while(|a| Some(a.round) == last)
                    .any(|a| a.is_failed() || a.is_interrupted());
        };
        reported(attempts).filter(|a| a.turn.is_none_or(Turn::is_last)).count() < wanted
    }

    /// Returns whether the case was started in a stage. Discarded attempts do not count.
    pub(super) fn is_reached(&self, stage: usize) -> bool {
        self.stage_attempts(stage).iter().any(|a| !a.warmup && !a.abandoned)
    }

    /// Record to show for one stage of a sweep: that of the last complete answer, or else the last record of the stage.
    pub fn shown_in(&self, stage: usize) -> Option<Arc<AttemptRecord>> {
        let attempts = self.stage_attempts(stage);
        let complete = attempts.iter().rfind(|a| a.is_good());
        complete.or_else(|| attempts.iter().rfind(|a| a.record.is_some())).and_then(AttemptState::record)
    }

    /// Attempts of a stage, which are contiguous.
    pub fn stage_attempts(&self, stage: usize) -> &[AttemptState] {
        let from = self.attempts.partition_point(|a| a.stage < stage);
        let to = self.attempts.partition_point(|a| a.stage <= stage);
        self.attempts.get(from..to).unwrap_or_default()
    }

    /// Record to show: that of the last complete answer, or else the last record.
    pub fn shown(&self) -> Option<Arc<AttemptRecord>> {
        self.attempt(self.counts.last_complete.or(self.counts.last_ended)?)?.record()
    }

    /// The last measured attempt that ended, complete or not.
    pub fn last_ended(&self) -> Option<&AttemptState> {
        self.attempt(self.counts.last_measured_ended?)
    }

    /// Attempts without a record.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &AttemptState> {
        self.open.iter().filter_map(|number| self.attempts.get(*number as usize - 1))
    }

    /// Number of attempts without a record.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Returns whether the case could start an attempt if a slot were free.
    pub(super) fn is_ready(&self) -> bool {
        self.remaining > 0 && matches!(self.phase, CasePhase::Queued | CasePhase::Running)
    }

    /// Current batch and stage.
    pub const fn place(&self) -> (u32, usize) {
        (self.round, self.stage)
    }

    /// Numbers of the attempts in flight that were not discarded.
    pub(super) fn counting(&self) -> impl Iterator<Item = u32> {
        self.in_flight().filter(|a| !a.abandoned).map(|a| a.number)
    }

    /// Number of measured requests in flight and still to start, including those that the end of the program
    /// interrupted. Each conversation that has not started counts as `turns` requests. Requests that only the time
    /// limits are not counted.
    pub(super) fn requests_left(&self, turns: usize) -> usize {
        let limited =
            |remaining: u32| if remaining == u32::MAX { 0 } else { (remaining as usize).saturating_mul(turns) };
        let is_measured = |number: &u32| self.attempt(*number).is_some_and(|a| !a.warmup);
        let interrupted = self.interrupted.as_ref();
        let lost_open = |i: &Interrupted| i.open.iter().filter(|n| is_measured(n)).count().saturating_mul(turns);
        let lost = interrupted.map_or(0, |i| limited(i.remaining) + lost_open(i));
        // A paused case gets at least one more attempt after the pause.
        let least = u32::from(self.phase == CasePhase::Paused);
        limited(self.remaining.max(least)) + self.open_left + self.next_left + lost
    }

    /// Next turns of the conversations in progress that have no request in flight.
    pub fn next_turns(&self) -> &[NextTurn] {
        &self.next_turns
    }

    /// Number of rows taken in order, and number of discarded rows, which are sent again before any other.
    pub(super) fn rows_taken_and_returned(&self) -> (u64, usize) {
        (self.rows.taken, self.rows.returned.len())
    }

    /// Next row to send: `Ok` with a discarded row to send again, or else `Err` with the number of rows taken in order.
    pub(super) fn next_row(&self) -> Result<u32, u64> {
        self.rows.returned.first().copied().ok_or(self.rows.taken)
    }

    /// Returns whether a row was discarded and waits to be sent again.
    pub(super) fn is_returned(&self, row: u32) -> bool {
        self.rows.returned.contains(&row)
    }

    /// Returns whether a request or a conversation that counts is in progress.
    fn is_busy(&self) -> bool {
        !self.next_turns.is_empty() || self.counting().next().is_some()
    }

    /// Returns whether the end of the program interrupted the case.
    pub(super) const fn is_interrupted(&self) -> bool {
        self.interrupted.is_some()
    }

    /// Returns whether the end of the program interrupted this attempt.
    pub(super) fn was_interrupted_in(&self, number: u32) -> bool {
        self.interrupted.as_ref().is_some_and(|i| i.open.contains(&number))
    }

    /// Properties that the index counts.
    pub(super) fn traits(&self) -> Traits {
        Traits {
            phase: self.phase,
            is_ready: self.is_ready(),
            is_repeated: self.attempts.len() > 1,
            is_comparable: self.counts.complete > 1,
            is_doubtful: self.is_doubtful,
        }
    }
}

/// Complete, measured answers of the last batch that has any.
fn reported(attempts: &[AttemptState]) -> impl DoubleEndedIterator<Item = &AttemptState> {
    let round = attempts.iter().rfind(|a| a.is_good()).map(|a| a.round);
    // Batches are in order, so attempts before the first of this batch can be skipped.
    let from = round.map_or(attempts.len(), |round| attempts.partition_point(|a| a.round < round));
    attempts.iter().skip(from).filter(move |a| Some(a.round) == round && a.is_good())
}
