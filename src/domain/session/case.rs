//! One case of a session: its attempts, and where it stands.

mod changes;

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::attempt::{AttemptRecord, AttemptStatus, StoredRecord, Words};
use crate::domain::time::Nanos;

/// The state of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// The run's time was over before its turn came.
    Unreached,
}

impl CasePhase {
    /// How many phases there are.
    pub const COUNT: usize = Self::Unreached as usize + 1;
}

/// An attempt in flight or over.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptState {
    /// Counted from 1.
    pub number: u32,
    /// Not measured.
    pub warmup: bool,
    /// Which batch of attempts it belongs to: 0 the plan's, then one for each rerun.
    pub round: u32,
    /// Which stage of the sweep it belongs to; 0 where there is none.
    pub stage: usize,
    /// Given up; its record is still to come.
    pub abandoned: bool,
    /// Its intended start in the open loop.
    pub due: Option<Nanos>,
    /// What it left; `None` while it is in flight.
    pub record: Option<StoredRecord>,
}

impl AttemptState {
    /// The record, once it is over. Of an old one it is unpacked anew for each call: who asks for the records of all attempts
    /// asks once, or is content with [`Self::status`].
    pub fn record(&self) -> Option<Arc<AttemptRecord>> {
        self.record.as_ref().map(StoredRecord::get)
    }

    /// How it ended, once it is over.
    pub fn status(&self) -> Option<AttemptStatus> {
        self.record.as_ref().map(StoredRecord::status)
    }

    /// A whole, measured answer.
    pub fn is_good(&self) -> bool {
        !self.warmup && self.status() == Some(AttemptStatus::Ok)
    }

    /// Measured, and not whole. What the user gave up is no failure.
    pub fn is_failed(&self) -> bool {
        !self.warmup && self.status().is_some_and(|s| !matches!(s, AttemptStatus::Ok | AttemptStatus::Cancelled))
    }
}

/// The properties of a case that the index counts.
#[expect(clippy::struct_excessive_bools, reason = "each is counted by itself")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traits {
    /// Phase of the case.
    pub phase: CasePhase,
    /// Whether it waits for a slot, or could take another.
    pub is_ready: bool,
    /// Whether it has several attempts.
    pub is_repeated: bool,
    /// Whether it has two complete answers to compare.
    pub is_comparable: bool,
    /// Whether the server's prefix cache may have shortened the TTFT that it shows.
    pub is_doubtful: bool,
}

/// A case with all its attempts.
#[derive(Clone, Debug)]
pub struct CaseState {
    /// Where it stands.
    pub phase: CasePhase,
    /// None is ever erased.
    pub attempts: Vec<AttemptState>,
    /// Measured attempts still to be started in this round; [`u32::MAX`] while only the time limits them.
    pub remaining: u32,
    pub(super) round: u32,
    pub(super) stage: usize,
    /// Numbers of the attempts in flight.
    open: Vec<u32>,
    failed_in_round: bool,
    /// Whole, measured answers.
    good: usize,
    /// The server's prefix cache may have shortened the TTFT of the answer to show.
    is_doubtful: bool,
    /// What it owes although the end of the program cancelled it.
    cut: Option<Box<Cut>>,
    /// Numbers of the attempts that still have text and arrivals: the good ones, the others.
    whole: [VecDeque<u32>; 2],
    words: Words,
}

/// Work of a case that the end of the program interrupted.
#[derive(Clone, Debug)]
struct Cut {
    /// Measured attempts to be started when the run is resumed.
    remaining: u32,
    /// Numbers of those that were in flight: one that is cancelled is owed too.
    open: Vec<u32>,
}

/// How an attempt starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub number: u32,
    pub warmup: bool,
    pub due: Option<Nanos>,
}

impl CaseState {
    /// A case that waits for its turn.
    pub(super) fn new(remaining: u32) -> Self {
        Self {
            phase: CasePhase::Queued,
            attempts: Vec::new(),
            remaining,
            round: 0,
            stage: 0,
            open: Vec::new(),
            failed_in_round: false,
            good: 0,
            is_doubtful: false,
            cut: None,
            whole: Default::default(),
            words: Words::default(),
        }
    }

