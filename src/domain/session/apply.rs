//! What an event does to a session. Nothing else changes one, so a session that is folded from a journal is the same as the
//! one that ran.

use super::case::Start;
use super::{CasePhase, CaseState, InvalidEvent, Mode, Pace, RunEvent, Session, What};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus, KeptRecord};
use crate::domain::time::Nanos;

/// Note on an attempt of which nothing was saved.
const LOST: &str = "in flight when tokscope ended: nothing of it was kept";
/// Maximum attempts of a run that are known only from the numbers of later ones: a damaged journal may name any number.
pub(super) const MAX_UNSEEN: usize = 100_000;

/// Maximum memory for texts and arrivals of a run, bytes.
const WHOLE_BYTES: usize = 512 << 20;

impl Session {
    /// Applies an event; [`What::Ended`] comes with the record of the attempt. An event that cannot happen changes nothing.
    /// Events come in their order; one that claims an earlier time than the last is taken to have happened with it.
    pub fn apply(&mut self, event: &RunEvent, record: Option<KeptRecord>) -> Result<(), InvalidEvent> {
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

    /// Why an event cannot happen now, if it cannot.
    fn check(&self, what: What, record: Option<&KeptRecord>) -> Result<(), InvalidEvent> {
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
            What::CaseCancelled { case } => {
                phase_is(case, &[CasePhase::Queued, CasePhase::Running, CasePhase::Paused])
            }
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

    /// Bounds the attempts that have to be made up before the one of this number.
    fn check_unseen(&self, state: &CaseState, number: u32) -> Result<(), InvalidEvent> {
        let unseen = (number as usize).saturating_sub(state.attempts.len() + 1);
        if self.unseen.saturating_add(unseen) > MAX_UNSEEN { Err(InvalidEvent::NoSuchNumber) } else { Ok(()) }
    }

    /// Notes how the time since the last event is to be counted: the session was as it is now.
    fn pass_time(&mut self, at: Nanos) {
        if at > self.changed_at && self.began.is_some() && !self.is_active() {
            self.idle.add(self.quiet_since, at);
        }
        if self.mode == Mode::Running && self.is_full() {
            self.full_until = Some(at);
        }
        (self.changed_at, self.quiet_since) = (at, at);
        self.now = self.now.max(at);
    }

    /// Lets the schedule's time run while something waits to be started, and stand still while nothing does.
    fn follow_schedule(&mut self, at: Nanos) {
        if self.mode == Mode::Running && self.index.is_any_ready() {
            self.still.extend(self.pace.go_on(at));
        } else {
            self.pace.stop(at);
        }
    }

    /// Changes a case, and the index with it.
    pub(super) fn edit<T>(&mut self, case: usize, change: impl FnOnce(&mut CaseState) -> T) -> Option<T> {
        let state = self.cases.get_mut(case)?;
        let was = state.traits();
        let out = change(state);
        self.index.change(case, was, state.traits());
        Some(out)
    }

    /// Attempts that are ordered ahead and not due come later: held, nothing new starts.
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
            // Those between were passed over.
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

    /// Adds the attempts up to a number whose start is not known.
    fn make_up(&mut self, at: Nanos, case: usize, number: u32) {
        while let Some(next) = self.cases.get(case).map(|c| c.attempts.len() as u32 + 1).filter(|next| *next <= number) {
            self.unseen += 1;
            self.edit(case, |c| c.start(Start { number: next, warmup: false, due: None }));
            self.index.start(AttemptId { case, number: next }, false, at);
        }
    }

    fn end(&mut self, id: AttemptId, record: KeptRecord) {
        let ended = record.ended();
        if self.attempt(id).is_none() {
            // Its start is not known.
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
        self.pace = Pace::new(&self.plan);
        let attempts = self.plan.attempts();
        for case in 0..self.cases.len() {
            self.edit(case, |c| c.begin_stage(stage, attempts));
        }
    }

    /// Only the time limited some cases: those are not started again.
    fn end_time(&mut self, not_started: usize) {
        self.not_started = self.not_started.saturating_add(not_started);
        self.pace.end();
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::end_time);
        }
    }

    /// Cancels what is left, for the program ends.
    fn close(&mut self) {
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::close);
        }
        self.mode = Mode::Finished;
        self.is_closing = true;
    }

    /// Puts the session where a program finds it that resumes the run: waiting for the endpoint with all that is owed, or
    /// finished.
    fn stop(&mut self, at: Nanos) {
        self.lose_open(at);
        let was_cut_short = self.is_closing || matches!(self.mode, Mode::Running | Mode::Held);
        (self.is_closing, self.is_cut_off, self.rested_at) = (false, false, None);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::owe);
        }
        if self.began.is_none() {
            self.mode = Mode::Waiting;
        } else if was_cut_short {
            let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len();
            self.mode = if is_left { Mode::Waiting } else { Mode::Finished };
            self.stopped = is_left.then_some(at);
        }
        let spent = self.pace.spent(at);
        let is_timed = self.pace.is_timed();
        self.pace = Pace::new(&self.plan);
        self.pace.spend(spent);
        if !is_timed {
            self.pace.end();
        }
    }

    fn resume(&mut self, at: Nanos) {
        if self.stopped.is_none() {
            self.stop(at);
        }
        let Some(stopped) = self.stopped.take() else { return };
        self.still.push((stopped, at));
        self.away.push((stopped, at));
        self.mode = Mode::Running;
    }

    /// Gives each attempt in flight the record of one that left nothing: it ended when the program was last heard of.
    pub(super) fn lose_open(&mut self, at: Nanos) {
        for (id, ordered) in self.index.open().clone() {
            let Some(attempt) = self.attempt(id) else { continue };
            let warmup = attempt.warmup;
            let lost = lost_record(id, warmup, attempt.due.unwrap_or(ordered).min(at), at);
            self.edit(id.case, |c| c.lose(id.number, lost));
            self.index.end(id, warmup);
            self.attempts_ended += 1;
            self.last_ended = self.last_ended.max(Some(at));
        }
    }

    /// The session as a program finds it that resumes the run, last heard of at `stopped`: waiting for the endpoint with all
    /// that is owed, or finished. The event that says so was not taken yet.
    #[must_use]
    pub fn to_resume(&self, stopped: Nanos) -> Self {
        let mut session = self.clone();
        let event = RunEvent { at: stopped, what: What::Stopped };
        if session.apply(&event, None).is_ok() {
            session.events = vec![event];
        }
        session
    }

    /// Leaves the session as a report shows it once the program is gone, last heard of at `at`: nothing is in flight, and
    /// what was cut off is owed. Where something is left to do, the run is held.
    pub fn rest(&mut self, at: Nanos) {
        self.pass_time(at.max(self.changed_at));
        self.rested_at = Some(at);
        self.lose_open(at);
        for case in 0..self.cases.len() {
            self.edit(case, CaseState::rest);
        }
        // A damaged journal may say that the run finished, and lack the end of an attempt.
        if self.mode == Mode::Running || (self.mode == Mode::Finished && self.index.unsettled() > 0) {
            (self.mode, self.is_cut_off) = (Mode::Held, true);
        }
        let is_left = self.index.unsettled() > 0 || self.stage + 1 < self.sweep.len();
        if self.mode == Mode::Held && !is_left {
            (self.mode, self.is_cut_off) = (Mode::Finished, false);
        }
        self.pace.stop(at);
    }

    /// How many attempts of a case keep text and arrivals.
    pub(super) fn whole_records_of_case(&self) -> usize {
        (super::WHOLE_RECORDS / self.cases.len().max(1)).max(super::WHOLE_RECORDS_OF_CASE)
    }
}

