//! What is too dear to lay out again for every frame.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use ratatui::text::Line;

use super::theme::Theme;
use crate::domain::attempt::AttemptId;

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
