//! Status of a run: attempts in flight, attempts due, and remaining work.

use std::time::Duration;

use super::{AttemptState, CasePhase, CaseState, HORIZON, Mode, Session};
use crate::domain::attempt::AttemptId;
use crate::domain::load_search::SearchVariable;
use crate::domain::slo::Slo;
use crate::domain::time::Nanos;
use crate::domain::turn::Turn;

impl Session {
    /// The attempt with this id.
    pub fn attempt(&self, id: AttemptId) -> Option<&AttemptState> {
        let at = (id.number as usize).checked_sub(1)?;
        self.cases.get(id.case)?.attempts.get(at)
    }

    /// Returns whether the attempt is in flight.
    pub fn is_open(&self, id: AttemptId) -> bool {
        self.attempt(id).is_some_and(|a| a.record.is_none())
    }

    /// Thresholds of the suite.
    pub fn slos(&self) -> &[Slo] {
        &self.suite.slos
    }

    /// Concurrency of a stage of the sweep, or of the run without a sweep; `None` if only the rate determines the load.
    pub fn concurrency_in(&self, stage: usize) -> Option<usize> {
        if let Some(search) = self.search.as_ref().filter(|s| s.settings.variable == SearchVariable::Concurrency) {
            return search.probes.get(stage).map(|probe| probe.load.0 as usize);
        }
        self.sweep.get(stage).copied().or_else(|| self.plan.limit())
    }

    /// Number of attempts in flight, including those ordered but not yet due.
    pub fn in_flight(&self) -> usize {
        self.index.open().len()
    }

    /// Ids of the attempts in flight, case by case.
    pub fn open_ids(&self) -> Vec<AttemptId> {
        self.index.open().keys().copied().collect()
    }

    /// Attempts in flight with the index of their case and the time they were ordered.
    pub fn open_attempts(&self) -> impl Iterator<Item = (usize, &AttemptState, Nanos)> {
        self.index.open().iter().filter_map(|(id, ordered)| Some((id.case, self.attempt(*id)?, *ordered)))
    }

    /// Number of requests that wait for a slot: in an open loop those that are due, otherwise those of the current
    /// stage that are still to start. `None` if only the time limits the number.
    pub fn requests_queued(&self) -> Option<usize> {
        let is_waiting = self.mode == Mode::Running && self.index.is_any_ready();
        if self.is_open_loop() {
            return Some(if is_waiting { self.clock.overdue(self.now) } else { 0 });
        }
        let waits = |case: &&CaseState| matches!(case.phase, CasePhase::Queued | CasePhase::Running);
        let remaining = |case: &CaseState| (case.remaining < u32::MAX).then_some(case.remaining as usize);
        self.cases.iter().filter(waits).map(remaining).try_fold(0, |sum: usize, n| Some(sum.saturating_add(n?)))
    }

    /// Returns whether any case sends several turns.
    pub fn has_conversations(&self) -> bool {
        self.suite.conversations.is_some()
            || self.suite.cases.iter().any(|case| !case.follow_ups.is_empty())
            || self.rows.as_ref().is_some_and(|rows| rows.has_conversations())
    }

    /// Number of ended attempts.
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

    /// Version of the session, which changes with every event.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Returns whether any case has several attempts.
    pub const fn has_repeated_case(&self) -> bool {
        self.index.is_any_repeated()
    }

    /// Returns whether any case has two complete answers.
    pub const fn has_comparable_case(&self) -> bool {
        self.index.is_any_comparable()
    }

    /// Returns whether any case shows a TTFT that the server's prefix cache may have shortened.
    pub const fn has_doubtful_case(&self) -> bool {
        self.index.is_any_doubtful()
    }

    /// Returns whether every slot is taken.
    pub(super) fn is_full(&self) -> bool {
        self.users() >= self.concurrency_now().max(1)
    }

    /// Number of slots in use: attempts in flight, and conversations in the think time before their next turn.
    pub fn users(&self) -> usize {
        self.in_flight() + self.next_turns.len()
    }

    /// Number of turns that this case defines for a conversation; 1 for a single request.
    fn own_turns(&self, case: usize) -> u16 {
        let follow_ups = self.suite.cases.get(case).map_or(0, |c| c.follow_ups.len());
        u16::try_from(follow_ups).unwrap_or(u16::MAX).saturating_add(1)
    }

    /// Number of turns of the conversation that begins with attempt `number` and sends `row`; 1 for a single request.
    pub(super) fn turns(&self, case: usize, number: u32, row: Option<u32>) -> u16 {
        let Some(conversations) = &self.suite.conversations else { return self.own_turns(case) };
        let asked = conversations.turns_of(case, number);
        let of_row = row.and_then(|row| Some(self.rows.as_ref()?.turns(row))).unwrap_or(1);
        asked.unwrap_or_else(|| of_row.max(self.own_turns(case)))
    }

    /// Expected number of turns of a conversation of this case, for the progress.
    pub(super) fn expected_turns(&self, case: usize) -> usize {
        let mean = self.suite.conversations.as_ref().and_then(|c| Some(c.turns.as_ref()?.mean().round() as usize));
        mean.unwrap_or_else(|| self.own_turns(case).into()).max(1)
    }

