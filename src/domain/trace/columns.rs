//! A part of a trace brought to the width of the screen.

use super::{Gap, GapBin, Trace};
use crate::domain::attempt::TextKind;
use crate::domain::time::Nanos;

/// What one column shows of the gaps that touch it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Column {
    /// All of them together, milliseconds.
    pub sum_ms: f32,
    /// How many they are: at least one.
    pub gaps: u32,
    /// The longest, milliseconds.
    pub high_ms: f32,
    /// What came after the last of them.
    pub kind: TextKind,
}

impl Column {
    fn from_gap(gap: &Gap) -> Self {
        let ms = gap.ms() as f32;
        Self { sum_ms: ms, gaps: 1, high_ms: ms, kind: gap.kind }
    }

    /// The mean of them, milliseconds.
    pub fn mean_ms(&self) -> f64 {
        f64::from(self.sum_ms) / f64::from(self.gaps.max(1))
    }

    /// What two columns show as one.
    #[must_use]
    pub fn and(self, later: Self) -> Self {
        Self {
            sum_ms: self.sum_ms + later.sum_ms,
            gaps: self.gaps + later.gaps,
            high_ms: self.high_ms.max(later.high_ms),
            kind: later.kind,
        }
    }
}

/// The gaps between two times in `count` columns, each gap over the time that it lasted. `open` is a gap that has not
/// ended. Where a column holds many arrivals, one may count in the column beside its place.
pub fn columns(trace: &Trace, open: Option<Gap>, from: Nanos, to: Nanos, count: usize) -> Vec<Option<Column>> {
    let mut out = vec![None; count];
    let whole = to.since(from).as_nanos();
    if whole == 0 || count == 0 {
        return out;
    }
    let column_of = |at: Nanos| ((at.since(from).as_nanos() * count as u128 / whole) as usize).min(count - 1);
    let mut put = |begin: Nanos, end: Nanos, column: Column| {
        if end >= from && begin < to {
            for slot in &mut out[column_of(begin)..=column_of(end)] {
                *slot = Some(slot.map_or(column, |before: Column| before.and(column)));
            }
        }
    };
    for (block, index, stretch) in trace.stretches(from, to) {
        if stretch.to.since(stretch.from).as_nanos() * count as u128 <= whole {
            if stretch.gaps > 0 {
                let GapBin { sum_ms, gaps, high_ms, kind, .. } = stretch;
                let column = Column { sum_ms, gaps, high_ms, kind };
                put(stretch.from, stretch.to, column);
            }
        } else {
            block.gaps_of(index).for_each(|gap| put(gap.from, gap.to, Column::from_gap(&gap)));
        }
    }
    if let Some(gap) = open {
        put(gap.from, gap.to, Column::from_gap(&gap));
    }
    out
}
