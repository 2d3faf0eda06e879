//! Applies events to a session. Only events change a session, so replaying a journal gives the same session as the
//! run itself.

use super::case::Start;
use super::{CasePhase, CaseState, InvalidEvent, Mode, RunClock, RunEvent, Session, What};
use crate::domain::attempt::{AttemptId, AttemptRecord, StoredRecord};
use crate::domain::time::Nanos;

/// Maximum attempts that may be inferred from a later number: a damaged journal may contain any number.
pub(super) const MAX_UNSEEN: usize = 100_000;

/// Maximum memory for texts and arrivals of a run, bytes.
const WHOLE_BYTES: usize = 512 << 20;

impl Session {
    /// Applies an event; [`What::Ended`] comes with the record of the attempt. An event that cannot happen changes nothing.
    /// Events must come in order; an event with an earlier time than the last one gets the last one's time.
    pub fn apply(&mut self, event: &RunEvent, record: Option<StoredRecord>) -> Result<(), InvalidEvent> {
        self.check(event.what, record.as_ref())?;
        let at = event.at.max(self.changed_at);
        self.pass_time(at);
        match event.what {
            What::Began => (self.mode, self.began) = (Mode::Running, Some(at)),
            What::Held => {
                self.mode = Mode::Held;
                self.take_back(at);
            }
            What::HoldEnded => self.mode = Mode::Running,
            What::Started { case, number, warmup, due } => self.start(at, case, Start { number, warmup, due })?,
            What::Ended(id) => {
                let record = record.ok_or(InvalidEvent::NoRecord)?;
                self.end(id, record);
            }
            What::CasePaused { case } => {
                self.edit(case, CaseState::pause);
            }
            What::CaseResumed { case } => {
                self.edit(case, |c| c.queue(c.remaining.max(1)));
                self.wake();
            }
            What::CaseRerun { case } => {
                let repeat = self.plan.repeat;
                self.edit(case, |c| c.rerun(repeat));
                self.wake();
            }
            What::CaseCancelled { case } => {
                self.edit(case, CaseState::cancel);
            }
            What::StageBegan { stage } => self.begin_stage(stage),
            What::TimeUp { not_started } => self.end_time(not_started),
            What::Finished => self.mode = Mode::Finished,
            What::Closing => self.close(),
            What::Stopped => self.stop(at),
            What::Resumed => self.resume(at),
        }
        self.follow_schedule(at);
        self.version += 1;
        Ok(())
    }

    /// Why an event cannot happen now; `None` if it can.
    fn check(&self, what: What, record: Option<&StoredRecord>) -> Result<(), InvalidEvent> {
        let ensure = |holds: bool, why| if holds { Ok(()) } else { Err(why) };
        let phase_is = |case: usize, phases: &[CasePhase]| {
            let state = self.cases.get(case).ok_or(InvalidEvent::NoSuchCase)?;
            ensure(phases.contains(&state.phase), InvalidEvent::OutOfOrder)
        };
        let mode_is = |modes: &[Mode]| ensure(modes.contains(&self.mode), InvalidEvent::OutOfOrder);
        match what {
            What::Began => ensure(self.began.is_none() && self.mode == Mode::Waiting, InvalidEvent::OutOfOrder),
            What::Held => mode_is(&[Mode::Running]),
            What::HoldEnded => mode_is(&[Mode::Held]),
            What::Started { case, number, .. } => {
                let state = self.cases.get(case).ok_or(InvalidEvent::NoSuchCase)?;
                ensure(number as usize > state.attempts.len(), InvalidEvent::AlreadyThere)?;
                self.check_unseen(state, number)
            }
            What::Ended(id) => {
                let state = self.cases.get(id.case).ok_or(InvalidEvent::NoSuchCase)?;
                ensure(id.number > 0, InvalidEvent::NoSuchNumber)?;
                ensure(record.is_some(), InvalidEvent::NoRecord)?;
                let is_over = self.attempt(id).is_some_and(|a| a.record.is_some());
                ensure(!is_over, InvalidEvent::AlreadyThere)?;
                self.check_unseen(state, id.number)
            }
            What::CasePaused { case } => phase_is(case, &[CasePhase::Queued, CasePhase::Running]),
            What::CaseResumed { case } => phase_is(case, &[CasePhase::Paused]),
            What::CaseCancelled { case } => phase_is(case, &[CasePhase::Queued, CasePhase::Running, CasePhase::Paused]),
            What::CaseRerun { case } => {
                use CasePhase::{Cancelled, Done, Failed, Paused, Unreached};
                phase_is(case, &[Paused, Done, Failed, Cancelled, Unreached])
            }
            What::StageBegan { stage } => {
                ensure(stage == self.stage + 1 && stage < self.sweep.len(), InvalidEvent::NoSuchStage)
            }
            What::TimeUp { .. } | What::Finished | What::Closing | What::Stopped | What::Resumed => Ok(()),
        }
    }

    /// Limits the attempts that are inferred before the attempt of this number.
    fn check_unseen(&self, state: &CaseState, number: u32) -> Result<(), InvalidEvent> {
        let unseen = (number as usize).saturating_sub(state.attempts.len() + 1);
        if self.unseen.saturating_add(unseen) > MAX_UNSEEN { Err(InvalidEvent::NoSuchNumber) } else { Ok(()) }
    }

