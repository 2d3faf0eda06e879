//! Applies events to a session. Only events change a session, so replaying a journal gives the same session as the
//! run itself.

use super::case::{NextTurn, Start};
use super::{CasePhase, CaseState, EventKind, InvalidEvent, Mode, RunEvent, Session};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, StoredRecord};
use crate::domain::time::Nanos;
use crate::domain::workload::Workload;

/// Maximum number of attempts that may be inferred from the number of a later attempt, because a damaged journal may
/// contain any number.
pub(super) const MAX_INFERRED: usize = 100_000;

/// Maximum memory for texts and arrivals of a run, bytes.
const MAX_UNPACKED_BYTES: usize = 512 << 20;

impl Session {
    /// Applies an event; [`EventKind::Ended`] comes with the record of the attempt. An event that cannot happen changes
    /// nothing. Events must come in order; an event with an earlier time than the last one gets the last one's time.
    pub fn apply(&mut self, event: &RunEvent, record: Option<StoredRecord>) -> Result<(), InvalidEvent> {
        self.check(event.what, record.as_ref())?;
        let at = event.at.max(self.changed_at);
        self.pass_time(at);
        match event.what {
            EventKind::Began => (self.mode, self.began) = (Mode::Running, Some(at)),
            EventKind::Held => {
                self.mode = Mode::Held;
                self.withdraw(at);
            }
            EventKind::HoldEnded => self.mode = Mode::Running,
            EventKind::Started { case, number, warmup, due, row, turn } => {
                self.start(at, case, Start { number, warmup, due, row, turn })?;
            }
            EventKind::Ended(id) => {
                let record = record.ok_or(InvalidEvent::NoRecord)?;
                self.end(id, record);
            }
            EventKind::CasePaused { case } => self.pause_case(case, at),
            EventKind::CaseResumed { case } => {
                self.edit(case, |c| c.queue(c.remaining.max(1)));
                self.wake();
            }
            EventKind::CaseRerun { case } => {
                let planned = self.attempts_of(case);
                let attempts = if planned == u32::MAX { self.plan.repeat } else { planned };
                self.edit(case, |c| c.rerun(attempts));
                self.wake();
            }
            EventKind::CaseCancelled { case } => {
                self.edit(case, CaseState::cancel);
            }
            EventKind::StageBegan { stage } if self.suite.load_stages.is_some() => self.begin_load_stage(stage, at),
            EventKind::StageBegan { stage } => self.begin_stage(stage),
            EventKind::ProbeBegan { probe, load } => self.begin_probe(probe, load, at),
            EventKind::ProbeJudged { verdict, meets, requests } => self.end_probe(at, verdict, meets, requests),
            EventKind::TimeUp { not_started } => self.end_time(not_started),
            EventKind::Saturated { not_started } => self.end_saturated(at, not_started),
            EventKind::Finished => self.mode = Mode::Finished,
            EventKind::Closing => self.close(),
            EventKind::Stopped => self.stop(at),
            EventKind::Resumed => self.resume(at),
        }
        self.follow_conversations();
        self.follow_schedule(at);
        self.version += 1;
        Ok(())
    }

