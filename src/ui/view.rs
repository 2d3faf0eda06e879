//! What a pane gets to draw from.

use super::cache::RenderCache;
use super::keymap::Keymap;
use super::theme::Theme;
use crate::app::model::{App, PaneId, Scene};

/// The state and how it looks. Panes read it and change nothing.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The whole state.
    pub app: &'a App,
    /// Styles.
    pub theme: Theme,
    /// The keys.
    pub keymap: &'a Keymap,
    /// What is kept from frame to frame.
    pub cache: &'a RenderCache,
}

impl<'a> View<'a> {
    /// The run to show: frozen or as it is.
    pub fn scene(&self) -> &'a Scene {
        self.app.shown()
    }

    /// Whether keys go to this pane.
    pub fn is_focused(&self, pane: PaneId) -> bool {
        self.app.ui.focus == pane
    }
}
