//! What is too dear to lay out again for every frame.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use ratatui::text::Line;

use super::theme::Theme;
use super::widget::find::Match;
use crate::app::state::answer;
use crate::app::state::cases::RowId;
use crate::app::state::report_view::ScrollExtent;
use crate::domain::attempt::AttemptId;
use crate::domain::difference::Figures;
use crate::domain::session::{CaseState, Session};
use crate::domain::time::Nanos;
use crate::report::conclusion::Conclusion;

/// Layouts kept: those of the cases between which one goes to and fro.
const CAPACITY: usize = 6;

/// What a layout was made of; equal keys have equal layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutKey {
    /// Whose text.
    pub id: AttemptId,
    /// How much of it came; [`u32::MAX`] when nothing more will.
    pub revision: u32,
    /// Bytes of the answer.
    pub text_len: usize,
    /// Bytes of the reasoning.
    pub reasoning_len: usize,
    /// Its form.
    pub form: answer::Form,
    /// The thinking is shown, not folded.
    pub unfolded: bool,
    /// Columns.
    pub width: u16,
    /// Styles.
    pub theme: Theme,
}

/// A layout, what was searched in it, and where that stands.
type Found = (LayoutKey, String, Rc<[Match]>);

/// Layouts of the last frames, and how far what they show can be scrolled. It belongs to the screen, not to the state.
#[derive(Debug, Default)]
pub struct RenderCache {
    layouts: RefCell<VecDeque<(LayoutKey, Rc<[Line<'static>]>)>>,
    found: RefCell<Option<Found>>,
    answer: Cell<answer::Drawn>,
    help_limit: Cell<u16>,
    report: RefCell<Option<(ReportKey, Rc<[Line<'static>]>)>>,
    report_extent: Cell<ScrollExtent>,
    conclusion: RefCell<Option<(ConclusionKey, Rc<Conclusion>)>>,
    reported_ttft: RefCell<Option<(Progress, Rc<ReportedTtft>)>>,
    case_figures: RefCell<BTreeMap<usize, (CaseProgress, Rc<Figures>)>>,
    case_rows: RefCell<Vec<(u16, usize)>>,
    name_width: RefCell<Option<(Arc<[RowId]>, usize)>>,
}

/// While a run goes on, what is made of all records is made anew after this time for each of them beyond [`FEW_RECORDS`]: that
/// takes a small share of the time, however many there are.
const INTERVAL_PER_RECORD: Duration = Duration::from_micros(10);
/// Records of which everything is made anew when one more is there.
const FEW_RECORDS: usize = 1000;

/// The number of the report's text, columns, styles.
type ReportKey = (u64, u16, Theme);

/// How far a run is, so that nothing ended where it is the same: when it began, when its last attempt ended, how many did.
type Progress = (Option<Nanos>, Option<Nanos>, usize);

/// That, and samples of the GPUs: the last comes after the end.
type ConclusionKey = (Progress, u64);

fn progress(session: &Session) -> Progress {
    (session.began, session.last_ended, session.attempts_ended())
}

/// How far a case is: its round and stage, how many attempts are over.
type CaseProgress = ((u32, usize), usize);

/// The TTFT of all answers that are reported.
#[derive(Debug, Default)]
pub struct ReportedTtft {
    /// Milliseconds, ascending.
    pub ascending_ms: Vec<f64>,
    /// Answers out of the server's prefix cache.
    pub warm: usize,
    /// Answers whose stream does not carry their TTFT.
    pub unresolved: usize,
}

impl RenderCache {
    /// The layout of `key`, made now if none is kept.
    pub fn layout(&self, key: LayoutKey, make: impl FnOnce() -> Vec<Line<'static>>) -> Rc<[Line<'static>]> {
        let mut layouts = self.layouts.borrow_mut();
        if let Some(at) = layouts.iter().position(|(k, _)| *k == key) {
            return Rc::clone(&layouts[at].1);
        }
        // Of a text that grows, the layout before is of no use any more.
        layouts.retain(|(k, _)| k.id != key.id || k.revision == u32::MAX);
        layouts.truncate(CAPACITY - 1);
        let lines: Rc<[_]> = make().into();
        layouts.push_front((key, Rc::clone(&lines)));
        lines
    }

    /// Where `wanted` stands in the layout of `key`, looked for now if it was not yet.
    pub fn found(&self, key: LayoutKey, wanted: &str, look: impl FnOnce() -> Vec<Match>) -> Rc<[Match]> {
        let mut found = self.found.borrow_mut();
        match &*found {
            Some((k, w, matches)) if *k == key && w == wanted => Rc::clone(matches),
            _ => {
                let matches: Rc<[_]> = look().into();
                *found = Some((key, wanted.to_owned(), Rc::clone(&matches)));
                matches
            }
        }
    }

    /// The layout of the report.
    pub fn report(&self, key: ReportKey, make: impl FnOnce() -> Vec<Line<'static>>) -> Rc<[Line<'static>]> {
        cached(&self.report, key, || make().into())
    }

    /// What the run came to; samples of the GPUs come after its end, too.
    pub fn conclusion(&self, session: &Session, gpu_samples: u64, make: impl FnOnce() -> Conclusion) -> Rc<Conclusion> {
        cached(&self.conclusion, (progress(session), gpu_samples), || Rc::new(make()))
    }

    /// The TTFT of all answers of a session that are reported.
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

    /// Columns of the longest name in these rows.
    pub fn name_width(&self, rows: &Arc<[RowId]>, make: impl FnOnce() -> usize) -> usize {
        let mut kept = self.name_width.borrow_mut();
        match &*kept {
            Some((of, width)) if Arc::ptr_eq(of, rows) => *width,
            _ => kept.insert((Arc::clone(rows), make())).1,
        }
    }

    /// The figures of a case's answers that are reported, by its place in the suite.
    pub fn case_figures(&self, case: usize, state: &CaseState, make: impl FnOnce() -> Figures) -> Rc<Figures> {
        let key = (state.place(), state.attempts.iter().filter(|a| a.record.is_some()).count());
        let mut all = self.case_figures.borrow_mut();
        if let Some((_, figures)) = all.get(&case).filter(|(k, _)| *k == key) {
            return Rc::clone(figures);
        }
        let figures = Rc::new(make());
        all.insert(case, (key, Rc::clone(&figures)));
        figures
    }

    /// How far the report could be scrolled in the last frame that showed it.
    pub fn report_extent(&self) -> ScrollExtent {
        self.report_extent.get()
    }

    /// Remembers how far the report can be scrolled.
    pub fn set_report_extent(&self, extent: ScrollExtent) {
        self.report_extent.set(extent);
    }

    /// The case whose row the last frame had there, counted from the screen's top.
    pub fn case_at(&self, row: u16) -> Option<usize> {
        self.case_rows.borrow().iter().find(|(at, _)| *at == row).map(|(_, case)| *case)
    }

    /// Remembers the rows of the cases: row of the screen, case.
    pub fn set_case_rows(&self, rows: impl IntoIterator<Item = (u16, usize)>) {
        let mut kept = self.case_rows.borrow_mut();
        kept.clear();
        kept.extend(rows);
    }

    /// What the last frame showed of the answer.
    pub fn answer(&self) -> answer::Drawn {
        self.answer.get()
    }

    /// Remembers what is shown of the answer.
    pub fn set_answer(&self, drawn: answer::Drawn) {
        self.answer.set(drawn);
    }

    /// Lines that the help could be scrolled down in the last frame that showed it.
    pub fn help_limit(&self) -> u16 {
        self.help_limit.get()
    }

    /// Remembers how far the help can be scrolled down.
    pub fn set_help_limit(&self, lines: usize) {
        self.help_limit.set(u16::try_from(lines).unwrap_or(u16::MAX));
    }
}

/// What was made of `key`, now if it was another one.
/// Whether so little time passed up to the last end of an attempt that what was made before is new enough.
fn is_recent(made_at: Option<Nanos>, session: &Session) -> bool {
    let records = u32::try_from(session.attempts_ended().saturating_sub(FEW_RECORDS)).unwrap_or(u32::MAX);
    let passed = made_at.zip(session.last_ended).map(|(made_at, now)| now.since(made_at));
    passed.is_some_and(|passed| passed < INTERVAL_PER_RECORD * records)
}

fn cached<K: PartialEq, T: ?Sized>(place: &RefCell<Option<(K, Rc<T>)>>, key: K, new: impl FnOnce() -> Rc<T>) -> Rc<T> {
    let mut place = place.borrow_mut();
    if let Some((_, made)) = place.as_ref().filter(|(k, _)| *k == key) {
        return Rc::clone(made);
    }
    let made = new();
    *place = Some((key, Rc::clone(&made)));
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::session::SessionEvent;
    use crate::report::fixture::{answer, sample_session};

    fn key(case: usize, revision: u32) -> LayoutKey {
        let id = AttemptId { case, number: 1 };
        LayoutKey {
            id,
            revision,
            text_len: 0,
            reasoning_len: 0,
            form: answer::Form::Rendered,
            unfolded: false,
            width: 9,
            theme: Theme::mono(),
        }
    }

    #[test]
    fn a_layout_is_made_once() {
        let cache = RenderCache::default();
        cache.layout(key(0, u32::MAX), || vec![Line::raw("a")]);
        let again = cache.layout(key(0, u32::MAX), || panic!("made twice"));
        assert_eq!(again.len(), 1);
        assert_eq!(cache.layout(LayoutKey { width: 8, ..key(0, u32::MAX) }, Vec::new).len(), 0);
    }

    #[test]
    fn a_search_is_made_once() {
        let cache = RenderCache::default();
        let look = || vec![Match::default()];
        assert_eq!(cache.found(key(0, 1), "a", look).len(), 1);
        assert_eq!(cache.found(key(0, 1), "a", || panic!("searched twice")).len(), 1);
        assert_eq!(cache.found(key(0, 1), "b", Vec::new).len() + cache.found(key(0, 2), "b", look).len(), 1);
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
    fn what_is_made_of_the_records_is_made_anew_once_one_more_is_over() {
        let cache = RenderCache::default();
        let mut session = sample_session();
        let ttft = |session: &Session, warm| {
            cache.reported_ttft(session, || ReportedTtft { warm, ..ReportedTtft::default() }).warm
        };
        let figures = |session: &Session, made: &Cell<usize>| {
            cache.case_figures(1, &session.cases[1], || {
                made.set(made.get() + 1);
                Figures::default()
            });
            made.get()
        };
        let made = Cell::new(0);
        assert_eq!([ttft(&session, 1), ttft(&session, 2)], [1, 1]);
        assert_eq!([figures(&session, &made), figures(&session, &made)], [1, 1]);
        session.handle(SessionEvent::Rerun(1));
        let id = AttemptId { case: 1, number: 2 };
        let record = answer(id, session.last_ended.unwrap(), 100, 5, 4);
        session.handle(SessionEvent::Ended(id, Arc::new(record)));
        assert_eq!((ttft(&session, 3), figures(&session, &made)), (3, 2));
    }

    #[test]
    fn it_stays_small_and_forgets_what_has_grown() {
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
