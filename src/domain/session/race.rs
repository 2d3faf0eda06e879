//! A race of two sides within a session: which case starts next, complete blocks, and the decision.

use std::sync::Arc;

use super::{AttemptState, CasePhase, CaseState, EventKind, Mode, Session};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::race::{Race, Side};
use crate::domain::race_results::RaceTally;
use crate::domain::time::Nanos;

/// State of a race.
#[derive(Clone, Debug)]
pub struct RaceState {
    /// Settings.
    pub settings: Race,
    /// Complete blocks.
    pub tally: RaceTally,
    /// Time at which the race was decided; `None` before, and if all blocks are run.
    pub decided: Option<Nanos>,
    /// For each case, the number of its attempts up to the last complete block.
    used: Vec<usize>,
}

/// Records of a case on both sides; `None` for a side that has none.
type Pair = [Option<Arc<AttemptRecord>>; 2];

impl RaceState {
    pub(super) fn new(settings: Race, cases: usize) -> Self {
        Self { settings, tally: RaceTally::default(), decided: None, used: vec![0; cases] }
    }
}

/// Whether an attempt is a case's part in a block. Discarded and interrupted attempts are repeated.
fn is_in_block(attempt: &AttemptState) -> bool {
    !attempt.warmup && !attempt.abandoned && attempt.status() != Some(AttemptStatus::Cancelled)
}

impl Session {
    /// The race of the run; `None` for other runs.
    pub const fn race(&self) -> Option<&RaceState> {
        self.race.as_ref()
    }

    /// Index of the block that an attempt belongs to, from 0; `None` for an attempt outside of blocks.
    pub fn block_of(&self, id: AttemptId) -> Option<usize> {
        self.race.as_ref()?;
        let attempts = &self.cases.get(id.case)?.attempts;
        let before = attempts.iter().take_while(|a| a.number < id.number).filter(|a| is_in_block(a)).count();
        self.attempt(id).filter(|a| is_in_block(a)).map(|_| before)
    }

    /// Maximum number of requests in flight in a race: those of both sides, or one if they take turns.
    pub(super) fn race_concurrency(&self) -> Option<usize> {
        let race = self.race.as_ref()?;
        Some(if race.settings.takes_turns { 1 } else { self.plan.concurrency.saturating_mul(2) })
    }

    /// The case of the next start: the first in the order of the earliest block that has a start left and whose side has a
    /// free slot. No case starts ahead of its block.
    pub(super) fn next_race_case(&self) -> Option<usize> {
        let race = self.race.as_ref()?;
        let begun = |case: usize| self.blocks_begun(race, case);
        let is_ready = |case: &usize| self.cases.get(*case).is_some_and(CaseState::is_ready);
        let ready = || (0..self.cases.len()).filter(is_ready);
        let block = ready().map(begun).min()?;
        let order = race.settings.order(block, self.cases.len());
        order.into_iter().find(|case| is_ready(case) && begun(*case) == block && self.has_free_slot(*case))
    }

    /// Number of blocks in which a case has started.
    fn blocks_begun(&self, race: &RaceState, case: usize) -> usize {
        let used = race.used.get(case).copied().unwrap_or_default();
        let attempts = self.cases.get(case).map_or(&[][..], |c| c.attempts.get(used..).unwrap_or_default());
        race.tally.blocks() + attempts.iter().filter(|a| is_in_block(a)).count()
    }

    fn has_free_slot(&self, case: usize) -> bool {
        let side = Side::from_case(case);
        let in_flight = self.index.open().keys().filter(|id| Side::from_case(id.case) == side).count();
        in_flight < self.plan.concurrency.max(1)
    }

    /// Adds the blocks that an ended attempt completed.
    pub(super) fn complete_blocks(&mut self) {
        while let Some((pairs, used)) = self.next_complete_block() {
            let Some(race) = &mut self.race else { return };
            race.tally.add_block(&pairs);
            race.used = used;
        }
    }

    /// Records of the next block, case by case, and the attempts used up to its end; `None` until all of them ended. A case
    /// that was cancelled takes no part.
    fn next_complete_block(&self) -> Option<(Vec<Pair>, Vec<usize>)> {
        // Attempts that end after the decision belong to no block.
        let race = self.race.as_ref().filter(|race| race.decided.is_none())?;
        let mut used = race.used.clone();
        let mut records = Vec::with_capacity(self.cases.len());
        for (case, used) in self.cases.iter().zip(&mut used) {
            let left = case.attempts.get(*used..).unwrap_or_default();
            match left.iter().position(is_in_block) {
                Some(at) => {
                    records.push(Some(left.get(at)?.record()?));
                    *used += at + 1;
                }
                None if case.phase == CasePhase::Cancelled && !case.is_interrupted() => records.push(None),
                None => return None,
            }
        }
        if records.iter().all(Option::is_none) {
            return None;
        }
        let pairs = records.chunks(2).map(|pair| [pair.first().cloned().flatten(), pair.get(1).cloned().flatten()]);
        Some((pairs.collect(), used))
    }

    /// The end of the race, once it is decided.
    pub(super) fn next_race_step(&self) -> Option<EventKind> {
        let race = self.race.as_ref().filter(|race| race.decided.is_none() && !race.settings.runs_all)?;
        let is_active = self.mode == Mode::Running && (self.index.unsettled() > 0 || self.in_flight() > 0);
        (is_active && race.tally.is_decided(&race.settings)).then_some(EventKind::RaceDecided)
    }

    /// Ends the race. Requests in flight are discarded, because their block cannot be completed.
    pub(super) fn end_race(&mut self, at: Nanos) {
        if let Some(race) = &mut self.race {
            race.decided = Some(at);
        }
        self.clock.end();
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::discard_open);
        }
        self.count_requests();
    }

    /// Attempts in flight that the end of the race discards.
    pub(super) fn open_and_counting(&self) -> Vec<AttemptId> {
        let counts = |id: &&AttemptId| self.attempt(**id).is_some_and(|attempt| !attempt.abandoned);
        self.index.open().keys().filter(counts).copied().collect()
    }
}

#[cfg(test)]
mod tests;