    /// Records how to count the time since the last event, during which the session was as it is now.
    pub(super) fn pass_time(&mut self, at: Nanos) {
        if at > self.changed_at && self.began.is_some() && !self.is_active() {
            self.idle.add(self.quiet_since, at);
        }
        if self.mode == Mode::Running && self.is_full() {
            self.full_until = Some(at);
        }
        (self.changed_at, self.quiet_since) = (at, at);
        self.now = self.now.max(at);
    }

    /// Runs the schedule's clock while an attempt waits to start, and stops it otherwise.
    fn follow_schedule(&mut self, at: Nanos) {
        if self.mode == Mode::Running && self.index.is_any_ready() {
            self.still.extend(self.pace.go_on(at));
        } else {
            self.pace.stop(at);
        }
    }

    /// Changes a case and updates the index.
    pub(super) fn edit<T>(&mut self, case: usize, change: impl FnOnce(&mut CaseState) -> T) -> Option<T> {
        let state = self.cases.get_mut(case)?;
        let was = state.traits();
        let out = change(state);
        self.index.change(case, was, state.traits());
        Some(out)
    }

    /// Moves attempts that are scheduled but not due to a later time: during a hold nothing new starts.
    fn take_back(&mut self, at: Nanos) {
        let back = self.not_due(at);
        if let Some((_, first)) = back.iter().min() {
            self.turn = first.case;
        }
        self.pace.take_back(back.iter().map(|(due, _)| *due));
        for (_, id) in back {
            self.edit(id.case, |c| c.take_back(id.number));
        }
    }

    fn start(&mut self, at: Nanos, case: usize, start: Start) -> Result<(), InvalidEvent> {
        self.make_up(at, case, start.number - 1);
        self.edit(case, |c| c.start(start)).ok_or(InvalidEvent::NoSuchCase)?;
        self.index.start(AttemptId { case, number: start.number }, start.warmup, at);
        let count = self.cases.len();
        if start.warmup {
            // Stages in between were skipped.
            let turn = self.warmups_started as usize % count;
            let steps = (case + count - turn) % count + 1;
            self.warmups_started = self.warmups_started.saturating_add(steps as u32);
        } else {
            self.warmups_started = self.warmups_started.max(self.plan.warmup);
            self.pace.begin(at);
            self.pace.advance();
            self.turn = (case + 1) % count;
        }
        Ok(())
    }

    /// Adds attempts up to a number whose start is unknown.
    fn make_up(&mut self, at: Nanos, case: usize, number: u32) {
        while let Some(next) = self.cases.get(case).map(|c| c.attempts.len() as u32 + 1).filter(|next| *next <= number)
        {
            self.unseen += 1;
            self.edit(case, |c| c.start(Start { number: next, warmup: false, due: None }));
            self.index.start(AttemptId { case, number: next }, false, at);
        }
    }

    fn end(&mut self, id: AttemptId, record: StoredRecord) {
        let ended = record.ended();
        if self.attempt(id).is_none() {
            // The start is unknown.
            let whole = record.get();
            self.make_up(self.changed_at, id.case, id.number - 1);
            let start = Start { number: id.number, warmup: whole.warmup, due: whole.intended };
            self.edit(id.case, |c| c.start(start));
            self.index.start(id, start.warmup, self.changed_at);
        }
        let keep = self.whole_records_of_case();
        let bytes = size_in_memory(&record);
        let warmup = self.attempt(id).is_some_and(|a| a.warmup);
        self.edit(id.case, |c| c.end(id.number, record, keep));
        self.index.end(id, warmup);
        self.attempts_ended += 1;
        self.last_ended = Some(ended);
        self.quiet_since = ended;
        self.bound_memory(id, bytes);
    }

    /// Drops texts and arrivals of the oldest attempts beyond [`WHOLE_BYTES`].
    fn bound_memory(&mut self, id: AttemptId, bytes: usize) {
        self.whole.push_back((id, bytes));
        self.whole_bytes += bytes;
        while self.whole_bytes > WHOLE_BYTES {
            let Some((oldest, bytes)) = self.whole.pop_front() else { break };
            self.whole_bytes -= bytes;
            self.edit(oldest.case, |c| c.pack(oldest.number));
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
        self.pace = RunClock::new(&self.plan);
        let attempts = self.plan.attempts();
        for case in 0..self.cases.len() {
            self.edit(case, |c| c.begin_stage(stage, attempts));
        }
    }

    /// Only the time limit ended these cases, so they are not started again.
    fn end_time(&mut self, not_started: usize) {
        self.not_started = self.not_started.saturating_add(not_started);
        self.pace.end();
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::end_time);
        }
    }

    /// Number of attempts of a case that keep text and arrivals.
    pub(super) fn whole_records_of_case(&self) -> usize {
        (super::WHOLE_RECORDS / self.cases.len().max(1)).max(super::WHOLE_RECORDS_OF_CASE)
    }
}

/// Approximate memory of a record, bytes; almost none without text and arrivals.
fn size_in_memory(record: &StoredRecord) -> usize {
    let record = record.get();
    size_of::<AttemptRecord>() + size_of_val(&*record.arrivals) + record.text.len() + record.reasoning.len()
}

#[cfg(test)]
mod tests;
