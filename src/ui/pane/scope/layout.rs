//! Layout of the Scope pane: areas of the trace, of as many lanes as fit, of the axis and of the cursor's readout.

use ratatui::layout::Rect;

use super::lanes::LaneData;
use super::{NARROW, plot};
use crate::ui::fit;

/// Minimum height of each lane if every stream has its own, rows.
const STACKED: u16 = 2;
/// Width of the gutter left of the plots, in a narrow pane and otherwise, cells.
const GUTTER: (u16, u16) = (8, 10);
/// Minimum and maximum height of a lane without its head, rows.
const LANE: (u16, u16) = (2, 4);
/// Minimum height of the trace, which is the plot of gaps, rows. The trace gets at least half of the pane, or two
/// fifths of a roomy one.
const TRACE: u16 = 4;
/// Height beyond which a higher trace shows no more, rows.
const TALL_TRACE: u16 = 18;
/// Height from which a pane is roomy, rows.
const ROOMY: u16 = 22;
/// Height from which the trace has a head, rows.
const HEAD_FROM: u16 = 4;
/// Cells between two figures of the cursor's readout.
const BETWEEN: usize = 3;

/// Areas of the parts of the pane. Each area is as wide as the pane; plots begin after the gutter.
#[derive(Debug)]
pub struct ScopeLayout {
    pub gutter: u16,
    /// Head of the trace.
    pub head: Rect,
    pub trace: Rect,
    /// The first lanes, in order, each with its head.
    pub lanes: Vec<Rect>,
    pub axis: Rect,
    pub cursor: Rect,
}

impl ScopeLayout {
    /// Lays out `area`. `readout` are the figures at the cursor, `longest` is the width of the longest name in the
    /// gutter in cells.
    pub fn new(area: Rect, lanes: &[LaneData<'_>], readout: &[String], longest: usize) -> Self {
        let named = area.width >= NARROW;
        let wanted = u16::try_from(longest).unwrap_or(u16::MAX).saturating_add(3).min(area.width / 3);
        let gutter =
            if named { GUTTER.1.max(if longest > 0 { wanted } else { 0 }) } else { GUTTER.0.min(area.width / 2) };
        let mut rest = area;
        let mut bottom = |rows: u16, least: u16| {
            let rows = if rest.height >= rows + least { rows } else { 0 };
            rest.height -= rows;
            Rect { y: rest.bottom(), height: rows, ..rest }
        };
        let cursor = bottom(rows_of(readout, area.width), TRACE.min(2));
        let axis = bottom(1, 1);
        let head = Rect { height: u16::from(named && rest.height >= HEAD_FROM), ..rest };
        rest = Rect { y: rest.y + head.height, height: rest.height - head.height, ..rest };
        let least = if rest.height < ROOMY { rest.height.div_ceil(2) } else { rest.height * 2 / 5 };
        let room = if named { rest.height - rest.height.min(TRACE.max(least)) } else { 0 };
        let heights = lane_heights(room, rest.height / 2, lanes);
        let trace = Rect { height: rest.height - heights.iter().sum::<u16>(), ..rest };
        let mut y = trace.bottom();
        let place = |height| {
            let lane = Rect { y, height, ..rest };
            y = lane.bottom();
            lane
        };
        Self { gutter, head, trace, lanes: heights.into_iter().map(place).collect(), axis, cursor }
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
        let below_head = |lane: &Rect| Rect { y: lane.y + 1, height: lane.height.saturating_sub(1), ..*lane };
        std::iter::once(self.trace).chain(self.lanes.iter().map(below_head)).map(|r| plot(r, self.gutter))
    }
}

/// Height at which the pane shows everything, including its title rule, rows.
pub fn useful_rows(lanes: &[LaneData<'_>]) -> u16 {
    let lane = |data: &LaneData<'_>| if data.parts.len() > 1 { data.parts.len() as u16 } else { LANE.1 };
    // Three rows are for title rule, head and axis.
    3 + TALL_TRACE + lanes.iter().map(|data| 1 + lane(data)).sum::<u16>()
}

/// Heights of the first lanes that fit into `room` rows, including their heads. A lane of several GPUs has a row for
/// each, or the height of the other lanes if there is no room. The other lanes grow by equal steps up to the maximum,
/// or until all lanes together take `most` rows.
fn lane_heights(room: u16, most: u16, lanes: &[LaneData<'_>]) -> Vec<u16> {
    let mut left = room;
    let mut heights = Vec::new();
    for data in lanes {
        let rows = u16::try_from(data.parts.len()).unwrap_or(u16::MAX).saturating_add(1);
        let height = if rows > LANE.0 && rows <= left { rows } else { LANE.0 + 1 };
        if height > left {
            break;
        }
        left -= height;
        heights.push(height);
    }
    left = left.min(most.saturating_sub(heights.iter().sum()));
    for height in LANE.0..LANE.1 {
        let growing =
            || lanes.iter().zip(&heights).enumerate().filter(|(_, (d, h))| d.parts.len() == 1 && **h == height + 1);
        let grow: Vec<usize> = growing().map(|(at, _)| at).collect();
        if grow.is_empty() || grow.len() as u16 > left {
            break;
        }
        left -= grow.len() as u16;
        for at in grow {
            heights[at] += 1;
        }
    }
    heights
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
