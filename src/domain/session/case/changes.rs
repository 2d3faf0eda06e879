//! Changes of a case by the events of a run.

use super::{CasePhase, CaseState, Interrupted, NextTurn, RowCursor, Start};
use crate::domain::attempt::{AttemptStatus, StoredRecord};
use crate::domain::session::AttemptState;
use crate::domain::turn::Turn;

/// Number of requests that an attempt in flight still needs: its own, and those of the turns that follow. 0 for a
/// warm-up.
fn requests_left(warmup: bool, turn: Option<Turn>) -> usize {
    if warmup { 0 } else { turn.map_or(1, Turn::left) }
}

impl CaseState {
    /// Adds an attempt in flight with the next number.
    pub(in crate::domain::session) fn start(&mut self, Start { number, warmup, due, row, turn }: Start) {
        let (round, stage) = (self.round, self.stage);
        self.attempts.push(AttemptState {
            number,
            warmup,
            round,
            stage,
            abandoned: false,
            due,
            row,
            turn,
            record: None,
        });
        self.open.push(number);
        self.phase = CasePhase::Running;
        self.counts.start(warmup);
        self.open_left += requests_left(warmup, turn);
        if let Some(turn) = turn.filter(|t| t.number > 1) {
            if let Some(at) = self.next_turns.iter().position(|next| next.turn.conversation == turn.conversation) {
                self.next_left -= self.next_turns.remove(at).turn.left();
            }
        } else if !warmup {
            self.rows.take(row);
            if self.remaining < u32::MAX {
                self.remaining = self.remaining.saturating_sub(1);
            }
        }
    }

    /// Adds the next turn of a conversation. After the end of the time limit, conversations do not continue.
    pub(in crate::domain::session) fn continue_conversation(&mut self, next: NextTurn) {
        if !self.is_time_over {
            self.next_left += next.turn.left();
            self.next_turns.push(next);
        }
    }

    /// Queues the case with this many attempts to start.
    pub(in crate::domain::session) fn queue(&mut self, remaining: u32) {
        (self.phase, self.remaining, self.interrupted) = (CasePhase::Queued, remaining, None);
        self.is_time_over = false;
    }

    /// Begins a new batch of `repeat` attempts; a paused case continues its batch.
    pub(in crate::domain::session) fn rerun(&mut self, repeat: u32) {
        if self.phase != CasePhase::Paused {
            self.begin_round();
        }
        self.queue(repeat);
    }

    /// Begins a stage of the sweep. A cancelled case stays cancelled.
    pub(in crate::domain::session) fn begin_stage(&mut self, stage: usize, attempts: u32) {
        self.stage = stage;
        if self.phase != CasePhase::Cancelled {
            self.begin_round();
            self.rows = RowCursor::default();
            self.queue(attempts);
        }
    }

    fn begin_round(&mut self) {
        self.round = self.round.saturating_add(1);
        self.failed_in_round = false;
    }

    /// Discards the attempts in flight and queues them again.
    pub(in crate::domain::session) fn pause(&mut self) {
        let measured = self.abandon();
        (self.phase, self.remaining) = (CasePhase::Paused, self.remaining.saturating_add(measured));
    }

    /// Discards the attempts in flight without queueing them again.
    pub(in crate::domain::session) fn cancel(&mut self) {
        self.abandon();
        (self.phase, self.remaining) = (CasePhase::Cancelled, 0);
    }

    /// Cancels a case because the program ends. A resumed run starts the attempts that are left.
    pub(in crate::domain::session) fn close(&mut self) {
        if self.is_settled() {
            return;
        }
        let least = u32::from(self.phase == CasePhase::Paused);
        let open = self.counting().collect();
        let remaining = self.remaining.max(least).saturating_add(self.end_conversations());
        let interrupted = Interrupted { remaining, open };
        self.cancel();
        self.interrupted = Some(Box::new(interrupted));
    }

    /// Queues the attempts again that the end of the program cancelled or that the user had paused. Nothing is in
    /// flight.
    pub(in crate::domain::session) fn requeue_interrupted(&mut self) {
        self.remaining = self.remaining.saturating_add(self.end_conversations());
        if let Some(interrupted) = self.interrupted.take() {
            self.remaining = interrupted.remaining;
            self.settle(false);
        } else if self.phase == CasePhase::Paused {
            self.queue(self.remaining.max(1));
        } else if self.phase == CasePhase::Running || self.phase == CasePhase::Queued {
            self.settle(false);
        }
    }

    /// Ends queued and running attempts, because the program has ended.
    pub(in crate::domain::session) fn settle_interrupted(&mut self) {
        self.remaining = self.remaining.saturating_add(self.end_conversations());
        if matches!(self.phase, CasePhase::Running | CasePhase::Queued) {
            self.settle(false);
        }
    }

    /// Ends the time limit: if only this limit set the number of attempts, no more are started.
    pub(in crate::domain::session) fn end_time(&mut self) {
        if self.remaining != u32::MAX {
            return;
        }
        self.remaining = 0;
        self.is_time_over = true;
        self.next_turns.clear();
        self.next_left = 0;
        if self.phase == CasePhase::Queued || (self.phase == CasePhase::Running && !self.is_busy()) {
            self.settle(false);
            if !self.is_reached(self.stage) {
                self.phase = CasePhase::Unreached;
            }
        }
    }

    /// Discards the attempts in flight without queueing them again, because their probe is over.
    pub(in crate::domain::session) fn discard_open(&mut self) {
        self.next_turns.clear();
        for number in &self.open {
            if let Some(attempt) = self.attempts.get_mut(*number as usize - 1) {
                attempt.abandoned = true;
            }
        }
        if matches!(self.phase, CasePhase::Queued | CasePhase::Running) {
            self.remaining = 0;
            self.settle(false);
        }
    }

