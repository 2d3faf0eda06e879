//! Caches layouts and figures that are too expensive to compute for every frame, and keeps scroll limits of the last
//! frame.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ratatui::text::Line;

use super::theme::Theme;
use super::widget::find::Match;
use crate::app::state::ScrollExtent;
use crate::app::state::answer;
use crate::app::state::cases::RowId;
use crate::domain::attempt::AttemptId;
use crate::domain::difference::Figures;
use crate::domain::session::{CaseState, Session};
use crate::domain::time::Nanos;
use crate::report::conclusion::Conclusion;
use crate::report::depth_rows::DepthRow;
use crate::report::models::ModelFigures;

/// Maximum number of cached layouts: enough to switch among a few cases without laying out a text again.
const CAPACITY: usize = 6;

/// Everything that a layout of an answer depends on. Equal keys have equal layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutKey {
    /// The attempt whose text is laid out.
    pub id: AttemptId,
    /// Number of events so far; [`u32::MAX`] for a complete text.
    pub revision: u32,
    /// Length of the answer, bytes.
    pub text_len: usize,
    /// Length of the reasoning, bytes.
    pub reasoning_len: usize,
    /// Form of the answer on the screen.
    pub form: answer::Form,
    /// Whether the layout is of the earlier turns of the conversation instead of the attempt's own text.
    pub is_thread: bool,
    /// Whether the reasoning is unfolded.
    pub unfolded: bool,
    /// Width, columns.
    pub width: u16,
    /// Theme.
    pub theme: Theme,
}

/// A cached search: key of the layout, text to find, and matches.
type Found = (LayoutKey, String, Rc<[Match]>);

