//! Divides an area among panes.

use ratatui::layout::Rect;

use crate::app::pane::PaneId;

/// Columns between two panes side by side.
const GUTTER: u16 = 2;

/// A pane in a column: its share of the rows relative to the others, and the maximum of rows that it can use.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub pane: PaneId,
    pub weight: u16,
    pub most: u16,
}

impl Share {
    /// A pane that can use any number of rows.
    pub const fn new(pane: PaneId, weight: u16) -> Self {
        Self { pane, weight, most: u16::MAX }
    }

    /// A pane that can use `most` rows.
    pub const fn at_most(pane: PaneId, weight: u16, most: u16) -> Self {
        Self { pane, weight, most }
    }
}

/// Splits off the first `height` rows.
pub fn rows(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

/// Splits off the first `width` columns, with a gutter behind them.
pub fn columns(area: Rect, width: u16) -> (Rect, Rect) {
    let width = width.min(area.width);
    let next = (width + GUTTER).min(area.width);
    (Rect { width, ..area }, Rect { x: area.x + next, width: area.width - next, ..area })
}

/// Places panes one below the other. Rows that a pane cannot use go to the others; if none can use them, all panes
/// share them.
pub fn column(area: Rect, shares: &[Share]) -> Vec<(PaneId, Rect)> {
    let mut heights: Vec<Option<u16>> = vec![None; shares.len()];
    loop {
        let taken: u16 = heights.iter().flatten().sum();
        let open: Vec<usize> = (0..shares.len()).filter(|at| heights[*at].is_none()).collect();
        let weights: Vec<u16> = open.iter().map(|at| shares[*at].weight).collect();
        let parts = divided(area.height - taken, &weights);
        let full: Vec<usize> =
            open.iter().zip(&parts).filter(|(at, rows)| **rows > shares[**at].most).map(|(at, _)| *at).collect();
        if full.is_empty() || full.len() == open.len() {
            for (at, rows) in open.into_iter().zip(parts) {
                heights[at] = Some(rows);
            }
            break;
        }
        for at in full {
            heights[at] = Some(shares[at].most);
        }
    }
    let mut y = area.y;
    let place = |(share, height): (&Share, Option<u16>)| {
        let rect = Rect { y, height: height.unwrap_or(0), ..area };
        y = rect.bottom();
        (share.pane, rect)
    };
    shares.iter().zip(heights).map(place).collect()
}

/// Divides `cells` among the weights, without a remainder.
fn divided(cells: u16, weights: &[u16]) -> Vec<u16> {
    let mut left = weights.iter().sum::<u16>().max(1);
    let mut rest = cells;
    let share = |weight: &u16| {
        let share = (u32::from(rest) * u32::from(*weight) / u32::from(left.max(1))) as u16;
        (rest, left) = (rest - share, left - weight);
        share
    };
    weights.iter().map(share).collect()
}
