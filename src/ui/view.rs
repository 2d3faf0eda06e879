//! Everything that drawing code needs to know.

use super::cache::RenderCache;
use super::keymap::{Context, Key, Keymap};
use super::theme::Theme;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::{App, Scene};

/// State of the program and settings of the screen. Drawing code only reads them.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The whole state.
    pub app: &'a App,
    /// The theme.
    pub theme: Theme,
    /// Whether the screen shows ASCII only, so that charts need signs that stay distinct there.
    pub ascii: bool,
    /// The keymap in use.
    pub keymap: &'a Keymap,
    /// Layouts and figures of earlier frames.
    pub cache: &'a RenderCache,
}

impl<'a> View<'a> {
    /// The run on the screen: frozen, or as it is now.
    pub fn scene(&self) -> &'a Scene {
        self.app.shown()
    }

    /// The key of an action in the panes, in quotes.
    pub fn key_of(&self, action: Action) -> String {
        key_of(self.keymap, action)
    }

    /// Whether this pane has the focus.
    pub fn is_focused(&self, pane: PaneId) -> bool {
        self.app.ui.focus == pane
    }
}

/// The key of an action in the panes, in quotes.
pub fn key_of(keymap: &Keymap, action: Action) -> String {
    // An unbound action is named instead.
    let name = || action.name().to_owned();
    format!("'{}'", keymap.key_of(action, Context::Panes).map_or_else(name, Key::to_string))
}
