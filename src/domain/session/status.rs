//! The status of a run: what is in flight, what is due, what is missing.

use std::time::Duration;

use super::{AttemptState, CasePhase, CaseState, HORIZON, Mode, Session};
use crate::domain::attempt::AttemptId;
use crate::domain::slo::Slo;
use crate::domain::time::Nanos;

impl Session {
    /// The attempt with this id.
    pub fn attempt(&self, id: AttemptId) -> Option<&AttemptState> {
        let at = (id.number as usize).checked_sub(1)?;
        self.cases.get(id.case)?.attempts.get(at)
    }

    /// Whether this attempt is in flight.
    pub fn is_open(&self, id: AttemptId) -> bool {
        self.attempt(id).is_some_and(|a| a.record.is_none())
    }

    /// What the run must reach.
    pub fn slos(&self) -> &[Slo] {
        &self.suite.slos
    }

    /// Requests at once in a stage of the sweep, without one in the run; `None` where the rate alone decides.
    pub fn concurrency_in(&self, stage: usize) -> Option<usize> {
        self.sweep.get(stage).copied().or_else(|| self.plan.limit())
    }

    /// Number of attempts in flight, including those that are ordered and not yet due.
    pub fn in_flight(&self) -> usize {
        self.index.open().len()
    }

    /// Ids of the attempts in flight, case by case.
    pub fn open_ids(&self) -> Vec<AttemptId> {
        self.index.open().keys().copied().collect()
    }

    /// Number of attempts that are over.
    pub const fn attempts_ended(&self) -> usize {
        self.attempts_ended
    }

    /// Number of cases in a phase.
    pub const fn count(&self, phase: CasePhase) -> usize {
        self.index.count(phase)
    }

    /// Number of cases in each phase.
    pub const fn counts(&self) -> [usize; CasePhase::COUNT] {
        self.index.counts()
    }

    /// A number that changes with every event.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether some case has several attempts.
    pub const fn has_repeated_case(&self) -> bool {
        self.index.is_any_repeated()
    }

    /// Whether some case has two whole answers.
    pub const fn has_comparable_case(&self) -> bool {
        self.index.is_any_comparable()
    }

    /// Whether some case shows a TTFT that the server's prefix cache may have shortened.
    pub const fn has_doubtful_case(&self) -> bool {
        self.index.is_any_doubtful()
    }

    /// Whether every slot is taken.
    pub(super) fn is_full(&self) -> bool {
        self.in_flight() >= self.plan.concurrency.max(1)
    }

    /// When the open loop wants the next [`Tick`](super::SessionEvent::Tick); `None` while it waits for something else.
    pub fn wake_at(&self) -> Option<Nanos> {
        let can_start =
            self.mode == Mode::Running && !self.is_full() && !self.index.is_warming() && self.index.is_any_ready();
        let due = self.pace.next().filter(|_| can_start)?;
        Some(Nanos(due.0.saturating_sub(HORIZON.as_nanos() as u64)))
    }

    /// How far behind its schedule the open loop is: requests that were due and have no slot.
    pub fn overdue(&self) -> Option<Duration> {
        let waits = self.mode == Mode::Running && self.index.is_any_ready();
        Some(self.now.since(self.pace.next().filter(|_| waits)?))
    }

    /// When the user held the run, or nothing waited to be started: ascending, apart. What was in flight went on.
    pub fn still(&self) -> &[(Nanos, Nanos)] {
        &self.still
    }

    /// How much of the plan's duration is over at `now`, 0 to 1, holds left out; `None` without a duration.
    pub fn share_of_time(&self, now: Nanos) -> Option<f64> {
        self.plan.duration?;
        if !self.pace.is_timed() {
            return Some(1.0);
        }
        Some(self.pace.share(now).unwrap_or(0.0))
    }

    /// Cases whose turn did not come in the run's time, in any stage of a sweep.
    pub fn unreached(&self) -> usize {
        let before = |c: &CaseState| (0..self.stage).any(|stage| self.plan.duration.is_some() && !c.is_reached(stage));
        let before = |c: &CaseState| c.phase != CasePhase::Cancelled && before(c);
        self.cases.iter().filter(|c| c.phase == CasePhase::Unreached || before(c)).count()
    }

    /// Cases with nothing left to do.
    pub fn settled(&self) -> usize {
        self.cases.len() - self.index.unsettled()
    }

    /// Whether something is being measured or still will be without the user's doing.
    pub fn is_active(&self) -> bool {
        self.in_flight() > 0 || (self.mode == Mode::Running && self.index.count(CasePhase::Queued) > 0)
    }

    /// Whether the program ended while the run went on: nobody held it, and it did not end either.
    pub const fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    /// Whether the program was gone at a time.
    pub fn is_away(&self, at: Nanos) -> bool {
        self.stopped.is_some_and(|stopped| stopped <= at) || self.away.iter().any(|(from, to)| *from <= at && at < *to)
    }

    /// Whether some case, in some stage of a sweep, has fewer whole answers than the plan asks for, or waits for one. A plan
    /// that asks for time wants all of it, a whole answer of each case, no failure, and every request of its rate. A rerun
    /// that goes on while its case has the answers of before is asked for by nobody's plan.
    pub fn is_partial(&self) -> bool {
        let count = self.cases.len();
        let is_timed = self.plan.duration.is_some();
        let lacks = |(case, c): (usize, &CaseState)| {
            let wanted = (!is_timed).then(|| self.plan.attempts_of(case, count).max(1) as usize);
            let gave_up = wanted.is_none() && matches!(c.phase, CasePhase::Failed | CasePhase::Cancelled);
            gave_up || (0..=self.stage).any(|stage| c.lacks(stage, wanted))
        };
        let open = |c: &CaseState| !c.is_rerun() && (!c.is_settled() || c.open() > 0);
        let more = self.stage + 1 < self.sweep.len();
        more || self.pace.is_timed()
            || self.not_started > 0
            || self.cases.iter().enumerate().any(lacks)
            || self.cases.iter().any(open)
    }
}
