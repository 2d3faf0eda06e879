//! Styles of the roles that parts of the screen have. No meaning depends on colour alone.

mod choice;
mod colour;
mod custom;
mod palette;
mod roles;
mod styles;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Style};
use ratatui::text::Line;

pub use self::choice::Themes;
pub use self::colour::Rgb;
pub use self::custom::{CustomTheme, MODIFIERS};
pub use self::roles::{ROLES, Role};
use self::styles::Styles;
use super::fit::left;

/// A style for each role. A reference, so that themes can be part of cache keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme(&'static Styles);

impl Theme {
    /// The terminal's own sixteen colours on a dark background.
    pub const fn ansi() -> Self {
        Self(&Styles::DARK_16)
    }

    /// No colours, for `NO_COLOR`: only bold, dim, underline and reverse, so that no colour sequence is sent.
    pub const fn mono() -> Self {
        Self(&Styles::MONO)
    }

    /// Applies the theme's background and text colour to cells that have none. A theme that uses the terminal's own
    /// colours changes nothing.
    pub fn paint(self, buffer: &mut Buffer) {
        let Styles { background, text, .. } = *self.0;
        if background == Color::Reset && text == Color::Reset {
            return;
        }
        for cell in &mut buffer.content {
            if cell.fg == Color::Reset {
                cell.fg = text;
            }
            if cell.bg == Color::Reset {
                cell.bg = background;
            }
        }
    }

    /// Ordinary text.
    pub const fn text(self) -> Style {
        Style::new()
    }

    /// Labels, borders, and other text of low priority.
    pub const fn muted(self) -> Style {
        self.0.muted
    }

    /// A pane's border.
    pub const fn border(self, focused: bool) -> Style {
        if focused { self.0.border_focused } else { self.0.border }
    }

    /// A pane's title.
    pub const fn title(self, focused: bool) -> Style {
        if focused { self.0.title_focused } else { self.0.title }
    }

    /// Text of high priority.
    pub const fn accent(self) -> Style {
        self.0.accent
    }

    /// An important figure.
    pub const fn value(self) -> Style {
        self.0.value
    }

    /// Success.
    pub const fn good(self) -> Style {
        self.0.good
    }

    /// Needs attention: held, paused, simulated.
    pub const fn warning(self) -> Style {
        self.0.warning
    }

    /// Failure.
    pub const fn bad(self) -> Style {
        self.0.bad
    }

    /// A badge that must not be missed: simulated, frozen.
    pub const fn badge(self) -> Style {
        self.0.badge
    }

    /// The selected row of a menu.
    pub const fn selected(self) -> Style {
        self.0.selected
    }

    /// A line as the selected row of a menu. The line gets a single style, because reversed colours of its parts would
    /// look like a patchwork.
    pub fn highlight(self, line: &Line<'_>, columns: usize) -> Line<'static> {
        let text: String = line.spans.iter().map(|span| span.content.as_ref()).collect();
        Line::styled(left(&text, columns), self.selected())
    }

    /// Reasoning before an answer.
    pub const fn reasoning(self) -> Style {
        self.0.reasoning
    }

    /// Code in an answer.
    pub const fn code(self) -> Style {
        self.0.code
    }

    /// A heading in an answer.
    pub const fn heading(self) -> Style {
        self.0.heading
    }

    /// A key in the footer or the help.
    pub const fn key(self) -> Style {
        self.0.key
    }

    /// The line with index `index` in a chart.
    pub const fn series(self, index: usize) -> Style {
        self.0.series[index % self.0.series.len()]
    }

    /// A quotation in an answer.
    pub const fn quote(self) -> Style {
        self.0.quote
    }

    /// A link's text in an answer.
    pub const fn link(self) -> Style {
        self.0.link
    }

    // ─── Code, by kind of token ───

    /// A keyword.
    pub const fn code_keyword(self) -> Style {
        self.0.keyword
    }

    /// A string.
    pub const fn code_string(self) -> Style {
        self.0.string
    }

    /// A comment.
    pub const fn code_comment(self) -> Style {
        self.0.comment
    }

    /// A number.
    pub const fn code_number(self) -> Style {
        self.0.number
    }
}

#[cfg(test)]
mod tests;
