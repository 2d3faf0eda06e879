//! Order of the list.

use std::cmp::Ordering;

use super::entry::RunEntry;

/// Column that the list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum SortColumn {
    /// Start of the run; newest first.
    #[default]
    Started,
    /// Model; A to Z.
    Model,
    /// Generation speed; fastest first.
    Speed,
    /// Time to first token; shortest first.
    Ttft,
    /// Duration; longest first.
    Duration,
    /// State.
    State,
}

impl SortColumn {
    /// All columns, in the order of the sort key.
    pub const ALL: [Self; 6] = [Self::Started, Self::Model, Self::Speed, Self::Ttft, Self::Duration, Self::State];

    /// The next column; after the last, the first.
    #[must_use]
    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|column| *column == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    /// Compares two runs by this column. Missing figures come last in both directions; equal runs are ordered newest
    /// first.
    pub fn compare(self, is_reversed: bool, a: &RunEntry, b: &RunEntry) -> Ordering {
        let turned = |order: Ordering| if is_reversed { order.reverse() } else { order };
        let figures = |a: Option<f64>, b: Option<f64>, ascending: bool| match (a, b) {
            (Some(a), Some(b)) => turned(if ascending { a.total_cmp(&b) } else { b.total_cmp(&a) }),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let newest_first = || crate::domain::run_id::newest_first(&a.id, &b.id);
        match self {
            Self::Started => turned(newest_first()),
            Self::Model => a.model.is_empty().cmp(&b.model.is_empty()).then_with(|| turned(a.model.cmp(&b.model))),
            Self::Speed => figures(a.speed_tok_s, b.speed_tok_s, false),
            Self::Ttft => figures(a.ttft_ms, b.ttft_ms, true),
            Self::Duration => figures(a.duration_s, b.duration_s, false),
            Self::State => turned(a.state.cmp(&b.state)),
        }
        .then_with(newest_first)
    }
}
