//! A session as it was at some time before.

use std::time::Duration;

use super::history::CaseStood;
use super::restore::is_lost;
use super::{AttemptState, CasePhase, CaseState, Mode, Pace, Session};
use crate::domain::attempt::{AttemptStatus, KeptRecord};
use crate::domain::time::Nanos;

/// Why nothing ran for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleReason {
    /// The program was gone.
    Away,
    /// The user held the run.
    Held,
    /// The user had paused all that was left.
    Paused,
    /// All was done.
    Finished,
    /// By the schedule, nothing was due.
    NotDue,
}

impl Session {
    /// This session, of which nothing is in flight, as it was at `at`: attempts that had begun, records that had ended, what
    /// the user held, paused, cancelled and had run again.
    #[must_use]
    pub fn as_at(&self, at: Nanos) -> Self {
        let records = || self.attempts().filter_map(|a| a.record.as_ref());
        let is_whole = !self.is_cut_off()
            && records().all(|r| r.began() <= at && r.ended() <= at)
            && self.began.is_none_or(|began| began <= at)
            && self.history.latest() <= at;
        if is_whole {
            return self.clone();
        }
        let mut session = self.clone();
        for (case, state) in session.cases.iter_mut().enumerate() {
            let stood = self.history.case_at(case, at).unwrap_or(CaseStood::new(self.plan.attempts()));
            let is_given_up = |a: &AttemptState| self.history.is_given_up(case, a.number, at);
            state.go_back(at, &stood, is_given_up, |a| !is_given_up(a) && self.is_owed_again(a, &stood, at));
        }
        session.stage = session.cases.iter().map(|c| c.stage).max().unwrap_or(0);
        session.plan.concurrency = session.sweep.get(session.stage).copied().unwrap_or(session.plan.concurrency);
        for state in &mut session.cases {
            state.stage = session.stage;
        }
        session.began = self.began.filter(|began| *began <= at);
        let run = self.history.run_at(at);
        session.mode = match run.map(|r| r.mode) {
            _ if session.began.is_none() => Mode::Waiting,
            // It is told a moment after it was so.
            Some(Mode::Finished) if session.in_flight() > 0 => Mode::Running,
            None | Some(Mode::Waiting) => Mode::Running,
            Some(mode) => mode,
        };
        session.last_ended = records().map(KeptRecord::ended).filter(|ended| *ended <= at).max();
        session.still.retain(|(_, to)| *to <= at);
        session.away.retain(|(from, _)| *from <= at);
        session.idle = self.idle.as_at(at);
        session.history.go_back(at);
        session.not_started = run.map_or(0, |r| r.not_started);
        session.pace = self.pace_at(at, &session);
        session.now = at;
        session
    }

    /// How much of the plan's duration was over when it stood as `then`; its intended starts are not found again.
    fn pace_at(&self, at: Nanos, then: &Self) -> Pace {
        let mut pace = Pace::new(&then.plan);
        let of_stage = |a: &&AttemptState| !a.warmup && a.stage == then.stage;
        let attempts = self.attempts().filter(of_stage);
        let Some(from) =
            attempts.filter_map(|a| a.record.as_ref()).map(KeptRecord::began).min().filter(|from| *from <= at)
        else {
            return pace;
        };
        let still: Duration = self.still.iter().map(|&(a, b)| b.min(at).since(a.max(from))).sum();
        pace.begin(at);
        pace.spend(at.since(from).saturating_sub(still));
        if then.cases.iter().all(|c| c.remaining != u32::MAX) {
            pace.end();
        }
        pace
    }

    /// Whether an attempt that left nothing had been taken back by `at`, since it `stood` so: by a hold before it was due, or
    /// by the end of the program.
    fn is_owed_again(&self, attempt: &AttemptState, stood: &CaseStood, at: Nanos) -> bool {
        let record = attempt.record.as_ref().filter(|r| !attempt.warmup && r.ended() <= at);
        let Some(ended) = record.map(KeptRecord::ended) else { return false };
        if is_lost(attempt) {
            // By the program's end; once it was back it stood there.
            return !self.away.iter().any(|(gone, back)| ended <= *gone && *back <= stood.at);
        }
        attempt.abandoned && stood.at < ended
    }

