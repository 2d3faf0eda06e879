//! Durations of the requests that ended, by stage and case. The estimate of the time left is based on them.

use super::Session;
use crate::domain::attempt::AttemptRecord;
use crate::domain::finish_reason::FinishClass;

/// Durations of the measured requests that ended, by stage of the sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pace {
    stages: Vec<StagePace>,
}

/// Durations of the measured requests that ended in one stage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StagePace {
    /// Durations of all requests.
    pub all: Durations,
    /// Answers that ended at the token limit of their case, whose length the limit thus predicts.
    pub capped: Capped,
    cases: Vec<Durations>,
}

/// Number of requests and the sum of their durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Durations {
    /// Number of requests.
    pub count: usize,
    /// Sum of their durations, seconds.
    pub seconds: f64,
}

/// Answers that ended at the token limit of their case.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Capped {
    /// Number of answers.
    pub count: usize,
    /// Sum of their TTFTs, seconds.
    pub first_token_s: f64,
    /// Sum of their times after the first token, seconds.
    pub decode_s: f64,
    /// Sum of the limits, tokens.
    pub max_tokens: f64,
}

impl Durations {
    fn add(&mut self, seconds: f64) {
        self.count += 1;
        self.seconds += seconds;
    }

    /// Mean duration, seconds; `None` without a request.
    pub fn mean_s(self) -> Option<f64> {
        (self.count > 0).then(|| self.seconds / self.count as f64)
    }
}

impl Pace {
    /// Durations in a stage; `None` if no request ended in it or in a later one.
    pub fn stage(&self, stage: usize) -> Option<&StagePace> {
        self.stages.get(stage)
    }

    fn add(&mut self, stage: usize, max_tokens: u32, record: &AttemptRecord) {
        if self.stages.len() <= stage {
            self.stages.resize_with(stage + 1, StagePace::default);
        }
        let Some(pace) = self.stages.get_mut(stage) else { return };
        let (case, seconds) = (record.id.case, record.ended.since(record.started).as_secs_f64());
        if pace.cases.len() <= case {
            pace.cases.resize(case + 1, Durations::default());
        }
        pace.cases.get_mut(case).into_iter().chain([&mut pace.all]).for_each(|durations| durations.add(seconds));
        if record.ends_as(FinishClass::Length) {
            let first_token_s = record.time_to_first_token_ms().unwrap_or(0.0).min(seconds * 1000.0) / 1000.0;
            pace.capped.count += 1;
            pace.capped.first_token_s += first_token_s;
            pace.capped.decode_s += seconds - first_token_s;
            pace.capped.max_tokens += f64::from(max_tokens);
        }
    }
}

impl StagePace {
    /// Mean duration of a case, seconds; `None` if none of its requests ended.
    pub fn mean_s(&self, case: usize) -> Option<f64> {
        self.cases.get(case)?.mean_s()
    }
}

impl Session {
    /// Durations of the measured requests that ended.
    pub const fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Counts the duration of a measured request that ended.
    pub(super) fn count_duration(&mut self, stage: usize, record: &AttemptRecord) {
        let max_tokens = self.suite.cases.get(record.id.case).map_or(0, |case| case.max_tokens);
        self.pace.add(stage, max_tokens, record);
    }
}
