//! The table of cases: its order, its unfolded cases and its baseline.

pub mod order;

use std::collections::BTreeSet;

use self::order::{MAX_REPORTED, SortBy};
use crate::domain::difference::Figures;
use crate::domain::session::{AttemptState, CaseState};

/// Choices of the user in the table of cases.
#[derive(Clone, Debug, Default)]
pub struct CaseTable {
    /// Sort key.
    pub sort: SortBy,
    /// Whether the order is reversed.
    pub reversed: bool,
    /// Cases whose attempts have rows of their own.
    pub unfolded: BTreeSet<usize>,
    /// Figures of all cases when the user set the baseline.
    pub baseline: Option<Vec<Figures>>,
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowId {
    /// Index of the case in the suite.
    pub case: usize,
    /// Number of the attempt; `None` is the row of the case.
    pub attempt: Option<u32>,
}

/// Figures of the last complete, measured answers of a case in a stage of the sweep.
pub fn reported(case: &CaseState, stage: usize) -> Figures {
    let mut last: Vec<_> = case.reported_in(stage).rev().take(MAX_REPORTED).filter_map(AttemptState::record).collect();
    last.reverse();
    Figures::from_records(&last)
}
