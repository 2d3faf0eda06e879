//! The table of cases: its order, its unfolded cases and its baseline.

pub mod order;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::order::SortBy;
use crate::domain::attempt::AttemptRecord;
use crate::domain::difference::Figures;
use crate::domain::session::{AttemptState, CaseState};

/// Maximum number of answers to compare with: a long run has thousands, and each frame compares.
const MAX_COMPARED: usize = 200;
/// Maximum number of earlier attempts to compare an attempt with.
const MAX_EARLIER: usize = 30;

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

/// Figures of the last complete, measured answers of a case.
pub fn reported(state: &CaseState) -> Figures {
    let mut last: Vec<_> = state.reported().rev().take(MAX_COMPARED).filter_map(AttemptState::record).collect();
    last.reverse();
    Figures::from_records(&last)
}

/// The last complete, measured answers up to and including an attempt, oldest first.
pub fn complete_until(attempts: &[AttemptState], number: u32) -> Vec<Arc<AttemptRecord>> {
    let until = attempts.partition_point(|a| a.number <= number);
    let newest_first = attempts.iter().take(until).rev().filter(|a| a.is_good()).take(MAX_EARLIER);
    let mut complete: Vec<_> = newest_first.filter_map(AttemptState::record).collect();
    complete.reverse();
    complete
}