    /// Checks that an event can happen now.
    fn check(&self, what: EventKind, record: Option<&StoredRecord>) -> Result<(), InvalidEvent> {
        let require = |holds: bool, why| if holds { Ok(()) } else { Err(why) };
        let phase_is = |case: usize, phases: &[CasePhase]| {
            let state = self.cases.get(case).ok_or(InvalidEvent::NoSuchCase)?;
            require(phases.contains(&state.phase), InvalidEvent::OutOfOrder)
        };
        let mode_is = |modes: &[Mode]| require(modes.contains(&self.mode), InvalidEvent::OutOfOrder);
        match what {
            EventKind::Began => require(self.began.is_none() && self.mode == Mode::Waiting, InvalidEvent::OutOfOrder),
            EventKind::Held => mode_is(&[Mode::Running]),
            EventKind::HoldEnded => mode_is(&[Mode::Held]),
            EventKind::Started { case, number, .. } => {
                let state = self.cases.get(case).ok_or(InvalidEvent::NoSuchCase)?;
                require(number as usize > state.attempts.len(), InvalidEvent::AlreadyThere)?;
                self.check_inferred(state, number)
            }
            EventKind::Ended(id) => {
                let state = self.cases.get(id.case).ok_or(InvalidEvent::NoSuchCase)?;
                require(id.number > 0, InvalidEvent::NoSuchNumber)?;
                require(record.is_some(), InvalidEvent::NoRecord)?;
                let is_over = self.attempt(id).is_some_and(|a| a.record.is_some());
                require(!is_over, InvalidEvent::AlreadyThere)?;
                self.check_inferred(state, id.number)
            }
            EventKind::CasePaused { case } => phase_is(case, &[CasePhase::Queued, CasePhase::Running]),
            EventKind::CaseResumed { case } => phase_is(case, &[CasePhase::Paused]),
            EventKind::CaseCancelled { case } => {
                phase_is(case, &[CasePhase::Queued, CasePhase::Running, CasePhase::Paused])
            }
            EventKind::CaseRerun { case } => {
                use CasePhase::{Cancelled, Done, Failed, Paused, Unreached};
                phase_is(case, &[Paused, Done, Failed, Cancelled, Unreached])
            }
            EventKind::StageBegan { stage } => {
                let follows = match &self.suite.load_stages {
                    Some(stages) => stage == self.load_stage() + 1 && stage < stages.all().len(),
                    None => stage == self.stage + 1 && stage < self.sweep.len(),
                };
                require(follows, InvalidEvent::NoSuchStage)
            }
            EventKind::ProbeBegan { probe, load } => self.check_probe(probe, load),
            EventKind::ProbeJudged { .. } => self.check_verdict(),
            EventKind::TimeUp { .. }
            | EventKind::Saturated { .. }
            | EventKind::Finished
            | EventKind::Closing
            | EventKind::Stopped
            | EventKind::Resumed => Ok(()),
        }
    }

    /// Checks that not too many attempts would be inferred before the attempt of this number.
    fn check_inferred(&self, state: &CaseState, number: u32) -> Result<(), InvalidEvent> {
        let inferred = (number as usize).saturating_sub(state.attempts.len() + 1);
        if self.inferred.saturating_add(inferred) > MAX_INFERRED { Err(InvalidEvent::NoSuchNumber) } else { Ok(()) }
    }

    /// Accounts for the time since the last event: whether the run was idle, and whether all slots were taken. The
    /// state did not change in that time.
    pub(super) fn pass_time(&mut self, at: Nanos) {
        if at > self.changed_at && self.began.is_some() && !self.is_active() {
            self.idle.add(self.quiet_since, at);
        }
        if self.mode == Mode::Running && self.is_full() {
            self.last_full_at = Some(at);
        }
        (self.changed_at, self.quiet_since) = (at, at);
        self.now = self.now.max(at);
    }

    /// Runs the schedule's clock while an attempt waits to start, and stops it otherwise.
    fn follow_schedule(&mut self, at: Nanos) {
        if self.mode == Mode::Running && self.index.is_any_ready() {
            self.schedule_pauses.extend(self.clock.resume(at));
        } else {
            self.clock.pause(at);
        }
    }

    /// Changes a case and updates the index.
    pub(super) fn edit<T>(&mut self, case: usize, change: impl FnOnce(&mut CaseState) -> T) -> Option<T> {
        let expected_turns = self.expected_turns(case);
        let state = self.cases.get_mut(case)?;
        let (was, turns) = (state.traits(), state.next_turns().len());
        let left = state.requests_left(expected_turns);
        let out = change(state);
        self.index.change(case, was, state.traits());
        let left_now = state.requests_left(expected_turns);
        self.requests_left_in_stage = self.requests_left_in_stage.wrapping_add(left_now).wrapping_sub(left);
        // The number of next turns shows whether they changed: starts and ends change it by one, and a pause or
        // cancellation removes all.
        if turns != state.next_turns().len() {
            self.changed_conversations.insert(case);
        }
        Some(out)
    }

