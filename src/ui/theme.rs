//! Styles of the roles on the screen. No meaning depends on colour alone.

mod choice;
mod palette;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

pub use self::choice::Themes;
use self::palette::Palette;

/// Kind of a theme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThemeKind {
    Dark,
    Light,
    HighContrast,
    Mono,
}

/// Colours that the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// The terminal's own sixteen, whose values depend on its settings.
    Sixteen,
    /// Any RGB colour.
    TrueColour,
}

/// A style for each role. Small, because layouts are cached by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    kind: ThemeKind,
    depth: Depth,
    /// Whether the theme sets the background and the colour of plain text, instead of the terminal's own.
    paints: bool,
}

impl Theme {
    /// The terminal's own sixteen colours on its own background.
    pub const fn ansi() -> Self {
        Self { kind: ThemeKind::Dark, depth: Depth::Sixteen, paints: false }
    }

    /// No colours, for `NO_COLOR`: only bold, dim, underline and reverse, so that no colour sequence is sent.
    pub const fn mono() -> Self {
        Self { kind: ThemeKind::Mono, depth: Depth::Sixteen, paints: false }
    }

    /// The colours; `None` for the theme without any.
    const fn palette(self) -> Option<&'static Palette> {
        Some(match (self.kind, self.depth) {
            (ThemeKind::Mono, _) => return None,
            (ThemeKind::Dark, Depth::Sixteen) => &palette::DARK_16,
            (ThemeKind::Dark, Depth::TrueColour) => &palette::DARK,
            (ThemeKind::Light, Depth::Sixteen) => &palette::LIGHT_16,
            (ThemeKind::Light, Depth::TrueColour) => &palette::LIGHT,
            (ThemeKind::HighContrast, Depth::Sixteen) => &palette::HIGH_CONTRAST_16,
            (ThemeKind::HighContrast, Depth::TrueColour) => &palette::HIGH_CONTRAST,
        })
    }

    fn fg(self, role: fn(&Palette) -> Color) -> Style {
        self.palette().map_or_else(Style::new, |palette| Style::new().fg(role(palette)))
    }

    /// Applies the theme's background and text colour to cells that have none. A theme that uses the terminal's own colours
    /// changes nothing.
    pub fn paint(self, buffer: &mut Buffer) {
        let Some(palette) = self.palette().filter(|_| self.paints) else { return };
        for cell in &mut buffer.content {
            if cell.fg == Color::Reset {
                cell.fg = palette.text;
            }
            if cell.bg == Color::Reset {
                cell.bg = palette.background;
            }
        }
    }

    /// Ordinary text.
    pub const fn text(self) -> Style {
        Style::new()
    }

    /// Labels, borders, and other text of low priority.
    pub fn muted(self) -> Style {
        match self.palette() {
            Some(palette) => Style::new().fg(palette.muted),
            None => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// A pane's border.
    pub fn border(self, focused: bool) -> Style {
        if focused { self.accent() } else { self.muted() }
    }

    /// A pane's title.
    pub fn title(self, focused: bool) -> Style {
        if focused { self.accent().add_modifier(Modifier::BOLD) } else { self.text().add_modifier(Modifier::BOLD) }
    }

    /// Text of high priority.
    pub fn accent(self) -> Style {
        self.fg(|p| p.accent)
    }

    /// An important figure.
    pub fn value(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Success.
    pub fn good(self) -> Style {
        self.fg(|p| p.good)
    }

    /// Needs attention: held, paused, simulated.
    pub fn warning(self) -> Style {
        self.fg(|p| p.warning).add_modifier(Modifier::BOLD)
    }

    /// Failure.
    pub fn bad(self) -> Style {
        self.fg(|p| p.bad).add_modifier(Modifier::BOLD)
    }

    /// A badge that must not be missed: simulated, frozen.
    pub fn badge(self) -> Style {
        self.warning().add_modifier(Modifier::REVERSED)
    }

    /// The selected row of a menu.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Reasoning before an answer.
    pub fn reasoning(self) -> Style {
        match self.palette() {
            Some(palette) => Style::new().fg(palette.reasoning),
            None => self.muted(),
        }
        .add_modifier(Modifier::ITALIC)
    }

    /// Code in an answer.
    pub fn code(self) -> Style {
        self.fg(|p| p.code)
    }

    /// A heading in an answer.
    pub fn heading(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    /// A key in the footer or the help.
    pub fn key(self) -> Style {
        self.accent().add_modifier(Modifier::BOLD)
    }

    /// The line of a chart. `index` counts its lines from 0.
    pub fn series(self, index: usize) -> Style {
        match self.palette() {
            Some(palette) => Style::new().fg(palette.series[index % palette.series.len()]),
            None => Style::new(),
        }
    }

    /// A quotation in an answer.
    pub fn quote(self) -> Style {
        Style::new().add_modifier(Modifier::ITALIC)
    }

    /// A link's text in an answer.
    pub fn link(self) -> Style {
        self.fg(|p| p.link).add_modifier(Modifier::UNDERLINED)
    }

    // ─── Code, by kind of token ───

    /// A keyword.
    pub fn code_keyword(self) -> Style {
        self.fg(|p| p.series[1]).add_modifier(Modifier::BOLD)
    }

    /// A string.
    pub fn code_string(self) -> Style {
        self.fg(|p| p.good).add_modifier(Modifier::ITALIC)
    }

    /// A comment.
    pub fn code_comment(self) -> Style {
        self.muted().add_modifier(Modifier::ITALIC)
    }

    /// A number.
    pub fn code_number(self) -> Style {
        self.fg(|p| p.accent)
    }
}

#[cfg(test)]
mod tests;
