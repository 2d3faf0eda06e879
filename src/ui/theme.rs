//! What a role on the screen looks like. Colour never carries a meaning alone.

use ratatui::style::{Color, Modifier, Style};

/// A style for each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    colour: bool,
}

impl Theme {
    /// The terminal's own sixteen colours.
    pub const fn ansi() -> Self {
        Self { colour: true }
    }

    /// No colour at all, for `NO_COLOR`: only bold, dim, underline and reverse, so that no colour sequence is ever sent.
    pub const fn mono() -> Self {
        Self { colour: false }
    }

    fn fg(self, colour: Color) -> Style {
        if self.colour { Style::new().fg(colour) } else { Style::new() }
    }

    /// Ordinary text.
    pub const fn text(self) -> Style {
        Style::new()
    }

    /// Labels, frames, what stands back.
    pub fn muted(self) -> Style {
        if self.colour { Style::new().fg(Color::DarkGray) } else { Style::new().add_modifier(Modifier::DIM) }
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
        self.fg(Color::Cyan)
    }

    /// A figure that matters.
    pub fn value(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Went well.
    pub fn good(self) -> Style {
        self.fg(Color::Green)
    }

    /// Needs a look: held, paused, simulated.
    pub fn warning(self) -> Style {
        self.fg(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    /// Went wrong.
    pub fn bad(self) -> Style {
        self.fg(Color::Red).add_modifier(Modifier::BOLD)
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
        self.muted().add_modifier(Modifier::ITALIC)
    }

    /// Code in an answer.
    pub fn code(self) -> Style {
        self.fg(Color::Yellow)
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
        const COLOURS: [Color; 4] = [Color::Cyan, Color::Magenta, Color::Green, Color::Blue];
        self.fg(COLOURS[index % COLOURS.len()])
    }

    /// A quotation in an answer.
    pub fn quote(self) -> Style {
        Style::new().add_modifier(Modifier::ITALIC)
    }

    /// A link's text in an answer.
    pub fn link(self) -> Style {
        self.fg(Color::Blue).add_modifier(Modifier::UNDERLINED)
    }

    // ─── Code, by what its words are ───

    /// A keyword.
    pub fn code_keyword(self) -> Style {
        if self.colour { self.fg(Color::Magenta) } else { Style::new().add_modifier(Modifier::BOLD) }
    }

    /// A string.
    pub fn code_string(self) -> Style {
        if self.colour { self.fg(Color::Green) } else { Style::new().add_modifier(Modifier::ITALIC) }
    }

    /// A comment.
    pub fn code_comment(self) -> Style {
        self.muted().add_modifier(Modifier::ITALIC)
    }

    /// A number.
    pub fn code_number(self) -> Style {
        self.fg(Color::Cyan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_no_role_sets_one() {
        let mono = Theme::mono();
        let roles = [
            mono.text(),
            mono.muted(),
            mono.border(true),
            mono.border(false),
            mono.title(true),
            mono.accent(),
            mono.value(),
            mono.good(),
            mono.warning(),
            mono.bad(),
            mono.badge(),
            mono.selected(),
            mono.reasoning(),
            mono.code(),
            mono.heading(),
            mono.key(),
            mono.series(1),
            mono.code_keyword(),
            mono.code_string(),
            mono.code_comment(),
            mono.code_number(),
        ];
        for style in roles {
            assert_eq!((style.fg, style.bg), (None, None));
        }
    }
}
