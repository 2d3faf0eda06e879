//! The style of each role.

use ratatui::style::{Color, Modifier, Style};

use super::palette::Palette;

const BOLD: Modifier = Modifier::BOLD;
const ITALIC: Modifier = Modifier::ITALIC;

/// A style for each role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Styles {
    /// Background; [`Color::Reset`] is the terminal's own.
    pub(super) background: Color,
    /// Plain text; [`Color::Reset`] is the terminal's own.
    pub(super) text: Color,
    pub(super) muted: Style,
    pub(super) border: Style,
    pub(super) border_focused: Style,
    pub(super) title: Style,
    pub(super) title_focused: Style,
    pub(super) accent: Style,
    pub(super) value: Style,
    pub(super) good: Style,
    pub(super) warning: Style,
    pub(super) bad: Style,
    pub(super) badge: Style,
    pub(super) selected: Style,
    pub(super) reasoning: Style,
    pub(super) heading: Style,
    pub(super) key: Style,
    pub(super) quote: Style,
    pub(super) link: Style,
    pub(super) code: Style,
    pub(super) keyword: Style,
    pub(super) string: Style,
    pub(super) comment: Style,
    pub(super) number: Style,
    pub(super) series: [Style; 4],
}

const fn with(modifiers: Modifier) -> Style {
    Style::new().add_modifier(modifiers)
}

impl Styles {
    /// Modifiers only, so that no colour sequence is sent.
    pub(super) const MONO: Self = Self {
        background: Color::Reset,
        text: Color::Reset,
        muted: with(Modifier::DIM),
        border: with(Modifier::DIM),
        border_focused: Style::new(),
        title: with(BOLD),
        title_focused: with(BOLD),
        accent: Style::new(),
        value: with(BOLD),
        good: Style::new(),
        warning: with(BOLD),
        bad: with(BOLD),
        badge: with(BOLD.union(Modifier::REVERSED)),
        selected: with(Modifier::REVERSED),
        reasoning: with(Modifier::DIM.union(ITALIC)),
        heading: with(BOLD),
        key: with(BOLD),
        quote: with(ITALIC),
        link: with(Modifier::UNDERLINED),
        code: Style::new(),
        keyword: with(BOLD),
        string: with(ITALIC),
        comment: with(Modifier::DIM.union(ITALIC)),
        number: Style::new(),
        series: [Style::new(); 4],
    };

    /// The terminal's own colours on an unknown background. No colour of the sixteen has enough contrast for text on
    /// every common palette, so text has modifiers only. Two colours have enough for the lines of a chart.
    pub(super) const ANY_16: Self = Self {
        // Reset the colour, because a label may be in a coloured border.
        muted: with(Modifier::DIM).fg(Color::Reset),
        comment: with(Modifier::DIM.union(ITALIC)).fg(Color::Reset),
        // No colour, because red is too dark on many dark palettes.
        bad: with(BOLD.union(Modifier::UNDERLINED)),
        // Not dim, because reasoning is a long text, unlike a label.
        reasoning: with(ITALIC),
        series: [Style::new(), Style::new().fg(Color::LightMagenta), Style::new().fg(Color::LightRed), Style::new()],
        ..Self::MONO
    };

    /// The terminal's own colours on a dark background. Cyan, green and yellow suit every common dark palette; blue,
    /// magenta and red are too dark for text on most.
    pub(super) const DARK_16: Self = Self {
        border_focused: Style::new().fg(Color::Cyan),
        title_focused: with(BOLD).fg(Color::Cyan),
        accent: Style::new().fg(Color::Cyan),
        good: Style::new().fg(Color::Green),
        warning: with(BOLD).fg(Color::Yellow),
        badge: with(BOLD.union(Modifier::REVERSED)).fg(Color::Yellow),
        heading: with(BOLD).fg(Color::Cyan),
        key: with(BOLD).fg(Color::Cyan),
        link: with(Modifier::UNDERLINED).fg(Color::Cyan),
        code: Style::new().fg(Color::Yellow),
        keyword: with(BOLD).fg(Color::Yellow),
        string: with(ITALIC).fg(Color::Green),
        number: Style::new().fg(Color::Cyan),
        series: [
            Style::new().fg(Color::Cyan),
            Style::new().fg(Color::Green),
            Style::new().fg(Color::Yellow),
            Style::new(),
        ],
        ..Self::ANY_16
    };

    /// The terminal's own colours on a light background. Only red suits text on every common light palette; blue and
    /// magenta suit lines.
    pub(super) const LIGHT_16: Self = Self {
        border_focused: Style::new().fg(Color::Blue),
        bad: with(BOLD).fg(Color::Red),
        series: [
            Style::new().fg(Color::Blue),
            Style::new().fg(Color::Magenta),
            Style::new().fg(Color::Red),
            Style::new(),
        ],
        ..Self::ANY_16
    };

    /// Styles in the colours of this palette.
    pub(super) fn from_palette(palette: &Palette) -> Self {
        let fg = |colour| Style::new().fg(colour);
        let series = palette.series.map(fg);
        Self {
            background: palette.background,
            text: palette.text,
            muted: fg(palette.muted),
            border: fg(palette.muted),
            border_focused: fg(palette.accent),
            title: with(BOLD),
            title_focused: with(BOLD).fg(palette.accent),
            accent: fg(palette.accent),
            value: with(BOLD),
            good: fg(palette.good),
            warning: with(BOLD).fg(palette.warning),
            bad: with(BOLD).fg(palette.bad),
            badge: with(BOLD.union(Modifier::REVERSED)).fg(palette.warning),
            selected: with(Modifier::REVERSED),
            reasoning: with(ITALIC).fg(palette.reasoning),
            heading: with(BOLD).fg(palette.accent),
            key: with(BOLD).fg(palette.accent),
            quote: with(ITALIC),
            link: with(Modifier::UNDERLINED).fg(palette.link),
            code: fg(palette.code),
            keyword: series[1].add_modifier(BOLD),
            string: with(ITALIC).fg(palette.good),
            comment: with(ITALIC).fg(palette.muted),
            number: fg(palette.accent),
            series,
        }
    }

    /// The same styles on the terminal's own background.
    pub(super) const fn unpainted(self) -> Self {
        Self { background: Color::Reset, text: Color::Reset, ..self }
    }
}
