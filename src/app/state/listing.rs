//! Cache of the rows of the table of cases, so that not every frame filters and sorts them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::cases::order::{self, Measures, SortBy, SortedCases};
use super::cases::{CaseTable, RowId};
use crate::domain::session::Session;
use crate::domain::suite::Suite;
use crate::domain::time::Nanos;

/// Minimum interval between two sorts during a run, per row beyond [`FEW_ROWS`], so that sorting takes a small share of
/// the time for any number of rows.
const ORDER_INTERVAL_PER_ROW: Duration = Duration::from_micros(10);
/// Number of rows up to which every frame may sort again.
const FEW_ROWS: usize = 1000;
/// Entry in `places` of a case without a row.
const NOT_LISTED: u32 = u32::MAX;

/// The rows of the table, and the input from which they were computed.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    input: Input,
    suite: Arc<Suite>,
    made_at: Nanos,
    names: Arc<[String]>,
    measures: Measures,
    /// Indices of the listed cases.
    pub cases: Arc<[usize]>,
    /// Rows of those cases and of their unfolded attempts.
    pub rows: Arc<[RowId]>,
    /// Index of each case's row; [`NOT_LISTED`] without one.
    places: Arc<[u32]>,
}

/// Everything that the rows depend on, apart from the suite.
#[derive(Clone, Debug, PartialEq)]
struct Input {
    filter: String,
    sort: SortBy,
    reversed: bool,
    unfolded: BTreeSet<usize>,
    /// Version of the session; `None` if neither rows nor order depend on the progress of the run.
    version: Option<u64>,
    /// Stage of the sweep whose figures decide the order.
    stage: usize,
}

impl Input {
    fn new(session: &Session, stage: usize, table: &CaseTable, filter: &str) -> Self {
        Self {
            filter: filter.to_owned(),
            sort: table.sort,
            reversed: table.reversed,
            unfolded: table.unfolded.clone(),
            version: version(session, table),
            stage,
        }
    }

    /// Whether these choices of the user are those of this input.
    fn has_choices(&self, stage: usize, table: &CaseTable, filter: &str) -> bool {
        self.filter == filter
            && self.stage == stage
            && (self.sort, self.reversed) == (table.sort, table.reversed)
            && self.unfolded == table.unfolded
    }
}

fn version(session: &Session, table: &CaseTable) -> Option<u64> {
    let moves = matches!(table.sort, SortBy::State | SortBy::Metric(_)) || !table.unfolded.is_empty();
    moves.then(|| session.version())
}

impl Listing {
    /// Filters the cases by `filter`, the text that the user typed, and sorts them by their figures in `stage`. `last`
    /// is the previous listing, if any.
    pub fn new(
        session: &Session,
        stage: usize,
        table: &CaseTable,
        filter: &str,
        now: Nanos,
        last: Option<&Self>,
    ) -> Self {
        let (wanted, specs) = (filter.to_lowercase(), &session.suite.cases);
        let last = last.filter(|last| Arc::ptr_eq(&last.suite, &session.suite));
        let (names, measures) = match last {
            Some(last) => (Arc::clone(&last.names), last.measures),
            None => (specs.iter().map(|spec| spec.name.to_lowercase()).collect(), Measures::from_suite(&session.suite)),
        };
        let mut cases: Vec<usize> = if wanted.is_empty() {
            (0..specs.len()).collect()
        } else {
            let finder = memchr::memmem::Finder::new(&wanted);
            let passes = |(case, name): (usize, &String)| finder.find(name.as_bytes()).map(|_| case);
            names.iter().enumerate().filter_map(passes).collect()
        };
        let sorted = SortedCases { names: &names, states: &session.cases, stage };
        order::sort(&mut cases, table.sort, table.reversed, sorted);
        let mut rows = Vec::with_capacity(cases.len());
        let mut places = vec![NOT_LISTED; specs.len()];
        for &case in &cases {
            if let Some(place) = places.get_mut(case) {
                *place = u32::try_from(rows.len()).unwrap_or(NOT_LISTED);
            }
            rows.push(RowId { case, attempt: None });
            if table.unfolded.contains(&case) {
                let attempts = session.cases.get(case).map_or(&[][..], |c| &c.attempts);
                rows.extend(attempts.iter().map(|a| RowId { case, attempt: Some(a.number) }));
            }
        }
        Self {
            input: Input::new(session, stage, table, filter),
            suite: Arc::clone(&session.suite),
            made_at: now,
            names,
            measures,
            cases: cases.into(),
            rows: rows.into(),
            places: places.into(),
        }
    }

    /// Whether the rows belong to this input. During a run of a large suite, slightly older rows also count as current.
    pub fn is_current(&self, session: &Session, stage: usize, table: &CaseTable, filter: &str, now: Nanos) -> bool {
        let is_recent =
            || session.is_active() && self.made_at <= now && now.since(self.made_at) < order_interval(self.rows.len());
        let version = version(session, table);
        Arc::ptr_eq(&self.suite, &session.suite)
            && self.input.has_choices(stage, table, filter)
            && (self.input.version == version || (version.is_some() && is_recent()))
    }

    /// Kinds of measurement in the suite.
    pub const fn measures(&self) -> Measures {
        self.measures
    }

    /// Index of a row; `None` if it is not listed.
    pub fn place(&self, row: RowId) -> Option<usize> {
        let place = *self.places.get(row.case).filter(|place| **place != NOT_LISTED)? as usize;
        // The attempts of a case follow its row, in the order of their numbers from 1.
        let place = place + row.attempt.map_or(0, |number| number as usize);
        (self.rows.get(place) == Some(&row)).then_some(place)
    }
}

/// Minimum interval between two orderings of this many rows while a run is active.
fn order_interval(rows: usize) -> Duration {
    ORDER_INTERVAL_PER_ROW * u32::try_from(rows.saturating_sub(FEW_ROWS)).unwrap_or(u32::MAX)
}

/// Whether a name contains `wanted`, which must be in lower case.
pub(super) fn passes(wanted: &str, name: &str) -> bool {
    wanted.is_empty() || name.to_lowercase().contains(wanted)
}
