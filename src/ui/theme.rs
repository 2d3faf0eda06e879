//! What a role on the screen looks like. Colour never carries a meaning alone.

mod choice;
mod palette;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

pub use self::choice::Themes;
use self::palette::Palette;

/// What a theme looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ThemeKind {
    Dark,
    Light,
    HighContrast,
    Mono,
}

/// What colours the terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    /// Its own sixteen, which its user may have chosen.
    Sixteen,
    /// Any.
    TrueColour,
}

/// A style for each role. As small as it looks: it is part of the key under which layouts are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    look: ThemeKind,
    depth: Depth,
    /// It brings the ground and the colour of plain text, too, in place of the terminal's own.
    paints: bool,
}

impl Theme {
    /// The terminal's own sixteen colours on its own ground.
    pub const fn ansi() -> Self {
        Self { look: ThemeKind::Dark, depth: Depth::Sixteen, paints: false }
    }

    /// No colour at all, for `NO_COLOR`: only bold, dim, underline and reverse, so that no colour sequence is ever sent.
    pub const fn mono() -> Self {
        Self { look: ThemeKind::Mono, depth: Depth::Sixteen, paints: false }
    }

    /// The colours; `None` without any.
    const fn palette(self) -> Option<&'static Palette> {
        Some(match (self.look, self.depth) {
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

    /// Puts the theme's own ground under what was drawn, and its own text colour where none was given. Nothing changes
    /// with a theme that keeps to the terminal's.
    pub fn paint(self, buffer: &mut Buffer) {
        let Some(palette) = self.palette().filter(|_| self.paints) else { return };
        for cell in &mut buffer.content {
            if cell.fg == Color::Reset {
                cell.fg = palette.text;
            }
            if cell.bg == Color::Reset {
                cell.bg = palette.ground;
            }
        }
    }

    /// Ordinary text.
    pub const fn text(self) -> Style {
        Style::new()
    }

    /// Labels, frames, what stands back.
    pub fn muted(self) -> Style {
        match self.palette() {
            Some(palette) => Style::new().fg(palette.muted),
            None => Style::new().add_modifier(Modifier::DIM),
        }
    }

    /// A pane's frame.
    pub fn border(self, focused: bool) -> Style {
        if focused { self.accent() } else { self.muted() }
    }

    /// A pane's title.
    pub fn title(self, focused: bool) -> Style {
        if focused { self.accent().add_modifier(Modifier::BOLD) } else { self.text().add_modifier(Modifier::BOLD) }
    }

    /// What the eye should find first.
    pub fn accent(self) -> Style {
        self.fg(|p| p.accent)
    }

    /// A figure that matters.
    pub fn value(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Went well.
    pub fn good(self) -> Style {
        self.fg(|p| p.good)
    }

    /// Needs a look: held, paused, simulated.
    pub fn warning(self) -> Style {
        self.fg(|p| p.warning).add_modifier(Modifier::BOLD)
    }

    /// Went wrong.
    pub fn bad(self) -> Style {
        self.fg(|p| p.bad).add_modifier(Modifier::BOLD)
    }

    /// A notice that must not be missed: simulated, frozen.
    pub fn badge(self) -> Style {
        self.warning().add_modifier(Modifier::REVERSED)
    }

    /// The selected row of a menu.
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// Thinking that precedes an answer.
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

    /// The line of a chart; `0` is the first of several.
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

    // ─── Code, by what its words are ───

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
