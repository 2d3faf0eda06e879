//! Choices of the user on the screen. Nothing here changes a measurement.

use std::cell::RefCell;
use std::sync::Arc;

use super::answer::Answer;
use super::cases::CaseTable;
use super::listing::Listing;
use super::notice::Notice;
use super::overlay::{Overlay, ScrollExtent};
use super::palette::CommandId;
use super::preset::LayoutPreset;
use super::scope::ScopeState;
use super::text_field::TextField;
use super::theme::ThemeName;
use crate::app::pane::PaneId;
use crate::domain::time::Nanos;

/// Open question in the footer, whether to pause this case and so discard its running attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiscardQuestion {
    /// Index of the case in the suite.
    pub case: usize,
    /// Time at which the question expires.
    pub until: Nanos,
}

/// Chart of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SweepChart {
    /// Throughput and latency against concurrency.
    #[default]
    Concurrency,
    /// Throughput against throughput per user.
    PerUser,
}

impl SweepChart {
    /// The other chart.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Concurrency => Self::PerUser,
            Self::PerUser => Self::Concurrency,
        }
    }
}

/// Choices of the user that decide how the screen shows the run.
#[derive(Clone, Debug)]
pub struct UiState {
    /// Index of the selected case in the suite.
    pub selected: usize,
    /// Number of the selected attempt; `None` selects the case, which shows the attempt that is reported.
    pub selected_attempt: Option<u32>,
    /// Order, unfolded cases and baseline of the table of cases.
    pub cases: CaseTable,
    /// Cached rows of the table of cases.
    pub(super) listing: RefCell<Option<Arc<Listing>>>,
    /// Whether the selection follows the run to each case that starts. Selecting a case turns following off.
    pub follows: bool,
    /// The pane that keys go to.
    pub focus: PaneId,
    /// Whether the focused pane fills the screen.
    pub zoomed: bool,
    /// The layout that the user chose; with `None` the run decides.
    pub layout: Option<LayoutPreset>,
    /// The dialog, menu or text field over the panes.
    pub overlay: Overlay,
    /// Text of the filter. Only cases whose name contains it are listed.
    pub filter: TextField,
    /// Form, scroll position and search of the answer.
    pub answer: Answer,
    /// Time span and cursor of the scope.
    pub scope: ScopeState,
    /// The chart of a sweep.
    pub sweep_chart: SweepChart,
    /// Commands used from the palette, the latest first.
    pub recent_commands: Vec<CommandId>,
    /// The line that reports the latest event.
    pub notice: Option<Notice>,
    /// The open question whether to discard a running attempt.
    pub discard: Option<DiscardQuestion>,
    /// The theme.
    pub theme: ThemeName,
    /// Whether the terminal reports the mouse.
    pub mouse: bool,
    /// How far the open overlay could be scrolled in the last frame.
    pub overlay_extent: ScrollExtent,
    /// Number of report texts rendered so far.
    pub report_revisions: u64,
}

impl UiState {
    /// The default state with this overlay open.
    #[cfg(test)]
    pub fn with_overlay(overlay: Overlay) -> Self {
        Self { overlay, ..Self::default() }
    }

    /// Switches to a layout and focuses its main pane.
    pub const fn use_layout(&mut self, layout: LayoutPreset) {
        (self.layout, self.zoomed, self.focus) = (Some(layout), false, layout.main_pane());
    }

    /// Begins with the layout of the settings; without one, the layout depends on the run.
    pub fn begin_with(&mut self, layout: Option<LayoutPreset>) {
        if let Some(layout) = layout {
            self.use_layout(layout);
        }
    }

    /// Whether the answer has the focus and a search, which the "back" action then clears first.
    pub fn is_answer_searched(&self) -> bool {
        self.focus == PaneId::Preview && !self.answer.search.field.is_empty()
    }
}

impl Default for UiState {
    fn default() -> Self {
        Self {
            selected: 0,
            selected_attempt: None,
            cases: CaseTable::default(),
            listing: RefCell::default(),
            follows: true,
            focus: PaneId::default(),
            zoomed: false,
            layout: None,
            overlay: Overlay::default(),
            filter: TextField::default(),
            answer: Answer::default(),
            scope: ScopeState::default(),
            sweep_chart: SweepChart::default(),
            recent_commands: Vec::new(),
            notice: None,
            discard: None,
            theme: ThemeName::default(),
            mouse: false,
            overlay_extent: ScrollExtent::default(),
            report_revisions: 0,
        }
    }
}