/// Layouts, figures and scroll limits of the last frames. The cache belongs to drawing, not to the state of the
/// program.
#[derive(Debug, Default)]
pub struct RenderCache {
    layouts: RefCell<VecDeque<(LayoutKey, Rc<[Line<'static>]>)>>,
    found: RefCell<Option<Found>>,
    answer: Cell<answer::Drawn>,
    report: RefCell<Option<(ReportKey, Rc<[Line<'static>]>)>>,
    overlay_extent: Cell<ScrollExtent>,
    conclusion: RefCell<Option<(ConclusionKey, Rc<Conclusion>)>>,
    reported_ttft: RefCell<Option<(Progress, Rc<ReportedTtft>)>>,
    depth_rows: RefCell<Option<(Progress, Rc<[DepthRow]>)>>,
    model_figures: RefCell<Option<(Progress, Rc<[ModelFigures]>)>>,
    case_figures: RefCell<BTreeMap<usize, (CaseProgress, Rc<Figures>)>>,
    case_rows: RefCell<Vec<(u16, usize)>>,
    name_width: RefCell<Option<(Arc<[RowId]>, usize)>>,
}

/// Minimum interval between two computations over all records of an active run, per record beyond [`FEW_RECORDS`], so
/// that they take a small share of the time for any number of records.
const INTERVAL_PER_RECORD: Duration = Duration::from_micros(10);
/// Number of records up to which every new record causes a new computation.
const FEW_RECORDS: usize = 1000;

/// Key of the cached report: version of its text, width in columns, theme.
type ReportKey = (u64, u16, Theme);

/// Progress of a run: start, end of the last attempt, number of attempts that ended. Equal progress has equal records.
type Progress = (Option<Nanos>, Option<Nanos>, usize);

/// Key of the cached conclusion. The number of GPU samples is part of it, because the last sample arrives after the end
/// of the run.
type ConclusionKey = (Progress, u64);

fn progress(session: &Session) -> Progress {
    (session.began, session.last_ended, session.attempts_ended())
}

/// Progress of a case: its round and stage, its number of attempts that ended, and the stage whose figures are shown.
type CaseProgress = ((u32, usize), usize, usize);

/// TTFT of all reported answers.
#[derive(Debug, Default)]
pub struct ReportedTtft {
    /// TTFT values in milliseconds, ascending.
    pub ascending_ms: Vec<f64>,
    /// Number of answers whose prompt was in the server's prefix cache.
    pub warm: usize,
    /// Number of answers whose TTFT the stream cannot resolve.
    pub unresolved: usize,
}

impl RenderCache {
    /// The layout of `key`; computed now if it is not in the cache.
    pub fn layout(&self, key: LayoutKey, make: impl FnOnce() -> Vec<Line<'static>>) -> Rc<[Line<'static>]> {
        let mut layouts = self.layouts.borrow_mut();
        if let Some(at) = layouts.iter().position(|(k, _)| *k == key) {
            return Rc::clone(&layouts[at].1);
        }
        // Drop older layouts of the same growing text; no frame needs them again.
        layouts.retain(|(k, _)| k.id != key.id || k.revision == u32::MAX);
        layouts.truncate(CAPACITY - 1);
        let lines: Rc<[_]> = make().into();
        layouts.push_front((key, Rc::clone(&lines)));
        lines
    }

    /// Matches of `wanted` in the layout of `key`; searched now if they are not in the cache.
    pub fn found(&self, key: LayoutKey, wanted: &str, search: impl FnOnce() -> Vec<Match>) -> Rc<[Match]> {
        let mut found = self.found.borrow_mut();
        match &*found {
            Some((k, w, matches)) if *k == key && w == wanted => Rc::clone(matches),
            _ => {
                let matches: Rc<[_]> = search().into();
                *found = Some((key, wanted.to_owned(), Rc::clone(&matches)));
                matches
            }
        }
    }

    /// The layout of the report; computed now if `key` changed.
    pub fn report(&self, key: ReportKey, make: impl FnOnce() -> Vec<Line<'static>>) -> Rc<[Line<'static>]> {
        cached(&self.report, key, || make().into())
    }

    /// The conclusion of the run; computed now if an attempt ended or a GPU sample arrived.
    pub fn conclusion(&self, session: &Session, gpu_samples: u64, make: impl FnOnce() -> Conclusion) -> Rc<Conclusion> {
        cached(&self.conclusion, (progress(session), gpu_samples), || Rc::new(make()))
    }

    /// TTFT of all reported answers of a session; recomputed at intervals while a large run is active.
    pub fn reported_ttft(&self, session: &Session, make: impl FnOnce() -> ReportedTtft) -> Rc<ReportedTtft> {
        if let Some((made_for, made)) = &*self.reported_ttft.borrow()
            && session.is_active()
            && made_for.0 == session.began
            && made_for.2 <= session.attempts_ended()
            && is_recent(made_for.1, session)
        {
            return Rc::clone(made);
        }
        cached(&self.reported_ttft, progress(session), || Rc::new(make()))
    }

    /// Figures at each context depth; computed now if an attempt ended.
    pub fn depth_rows(&self, session: &Session, make: impl FnOnce() -> Vec<DepthRow>) -> Rc<[DepthRow]> {
        cached(&self.depth_rows, progress(session), || make().into())
    }

    /// Figures by model; recomputed at intervals while a large run is active.
    pub fn model_figures(&self, session: &Session, make: impl FnOnce() -> Vec<ModelFigures>) -> Rc<[ModelFigures]> {
        if let Some((made_for, made)) = &*self.model_figures.borrow()
            && session.is_active()
            && made_for.0 == session.began
            && made_for.2 <= session.attempts_ended()
            && is_recent(made_for.1, session)
        {
            return Rc::clone(made);
        }
        cached(&self.model_figures, progress(session), || make().into())
    }

    /// Width of the longest name in these rows, columns.
    pub fn name_width(&self, rows: &Arc<[RowId]>, make: impl FnOnce() -> usize) -> usize {
        let mut cached = self.name_width.borrow_mut();
        match &*cached {
            Some((measured, width)) if Arc::ptr_eq(measured, rows) => *width,
            _ => cached.insert((Arc::clone(rows), make())).1,
        }
    }

    /// Figures of a case's reported answers in a stage of the sweep. `index` is its index in the suite.
    pub fn case_figures(
        &self,
        (index, stage): (usize, usize),
        case: &CaseState,
        make: impl FnOnce() -> Figures,
    ) -> Rc<Figures> {
        let key = (case.place(), case.ended_count(), stage);
        let mut all = self.case_figures.borrow_mut();
        if let Some((_, figures)) = all.get(&index).filter(|(k, _)| *k == key) {
            return Rc::clone(figures);
        }
        let figures = Rc::new(make());
        all.insert(index, (key, Rc::clone(&figures)));
        figures
    }

    /// Scroll extent of the overlay in the last frame that showed help or report.
    pub fn overlay_extent(&self) -> ScrollExtent {
        self.overlay_extent.get()
    }

    /// Records the scroll extent of the open overlay.
    pub fn set_overlay_extent(&self, extent: ScrollExtent) {
        self.overlay_extent.set(extent);
    }

    /// The case whose row the last frame drew at this row of the screen.
    pub fn case_at(&self, row: u16) -> Option<usize> {
        self.case_rows.borrow().iter().find(|(at, _)| *at == row).map(|(_, case)| *case)
    }

    /// Records which case was drawn at which row of the screen: `(row, case)`.
    pub fn set_case_rows(&self, rows: impl IntoIterator<Item = (u16, usize)>) {
        let mut case_rows = self.case_rows.borrow_mut();
        case_rows.clear();
        case_rows.extend(rows);
    }

    /// The part of the answer that the last frame showed.
    pub fn answer(&self) -> answer::Drawn {
        self.answer.get()
    }

    /// Records the part of the answer that this frame shows.
    pub fn set_answer(&self, drawn: answer::Drawn) {
        self.answer.set(drawn);
    }
}

/// Whether a result made at `made_at` is recent enough: the last attempt ended less than the minimum interval later.
fn is_recent(made_at: Option<Nanos>, session: &Session) -> bool {
    let records = u32::try_from(session.attempts_ended().saturating_sub(FEW_RECORDS)).unwrap_or(u32::MAX);
    let passed = made_at.zip(session.last_ended).map(|(made_at, now)| now.since(made_at));
    passed.is_some_and(|passed| passed < INTERVAL_PER_RECORD * records)
}

/// The cached value if it was made for `key`; otherwise makes and caches a new one.
fn cached<K: PartialEq, T: ?Sized>(slot: &RefCell<Option<(K, Rc<T>)>>, key: K, new: impl FnOnce() -> Rc<T>) -> Rc<T> {
    let mut slot = slot.borrow_mut();
    if let Some((_, made)) = slot.as_ref().filter(|(k, _)| *k == key) {
        return Rc::clone(made);
    }
    let made = new();
    *slot = Some((key, Rc::clone(&made)));
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::SessionInput;
    use crate::report::fixture::{answer, sample_session};

    fn key(case: usize, revision: u32) -> LayoutKey {
        let id = AttemptId { case, number: 1 };
        LayoutKey {
            id,
            revision,
            text_len: 0,
            reasoning_len: 0,
            form: answer::Form::Rendered,
            is_thread: false,
            unfolded: false,
            width: 9,
            theme: Theme::mono(),
        }
    }

    #[test]
    fn a_layout_is_computed_once() {
        let cache = RenderCache::default();
        cache.layout(key(0, u32::MAX), || vec![Line::raw("a")]);
        let again = cache.layout(key(0, u32::MAX), || panic!("made twice"));
        assert_eq!(again.len(), 1);
        assert_eq!(cache.layout(LayoutKey { width: 8, ..key(0, u32::MAX) }, Vec::new).len(), 0);
    }

    #[test]
    fn a_search_runs_once() {
        let cache = RenderCache::default();
        let search = || vec![Match::default()];
        assert_eq!(cache.found(key(0, 1), "a", search).len(), 1);
        assert_eq!(cache.found(key(0, 1), "a", || panic!("searched twice")).len(), 1);
        assert_eq!(cache.found(key(0, 1), "b", Vec::new).len() + cache.found(key(0, 2), "b", search).len(), 1);
    }

    #[test]
    fn a_report_is_laid_out_once_for_each_text_and_width() {
        let cache = RenderCache::default();
        let lines = |key: ReportKey, n| cache.report(key, || vec![Line::raw("a"); n]).len();
        let key = (1, 80, Theme::mono());
        assert_eq!([lines(key, 1), lines(key, 2), lines((2, 80, Theme::mono()), 3)], [1, 1, 3]);
        assert_eq!(lines((2, 81, Theme::mono()), 4), 4);
    }

    #[test]
    fn figures_are_recomputed_when_another_attempt_ends() {
        let cache = RenderCache::default();
        let mut session = sample_session();
        let ttft = |session: &Session, warm| {
            cache.reported_ttft(session, || ReportedTtft { warm, ..ReportedTtft::default() }).warm
        };
        let figures = |session: &Session, made: &Cell<usize>| {
            cache.case_figures((1, 0), &session.cases[1], || {
                made.set(made.get() + 1);
                Figures::default()
            });
            made.get()
        };
        let made = Cell::new(0);
        assert_eq!([ttft(&session, 1), ttft(&session, 2)], [1, 1]);
        assert_eq!([figures(&session, &made), figures(&session, &made)], [1, 1]);
        session.handle(SessionInput::Rerun(1));
        let id = AttemptId { case: 1, number: 2 };
        let record = answer(id, session.last_ended.unwrap(), 100, 5, 4);
        session.handle(SessionInput::Ended(id, Arc::new(record)));
        assert_eq!((ttft(&session, 3), figures(&session, &made)), (3, 2));
    }

    #[test]
    fn the_cache_is_bounded_and_drops_layouts_of_growing_texts() {
        let cache = RenderCache::default();
        for revision in 0..100 {
            cache.layout(key(0, revision), Vec::new);
        }
        assert_eq!(cache.layouts.borrow().len(), 1);
        for case in 0..100 {
            cache.layout(key(case, u32::MAX), Vec::new);
        }
        assert_eq!(cache.layouts.borrow().len(), CAPACITY);
    }
}
