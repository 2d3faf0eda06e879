//! The rows of the table of cases: filtered, sorted, with the attempts of unfolded cases.

use super::app::App;
use super::cases::{CaseTable, RowId, order};
use super::scene::Scene;

impl App {
    /// Indices of the cases that pass the filter, in the order of the table. Nothing else orders the cases.
    pub fn listed_cases(&self) -> Vec<usize> {
        let wanted = self.ui.filter.as_str().to_lowercase();
        let Scene { session, .. } = self.shown();
        let specs = &session.suite.cases;
        let mut listed: Vec<usize> =
            (0..specs.len()).filter(|&i| specs[i].name.to_lowercase().contains(&wanted)).collect();
        let CaseTable { sort, reversed, .. } = self.ui.cases;
        order::sort(&mut listed, sort, reversed, specs, &session.cases);
        listed
    }

    /// Whether a case passes the filter.
    pub fn is_listed(&self, case: usize) -> bool {
        self.ui.filter.is_empty() || self.listed_cases().contains(&case)
    }

    /// The rows of the table: each listed case, and below it the attempts of an unfolded case, newest last.
    pub fn table_rows(&self) -> Vec<RowId> {
        let mut rows = Vec::new();
        for case in self.listed_cases() {
            rows.push(RowId { case, attempt: None });
            if self.ui.cases.unfolded.contains(&case) {
                let attempts = self.shown().session.cases.get(case).map_or(&[][..], |c| &c.attempts);
                rows.extend(attempts.iter().map(|a| RowId { case, attempt: Some(a.number) }));
            }
        }
        rows
    }

    /// The selected row.
    pub const fn selected_row(&self) -> RowId {
        RowId { case: self.ui.selected, attempt: self.ui.selected_attempt }
    }
}