    /// Withdraws attempts that are ordered but not due, so that they start after the hold.
    fn withdraw(&mut self, at: Nanos) {
        let withdrawn = self.not_due(at);
        if let Some((_, first)) = withdrawn.iter().min() {
            self.turn = first.case;
        }
        self.clock.withdraw(withdrawn.iter().map(|(due, _)| *due));
        for (_, id) in withdrawn {
            self.edit(id.case, |c| c.withdraw(id.number));
        }
    }

    fn start(&mut self, at: Nanos, case: usize, start: Start) -> Result<(), InvalidEvent> {
        self.infer_attempts(at, case, start.number - 1);
        let is_sent_again = |row: u32| self.cases.get(case).is_some_and(|c| c.is_returned(row));
        let is_new_row = start.row.is_some_and(|row| !is_sent_again(row));
        let waited = start.turn.and_then(|turn| self.waiting_turn(case, turn.conversation));
        self.edit(case, |c| c.start(start)).ok_or(InvalidEvent::NoSuchCase)?;
        if waited.is_some_and(|waited| self.next_turns.remove(&waited)) {
            self.changed_conversations.remove(&case);
        }
        self.index.start(AttemptId { case, number: start.number }, start.warmup, at);
        let count = self.cases.len();
        if start.warmup {
            // Skipped cases before this one, which are paused or cancelled, count as warmed up.
            let turn = self.warmups_started as usize % count;
            let steps = (case + count - turn) % count + 1;
            self.warmups_started = self.warmups_started.saturating_add(steps as u32);
        } else if start.turn.is_none_or(|turn| turn.number == 1) {
            self.warmups_started = self.warmups_started.max(self.plan.warmup);
            self.clock.begin(at);
            self.clock.advance();
            self.rows_taken += u64::from(is_new_row);
            self.turn = (case + 1) % count;
        }
        Ok(())
    }

    /// Adds attempts whose starts are unknown, up to this number.
    fn infer_attempts(&mut self, at: Nanos, case: usize, number: u32) {
        while let Some(next) = self.cases.get(case).map(|c| c.attempts.len() as u32 + 1).filter(|next| *next <= number)
        {
            self.inferred += 1;
            self.edit(case, |c| c.start(Start { number: next, warmup: false, due: None, row: None, turn: None }));
            self.index.start(AttemptId { case, number: next }, false, at);
        }
    }

    fn end(&mut self, id: AttemptId, record: StoredRecord) {
        let ended = record.ended();
        if self.attempt(id).is_none() {
            // An attempt without a start event: its record has the start.
            let unpacked = record.get();
            self.infer_attempts(self.changed_at, id.case, id.number - 1);
            let AttemptRecord { warmup, intended, turn, .. } = *unpacked;
            let start = Start { number: id.number, warmup, due: intended, row: None, turn };
            self.edit(id.case, |c| c.start(start));
            self.index.start(id, start.warmup, self.changed_at);
        }
        let keep = self.max_unpacked_per_case();
        let bytes = size_in_memory(&record);
        let warmup = self.attempt(id).is_some_and(|a| a.warmup);
        let was_interrupted = self.cases.get(id.case).is_some_and(|c| c.was_interrupted_in(id.number));
        let is_discarded = self.attempt(id).is_some_and(|a| a.abandoned);
        if record.status() != AttemptStatus::Cancelled {
            // An attempt that was discarded because the program ended may still have been completed.
            self.requests_done += usize::from(!warmup && (was_interrupted || !is_discarded));
            self.last_measured_end = self.last_measured_end.max(Some(ended));
            if let Some(stage) = self.attempt(id).filter(|_| !warmup && !is_discarded).map(|a| a.stage) {
                self.count_probed();
                self.count_duration(stage, &record.get());
            }
        } else if was_interrupted {
            self.interrupt(id, warmup, record.began());
        }
        let next = self.next_turn_after(id, &record);
        let is_last = !warmup && !is_discarded && self.ends_case(&record);
        self.edit(id.case, |c| {
            if is_last {
                c.remaining = 0;
            }
            c.end(id.number, record, keep, next);
        });
        // If the conversation continues, `next` is the only turn that was added.
        if let Some(next) = next.filter(|_| self.changed_conversations.remove(&id.case)) {
            self.next_turns.insert((next.ready_at, id.case, next.turn.conversation));
        }
        self.index.end(id, warmup);
        self.attempts_ended += 1;
        self.last_ended = Some(ended);
        self.quiet_since = ended;
        self.bound_memory(id, bytes);
    }