    /// Whether nobody held it, and it did not end either: the program did.
    pub fn is_cut_off(&self) -> bool {
        self.mode == Mode::Held && self.history.mode() == Some(Mode::Running)
    }

    /// Whether the program was gone then.
    pub fn is_away(&self, at: Nanos) -> bool {
        self.away.iter().any(|(from, to)| *from <= at && at < *to)
    }

    /// Why nothing ran between two times.
    pub fn why_idle(&self, from: Nanos, to: Nanos) -> IdleReason {
        let middle = Nanos(from.0.midpoint(to.0));
        if self.away.iter().any(|(gone, back)| *gone < to && from < *back) {
            return IdleReason::Away;
        }
        let phases = || (0..self.cases.len()).filter_map(|case| Some(self.history.case_at(case, middle)?.phase));
        let waits = |phase| matches!(phase, CasePhase::Queued | CasePhase::Running);
        match self.history.run_at(middle).map(|r| r.mode) {
            Some(Mode::Held) => IdleReason::Held,
            Some(Mode::Finished) => IdleReason::Finished,
            _ if phases().any(|phase| phase == CasePhase::Paused) && !phases().any(waits) => IdleReason::Paused,
            _ => IdleReason::NotDue,
        }
    }
}

impl CaseState {
    /// Back to `at`, by how it `stood` at or before that time, and what had become of its attempts by then: given up by the
    /// user, or taken back and owed again.
    fn go_back(
        &mut self,
        at: Nanos,
        stood: &CaseStood,
        is_given_up: impl Fn(&AttemptState) -> bool,
        is_owed_again: impl Fn(&AttemptState) -> bool,
    ) {
        let begun = |a: &AttemptState| a.record.as_ref().is_none_or(|r| r.began() <= at);
        let count = self.attempts.iter().rposition(begun).map_or(0, |last| last + 1);
        self.remaining = self.remaining_of(count, stood, is_owed_again);
        self.attempts.truncate(count);
        self.open.clear();
        for attempt in &mut self.attempts {
            if attempt.record.as_ref().is_some_and(|r| r.ended() > at) {
                attempt.record = None;
                attempt.abandoned &= is_given_up(attempt);
                self.open.push(attempt.number);
            }
        }
        // How a case stands is told a moment after it is so: an attempt may be of a later round.
        let place = self.attempts.last().map_or((0, 0), |a| (a.round, a.stage));
        self.round = stood.round.max(place.0);
        self.stage = stood.stage.max(place.1);
        let round = self.round;
        self.failed_in_round = self.attempts.iter().any(|a| a.round == round && a.is_failed());
        let is_under_way = |since: u32| self.in_flight().any(|a| !a.abandoned && a.number > since);
        let waited = matches!(stood.phase, CasePhase::Queued | CasePhase::Running);
        if is_under_way(if waited { 0 } else { stood.attempts }) {
            self.phase = CasePhase::Running;
        } else if waited {
            let last = self.attempts.iter().max_by_key(|a| a.record.as_ref().map(KeptRecord::ended));
            self.settle(last.is_some_and(|a| a.warmup || a.status() == Some(AttemptStatus::Cancelled)));
        } else {
            self.phase = stood.phase;
        }
        for whole in &mut self.whole {
            whole.retain(|number| *number as usize <= count);
        }
    }

    /// Measured attempts still to be started once `count` had begun.
    fn remaining_of(&self, count: usize, stood: &CaseStood, is_owed_again: impl Fn(&AttemptState) -> bool) -> u32 {
        if stood.remaining == u32::MAX {
            return u32::MAX;
        }
        let known = (stood.attempts as usize).min(self.attempts.len());
        let measured = |from: usize, to: usize| {
            let some = self.attempts.get(from..to).unwrap_or_default();
            some.iter().filter(|a| !a.warmup).count() as u32
        };
        let owed = self.attempts.iter().take(count).filter(|a| is_owed_again(a)).count() as u32;
        let left = stood.remaining.saturating_add(owed).saturating_add(measured(count, known));
        left.saturating_sub(measured(known, count))
    }
}

#[cfg(test)]
mod tests;
