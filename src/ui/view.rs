//! What a pane gets to draw from.

use super::cache::RenderCache;
use super::keymap::{Context, Key, Keymap};
use super::theme::Theme;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::{App, Scene};

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

    /// The key of an action in quotes, as it is in this run.
    pub fn key_of(&self, action: Action) -> String {
        key_of(self.keymap, action)
    }

    /// Whether keys go to this pane.
    pub fn is_focused(&self, pane: PaneId) -> bool {
        self.app.ui.focus == pane
    }
}

/// The key of an action in the panes, in quotes.
pub fn key_of(keymap: &Keymap, action: Action) -> String {
    // Unbound, it still has its name.
    let name = || action.name().to_owned();
    format!("'{}'", keymap.key_of(action, Context::Panes).map_or_else(name, Key::to_string))
}
