//! The rows of the table of cases: filtered, sorted, with the attempts of unfolded cases.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::app::App;
use super::cases::order::SortBy;
use super::cases::{CaseTable, RowId, order};
use super::scene::Scene;
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
    filter: String,
    sort: SortBy,
    reversed: bool,
    unfolded: BTreeSet<usize>,
    /// The session's version, if the order or the rows depend on it.
    version: Option<u64>,
    made_at: Nanos,
    cases: Arc<[usize]>,
    rows: Arc<[RowId]>,
}

impl Listing {
    fn new(app: &App, version: Option<u64>) -> Self {
        let (table, Scene { session, now, .. }) = (&app.ui.cases, app.shown());
        let (wanted, specs) = (app.lowercase_filter(), &session.suite.cases);
        let mut cases: Vec<usize> = (0..specs.len()).filter(|&i| passes(&wanted, &specs[i].name)).collect();
        order::sort(&mut cases, table.sort, table.reversed, specs, &session.cases);
        let mut rows = Vec::with_capacity(cases.len());
        for &case in &cases {
            rows.push(RowId { case, attempt: None });
            if table.unfolded.contains(&case) {
                let attempts = session.cases.get(case).map_or(&[][..], |c| &c.attempts);
                rows.extend(attempts.iter().map(|a| RowId { case, attempt: Some(a.number) }));
            }
        }
        Self {
            filter: app.ui.filter.as_str().to_owned(),
            sort: table.sort,
            reversed: table.reversed,
            unfolded: table.unfolded.clone(),
            version,
            made_at: *now,
            cases: cases.into(),
            rows: rows.into(),
        }
    }

    /// Whether the same input makes the same rows, or rows that are recent enough.
    fn is_current(&self, app: &App, version: Option<u64>) -> bool {
        let (table, now) = (&app.ui.cases, app.shown().now);
        let session = &app.shown().session;
        let is_recent = session.is_active() && self.made_at <= now && now.since(self.made_at) < order_interval(session);
        self.filter == app.ui.filter.as_str()
            && (self.sort, self.reversed) == (table.sort, table.reversed)
            && self.unfolded == table.unfolded
            && (self.version == version || (self.version.is_some() && version.is_some() && is_recent))
    }
}

impl App {
    /// Indices of the cases that pass the filter, in the order of the table. Nothing else orders the cases.
    pub fn listed_cases(&self) -> Vec<usize> {
        self.listing().cases.to_vec()
    }

    /// Whether a case passes the filter.
    pub fn is_listed(&self, case: usize) -> bool {
        let name = || self.shown().session.suite.cases.get(case).map(|c| c.name.as_str());
        self.ui.filter.is_empty() || name().is_some_and(|name| passes(&self.lowercase_filter(), name))
    }

    /// The rows of the table: each listed case, and below it the attempts of an unfolded case, newest last.
    pub fn table_rows(&self) -> Arc<[RowId]> {
        self.listing().rows
    }

    /// The selected row.
    pub const fn selected_row(&self) -> RowId {
        RowId { case: self.ui.selected, attempt: self.ui.selected_attempt }
    }

    fn lowercase_filter(&self) -> String {
        self.ui.filter.as_str().to_lowercase()
    }

    /// The rows, listed anew only if they changed.
    fn listing(&self) -> Listing {
        let CaseTable { sort, unfolded, listing, .. } = &self.ui.cases;
        let moves = matches!(sort, SortBy::State | SortBy::Metric(_)) || !unfolded.is_empty();
        let version = moves.then(|| self.shown().session.version());
        let mut kept = listing.borrow_mut();
        if let Some(listing) = kept.as_ref().filter(|listing| listing.is_current(self, version)) {
            return listing.clone();
        }
        kept.insert(Listing::new(self, version)).clone()
    }
}

/// Minimum interval between two orderings while a run is active.
fn order_interval(session: &Session) -> Duration {
    let beyond = session.cases.len().saturating_sub(SMALL_SUITE);
    ORDER_INTERVAL_PER_CASE * u32::try_from(beyond).unwrap_or(u32::MAX)
}

/// Whether a name contains the wanted text, which is in lower case.
fn passes(wanted: &str, name: &str) -> bool {
    wanted.is_empty() || name.to_lowercase().contains(wanted)
}
