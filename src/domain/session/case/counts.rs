//! Counts of a case's attempts, updated with each start and end. A step thus takes the same time for one attempt and
//! for a million.

use crate::domain::session::AttemptState;

/// Counts of the attempts of a case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttemptCounts {
    /// Measured attempts, in flight or ended.
    pub measured: usize,
    /// Attempts that ended.
    pub ended: usize,
    /// Complete, measured answers.
    pub complete: usize,
    /// Highest number of an attempt with a complete, measured answer.
    pub last_complete: Option<u32>,
    /// Highest number of an attempt that ended.
    pub last_ended: Option<u32>,
    /// Highest number of a measured attempt that ended.
    pub last_measured_ended: Option<u32>,
    reported: Reported,
}

/// Complete, measured answers of the last batch that has any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reported {
    stage: usize,
    round: u32,
    count: usize,
}

impl AttemptCounts {
    /// Counts an attempt that starts.
    pub const fn start(&mut self, warmup: bool) {
        self.measured += !warmup as usize;
    }

    /// Counts an attempt that ended.
    pub fn end(&mut self, attempt: &AttemptState) {
        self.ended += 1;
        self.last_ended = self.last_ended.max(Some(attempt.number));
        if !attempt.warmup {
            self.last_measured_ended = self.last_measured_ended.max(Some(attempt.number));
        }
        if attempt.is_good() {
            self.complete += 1;
            self.last_complete = self.last_complete.max(Some(attempt.number));
            self.report(attempt);
        }
    }

    /// Counts a complete answer. Stages and batches have ascending numbers, so an answer of an earlier one is late and
    /// does not count.
    fn report(&mut self, attempt: &AttemptState) {
        let known = (self.reported.stage, self.reported.round);
        let own = (attempt.stage, attempt.round);
        if self.reported.count == 0 || own > known {
            self.reported = Reported { stage: own.0, round: own.1, count: 1 };
        } else if own == known {
            self.reported.count += 1;
        }
    }

    /// Number of answers that count in the current stage of a sweep.
    pub const fn reported_in(&self, stage: usize) -> usize {
        if self.reported.stage == stage { self.reported.count } else { 0 }
    }
}
