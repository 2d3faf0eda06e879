//! The rows of the table of cases, kept from frame to frame.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::cases::order::{self, SortBy, SortedCases};
use super::cases::{CaseTable, RowId};
use crate::domain::session::Session;
use crate::domain::time::Nanos;

/// Interval between two orderings of a running suite, for each case beyond [`SMALL_SUITE`]. The order then takes a small share
/// of the time, however many cases there are.
const ORDER_INTERVAL_PER_CASE: Duration = Duration::from_micros(10);
/// Maximum number of cases that each frame orders anew.
const SMALL_SUITE: usize = 1000;

/// The rows of the table, and the input they were made from.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    input: Input,
    made_at: Nanos,
    /// Indices of the listed cases.
    pub cases: Arc<[usize]>,
    /// Rows of those cases and of their unfolded attempts.
    pub rows: Arc<[RowId]>,
}

/// Everything that the rows depend on.
#[derive(Clone, Debug, PartialEq)]
struct Input {
    filter: String,
    sort: SortBy,
    reversed: bool,
    unfolded: BTreeSet<usize>,
    /// The session's version, if the order or the rows depend on it.
    version: Option<u64>,
    /// Stage of the sweep whose figures decide the order.
    stage: usize,
}

impl Input {
    fn new(session: &Session, stage: usize, table: &CaseTable, filter: &str) -> Self {
        let moves = matches!(table.sort, SortBy::State | SortBy::Metric(_)) || !table.unfolded.is_empty();
        Self {
            filter: filter.to_owned(),
            sort: table.sort,
            reversed: table.reversed,
            unfolded: table.unfolded.clone(),
            version: moves.then(|| session.version()),
            stage,
        }
    }
}

impl Listing {
    /// Filters and sorts the cases, by their figures in `stage`. `filter` is the text that the user typed.
    pub fn new(session: &Session, stage: usize, table: &CaseTable, filter: &str, now: Nanos) -> Self {
        let (wanted, specs) = (filter.to_lowercase(), &session.suite.cases);
        let mut cases: Vec<usize> = (0..specs.len()).filter(|&i| passes(&wanted, &specs[i].name)).collect();
        let sorted = SortedCases { specs, states: &session.cases, stage };
        order::sort(&mut cases, table.sort, table.reversed, sorted);
        let mut rows = Vec::with_capacity(cases.len());
        for &case in &cases {
            rows.push(RowId { case, attempt: None });
            if table.unfolded.contains(&case) {
                let attempts = session.cases.get(case).map_or(&[][..], |c| &c.attempts);
                rows.extend(attempts.iter().map(|a| RowId { case, attempt: Some(a.number) }));
            }
        }
        let input = Input::new(session, stage, table, filter);
        Self { input, made_at: now, cases: cases.into(), rows: rows.into() }
    }

    /// Whether the rows are those of this input, or recent enough in a large suite that runs.
    pub fn is_current(&self, session: &Session, stage: usize, table: &CaseTable, filter: &str, now: Nanos) -> bool {
        let input = Input::new(session, stage, table, filter);
        let is_recent = session.is_active() && self.made_at <= now && now.since(self.made_at) < order_interval(session);
        self.input == input
            || (is_recent
                && self.input == Input { version: self.input.version, ..input.clone() }
                && input.version.is_some())
    }
}

/// Minimum interval between two orderings while a run is active.
fn order_interval(session: &Session) -> Duration {
    let beyond = session.cases.len().saturating_sub(SMALL_SUITE);
    ORDER_INTERVAL_PER_CASE * u32::try_from(beyond).unwrap_or(u32::MAX)
}

/// Whether a name contains the wanted text, which is in lower case.
pub(super) fn passes(wanted: &str, name: &str) -> bool {
    wanted.is_empty() || name.to_lowercase().contains(wanted)
}
