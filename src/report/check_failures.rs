//! First check failure of each case of a run.

use std::fmt;

use super::case::CaseView;

/// Maximum number of failures to list in a summary.
pub const MAX_CHECK_FAILURES: usize = 3;

/// An answer that fails a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckFailure {
    /// Name of the case.
    pub case: String,
    /// Number of the attempt, if the case has several.
    pub attempt: Option<u32>,
    /// Kind of the first failed check, and the reason for its failure.
    pub message: String,
}

impl fmt::Display for CheckFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let attempt = self.attempt.map_or_else(String::new, |number| format!(", attempt {number}"));
        write!(f, "'{}'{attempt}: {}", self.case, self.message)
    }
}

/// Returns the first failure of each case in the order of the suite, at most `most` failures.
pub fn check_failures(views: &[CaseView<'_>], most: usize) -> Vec<CheckFailure> {
    let wrong = views.iter().filter(|view| view.wrong() > 0);
    let first = |view: &CaseView<'_>| {
        view.records().find_map(|record| {
            let message = record.check_failure()?;
            let attempt = (view.reported.len() > 1).then_some(record.id.number);
            Some(CheckFailure { case: view.spec.name.clone(), attempt, message })
        })
    };
    wrong.filter_map(first).take(most).collect()
}
