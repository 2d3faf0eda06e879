//! A row of the table: a case, or one attempt of an unfolded case.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::app::state::cases::{RowId, reported};
use crate::app::state::{App, Scene};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::difference::Figures;
use crate::domain::finish_reason::FinishClass;
use crate::domain::live::InFlight;
use crate::domain::metrics::{Metric, PASS_RATE};
use crate::domain::session::{AttemptState, CasePhase, CaseState};
use crate::domain::suite::CaseSpec;
use crate::domain::text::sanitise_line;
use crate::report::spread::Spread;
use crate::ui::cache::RenderCache;

/// Everything needed to draw a row.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub(super) scene: &'a Scene,
    /// Index of the case.
    pub(super) case: usize,
    pub(super) spec: &'a CaseSpec,
    pub(super) state: &'a CaseState,
    /// Index of the stage of the sweep to which the figures of a case belong; 0 without a sweep.
    pub(super) stage: usize,
    /// The attempt of this row; `None` in the row of a case.
    pub(super) attempt: Option<&'a AttemptState>,
    /// Phase of the case or of the attempt.
    pub(super) phase: CasePhase,
    /// The request in flight.
    pub(super) live: Option<&'a InFlight>,
    /// The complete answer; for a case, the reported one.
    pub(super) record: Option<Arc<AttemptRecord>>,
    /// The attempt that ended last, complete or not.
    ended: Option<Arc<AttemptRecord>>,
    /// Whether the attempts of the case have rows of their own.
    pub(super) is_unfolded: bool,
    /// Figures of the case in the baseline, if one is set.
    pub(super) baseline: Option<&'a Figures>,
    /// Figures of the row's answers, computed by the first column that needs them.
    figures: OnceCell<Rc<Figures>>,
    /// Cache of expensive figures across frames, and the index of the case in it.
    cached: Option<(&'a RenderCache, usize)>,
}

/// Failed checks of a row whose answers are complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Number of checks that the answer fails.
    Checks(usize),
    /// Number of answers that fail a check, out of the checked ones.
    Answers { failed: usize, checked: usize },
}

impl<'a> Row<'a> {
    pub(super) fn find(app: &'a App, id: RowId) -> Option<Self> {
        let scene = app.shown();
        let (spec, state) = (scene.session.suite.cases.get(id.case)?, scene.session.cases.get(id.case)?);
        let is_complete = |r: &Arc<AttemptRecord>| r.is_ok();
        let shown_stage = scene.shown_stage();
        let case = Self {
            scene,
            case: id.case,
            spec,
            state,
            stage: shown_stage,
            attempt: None,
            phase: state.phase,
            live: (state.phase == CasePhase::Running).then(|| scene.in_flight_of(id.case)).flatten(),
            record: state.shown_in(shown_stage).filter(is_complete),
            ended: state.last_ended().and_then(AttemptState::record),
            is_unfolded: app.ui.cases.unfolded.contains(&id.case),
            baseline: app.ui.cases.baseline.as_ref().and_then(|b| b.get(id.case)),
            figures: OnceCell::new(),
            cached: None,
        };
        let Some(number) = id.attempt else { return Some(case) };
        let attempt = state.attempt(number)?;
        let record = attempt.record();
        let is_this = |f: &&InFlight| f.id == AttemptId { case: id.case, number };
        Some(Self {
            attempt: Some(attempt),
            phase: phase(attempt),
            live: scene.in_flight().find(is_this),
            record: record.clone().filter(is_complete),
            ended: record,
            is_unfolded: false,
            ..case
        })
    }

    /// The attempt that ended last, complete or not.
    pub(super) fn ended(&self) -> Option<&AttemptRecord> {
        self.ended.as_deref()
    }

    /// Whether the answer ended at `max_tokens`.
    pub(super) fn is_at_length(&self) -> bool {
        self.phase == CasePhase::Done && self.record.as_ref().is_some_and(|r| r.ends_as(FinishClass::Length))
    }

    /// Whether the answer pane lists findings about the row's answer.
    pub(super) fn has_findings(&self) -> bool {
        self.phase == CasePhase::Done && self.record.as_ref().is_some_and(|r| !r.findings.is_empty())
    }

    /// Answers of a finished row that fail checks; `None` if all pass, or nothing was checked.
    pub(super) fn wrong(&self) -> Option<Wrong> {
        if self.phase != CasePhase::Done {
            return None;
        }
        if self.is_mean() {
            let passes = self.figures().values(&PASS_RATE);
            let failed = passes.iter().filter(|passes| **passes <= 0.0).count();
            return (failed > 0).then_some(Wrong::Answers { failed, checked: passes.len() });
        }
        let failed = self.record.as_ref().map_or(0, |record| record.failed_checks());
        (failed > 0).then_some(Wrong::Checks(failed))
    }

    /// Whether a warm-up attempt is in flight.
    pub(super) fn is_warming(&self) -> bool {
        let warms = |a: &AttemptState| a.warmup && a.record.is_none();
        self.attempt.map_or_else(|| self.state.is_warming(), warms)
    }

    /// Keeps expensive figures of the row in `cache` across frames.
    pub(super) fn cached_in(self, cache: &'a RenderCache, case: usize) -> Self {
        Self { cached: Some((cache, case)), ..self }
    }

    /// Figures of the row's answers, computed once for all columns: of the attempt, or of the case's reported attempts.
    pub(super) fn figures(&self) -> &Figures {
        self.figures.get_or_init(|| match (self.attempt, self.cached) {
            (Some(_), _) => Rc::new(Figures::from_records(self.record.as_slice())),
            (None, Some((cache, case))) => {
                cache.case_figures((case, self.stage), self.state, || reported(self.state, self.stage))
            }
            (None, None) => Rc::new(reported(self.state, self.stage)),
        })
    }

    /// Whether the row summarises several complete answers, so that its figures are means, as in the report.
    pub(super) fn is_mean(&self) -> bool {
        self.attempt.is_none() && self.state.reported_in(self.stage).nth(1).is_some()
    }

    /// Mean and spread of a metric over the case's reported attempts, as the report computes them.
    pub(super) fn spread(&self, metric: &Metric) -> Option<Spread> {
        Spread::of_metric(metric, self.figures().values(metric).iter().map(|value| (0, *value)).collect())
    }

    /// Error message that replaces the figures of a failed row, and the words after it.
    pub(super) fn failure(&self) -> Option<(String, String)> {
        if self.phase != CasePhase::Failed || self.record.is_some() {
            return None;
        }
        let record = self.ended()?;
        let error = record.error.as_ref()?;
        let message = if error.message.is_empty() { &error.kind } else { &error.message };
        let events = record.content_events();
        let after = if events > 0 { format!(" · after {events} events") } else { String::new() };
        Some((sanitise_line(message), after))
    }
}

/// Phase of an attempt.
fn phase(attempt: &AttemptState) -> CasePhase {
    match attempt.status() {
        None if attempt.abandoned => CasePhase::Cancelled,
        None => CasePhase::Running,
        Some(AttemptStatus::Ok) => CasePhase::Done,
        Some(AttemptStatus::Cancelled) => CasePhase::Cancelled,
        Some(_) => CasePhase::Failed,
    }
}