    /// Marks the attempts in flight as discarded; returns the number of measured ones.
    fn abandon(&mut self) -> u32 {
        let mut measured = self.end_conversations();
        for number in &self.open {
            let Some(attempt) = self.attempts.get_mut(*number as usize - 1) else { continue };
            if !attempt.abandoned && !attempt.warmup {
                measured += 1;
                self.rows.give_back(attempt.row);
            }
            attempt.abandoned = true;
        }
        self.open_left = 0;
        measured
    }

    /// Ends the conversations that wait for their next turn, and releases their rows. Returns the number of these
    /// conversations, so that the caller can queue them again.
    fn end_conversations(&mut self) -> u32 {
        let ended = std::mem::take(&mut self.next_turns);
        self.next_left = 0;
        for next in &ended {
            self.rows.give_back(next.row);
        }
        u32::try_from(ended.len()).unwrap_or(u32::MAX)
    }

    /// Discards an attempt that is ordered but not due, and queues it again.
    pub(in crate::domain::session) fn withdraw(&mut self, number: u32) {
        let Some(attempt) = self.attempts.get_mut((number as usize).wrapping_sub(1)) else { return };
        if !attempt.abandoned {
            self.open_left -= requests_left(attempt.warmup, attempt.turn);
        }
        attempt.abandoned = true;
        self.rows.give_back(attempt.row);
        self.remaining = self.remaining.saturating_add(1);
        if self.phase == CasePhase::Running && !self.is_busy() {
            self.phase = CasePhase::Queued;
        }
    }

    /// Stores the record of an attempt that ended, and packs the oldest records beyond the newest `keep`. `next` is the
    /// next turn of the attempt's conversation.
    pub(in crate::domain::session) fn end(
        &mut self,
        number: u32,
        record: StoredRecord,
        keep: usize,
        next: Option<NextTurn>,
    ) {
        let status = record.status();
        let Some((abandoned, warmup)) = self.store(number, record, keep) else { return };
        if let Some(next) = next {
            self.continue_conversation(next);
        }
        // Only attempts that still count keep the case running: a discarded attempt may end long after its successor.
        if !abandoned && self.phase == CasePhase::Running && !self.is_busy() {
            self.settle(warmup || status == AttemptStatus::Cancelled);
        }
    }

    /// Stores the record of a lost attempt, and queues the attempt again unless the user discarded it.
    pub(in crate::domain::session) fn lose(&mut self, number: u32, record: StoredRecord) {
        let Some((abandoned, warmup)) = self.store(number, record, usize::MAX) else { return };
        if !abandoned && !warmup {
            self.give_back_row(number);
            self.remaining = self.remaining.saturating_add(1);
        }
        // Another attempt replaces the lost one, as after an orderly end of the program.
        if let Some(attempt) = self.attempts.get_mut((number as usize).wrapping_sub(1)) {
            attempt.abandoned = true;
        }
    }

    /// Stores a record; returns whether the attempt was discarded, and whether it was a warm-up.
    fn store(&mut self, number: u32, record: StoredRecord, keep: usize) -> Option<(bool, bool)> {
        let at = self.open.iter().position(|n| *n == number)?;
        let attempt = self.attempts.get_mut(number as usize - 1)?;
        self.open.remove(at);
        let status = record.status();
        attempt.record = Some(record);
        let (abandoned, warmup) = (attempt.abandoned, attempt.warmup);
        self.failed_in_round |= attempt.round == self.round && attempt.is_failed();
        self.counts.end(attempt);
        if !abandoned {
            self.open_left -= requests_left(warmup, attempt.turn);
        }
        self.is_doubtful = self.shown().is_some_and(|r| r.is_ok() && r.cache_doubt().is_some());
        if let Some(interrupted) = &mut self.interrupted
            && let Some(at) = interrupted.open.iter().position(|n| *n == number)
        {
            interrupted.open.remove(at);
            if status == AttemptStatus::Cancelled && !warmup {
                interrupted.remaining = interrupted.remaining.saturating_add(1);
                self.give_back_row(number);
            }
        }
        self.pack_beyond(keep, usize::from(status != AttemptStatus::Ok), number);
        Some((abandoned, warmup))
    }

    /// Queues the row of a discarded attempt to be sent again.
    fn give_back_row(&mut self, number: u32) {
        let row = self.attempts.get((number as usize).wrapping_sub(1)).and_then(|a| a.row);
        self.rows.give_back(row);
    }

    /// Sets the phase of the case once no attempt that counts is in flight.
    fn settle(&mut self, is_cancelled: bool) {
        self.phase = if self.remaining > 0 {
            CasePhase::Queued
        } else if is_cancelled {
            CasePhase::Cancelled
        } else if self.failed_in_round {
            CasePhase::Failed
        } else {
            CasePhase::Done
        };
    }

    /// Drops text and arrivals of an attempt that ended; its figures stay.
    pub(in crate::domain::session) fn pack(&mut self, number: u32) {
        if let Some(attempt) = self.attempts.get_mut((number as usize).wrapping_sub(1)) {
            attempt.record = attempt.record.take().map(|record| record.pack(&mut self.strings));
        }
    }

    /// Adds attempt `number` to the unpacked attempts of a `kind`, and packs the oldest ones beyond `keep`.
    fn pack_beyond(&mut self, keep: usize, kind: usize, number: u32) {
        let Some(unpacked) = self.unpacked.get_mut(kind) else { return };
        unpacked.push_back(number);
        if unpacked.len() <= keep {
            return;
        }
        if let Some(oldest) = unpacked.pop_front() {
            self.pack(oldest);
        }
    }
}
