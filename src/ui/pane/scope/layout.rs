//! Layout of the scope: places for as much as fits.

use ratatui::layout::Rect;

use super::{Lane, NARROW, plot};
use crate::ui::fit;

/// Minimum height of a stream's own lane, rows.
const STACKED: u16 = 2;
/// Width of the gutter with and without names, cells.
const GUTTER: (u16, u16) = (13, 7);
/// Minimum and maximum height of a lane, rows.
const LANE: (u16, u16) = (2, 4);
/// Minimum height of the trace, rows.
const TRACE: u16 = 4;
/// Height from which there is a legend, rows.
const LEGEND_FROM: u16 = 10;
/// Cells between two figures of the cursor's readout.
const BETWEEN: usize = 3;

/// The parts of the pane. Each is as wide as the pane; plots begin behind the gutter.
#[derive(Debug)]
pub struct ScopeLayout {
    pub gutter: u16,
    pub legend: Rect,
    pub trace: Rect,
    pub lanes: Vec<(&'static Lane, Rect)>,
    pub axis: Rect,
    pub cursor: Rect,
}

impl ScopeLayout {
    /// Lays out `area`. `readout` is the text of the cursor, `longest` the width of the longest name in the gutter, cells.
    pub fn new(area: Rect, lanes: &[&'static Lane], readout: &[String], longest: usize) -> Self {
        let named = area.width >= NARROW;
        let wanted = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(1).min(area.width / 3);
        let gutter = if named { GUTTER.0.max(wanted) } else { GUTTER.1.min(area.width / 2) };
        let mut rest = area;
        let mut bottom = |rows: u16, least: u16| {
            let rows = if rest.height >= rows + least { rows } else { 0 };
            rest.height -= rows;
            Rect { y: rest.bottom(), height: rows, ..rest }
        };
        let cursor = bottom(rows_of(readout, area.width), TRACE.min(2));
        let axis = bottom(1, 1);
        let legend_rows = u16::from(named && rest.height >= LEGEND_FROM);
        let legend = Rect { height: legend_rows, ..rest };
        rest = Rect { y: rest.y + legend_rows, height: rest.height - legend_rows, ..rest };
        let room = rest.height - rest.height.min(TRACE.max(rest.height * 2 / 5));
        let count = if named { (room / LANE.0).min(lanes.len() as u16) } else { 0 };
        let rows = room.checked_div(count).unwrap_or(0).clamp(LANE.0, LANE.1);
        let trace = Rect { height: rest.height - rows * count, ..rest };
        let place =
            |(i, lane): (u16, &&'static Lane)| (*lane, Rect { y: trace.bottom() + i * rows, height: rows, ..rest });
        let lanes = (0..count).zip(lanes).map(place).collect();
        Self { gutter, legend, trace, lanes, axis, cursor }
    }

    /// Width of the plots, cells.
    pub fn cells(&self) -> u16 {
        self.trace.width - self.gutter
    }

    /// Number of streams that have room for a lane of their own.
    pub fn stack(&self) -> usize {
        usize::from((self.trace.height / STACKED).max(1))
    }

    /// Returns all plots: a time is in the same column of each.
    pub fn plots(&self) -> impl Iterator<Item = Rect> {
        std::iter::once(self.trace).chain(self.lanes.iter().map(|l| l.1)).map(|r| plot(r, self.gutter))
    }
}

/// Height of the cursor's readout, rows; 2 at most.
fn rows_of(readout: &[String], width: u16) -> u16 {
    if readout.is_empty() { 0 } else { lines(readout, width).len().min(2) as u16 }
}

/// Packs the figures of the cursor's readout into lines.
pub fn lines(readout: &[String], width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for item in readout {
        match lines.last_mut() {
            Some(line) if fit::width(line) + BETWEEN + fit::width(item) <= usize::from(width) => {
                line.push_str(&" ".repeat(BETWEEN));
                line.push_str(item);
            }
            _ => lines.push(item.clone()),
        }
    }
    lines
}
