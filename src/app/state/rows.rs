//! The rows of the table of cases: filtered, sorted, with the attempts of unfolded cases.

use std::sync::Arc;

use super::app::App;
use super::cases::RowId;
use super::cases::order::Measures;
use super::listing::{Listing, passes};

impl App {
    /// Indices of the cases that pass the filter, in the order of the table.
    pub fn listed_cases(&self) -> Vec<usize> {
        self.listing().cases.to_vec()
    }

    /// Number of cases that pass the filter.
    pub fn listed_case_count(&self) -> usize {
        self.listing().cases.len()
    }

    /// Kinds of measurement in the run on the screen.
    pub fn measures(&self) -> Measures {
        self.listing().measures()
    }

    /// Index of a row of the table; `None` if it is not listed.
    pub fn row_place(&self, row: RowId) -> Option<usize> {
        self.listing().place(row)
    }

    /// Whether a case passes the filter.
    pub fn is_listed(&self, case: usize) -> bool {
        let name = || self.shown().session.suite.cases.get(case).map(|c| c.name.as_str());
        let filter = &self.ui.filter;
        filter.is_empty() || name().is_some_and(|name| passes(&filter.as_str().to_lowercase(), name))
    }

    /// The rows of the table: each listed case and, if it is unfolded, its attempts below it, the newest last.
    pub fn table_rows(&self) -> Arc<[RowId]> {
        Arc::clone(&self.listing().rows)
    }

    /// The selected row.
    pub const fn selected_row(&self) -> RowId {
        RowId { case: self.ui.selected, attempt: self.ui.selected_attempt }
    }

    /// The cached rows; filters and sorts again if they are out of date.
    fn listing(&self) -> Arc<Listing> {
        let (session, stage, now) = (&self.shown().session, self.shown().shown_stage(), self.shown().now);
        let (table, filter) = (&self.ui.cases, self.ui.filter.as_str());
        let mut cached = self.ui.listing.borrow_mut();
        if let Some(listing) = cached.as_ref().filter(|cached| cached.is_current(session, stage, table, filter, now)) {
            return Arc::clone(listing);
        }
        let listing = Arc::new(Listing::new(session, stage, table, filter, now, cached.as_deref()));
        Arc::clone(cached.insert(listing))
    }
}
