//! What the user and the plan made of a session, and when: with its attempts, all that tells how it stood at any time.

use super::restore::{CaseStanding, Standing};
use super::{CasePhase, CaseState, Mode, Session};
use crate::domain::time::Nanos;

/// What changed, and when. Attempts that start and end change nothing in it; a long run leaves little.
#[derive(Clone, Debug, Default)]
pub struct History {
    run: Vec<RunStood>,
    cases: Vec<Vec<CaseStood>>,
    latest: Nanos,
}

/// How the run stood from then on.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunStood {
    at: Nanos,
    pub mode: Mode,
    pub not_started: usize,
}

/// How a case stood then.
#[derive(Clone, Copy, Debug)]
pub(super) struct CaseStood {
    pub at: Nanos,
    pub phase: CasePhase,
    /// Measured attempts still to be started.
    pub remaining: u32,
    pub round: u32,
    pub stage: usize,
    /// Attempts that were started.
    pub attempts: u32,
}

impl CaseStood {
    /// A case before anything happened, of which so many attempts are wanted.
    pub(super) const fn new(remaining: u32) -> Self {
        Self { at: Nanos(0), phase: CasePhase::Queued, remaining, round: 0, stage: 0, attempts: 0 }
    }

    fn of(case: &CaseState, at: Nanos) -> Self {
        let (round, stage) = case.place();
        Self { at, phase: case.phase, remaining: case.remaining, round, stage, attempts: case.attempts.len() as u32 }
    }

    const fn kept(case: &CaseStanding, at: Nanos) -> Self {
        let CaseStanding { phase, remaining, round, stage, attempts, .. } = *case;
        Self { at, phase, remaining, round, stage, attempts }
    }

    /// What no attempt changes: queued and running are the same here.
    fn shape(&self) -> (CasePhase, u32, usize, bool) {
        let phase = if self.phase == CasePhase::Running { CasePhase::Queued } else { self.phase };
        (phase, self.round, self.stage, self.remaining == u32::MAX)
    }
}

impl History {
    /// How a session stands at `at`, no earlier than what was noted before.
    pub(super) fn note(&mut self, at: Nanos, session: &Session) {
        let at = at.max(self.latest);
        self.run(RunStood { at, mode: session.mode, not_started: session.not_started });
        for (case, state) in session.cases.iter().enumerate() {
            self.case(case, CaseStood::of(state, at));
        }
    }

    /// The same of what was kept of it.
    pub(super) fn note_kept(&mut self, at: Nanos, standing: &Standing) {
        let at = at.max(self.latest);
        self.run(RunStood { at, mode: standing.mode, not_started: standing.not_started });
        for (case, state) in standing.cases.iter().enumerate() {
            self.case(case, CaseStood::kept(state, at));
        }
    }

    fn run(&mut self, stood: RunStood) {
        let last = self.run.last().map(|r| (r.mode, r.not_started));
        if last != Some((stood.mode, stood.not_started)) {
            self.run.push(stood);
            self.latest = stood.at;
        }
    }

    fn case(&mut self, case: usize, stood: CaseStood) {
        if self.cases.len() <= case {
            self.cases.resize_with(case + 1, Vec::new);
        }
        let Some(all) = self.cases.get_mut(case) else { return };
        if all.last().is_none_or(|last| last.shape() != stood.shape()) {
            all.push(stood);
            self.latest = stood.at;
        }
    }

    /// Forgets what came after a time.
    pub(super) fn go_back(&mut self, at: Nanos) {
        self.run.retain(|r| r.at <= at);
        self.cases.iter_mut().for_each(|of_case| of_case.retain(|c| c.at <= at));
        self.latest = self.latest.min(at);
    }

    /// How the run stood last.
    pub(super) fn mode(&self) -> Option<Mode> {
        self.run.last().map(|r| r.mode)
    }

    /// When something changed last.
    pub(super) const fn latest(&self) -> Nanos {
        self.latest
    }

    /// How the run stood at a time.
    pub(super) fn run_at(&self, at: Nanos) -> Option<RunStood> {
        self.run.get(self.run.partition_point(|r| r.at <= at).checked_sub(1)?).copied()
    }

    /// How a case last stood by then.
    pub(super) fn case_at(&self, case: usize, at: Nanos) -> Option<CaseStood> {
        self.case_up_to(case, at).last().copied()
    }

    fn case_up_to(&self, case: usize, at: Nanos) -> &[CaseStood] {
        let all = self.cases.get(case).map_or(&[][..], Vec::as_slice);
        all.get(..all.partition_point(|c| c.at <= at)).unwrap_or_default()
    }

    /// Whether the user paused or cancelled a case by then when an attempt of it, which had not ended, was there.
    pub(super) fn is_given_up(&self, case: usize, number: u32, at: Nanos) -> bool {
        let gave_up =
            |c: &CaseStood| matches!(c.phase, CasePhase::Paused | CasePhase::Cancelled) && c.attempts >= number;
        self.case_up_to(case, at).iter().any(gave_up)
    }
}
