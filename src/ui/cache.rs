//! What is too dear to lay out again for every frame.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use ratatui::text::Line;

use super::theme::Theme;
use crate::app::report_view::Extent;
use crate::domain::attempt::AttemptId;
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
    /// Columns.
    pub width: u16,
    /// Styles.
    pub theme: Theme,
}

/// Layouts of the last frames, and how far what they show can be scrolled. It belongs to the screen, not to the state.
#[derive(Debug, Default)]
pub struct RenderCache {
    layouts: RefCell<VecDeque<(LayoutKey, Rc<[Line<'static>]>)>>,
    preview_limit: Cell<usize>,
    help_limit: Cell<u16>,
    report: RefCell<Option<(ReportKey, Rc<[Line<'static>]>)>>,
    report_extent: Cell<Extent>,
    conclusion: RefCell<Option<(ConclusionKey, Rc<Conclusion>)>>,
    case_rows: RefCell<Vec<(u16, usize)>>,
}

/// The number of the report's text, columns, styles.
type ReportKey = (u64, u16, Theme);
/// When the run began, when its last attempt ended, and how many did.
type ConclusionKey = (Option<Nanos>, Option<Nanos>, usize);

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

    /// The layout of the report.
    pub fn report(&self, key: ReportKey, make: impl FnOnce() -> Vec<Line<'static>>) -> Rc<[Line<'static>]> {
        kept(&self.report, key, || make().into())
    }

    /// What the run came to.
    pub fn conclusion(&self, key: ConclusionKey, make: impl FnOnce() -> Conclusion) -> Rc<Conclusion> {
        kept(&self.conclusion, key, || Rc::new(make()))
    }

    /// How far the report could be scrolled in the last frame that showed it.
    pub fn report_extent(&self) -> Extent {
        self.report_extent.get()
    }

    /// Remembers how far the report can be scrolled.
    pub fn set_report_extent(&self, extent: Extent) {
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

    /// Lines that the preview could be scrolled up in the last frame.
    pub fn preview_limit(&self) -> usize {
        self.preview_limit.get()
    }

    /// Remembers how far the preview can be scrolled up.
    pub fn set_preview_limit(&self, lines: usize) {
        self.preview_limit.set(lines);
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
fn kept<K: PartialEq, T: ?Sized>(place: &RefCell<Option<(K, Rc<T>)>>, key: K, new: impl FnOnce() -> Rc<T>) -> Rc<T> {
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

    fn key(case: usize, revision: u32) -> LayoutKey {
        let id = AttemptId { case, number: 1 };
        LayoutKey { id, revision, text_len: 0, reasoning_len: 0, width: 9, theme: Theme::mono() }
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
    fn a_report_is_laid_out_once_for_each_text_and_width() {
        let cache = RenderCache::default();
        let lines = |key: ReportKey, n| cache.report(key, || vec![Line::raw("a"); n]).len();
        let key = (1, 80, Theme::mono());
        assert_eq!([lines(key, 1), lines(key, 2), lines((2, 80, Theme::mono()), 3)], [1, 1, 3]);
        assert_eq!(lines((2, 81, Theme::mono()), 4), 4);
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