    /// The attempts that count: the whole, measured ones of the last round that has any; of a sweep, in its present stage.
    pub fn reported(&self) -> impl DoubleEndedIterator<Item = &AttemptState> {
        self.reported_in(self.stage)
    }

    /// The same in one stage of a sweep.
    pub fn reported_in(&self, stage: usize) -> impl DoubleEndedIterator<Item = &AttemptState> {
        reported(self.of_stage(stage))
    }

    /// Whether nothing is left to do for it.
    pub fn is_settled(&self) -> bool {
        !matches!(self.phase, CasePhase::Queued | CasePhase::Running | CasePhase::Paused)
    }

    /// Whether it is to be run again, or is, and has no whole answer out of that yet: its figures are those of before.
    pub fn is_rerun(&self) -> bool {
        let good = self.of_stage(self.stage).iter().rfind(|a| a.is_good());
        (!self.is_settled() || self.open() > 0) && good.is_some_and(|a| a.round < self.round)
    }

    /// Whether a stage has fewer whole answers than `wanted`; without a number, whether it has none, or a failure in its
    /// last round.
    pub(super) fn lacks(&self, stage: usize, wanted: Option<usize>) -> bool {
        let attempts = self.of_stage(stage);
        let good = reported(attempts).count();
        let Some(wanted) = wanted else {
            let last = attempts.last().map(|a| a.round);
            return good == 0
                || attempts.iter().rev().take_while(|a| Some(a.round) == last).any(AttemptState::is_failed);
        };
        good < wanted
    }

    /// Whether its turn came in a stage; what was taken back or given up was none.
    pub(super) fn is_reached(&self, stage: usize) -> bool {
        self.of_stage(stage).iter().any(|a| !a.warmup && !a.abandoned)
    }

    /// The attempts of a stage: stages follow one another.
    fn of_stage(&self, stage: usize) -> &[AttemptState] {
        let from = self.attempts.partition_point(|a| a.stage < stage);
        let to = self.attempts.partition_point(|a| a.stage <= stage);
        self.attempts.get(from..to).unwrap_or_default()
    }

    /// The record to show: the last that counts, else the last there is.
    pub fn shown(&self) -> Option<Arc<AttemptRecord>> {
        let good = self.attempts.iter().rfind(|a| a.is_good());
        good.or_else(|| self.attempts.iter().rfind(|a| a.record.is_some())).and_then(AttemptState::record)
    }

    /// The last measured attempt that is over, whole or not.
    pub fn last_ended(&self) -> Option<&AttemptState> {
        self.attempts.iter().rfind(|a| !a.warmup && a.record.is_some())
    }

    /// Attempts without a record.
    pub(super) fn in_flight(&self) -> impl Iterator<Item = &AttemptState> {
        self.open.iter().filter_map(|number| self.attempts.get(*number as usize - 1))
    }

    /// How many those are.
    pub(super) fn open(&self) -> usize {
        self.open.len()
    }

    /// Whether it waits for a slot, or could take another.
    pub(super) fn is_ready(&self) -> bool {
        self.remaining > 0 && matches!(self.phase, CasePhase::Queued | CasePhase::Running)
    }

    /// The round and the stage that run.
    pub const fn place(&self) -> (u32, usize) {
        (self.round, self.stage)
    }

    /// Numbers of the attempts in flight that were not discarded.
    pub(super) fn counting(&self) -> impl Iterator<Item = u32> {
        self.in_flight().filter(|a| !a.abandoned).map(|a| a.number)
    }

    /// What the index counts of it.
    pub(super) fn traits(&self) -> Traits {
        Traits {
            phase: self.phase,
            is_ready: self.is_ready(),
            is_repeated: self.attempts.len() > 1,
            is_comparable: self.good > 1,
            is_doubtful: self.is_doubtful,
        }
    }
}

/// The whole, measured ones of the last round that has any.
fn reported(attempts: &[AttemptState]) -> impl DoubleEndedIterator<Item = &AttemptState> {
    let round = attempts.iter().rfind(|a| a.is_good()).map(|a| a.round);
    // Rounds follow one another: what is older than the round's first attempt need not be looked at.
    let from = round.map_or(attempts.len(), |round| attempts.partition_point(|a| a.round < round));
    attempts.iter().skip(from).filter(move |a| Some(a.round) == round && a.is_good())
}
