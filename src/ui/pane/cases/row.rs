//! A row: a case, or one attempt of one that is unfolded.

use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;

use crate::app::state::cases::{RowId, complete_until, reported};
use crate::app::state::{App, Scene};
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::difference::Figures;
use crate::domain::finish_reason::FinishClass;
use crate::domain::live::InFlight;
use crate::domain::session::{AttemptState, CasePhase, CaseState};
use crate::domain::suite::CaseSpec;
use crate::domain::text::sanitise_line;
use crate::ui::cache::RenderCache;

/// What a row's figures are compared with, or what of it is compared.
#[derive(Clone, Debug)]
pub(super) enum Compared {
    /// Its figures, with the baseline.
    Baseline(Rc<Figures>),
    /// The last whole answers up to it.
    Last(Vec<Arc<AttemptRecord>>),
}

/// What a row needs.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    pub(super) scene: &'a Scene,
    pub(super) spec: &'a CaseSpec,
    pub(super) state: &'a CaseState,
    /// The attempt this row is of; `None` is the case.
    pub(super) attempt: Option<&'a AttemptState>,
    /// Where the case stands, or the attempt.
    pub(super) phase: CasePhase,
    /// The request in flight.
    pub(super) live: Option<&'a InFlight>,
    /// The whole answer: of a case the one that is reported.
    pub(super) record: Option<Arc<AttemptRecord>>,
    /// What ended last, whole or not.
    ended: Option<Arc<AttemptRecord>>,
    /// Its attempts have rows of their own.
    pub(super) is_unfolded: bool,
    /// The case's figures in the baseline, if there is one.
    pub(super) baseline: Option<&'a Figures>,
    /// What it is compared with, once some column does.
    compared: OnceCell<Compared>,
    /// Where figures of the case are kept from frame to frame, and its place.
    kept: Option<(&'a RenderCache, usize)>,
}

impl<'a> Row<'a> {
    pub(super) fn find(app: &'a App, id: RowId) -> Option<Self> {
        let scene = app.shown();
        let (spec, state) = (scene.session.suite.cases.get(id.case)?, scene.session.cases.get(id.case)?);
        let whole = |r: &Arc<AttemptRecord>| r.is_ok();
        let case = Self {
            scene,
            spec,
            state,
            attempt: None,
            phase: state.phase,
            live: (state.phase == CasePhase::Running).then(|| scene.in_flight_of(id.case)).flatten(),
            record: state.shown().filter(whole),
            ended: state.last_ended().and_then(AttemptState::record),
            is_unfolded: app.ui.cases.unfolded.contains(&id.case),
            baseline: app.ui.cases.baseline.as_ref().and_then(|b| b.get(id.case)),
            compared: OnceCell::new(),
            kept: None,
        };
        let Some(number) = id.attempt else { return Some(case) };
        let attempt = state.attempts.get((number as usize).checked_sub(1)?)?;
        let record = attempt.record();
        let is_this = |f: &&InFlight| f.id == AttemptId { case: id.case, number };
        Some(Self {
            attempt: Some(attempt),
            phase: phase(attempt),
            live: scene.in_flight().find(is_this),
            record: record.clone().filter(whole),
            ended: record,
            is_unfolded: false,
            ..case
        })
    }

    /// The row of a failure.
    pub(super) fn ended(&self) -> Option<&AttemptRecord> {
        self.ended.as_deref()
    }

    /// Ended because it had generated all it might.
    pub(super) fn is_at_length(&self) -> bool {
        self.phase == CasePhase::Done && self.record.as_ref().is_some_and(|r| r.ends_as(FinishClass::Length))
    }

    /// An unmeasured attempt is in flight.
    pub(super) fn is_warming(&self) -> bool {
        let warms = |a: &AttemptState| a.warmup && a.record.is_none();
        self.attempt.map_or_else(|| self.state.attempts.iter().any(warms), warms)
    }

    /// The same row, which keeps dear figures from frame to frame.
    pub(super) fn kept_in(self, cache: &'a RenderCache, case: usize) -> Self {
        Self { kept: Some((cache, case)), ..self }
    }

    /// Looked up once for all columns.
    pub(super) fn compared(&self) -> &Compared {
        self.compared.get_or_init(|| match (self.baseline, self.attempt) {
            (Some(_), Some(_)) => Compared::Baseline(Rc::new(Figures::from_records(self.record.as_slice()))),
            (Some(_), None) => Compared::Baseline(match self.kept {
                Some((cache, case)) => cache.case_figures(case, self.state, || reported(self.state)),
                None => Rc::new(reported(self.state)),
            }),
            (None, attempt) => {
                Compared::Last(complete_until(&self.state.attempts, attempt.map_or(u32::MAX, |a| a.number)))
            }
        })
    }

    /// The error to show in place of figures.
    pub(super) fn failure(&self) -> Option<String> {
        if self.phase != CasePhase::Failed || self.record.is_some() {
            return None;
        }
        let record = self.ended()?;
        let error = record.error.as_ref()?;
        let message = if error.message.is_empty() { &error.kind } else { &error.message };
        let came = record.content_events();
        let after = if came > 0 { format!(" · after {came} events") } else { String::new() };
        Some(format!("{}{after}", sanitise_line(message)))
    }
}

/// Where an attempt stands.
fn phase(attempt: &AttemptState) -> CasePhase {
    match attempt.status() {
        None if attempt.abandoned => CasePhase::Cancelled,
        None => CasePhase::Running,
        Some(AttemptStatus::Ok) => CasePhase::Done,
        Some(AttemptStatus::Cancelled) => CasePhase::Cancelled,
        Some(_) => CasePhase::Failed,
    }
}