    /// Packs the records of the oldest attempts while all unpacked records take more than [`MAX_UNPACKED_BYTES`].
    fn bound_memory(&mut self, id: AttemptId, bytes: usize) {
        let cases = &self.cases;
        let is_packed = |id: AttemptId| {
            let record = cases.get(id.case).and_then(|c| c.attempt(id.number)).and_then(|a| a.record.as_ref());
            record.is_none_or(StoredRecord::is_packed)
        };
        self.unpacked.push(id, bytes, is_packed);
        while let Some(oldest) = self.unpacked.pop_beyond(MAX_UNPACKED_BYTES) {
            self.edit(oldest.case, |c| c.pack(oldest.number));
        }
    }

    /// Returns whether a case ends with this record because the server would refuse its other requests too.
    fn ends_case(&self, record: &StoredRecord) -> bool {
        let has_equal_requests = self.suite.workload.as_ref().is_some_and(Workload::ends_case_if_refused);
        has_equal_requests && record.status() != AttemptStatus::Ok && record.get().is_refused()
    }

    /// The turn that follows an attempt; `None` if the conversation ends with it. A failed turn ends its conversation.
    fn next_turn_after(&self, id: AttemptId, record: &StoredRecord) -> Option<NextTurn> {
        let attempt = self.attempt(id).filter(|a| !a.warmup && !a.abandoned)?;
        let turn = attempt.turn.filter(|_| record.status() == AttemptStatus::Ok)?.next()?;
        let think_time = self.think_time(id.case, turn);
        Some(NextTurn { ready_at: record.ended().plus(think_time), row: attempt.row, turn })
    }

    /// Entry of a conversation in [`Self::next_turns`]; `None` if the conversation does not wait for a turn.
    fn waiting_turn(&self, case: usize, conversation: u32) -> Option<(Nanos, usize, u32)> {
        let next = self.cases.get(case)?.next_turns().iter().find(|next| next.turn.conversation == conversation)?;
        Some((next.ready_at, case, conversation))
    }

    /// Updates [`Self::next_turns`] for cases whose conversations all ended by a pause, a cancellation or the end of
    /// the case.
    fn follow_conversations(&mut self) {
        for case in std::mem::take(&mut self.changed_conversations) {
            self.next_turns.retain(|(_, of_case, _)| *of_case != case);
            let turns = self.cases.get(case).map(CaseState::next_turns).unwrap_or_default();
            self.next_turns.extend(turns.iter().map(|next| (next.ready_at, case, next.turn.conversation)));
        }
    }

    fn wake(&mut self) {
        if self.mode == Mode::Finished {
            self.mode = Mode::Running;
        }
    }

    fn begin_stage(&mut self, stage: usize) {
        self.stage = stage;
        self.plan.concurrency = self.sweep.get(stage).copied().unwrap_or(self.plan.concurrency);
        self.restart_cases(stage);
    }

    /// Ends the time limit, and with it the cases that only this limit ends.
    pub(super) fn end_time(&mut self, not_started: usize) {
        self.not_started = self.not_started.saturating_add(not_started);
        self.begin_last_load_stages();
        self.clock.end();
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::end_time);
        }
        self.requests_when_time_was_up = self.requests_done + self.requests_left();
    }

    /// Maximum number of attempts of a case whose text and arrivals stay in memory.
    pub(super) fn max_unpacked_per_case(&self) -> usize {
        (super::MAX_UNPACKED_RECORDS / self.cases.len().max(1)).max(super::MIN_UNPACKED_RECORDS_PER_CASE)
    }
}

/// Approximate memory of a record, bytes; almost none without text and arrivals.
fn size_in_memory(record: &StoredRecord) -> usize {
    record.get().size_in_memory()
}

#[cfg(test)]
mod tests;
