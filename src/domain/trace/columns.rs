//! Summary of a part of a trace, for the columns of a screen.

use super::{Gap, GapBin, Trace};
use crate::domain::attempt::TextKind;
use crate::domain::time::Nanos;

/// Summary of the gaps that overlap one column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// Total length of the gaps, milliseconds.
    pub sum_ms: f32,
    /// Number of gaps, at least one.
    pub gaps: u32,
    /// Length of the longest gap, milliseconds.
    pub high_ms: f32,
    /// Kind of text after the last gap.
    pub kind: TextKind,
}

impl Column {
    fn from_gap(gap: &Gap) -> Self {
        let ms = gap.ms() as f32;
        Self { sum_ms: ms, gaps: 1, high_ms: ms, kind: gap.kind }
    }

    /// Mean length of the gaps, milliseconds.
    pub fn mean_ms(&self) -> f64 {
        f64::from(self.sum_ms) / f64::from(self.gaps.max(1))
    }

    /// Merges two neighbouring columns.
    #[must_use]
    pub fn merge(self, later: Self) -> Self {
        Self {
            sum_ms: self.sum_ms + later.sum_ms,
            gaps: self.gaps + later.gaps,
            high_ms: self.high_ms.max(later.high_ms),
            kind: later.kind,
        }
    }
}

/// Summarises the gaps between two times in `count` columns. Each gap counts in all columns that it overlaps. `open` is
/// a gap that has not ended. If a column has many arrivals, a gap may count in the neighbouring column instead.
pub fn columns(trace: &Trace, open: Option<Gap>, from: Nanos, to: Nanos, count: usize) -> Vec<Option<Column>> {
    let mut out = vec![None; count];
    let total = to.since(from).as_nanos();
    if total == 0 || count == 0 {
        return out;
    }
    let column_index = |at: Nanos| ((at.since(from).as_nanos() * count as u128 / total) as usize).min(count - 1);
    let mut add = |begin: Nanos, end: Nanos, column: Column| {
        if end >= from && begin < to {
            for slot in &mut out[column_index(begin)..=column_index(end)] {
                *slot = Some(slot.map_or(column, |earlier: Column| earlier.merge(column)));
            }
        }
    };
    for (block, index, stretch) in trace.stretches(from, to) {
        if stretch.to.since(stretch.from).as_nanos() * count as u128 <= total {
            if stretch.gaps > 0 {
                let GapBin { sum_ms, gaps, high_ms, kind, .. } = stretch;
                let column = Column { sum_ms, gaps, high_ms, kind };
                add(stretch.from, stretch.to, column);
            }
        } else {
            block.gaps_of(index).for_each(|gap| add(gap.from, gap.to, Column::from_gap(&gap)));
        }
    }
    if let Some(gap) = open {
        add(gap.from, gap.to, Column::from_gap(&gap));
    }
    out
}
