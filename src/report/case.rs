//! View of one case for reports: its reported attempts, figures and status.

use std::sync::Arc;

use crate::domain::attempt::{AttemptRecord, AttemptStatus, TokenSource};
use crate::domain::metrics::{METRICS, Metric, PASS_RATE};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::{AttemptState, CasePhase, CaseState, Session};
use crate::domain::statistics::Stats;
use crate::domain::suite::CaseSpec;
use crate::domain::sweep::headline_stage;

use super::spread::Spread;

/// A case with its reported attempts.
#[derive(Clone, Debug)]
pub struct CaseView<'a> {
    /// Definition of the case in the suite.
    pub spec: &'a CaseSpec,
    /// State of the case, with all its attempts.
    pub state: &'a CaseState,
    /// Reported attempts: the complete measured ones of the last round that has any. Empty if the case has no figures.
    /// In a sweep, those of `stage`.
    pub reported: Vec<&'a AttemptState>,
    /// Index of the sweep's stage that this view shows; 0 without a sweep.
    stage: usize,
    /// Position of the case in the suite.
    index: usize,
    figures: Figures,
}

/// Returns the cases of a session in the order of the suite. In a sweep, the views show its [headline
/// stage](headline_stage).
pub fn cases(session: &Session) -> Vec<CaseView<'_>> {
    cases_in(session, headline_stage(session))
}

/// Returns the cases of a session in the order of the suite, as one stage of a sweep measured them.
pub fn cases_in(session: &Session, stage: usize) -> Vec<CaseView<'_>> {
    let both = session.suite.cases.iter().zip(&session.cases).enumerate();
    both.map(|(index, (spec, case))| CaseView::new(index, spec, case, stage)).collect()
}

/// Returns the same views as [`cases_in`] and unpacks each record only once. Passes each ended attempt to `see`, with
/// its record and whether the attempt is reported.
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

/// Figures of a case's reported attempts. They are cached, so that no record is unpacked twice.
#[derive(Clone, Debug)]
struct Figures {
    /// Values by metric, in the order of [`METRICS`].
    values: Vec<Vec<f64>>,
    /// Number of reported attempts without a resolved value, by metric in the same order.
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

    /// Returns the values of a metric over the reported attempts, each with the position of the case in the suite.
    pub fn figures(&self, metric: &Metric) -> impl Iterator<Item = (usize, f64)> + '_ {
        let at = METRICS.iter().position(|m| *m == metric);
        let column = at.and_then(|at| self.figures.values.get(at)).map_or(&[][..], Vec::as_slice);
        column.iter().map(|figure| (self.index, *figure))
    }

    /// Returns the number of reported attempts in which a metric is unresolved.
    pub fn unresolved(&self, metric: &Metric) -> usize {
        let at = METRICS.iter().position(|m| *m == metric);
        at.and_then(|at| self.figures.unresolved.get(at)).copied().unwrap_or(0)
    }

    /// Returns the mean of a metric over the reported attempts.
    pub fn figure(&self, metric: &Metric) -> Option<f64> {
        Some(Stats::from_values(self.figures(metric).map(|f| f.1))?.avg)
    }

    /// Returns the spread of a metric over the reported attempts.
    pub fn spread(&self, metric: &Metric) -> Option<Spread> {
        Spread::of_metric(metric, self.figures(metric).collect())
    }

    /// Returns whether any reported attempt has an estimated token count.
    pub const fn is_estimated(&self) -> bool {
        self.figures.estimated
    }

    /// Returns the number of reported attempts with a warm prefix cache, without later turns of conversations.
    pub const fn warm(&self) -> usize {
        self.figures.warm
    }

    /// Returns the number of reported attempts whose answer fails a check.
    pub fn wrong(&self) -> usize {
        self.figures(&PASS_RATE).filter(|(_, passes)| *passes <= 0.0).count()
    }

    /// Returns the records of the reported attempts.
    pub fn records(&self) -> impl Iterator<Item = Arc<AttemptRecord>> + '_ {
        self.reported.iter().filter_map(|a| a.record())
    }

    /// Returns the number of measured attempts that completed or failed, reruns included. In a sweep, counts only the
    /// stage of this view. Cancelled attempts do not count.
    pub fn measured(&self) -> usize {
        self.in_stage().filter(|a| a.is_good() || a.is_failed()).count()
    }

    /// Returns the attempts of this view's stage.
    fn in_stage(&self) -> impl DoubleEndedIterator<Item = &'a AttemptState> {
        self.state.stage_attempts(self.stage).iter()
    }

    /// Returns the measured attempts that failed in the reported round or later. Cancelled attempts are not failures.
    pub fn failures(&self) -> impl DoubleEndedIterator<Item = &'a AttemptState> {
        let from = self.reported.first().map_or(0, |a| a.round);
        self.in_stage().filter(move |a| a.round >= from && a.is_failed())
    }

    /// Returns the record whose text represents the case: the last reported attempt, or else the last measured one.
    pub fn shown(&self) -> Option<Arc<AttemptRecord>> {
        self.reported.last().copied().or_else(|| self.state.last_ended())?.record()
    }

    /// Returns the status of the case as one word: `ok`, the kind of failure, or why the case was not measured.
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

/// Returns whether the output tokens of an attempt are estimated.
pub fn is_estimated(record: &AttemptRecord) -> bool {
    record.output_tokens().is_some_and(|(_, source)| source == TokenSource::Estimate)
}

/// Returns whether the prefix cache was warm although the prompt repeats no earlier turn.
pub fn is_warm(record: &AttemptRecord) -> bool {
    record.prefix_cache() == PrefixCache::Warm && !record.is_later_turn()
}