/// About how much memory a record takes, bytes; one without text and arrivals next to none.
fn size_in_memory(record: &KeptRecord) -> usize {
    let record = record.get();
    size_of::<AttemptRecord>() + size_of_val(&*record.arrivals) + record.text.len() + record.reasoning.len()
}

/// The record of an attempt that left nothing.
fn lost_record(id: AttemptId, warmup: bool, from: Nanos, to: Nanos) -> KeptRecord {
    let mut lost = AttemptRecord::started(id, warmup, String::new(), String::new(), from);
    (lost.status, lost.ended) = (AttemptStatus::Cancelled, to);
    lost.warnings.push(LOST.to_owned());
    lost.into()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::session::Plan;
    use crate::domain::testing::suite;

    fn session(cases: usize) -> Session {
        Session::new(Arc::new(suite(cases)), Plan { repeat: 3, ..Plan::default() })
    }

    fn apply(session: &mut Session, what: What) -> Result<(), InvalidEvent> {
        let record = |id: AttemptId| AttemptRecord { id, status: AttemptStatus::Ok, ..AttemptRecord::default() };
        let record = if let What::Ended(id) = what { Some(record(id).into()) } else { None };
        session.apply(&RunEvent { at: Nanos(1), what }, record)
    }

    const fn ended(case: usize, number: u32) -> What {
        What::Ended(AttemptId { case, number })
    }

    const fn started(case: usize, number: u32) -> What {
        What::Started { case, number, warmup: false, due: None }
    }

    #[test]
    fn an_event_that_cannot_happen_is_refused_and_changes_nothing() {
        let mut s = session(2);
        let before = format!("{s:?}");
        for (what, why) in [
            (started(2, 1), InvalidEvent::NoSuchCase),
            (started(0, u32::MAX), InvalidEvent::NoSuchNumber),
            (started(0, 0), InvalidEvent::AlreadyThere),
            (ended(2, 1), InvalidEvent::NoSuchCase),
            (ended(0, 0), InvalidEvent::NoSuchNumber),
            (ended(0, u32::MAX), InvalidEvent::NoSuchNumber),
            (What::CasePaused { case: 7 }, InvalidEvent::NoSuchCase),
            (What::CaseResumed { case: 0 }, InvalidEvent::OutOfOrder),
            (What::CaseRerun { case: 0 }, InvalidEvent::OutOfOrder),
            (What::StageBegan { stage: 1 }, InvalidEvent::NoSuchStage),
            (What::Held, InvalidEvent::OutOfOrder),
            (What::HoldEnded, InvalidEvent::OutOfOrder),
        ] {
            assert_eq!(apply(&mut s, what), Err(why), "{what:?}");
        }
        let no_record = RunEvent { at: Nanos(9), what: ended(0, 1) };
        assert_eq!(s.apply(&no_record, None), Err(InvalidEvent::NoRecord));
        assert_eq!(format!("{s:?}"), before);
        assert_eq!(apply(&mut s, What::Began), Ok(()));
        assert_eq!(apply(&mut s, What::Began), Err(InvalidEvent::OutOfOrder));
        assert_eq!(apply(&mut s, ended(0, 1)), Ok(()));
        assert_eq!(apply(&mut s, ended(0, 1)), Err(InvalidEvent::AlreadyThere));
        assert_eq!(apply(&mut s, started(0, 1)), Err(InvalidEvent::AlreadyThere));
    }

    #[test]
    fn an_attempt_whose_start_is_missing_counts_and_a_gap_in_the_numbers_is_lost_attempts() {
        let mut s = session(1);
        for what in [What::Began, ended(0, 3), started(0, 5)] {
            apply(&mut s, what).unwrap();
        }
        assert_eq!((s.cases[0].reported().count(), s.in_flight()), (1, 4));
        s.rest(Nanos(9));
        let lost = s.records().filter(|r| r.warnings == [LOST]).count();
        assert_eq!((s.in_flight(), lost, s.cases[0].remaining), (0, 4, 4));
    }

    #[test]
    fn attempts_that_never_were_cost_bounded_memory() {
        let mut s = session(2);
        for (case, number) in [(0, 60_000), (1, 60_000), (1, 30_000), (0, 200_000)] {
            let _refused = apply(&mut s, started(case, number));
        }
        assert!(s.attempts().count() <= MAX_UNSEEN + 3, "{}", s.attempts().count());
    }

    fn any_event() -> impl Strategy<Value = What> {
        let case = 0_usize..3;
        prop_oneof![
            Just(What::Began),
            Just(What::Held),
            Just(What::HoldEnded),
            (case.clone(), 0_u32..6, any::<bool>(), prop::option::of(any::<u64>()))
                .prop_map(|(case, number, warmup, due)| What::Started { case, number, warmup, due: due.map(Nanos) }),
            (case.clone(), 0_u32..6).prop_map(|(case, number)| ended(case, number)),
            case.clone().prop_map(|case| What::CasePaused { case }),
            case.clone().prop_map(|case| What::CaseResumed { case }),
            case.clone().prop_map(|case| What::CaseRerun { case }),
            case.prop_map(|case| What::CaseCancelled { case }),
            (0_usize..4).prop_map(|stage| What::StageBegan { stage }),
            any::<usize>().prop_map(|not_started| What::TimeUp { not_started }),
            Just(What::Finished),
            Just(What::Closing),
            Just(What::Stopped),
            Just(What::Resumed),
        ]
    }

    proptest! {
        #[test]
        fn no_events_in_any_order_make_it_panic(
            events in prop::collection::vec((any::<u64>(), any_event()), 0..40),
            (warmup, stages, timed) in (0_u32..3, 0_usize..3, any::<bool>()),
        ) {
            let duration = timed.then_some(std::time::Duration::from_secs(1));
            let plan = Plan { repeat: 2, warmup, duration, ..Plan::default() };
            let mut s = Session::new(Arc::new(suite(2)), plan).with_sweep((1..=stages).collect());
            for (at, what) in events {
                let record = |id: AttemptId| AttemptRecord { id, ended: Nanos(at), ..AttemptRecord::default() };
                let record = if let What::Ended(id) = what { Some(record(id).into()) } else { None };
                let _outcome = s.apply(&RunEvent { at: Nanos(at), what }, record);
                let _any = (s.going(Nanos(at)), s.is_partial(), s.unreached(), s.overdue(), s.wake_at());
            }
            s.rest(Nanos(5));
            prop_assert_eq!(s.in_flight(), 0);
            let _resumed = s.to_resume(Nanos(6));
        }
    }
}
