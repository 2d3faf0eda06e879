//! Parts of the plot of gaps: style, character in ASCII, and sample in the legend.

use ratatui::style::Modifier;

use crate::ui::view::View;
use crate::ui::widget::braille::Ink;

/// A part of the plot of gaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Gaps of an answer: a solid line.
    Answer,
    /// Gaps of reasoning: a dotted line.
    Thinking,
    /// Wait for the first token: a line at the bottom.
    Prefill,
    /// Wait for a slot in the open loop: a dotted line at the bottom.
    Queued,
    /// A gap far longer than the mean of its column: a dot.
    Peak,
    /// Shortest to longest gap of all streams.
    Band,
    /// Median gap of all streams.
    Median,
}

/// Prominence with which a stream is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emphasis {
    /// The stream has ended, while others are in flight.
    Low,
    /// Most streams.
    Usual,
    /// The stream of the selected row, if no other stream overlaps it.
    Alone,
    /// The stream of the selected row among others at the same time.
    High,
}

impl Emphasis {
    /// Whether the stream belongs to the selected row.
    pub const fn is_selected(self) -> bool {
        matches!(self, Self::Alone | Self::High)
    }
}

impl Part {
    /// Style and ASCII character of the part in a stream of this emphasis.
    pub fn ink(self, view: &View<'_>, emphasis: Emphasis) -> Ink {
        let theme = view.theme;
        let style = match (self, emphasis) {
            (Self::Band | Self::Queued, _) => theme.muted(),
            (_, Emphasis::High) => theme.value(),
            (Self::Answer | Self::Peak, _) => theme.series(0),
            (Self::Thinking, _) => theme.series(1),
            (Self::Prefill | Self::Median, _) => theme.series(3),
        };
        let ascii = match (self, emphasis) {
            (Self::Answer, Emphasis::High) => '=',
            (Self::Answer, _) => '-',
            (Self::Median, _) => '#',
            (Self::Thinking, Emphasis::High) => '%',
            (Self::Thinking, _) => '.',
            (Self::Prefill, _) => '_',
            (Self::Queued, _) => ',',
            (Self::Peak, _) => '*',
            (Self::Band, _) => ':',
        };
        let style = match emphasis {
            Emphasis::Low => style.add_modifier(Modifier::DIM),
            Emphasis::Alone => style.add_modifier(Modifier::BOLD),
            Emphasis::Usual | Emphasis::High => style,
        };
        Ink { style, ascii: Some(ascii) }
    }

    /// Sample of the part in the legend: two cells.
    pub fn sample(self, view: &View<'_>) -> String {
        let symbol = match self {
            Self::Peak => return "•".to_owned(),
            Self::Median => '━',
            Self::Answer => '─',
            Self::Thinking => '·',
            Self::Prefill => '▁',
            Self::Queued => '┈',
            Self::Band => '░',
        };
        let ascii = self.ink(view, Emphasis::Usual).ascii.filter(|_| view.ascii);
        ascii.unwrap_or(symbol).to_string().repeat(2)
    }
}

/// Sign at the end of the selected stream's line.
pub const fn selected_sign(view: &View<'_>) -> char {
    if view.ascii { '@' } else { '●' }
}
