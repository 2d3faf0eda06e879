//! The help: the keys of the focused pane, those of all panes, or those that match a search.

use super::text_field::TextField;

/// State of the help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelpView {
    /// Words to find. Empty lists the keys without a search.
    pub query: TextField,
    /// Whether the keys of all panes and dialogs are listed, not only those that work in the focused pane.
    pub shows_all: bool,
    /// First line on the screen.
    pub top: usize,
}
