//! One case of a run as reports see it: its attempts that count, and its status.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::metrics::{METRICS, Metric, PASS_RATE};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::{AttemptState, CasePhase, CaseState, Session};
use crate::domain::statistics::Stats;
use crate::domain::suite::CaseSpec;
use crate::domain::sweep::headline_stage;

use super::spread::Spread;

/// A case with the attempts that count.
#[derive(Clone, Debug)]
pub struct CaseView<'a> {
    /// The case in the suite.
    pub spec: &'a CaseSpec,
    /// State of the case, with all its attempts.
    pub state: &'a CaseState,
    /// Complete, measured attempts of the last round that has any; empty for a case without figures. In a sweep, those of
    /// one stage.
    pub reported: Vec<&'a AttemptState>,
    /// Index of that stage; 0 without a sweep.
    stage: usize,
    /// Place of the case in the suite.
    index: usize,
    figures: Figures,
}

/// Returns the numbers of the attempts that count in some stage of a case.
pub fn reported_numbers(state: &CaseState) -> HashSet<u32> {
    let stages = 0..=state.attempts.last().map_or(0, |attempt| attempt.stage);
    stages.flat_map(|stage| state.reported_in(stage)).map(|attempt| attempt.number).collect()
}

/// Returns the cases of a session, in the order of the suite; in a sweep, as its [headline stage](headline_stage)
/// measured them.
pub fn cases(session: &Session) -> Vec<CaseView<'_>> {
    cases_in(session, headline_stage(session))
}

/// Returns the cases as one stage of a sweep measured them.
pub fn cases_in(session: &Session, stage: usize) -> Vec<CaseView<'_>> {
    let both = session.suite.cases.iter().zip(&session.cases).enumerate();
    both.map(|(index, (spec, case))| CaseView::new(index, spec, case, stage)).collect()
}

/// Returns the cases of a session as [`cases_in`] does. `see` gets each attempt that ended with its record, and whether it
/// is a reported one. Each record is unpacked once for all of it.
pub fn cases_seen(
    session: &Session,
    stage: usize,
    mut see: impl FnMut(&AttemptState, &AttemptRecord, bool),
) -> Vec<CaseView<'_>> {
    let mut views = Vec::with_capacity(session.cases.len());
    for (index, (spec, state)) in session.suite.cases.iter().zip(&session.cases).enumerate() {
        let mut view = CaseView::without_figures(index, spec, state, stage);
        let mut reported = view.reported.iter().map(|a| a.number).peekable();
        let mut figures = Figures::default();
        for attempt in &state.attempts {
            let Some(record) = attempt.record() else { continue };
            let is_reported = reported.next_if_eq(&attempt.number).is_some();
            if is_reported {
                figures.add(&record);
            }
            see(attempt, &record, is_reported);
        }
        drop(reported);
        view.figures = figures;
        views.push(view);
    }
    views
}

/// Figures of the reported attempts of a case. Kept so that no record is unpacked twice.
#[derive(Clone, Debug)]
struct Figures {
    /// In the order of [`METRICS`].
    values: Vec<Vec<f64>>,
    /// Number of reported attempts for which a metric is unresolved, in the same order.
    unresolved: Vec<usize>,
    estimated: bool,
    warm: usize,
}

impl Default for Figures {
    fn default() -> Self {
        let count = METRICS.len();
        Self { values: vec![Vec::new(); count], unresolved: vec![0; count], estimated: false, warm: 0 }
    }
}

impl Figures {
    fn add(&mut self, record: &AttemptRecord) {
        for ((column, unresolved), metric) in self.values.iter_mut().zip(&mut self.unresolved).zip(METRICS) {
            let figure = (metric.get)(record);
            *unresolved += usize::from(figure.is_none() && (metric.unresolved)(record).is_some());
            column.extend(figure);
        }
        self.estimated |= is_estimated(record);
        self.warm += usize::from(is_warm(record));
    }
}

impl<'a> CaseView<'a> {
    fn new(index: usize, spec: &'a CaseSpec, case: &'a CaseState, stage: usize) -> Self {
        let mut view = Self::without_figures(index, spec, case, stage);
        let mut figures = Figures::default();
        view.records().for_each(|record| figures.add(&record));
        view.figures = figures;
        view
    }

