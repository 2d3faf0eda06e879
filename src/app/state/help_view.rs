//! State of the help: its page (keys of the focused pane, keys of all panes, or signs and words), search and scroll
//! position.

use super::text_field::TextField;

/// Page of the help.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelpPage {
    /// Keys that work in the focused pane.
    #[default]
    PaneKeys,
    /// Keys of all panes and dialogs.
    AllKeys,
    /// Signs and words of the screen.
    Glossary,
}

impl HelpPage {
    /// The next page; after the last, the first.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::PaneKeys => Self::AllKeys,
            Self::AllKeys => Self::Glossary,
            Self::Glossary => Self::PaneKeys,
        }
    }
}

/// State of the help.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelpView {
    /// Text to find. While it is empty, the help shows `page`.
    pub query: TextField,
    /// The page shown.
    pub page: HelpPage,
    /// First line on the screen.
    pub top: usize,
}
