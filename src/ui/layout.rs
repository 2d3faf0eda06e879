//! Positions of header, panes and footer for each size of the screen and each layout.
//!
//! ```text
//! below 100×30             from 100×30, overview    from 160×36, overview
//! ┌ header ────────────┐   ┌ header ────────────┐   ┌ header ──────────────────┐
//! │ cases              │   │ cases              │   │ cases          │ latency │
//! │                    │   │ scope   │ latency  │   │ scope          │ answer  │
//! │ scope              │   │ answer  │ machine  │   │                │ machine │
//! └ footer ────────────┘   └ footer ────────────┘   └ footer ──────────────────┘
//! ```
//!
//! The other layouts give the largest area to another pane and fewer rows to the cases. A focused pane without an area
//! takes the area of the least important pane. The answer grows while it has the focus. Before the run, the answer has
//! the area of the scope, because it says what the run waits for.

mod arrange;
mod split;

use ratatui::layout::Rect;

use self::arrange::arrange;
use super::pane::gpu::GpuPaneContent;
use super::pane::{PANES, Pane, scope};
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::app::state::preset::LayoutPreset;
use crate::domain::session::Mode;

/// Minimum size of the screen: columns, rows.
pub const SMALLEST: (u16, u16) = (60, 16);
/// Rows of the header.
const HEADER: u16 = 2;
/// Additional rows of the header for the conclusion of a finished run.
const CONCLUSION: u16 = 2;
/// Height of the screen from which the conclusion has both its rows. A lower screen shows the row of figures only.
const ROOM_FOR_CONCLUSION: u16 = 20;

/// Positions on the screen.
#[derive(Debug)]
pub struct Layout {
    /// Two rows at the top; three or four with the conclusion of a finished run.
    pub header: Rect,
    /// The last row.
    pub footer: Rect,
    /// The visible panes and their positions.
    pub panes: Vec<(&'static Pane, Rect)>,
}

/// The part of the state that the layout depends on.
#[derive(Clone, Copy, Debug)]
pub struct LayoutInputs {
    /// Number of rows in the table of cases.
    pub cases: usize,
    /// Whether the focused pane is zoomed.
    pub zoomed: bool,
    /// The focused pane.
    pub focus: PaneId,
    /// The layout in use.
    pub preset: LayoutPreset,
    /// Whether the run has begun.
    pub begun: bool,
    /// Whether the run is finished.
    pub finished: bool,
    /// Number of rows that the scope can use.
    pub scope_rows: u16,
    /// Content of the GPU pane.
    pub machine: GpuPaneContent,
}

impl LayoutInputs {
    /// Inputs for the run on the screen.
    pub fn from_app(app: &App) -> Self {
        Self {
            cases: app.table_rows().len(),
            zoomed: app.ui.zoomed,
            focus: app.ui.focus,
            preset: app.layout_preset(),
            begun: app.shown().session.began.is_some(),
            finished: app.shown().session.mode == Mode::Finished,
            scope_rows: scope::useful_rows(app.shown()),
            machine: GpuPaneContent::from_app(app),
        }
    }
}

/// The layout of a screen; `None` if it is smaller than [`SMALLEST`].
pub fn compute(screen: Rect, inputs: LayoutInputs) -> Option<Layout> {
    if screen.width < SMALLEST.0 || screen.height < SMALLEST.1 {
        return None;
    }
    let inside = Rect { x: screen.x + 1, width: screen.width - 2, ..screen };
    let conclusion = match inputs.finished {
        true if screen.height >= ROOM_FOR_CONCLUSION => CONCLUSION,
        finished => u16::from(finished),
    };
    let header = Rect { height: HEADER + conclusion, ..inside };
    let footer = Rect { y: screen.bottom() - 1, height: 1, ..inside };
    let body = Rect { y: header.bottom(), height: screen.height - header.height - 1, ..inside };
    let placed = if inputs.zoomed { vec![(inputs.focus, body)] } else { arrange(body, inputs, screen) };
    let rect_of = |pane: &'static Pane| Some((pane, placed.iter().find(|(id, _)| *id == pane.id)?.1));
    Some(Layout { header, footer, panes: PANES.iter().filter_map(rect_of).collect() })
}

#[cfg(test)]
mod tests;
