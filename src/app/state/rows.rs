//! The rows of the table of cases: filtered, sorted, with the attempts of unfolded cases.

use std::sync::Arc;

use super::app::App;
use super::cases::RowId;
use super::listing::{Listing, passes};

impl App {
    /// Indices of the cases that pass the filter, in the order of the table. Nothing else orders the cases.
    pub fn listed_cases(&self) -> Vec<usize> {
        self.listing().cases.to_vec()
    }

    /// Number of cases that pass the filter.
    pub fn listed_case_count(&self) -> usize {
        self.listing().cases.len()
    }

    /// Whether some case or row of the run on the screen has checks.
    pub fn has_checks(&self) -> bool {
        self.listing().has_checks()
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

    /// The rows of the table: each listed case, and below it the attempts of an unfolded case, newest last.
    pub fn table_rows(&self) -> Arc<[RowId]> {
        Arc::clone(&self.listing().rows)
    }

    /// The selected row.
    pub const fn selected_row(&self) -> RowId {
        RowId { case: self.ui.selected, attempt: self.ui.selected_attempt }
    }

    /// The rows, listed anew only if they changed.
    fn listing(&self) -> Arc<Listing> {
        let (session, now) = (&self.shown().session, self.shown().now);
        let (table, filter) = (&self.ui.cases, self.ui.filter.as_str());
        let mut cached = self.ui.listing.borrow_mut();
        if let Some(listing) = cached.as_ref().filter(|cached| cached.is_current(session, table, filter, now)) {
            return Arc::clone(listing);
        }
        let listing = Arc::new(Listing::new(session, table, filter, now, cached.as_deref()));
        Arc::clone(cached.insert(listing))
    }
}
