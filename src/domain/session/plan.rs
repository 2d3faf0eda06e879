//! Amount of work in a run.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::open_loop::OpenLoop;
use crate::domain::shard::Shard;
use crate::domain::suite::Suite;

/// [`Plan::concurrency`] of an open loop without a limit.
pub const NO_LIMIT: usize = usize::MAX;

/// Amount of work in a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Number of requests in flight in a closed loop. In an open loop, the maximum number, which may be [`NO_LIMIT`].
    pub concurrency: usize,
    /// Measured attempts per case.
    pub repeat: u32,
    /// Unmeasured attempts before the first measured one, taken from the cases in turn.
    pub warmup: u32,
    /// Whether prompts are sent unchanged, so that a prefix cache may hold them. Otherwise each prompt is made unique.
    pub warm: bool,
    /// Rate and distribution of the starts; `None` in a closed loop.
    pub open_loop: Option<OpenLoop>,
    /// Time for which cases are started in turn, regardless of `repeat`; `None` without a time limit.
    pub duration: Option<Duration>,
    /// Number of measured requests in all, spread over the cases in turn, regardless of `repeat`; at least one per
    /// case. `None` if `repeat` decides.
    pub requests: Option<u32>,
    /// Whether an open loop ends as soon as its queue is found to only grow.
    pub stop_when_saturated: bool,
    /// Part of the attempts that this process sends; `None` in a run that is not divided. `repeat` and `requests` are
    /// then those of all shards, `concurrency` and `open_loop` those of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            concurrency: 1,
            repeat: 1,
            warmup: 0,
            warm: false,
            open_loop: None,
            duration: None,
            requests: None,
            stop_when_saturated: false,
            shard: None,
        }
    }
}

impl Plan {
    /// Returns whether the run is a load test, that is, has a concurrency above 1, a rate or a duration. Its totals
    /// matter more than single cases.
    pub fn is_load(&self) -> bool {
        self.concurrency > 1 || self.open_loop.is_some() || self.duration.is_some()
    }

    /// Maximum number of requests in flight; `None` without a limit.
    pub fn limit(&self) -> Option<usize> {
        (self.concurrency != NO_LIMIT).then_some(self.concurrency)
    }

    /// Returns whether cases take turns. Otherwise each case is completed before the next starts.
    pub(super) fn takes_turns(&self) -> bool {
        self.open_loop.is_some() || self.duration.is_some() || self.requests.is_some()
    }

    /// Number of measured attempts to start for the case with index `case`, of `cases` cases; [`u32::MAX`] if only the
    /// time limits the number.
    fn attempts_of(&self, case: usize, cases: usize) -> u32 {
        let of_all_shards = match self.requests {
            _ if self.duration.is_some() => return u32::MAX,
            None => self.repeat,
            Some(requests) => {
                let cases = u32::try_from(cases.max(1)).unwrap_or(u32::MAX);
                let is_early = u32::try_from(case).is_ok_and(|case| case < requests % cases);
                // The command line refuses fewer requests than cases; a damaged journal may hold fewer.
                (requests / cases + u32::from(is_early)).max(1)
            }
        };
        self.shard.map_or(of_all_shards, |shard| shard.attempts_of_case(case, of_all_shards))
    }

    /// Number of measured requests of a run, or of one stage of a sweep, over `cases` cases. `None` if only the time
    /// limits the number.
    pub fn measured_requests(&self, cases: usize) -> Option<usize> {
        if self.duration.is_some() {
            return None;
        }
        if self.shard.is_some() {
            return Some((0..cases).map(|case| self.attempts_of(case, cases) as usize).sum());
        }
        Some(self.requests.map_or_else(|| cases.saturating_mul(self.repeat as usize), |requests| requests as usize))
    }
}

/// Number of measured attempts to start for a case; [`u32::MAX`] if only the time limits the number.
pub(super) fn attempts_of(suite: &Suite, plan: &Plan, case: usize) -> u32 {
    let workload = suite.workload.as_ref().filter(|_| plan.duration.is_none());
    let planned = workload.map(|w| w.planned.get(case).copied().unwrap_or_default());
    planned.unwrap_or_else(|| plan.attempts_of(case, suite.cases.len()))
}
