//! One case of a run as reports see it: which attempts count, and how it stands.

use std::sync::Arc;

use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::metrics::{Metric, metric};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::{CasePhase, CaseState, Session};
use crate::domain::statistics::Stats;
use crate::domain::suite::CaseSpec;

use super::spread::Spread;

/// A case with the attempts that count.
#[derive(Clone, Debug)]
pub struct CaseView<'a> {
    /// What was asked.
    pub spec: &'a CaseSpec,
    /// All its attempts.
    pub state: &'a CaseState,
    /// The whole, measured attempts of its last round that has any. Empty: the case has no figures.
    pub reported: Vec<&'a Arc<AttemptRecord>>,
}

/// The cases of a session in the suite's order.
pub fn cases(session: &Session) -> Vec<CaseView<'_>> {
    let both = session.suite.cases.iter().zip(&session.cases);
    both.map(|(spec, state)| CaseView { spec, state, reported: state.reported() }).collect()
}

impl CaseView<'_> {
    /// The case's figure: the mean of its reported attempts.
    pub fn figure(&self, metric: &Metric) -> Option<f64> {
        Some(Stats::of(self.reported.iter().filter_map(|r| (metric.get)(r)))?.avg)
    }

    /// The spread of a metric over the reported attempts.
    pub fn spread(&self, metric: &Metric) -> Option<Spread> {
        Spread::over(metric, self.reported.iter().map(AsRef::as_ref))
    }

    /// [`Self::figure`] of the metric with this key.
    pub fn figure_of(&self, key: &str) -> Option<f64> {
        self.figure(metric(key)?)
    }

    /// Whether a token count among the reported attempts is an estimate.
    pub fn is_estimated(&self) -> bool {
        self.reported.iter().any(|r| is_estimated(r))
    }

    /// Reported attempts that the server answered from its prefix cache.
    pub fn warm(&self) -> usize {
        self.reported.iter().filter(|r| is_warm(r)).count()
    }

    /// Measured attempts that are over, in all rounds.
    pub fn ended(&self) -> usize {
        self.state.attempts.iter().filter(|a| !a.warmup && a.record.is_some()).count()
    }

    /// Measured attempts that failed in the reported round or after it. What the user gave up is no failure.
    pub fn failures(&self) -> Vec<&AttemptRecord> {
        let good = |r: &AttemptRecord| r.is_ok() || r.status == AttemptStatus::Cancelled;
        let round_of = |number| self.state.attempts.iter().find(|a| a.number == number).map_or(0, |a| a.round);
        let from = self.reported.first().map_or(0, |r| round_of(r.id.number));
        // Of a sweep, those of the stage that is reported: the others stand in its table.
        let stage = self.state.attempts.last().map_or(0, |a| a.stage);
        let late = self.state.attempts.iter().filter(|a| !a.warmup && a.round >= from && a.stage == stage);
        late.filter_map(|a| a.record.as_deref()).filter(|r| !good(r)).collect()
    }

    /// The attempt whose text stands for the case: the last that counts, else the last measured one.
    pub fn shown(&self) -> Option<&AttemptRecord> {
        self.reported.last().copied().or_else(|| self.state.last_ended()).map(Arc::as_ref)
    }

    /// One word for how the case stands: `ok`, how it failed, or why it was not measured.
    pub fn status(&self) -> &'static str {
        if !self.reported.is_empty() {
            return AttemptStatus::Ok.as_str();
        }
        match self.state.phase {
            CasePhase::Running => "running",
            CasePhase::Paused => "paused",
            CasePhase::Cancelled => AttemptStatus::Cancelled.as_str(),
            CasePhase::Unreached => "not reached",
            CasePhase::Queued | CasePhase::Done | CasePhase::Failed => {
                let last = self.failures().last().map(|r| r.status).or(self.state.last_ended().map(|r| r.status));
                last.map_or("not run", AttemptStatus::as_str)
            }
        }
    }
}

/// Whether the attempt's output tokens are an estimate.
pub fn is_estimated(record: &AttemptRecord) -> bool {
    record.output_tokens().is_some_and(|(_, source)| source == TokenSource::Estimate)
}

/// Whether the server had the prompt in its prefix cache: such a TTFT is no cold one.
pub fn is_warm(record: &AttemptRecord) -> bool {
    record.prefix_cache() == PrefixCache::Warm
}