    /// Think time before a turn of a conversation.
    pub(super) fn think_time(&self, case: usize, turn: Turn) -> Duration {
        let drawn = self.suite.conversations.as_ref().and_then(|c| c.think_time(case, turn.conversation, turn.number));
        drawn.or_else(|| Some(self.suite.cases.get(case)?.think_time)).unwrap_or_default()
    }

    /// Time at which the session needs its next [`Tick`](super::SessionInput::Tick): for the next start, a change of
    /// the load, a count of the queue, or a probe. `None` while the session only waits for other inputs.
    pub fn wake_at(&self) -> Option<Nanos> {
        let turn = self.next_turns.first().map(|(ready_at, ..)| *ready_at).filter(|_| self.mode == Mode::Running);
        let end = turn.and_then(|_| self.clock.ends_at());
        let times =
            [turn, end, self.start_at(), self.load_changes_at(), self.counts_backlog_at(), self.probe_begins_at()];
        times.into_iter().flatten().min()
    }

    /// Time at which the open loop orders its next start.
    fn start_at(&self) -> Option<Nanos> {
        let can_start =
            self.mode == Mode::Running && !self.is_full() && !self.index.is_warming() && self.index.is_any_ready();
        let due = self.clock.next().filter(|_| can_start)?;
        Some(Nanos(due.0.saturating_sub(HORIZON.as_nanos() as u64)))
    }

    /// Delay of the open loop behind its schedule, while requests are due but have no slot.
    pub fn overdue(&self) -> Option<Duration> {
        let waits = self.mode == Mode::Running && self.index.is_any_ready();
        Some(self.now.since(self.clock.next().filter(|_| waits)?))
    }

    /// Spans in which the schedule was paused, because the run was held or nothing waited to start: ascending and
    /// disjoint. Requests in flight continued.
    pub fn schedule_pauses(&self) -> &[(Nanos, Nanos)] {
        &self.schedule_pauses
    }

    /// Used share of the plan's duration at `now`, 0 to 1. Holds use up no duration. `None` without a duration.
    pub fn share_of_time(&self, now: Nanos) -> Option<f64> {
        self.plan.duration?;
        if let Some(search) = &self.search {
            return Some(search.share());
        }
        if !self.clock.is_timed() {
            return Some(1.0);
        }
        Some(self.clock.share(now).unwrap_or(0.0))
    }

    /// Number of cases that were never started within the run's duration, in any stage of a sweep.
    pub fn unreached(&self) -> usize {
        let missed_earlier =
            |c: &CaseState| (0..self.stage).any(|stage| self.plan.duration.is_some() && !c.is_reached(stage));
        let missed_earlier = |c: &CaseState| c.phase != CasePhase::Cancelled && missed_earlier(c);
        self.cases.iter().filter(|c| c.phase == CasePhase::Unreached || missed_earlier(c)).count()
    }

    /// Number of cases with nothing left to do.
    pub fn settled(&self) -> usize {
        self.cases.len() - self.index.unsettled()
    }

    /// Returns whether something is being measured, or will be without an action of the user.
    pub fn is_active(&self) -> bool {
        let is_waiting = self.index.count(CasePhase::Queued) > 0 || !self.next_turns.is_empty();
        self.in_flight() > 0 || (self.mode == Mode::Running && (is_waiting || self.is_search_left()))
    }

    /// Returns whether the program ended in the middle of the run, while the run was neither held nor finished.
    pub const fn is_cut_off(&self) -> bool {
        self.is_cut_off
    }

    /// Returns whether the program ended before the run's work was done, or never began it.
    pub const fn is_cut_short(&self) -> bool {
        self.is_closing || self.is_cut_off || self.began.is_none()
    }

    /// Returns whether the program was not running at a time.
    pub fn is_away(&self, at: Nanos) -> bool {
        self.stopped.is_some_and(|stopped| stopped <= at)
            || self.absences.iter().any(|(from, to)| *from <= at && at < *to)
    }

    /// Returns whether the run is partial: any case, in any stage of a sweep, is unfinished or has fewer complete
    /// answers than planned. A run with a duration is complete only if it used the whole duration, has a complete
    /// answer of each case and no failure, and sent every request of its rate. A rerun of a case that already has an
    /// answer does not make the run partial.
    pub fn is_partial(&self) -> bool {
        if let Some(search) = &self.search {
            return !search.is_complete();
        }
        let is_timed = self.plan.duration.is_some();
        let lacks = |(case, c): (usize, &CaseState)| {
            let wanted = (!is_timed).then(|| self.attempts_of(case) as usize);
            let is_unsuccessful = wanted.is_none() && matches!(c.phase, CasePhase::Failed | CasePhase::Cancelled);
            is_unsuccessful || (0..=self.stage).any(|stage| c.lacks(stage, wanted))
        };
        let open = |c: &CaseState| !c.is_rerun() && (!c.is_settled() || c.open() > 0);
        let more = self.stage + 1 < self.sweep.len();
        more || self.clock.is_timed()
            || self.not_started > 0
            || self.cases.iter().enumerate().any(lacks)
            || self.cases.iter().any(open)
    }
}
