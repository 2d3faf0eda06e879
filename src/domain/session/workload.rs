//! Number of requests of a run: done, left and expected.

use std::time::Duration;

use super::{CasePhase, CaseState, Session};
use crate::domain::time::Nanos;

impl Session {
    /// Number of requests in the plan, over all cases and stages, without reruns. `None` if only the time limits the
    /// number, or if numbers of turns are drawn at random.
    pub fn requests_planned(&self) -> Option<usize> {
        let turns = self.suite.conversations.as_ref().and_then(|c| c.turns.as_ref());
        if turns.is_some_and(|turns| turns.as_fixed().is_none()) {
            return None;
        }
        let stages = self.sweep.len().max(1);
        self.plan.duration.is_none().then(|| self.requests_planned_in_stage.saturating_mul(stages))
    }

    /// Counts the requests of the plan. Later changes of the cases update the counts.
    pub(super) fn count_requests(&mut self) {
        let planned = |case| (self.attempts_of(case) as usize).saturating_mul(self.expected_turns(case));
        let left = |(case, state): (usize, &CaseState)| state.requests_left(self.expected_turns(case));
        let planned = (0..self.cases.len()).map(planned).fold(0, usize::saturating_add);
        let left = self.cases.iter().enumerate().map(left).fold(0, usize::wrapping_add);
        (self.requests_planned_in_stage, self.requests_left_in_stage) = (planned, left);
    }

    /// Number of measured requests that ended, complete or failed, over all cases and stages. Includes reruns and the
    /// requests that a rerun replaced, but neither warm-ups nor cancelled requests.
    pub fn requests_measured(&self) -> usize {
        self.attempts().filter(|a| a.is_good() || a.is_failed()).count()
    }

    /// Number of complete answers that count, over all cases and stages.
    pub fn requests_answered(&self) -> usize {
        self.cases.iter().map(|c| (0..=self.stage).map(|stage| c.reported_in(stage).count()).sum::<usize>()).sum()
    }

    /// Number of cases with a complete answer, in every stage of a sweep.
    pub fn cases_answered(&self) -> usize {
        let stages = self.headline_probe().map_or(0..self.sweep.len().max(1), |probe| probe..probe + 1);
        self.cases.iter().filter(|c| stages.clone().all(|stage| c.reported_in(stage).next().is_some())).count()
    }

    /// Number of measured requests that ended, including reruns. Discarded and cancelled ones do not count.
    pub const fn requests_done(&self) -> usize {
        self.requests_done
    }

    /// Number of measured requests in flight and still to start, including later stages. Requests whose number only the
    /// time limits are not counted.
    pub fn requests_left(&self) -> usize {
        self.requests_left_in_stage.saturating_add(self.requests_of_later_stages())
    }

    fn requests_of_later_stages(&self) -> usize {
        let stages = self.sweep.len().saturating_sub(self.stage + 1);
        if stages == 0 || self.plan.duration.is_some() {
            return 0;
        }
        let takes_part = |c: &CaseState| c.phase != CasePhase::Cancelled || c.is_interrupted();
        let cases = self.cases.iter().enumerate().filter(|(_, c)| takes_part(c));
        let requests = |case| (self.attempts_of(case) as usize).saturating_mul(self.expected_turns(case));
        let in_stage = cases.map(|(case, _)| requests(case)).fold(0, usize::saturating_add);
        in_stage.saturating_mul(stages)
    }

    /// Expected number of requests from rate and duration, over all stages; `None` if the run has no rate or no
    /// duration.
    pub fn requests_expected(&self) -> Option<usize> {
        // A probe ends as soon as it is decided.
        if self.search.is_some() {
            return None;
        }
        let (rate_per_s, duration) = (self.plan.open_loop?.rate_per_s, self.plan.duration?);
        let in_stage = (rate_per_s * duration.as_secs_f64()).round().max(1.0) as usize;
        Some(in_stage.saturating_mul(self.sweep.len().max(1)))
    }

    /// Time until the last request of a trace is due; `None` for other runs, once that request was sent, and in a saved
    /// run, which does not have the trace's times.
    pub fn time_to_last_start(&self, now: Nanos) -> Option<Duration> {
        if !self.clock.is_traced() {
            return None;
        }
        let left = self.cases.iter().map(|case| u64::from(case.remaining)).sum();
        self.clock.time_to_last_start(now, left).filter(|left| !left.is_zero())
    }

    /// Returns whether a duration still limits the current stage.
    pub const fn is_timed(&self) -> bool {
        self.clock.is_timed()
    }

    /// Number of requests done and left when the last duration was over; 0 before that time.
    pub const fn requests_when_time_was_up(&self) -> usize {
        self.requests_when_time_was_up
    }

    /// Time until the durations of this stage and the later ones are over; `None` if no duration limits the stage.
    pub fn time_left(&self, now: Nanos) -> Option<Duration> {
        // The number of probes of a search is not known in advance.
        if self.search.is_some() {
            return None;
        }
        let later_stages = self.sweep.len().saturating_sub(self.stage + 1);
        let later = self.plan.duration?.saturating_mul(u32::try_from(later_stages).unwrap_or(u32::MAX));
        Some(self.clock.time_left(now)?.saturating_add(later))
    }
}
