//! Styles text for a terminal, outside the dashboard.

/// Whether text is styled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// No styles, as in a pipe.
    #[default]
    Plain,
    /// Styles as SGR sequences, with the 16 basic colours.
    Sgr,
}

/// Style and width of text for the terminal.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    /// Style of headings and marks.
    pub style: Style,
    /// Width of the terminal in columns; `None` leaves lines unwrapped.
    pub width: Option<usize>,
}

impl Style {
    /// Marks a heading.
    pub fn bold(self, text: &str) -> String {
        self.wrap(text, "1", "22")
    }

    /// Marks less important text.
    pub fn dim(self, text: &str) -> String {
        self.wrap(text, "2", "22")
    }

    /// Marks success or an improvement.
    pub fn good(self, text: &str) -> String {
        self.wrap(text, "32", "39")
    }

    /// Marks a failure or a regression.
    pub fn bad(self, text: &str) -> String {
        self.wrap(text, "31", "39")
    }

    /// Marks a warning.
    pub fn warning(self, text: &str) -> String {
        self.wrap(text, "33", "39")
    }

    fn wrap(self, text: &str, on: &str, off: &str) -> String {
        match self {
            Self::Sgr if !text.trim().is_empty() => format!("\x1b[{on}m{text}\x1b[{off}m"),
            Self::Sgr | Self::Plain => text.to_owned(),
        }
    }
}
