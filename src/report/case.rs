//! One case of a run as reports see it: which attempts count, and how it stands.

use std::sync::Arc;

use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::metrics::{METRICS, Metric};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::{AttemptState, CasePhase, CaseState, Session};
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
    pub reported: Vec<&'a AttemptState>,
    /// Its place in the suite.
    index: usize,
    /// The figures of those that have one, in the order of [`METRICS`]: of a long run, no record is unpacked twice for them.
    figures: Vec<Vec<f64>>,
    /// Those whose stream does not carry the figure, in the same order.
    unresolved: Vec<usize>,
    estimated: bool,
    warm: usize,
}

/// The cases of a session in the suite's order.
pub fn cases(session: &Session) -> Vec<CaseView<'_>> {
    let both = session.suite.cases.iter().zip(&session.cases).enumerate();
    both.map(|(index, (spec, state))| CaseView::new(index, spec, state)).collect()
}

impl<'a> CaseView<'a> {
    fn new(index: usize, spec: &'a CaseSpec, state: &'a CaseState) -> Self {
        let reported: Vec<_> = state.reported().collect();
        let figures = vec![Vec::new(); METRICS.len()];
        let unresolved = vec![0; METRICS.len()];
        let mut view = Self { spec, state, reported, index, figures, unresolved, estimated: false, warm: 0 };
        for record in view.reported.iter().filter_map(|a| a.record()) {
            for ((column, unresolved), metric) in view.figures.iter_mut().zip(&mut view.unresolved).zip(METRICS) {
                let figure = (metric.get)(&record);
                *unresolved += usize::from(figure.is_none() && (metric.unresolved)(&record).is_some());
                column.extend(figure);
            }
            view.estimated |= is_estimated(&record);
            view.warm += usize::from(is_warm(&record));
        }
        view
    }

    /// The figures of a metric, of the reported attempts that have it, beside the place of the case.
    pub fn figures(&self, metric: &Metric) -> impl Iterator<Item = (usize, f64)> + '_ {
        let at = METRICS.iter().position(|m| *m == metric);
        let column = at.and_then(|at| self.figures.get(at)).map_or(&[][..], Vec::as_slice);
        column.iter().map(|figure| (self.index, *figure))
    }

    /// Reported attempts whose stream does not carry a metric.
    pub fn unresolved(&self, metric: &Metric) -> usize {
        let at = METRICS.iter().position(|m| *m == metric);
        at.and_then(|at| self.unresolved.get(at)).copied().unwrap_or(0)
    }

    /// The case's figure: the mean of its reported attempts.
    pub fn figure(&self, metric: &Metric) -> Option<f64> {
        Some(Stats::from_values(self.figures(metric).map(|f| f.1))?.avg)
    }

    /// The spread of a metric over the reported attempts.
    pub fn spread(&self, metric: &Metric) -> Option<Spread> {
        Spread::from_values(self.figures(metric).collect())
    }

    /// Whether a token count among the reported attempts is an estimate.
    pub const fn is_estimated(&self) -> bool {
        self.estimated
    }

    /// Reported attempts that the server answered from its prefix cache.
    pub const fn warm(&self) -> usize {
        self.warm
    }

    /// The records of the reported attempts, one by one.
    pub fn records(&self) -> impl Iterator<Item = Arc<AttemptRecord>> + '_ {
        self.reported.iter().filter_map(|a| a.record())
    }

    /// Measured attempts that are over, in all rounds.
    pub fn ended(&self) -> usize {
        self.state.attempts.iter().filter(|a| !a.warmup && a.record.is_some()).count()
    }

    /// Measured attempts that failed in the reported round or after it. What the user gave up is no failure.
    pub fn failures(&self) -> impl DoubleEndedIterator<Item = &'a AttemptState> {
        let from = self.reported.first().map_or(0, |a| a.round);
        // Of a sweep, those of the stage that is reported: the others stand in its table.
        let stage = self.state.attempts.last().map_or(0, |a| a.stage);
        let late = self.state.attempts.iter().filter(move |a| a.round >= from && a.stage == stage);
        late.filter(|a| a.is_failed())
    }

    /// The attempt whose text stands for the case: the last that counts, else the last measured one.
    pub fn shown(&self) -> Option<Arc<AttemptRecord>> {
        self.reported.last().copied().or_else(|| self.state.last_ended())?.record()
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
                let last = self.failures().next_back().or_else(|| self.state.last_ended());
                last.and_then(AttemptState::status).map_or("not run", AttemptStatus::as_str)
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