    fn without_figures(index: usize, spec: &'a CaseSpec, case: &'a CaseState, stage: usize) -> Self {
        let reported = case.reported_in(stage).collect();
        Self { spec, state: case, reported, stage, index, figures: Figures::default() }
    }

    /// Figures of a metric over the reported attempts, each with the place of the case.
    pub fn figures(&self, metric: &Metric) -> impl Iterator<Item = (usize, f64)> + '_ {
        let at = METRICS.iter().position(|m| *m == metric);
        let column = at.and_then(|at| self.figures.values.get(at)).map_or(&[][..], Vec::as_slice);
        column.iter().map(|figure| (self.index, *figure))
    }

    /// Number of reported attempts for which a metric is unresolved.
    pub fn unresolved(&self, metric: &Metric) -> usize {
        let at = METRICS.iter().position(|m| *m == metric);
        at.and_then(|at| self.figures.unresolved.get(at)).copied().unwrap_or(0)
    }

    /// Mean of a metric over the reported attempts.
    pub fn figure(&self, metric: &Metric) -> Option<f64> {
        Some(Stats::from_values(self.figures(metric).map(|f| f.1))?.avg)
    }

    /// Spread of a metric over the reported attempts.
    pub fn spread(&self, metric: &Metric) -> Option<Spread> {
        Spread::of_metric(metric, self.figures(metric).collect())
    }

    /// Returns whether a token count of a reported attempt is an estimate.
    pub const fn is_estimated(&self) -> bool {
        self.figures.estimated
    }

    /// Number of reported attempts that the server answered from its prefix cache, without later turns of conversations.
    pub const fn warm(&self) -> usize {
        self.figures.warm
    }

    /// Number of reported attempts whose answers fail a check.
    pub fn wrong(&self) -> usize {
        self.figures(&PASS_RATE).filter(|(_, passes)| *passes <= 0.0).count()
    }

    /// Records of the reported attempts.
    pub fn records(&self) -> impl Iterator<Item = Arc<AttemptRecord>> + '_ {
        self.reported.iter().filter_map(|a| a.record())
    }

    /// Number of measured attempts that ended, complete or failed, reruns included; in a sweep, those of the reported
    /// stage. Cancelled attempts measured nothing.
    pub fn measured(&self) -> usize {
        self.in_stage().filter(|a| a.is_good() || a.is_failed()).count()
    }

    /// Attempts of the reported stage. The other stages of a sweep are in its table.
    fn in_stage(&self) -> impl DoubleEndedIterator<Item = &'a AttemptState> {
        self.state.stage_attempts(self.stage).iter()
    }

    /// Measured attempts that failed in the reported round or after it. A cancelled attempt is not a failure.
    pub fn failures(&self) -> impl DoubleEndedIterator<Item = &'a AttemptState> {
        let from = self.reported.first().map_or(0, |a| a.round);
        self.in_stage().filter(move |a| a.round >= from && a.is_failed())
    }

    /// Record whose text represents the case: of the last attempt that counts, or else of the last measured one.
    pub fn shown(&self) -> Option<Arc<AttemptRecord>> {
        self.reported.last().copied().or_else(|| self.state.last_ended())?.record()
    }

    /// Status of the case in one word: `ok`, how it failed, or why it was not measured.
    pub fn status(&self) -> &'static str {
        if !self.reported.is_empty() {
            return AttemptStatus::Ok.as_str();
        }
        match self.state.phase {
            CasePhase::Running => "running",
            CasePhase::Paused => "paused",
            CasePhase::Cancelled => self.state.left_as().unwrap_or(AttemptStatus::Cancelled.as_str()),
            CasePhase::Unreached => "not reached",
            CasePhase::Queued | CasePhase::Done | CasePhase::Failed => {
                let last = self.failures().next_back().or_else(|| self.state.last_ended());
                last.and_then(AttemptState::status).map_or("not run", AttemptStatus::as_str)
            }
        }
    }
}

/// Returns whether the attempt's output tokens are an estimate.
pub fn is_estimated(record: &AttemptRecord) -> bool {
    record.output_tokens().is_some_and(|(_, source)| source == TokenSource::Estimate)
}

/// Returns whether the server had the prompt in its prefix cache although it repeats no earlier turn.
pub fn is_warm(record: &AttemptRecord) -> bool {
    record.prefix_cache() == PrefixCache::Warm && !record.is_later_turn()
}
