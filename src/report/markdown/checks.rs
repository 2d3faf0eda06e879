//! Results of the checks for the verdict.

use crate::report::check_failures::{MAX_CHECK_FAILURES, check_failures};

use super::View;
use super::escape::{code, inline};

/// Returns the pass rate with its interval and the first failures; `None` if no answer was checked.
pub fn verdict(view: &View<'_>) -> Option<String> {
    let rate = view.summary.totals.pass_rate;
    let words = rate.words()?;
    if rate.failed() == 0 {
        return Some(format!("**Checks**: {words}"));
    }
    let failures = check_failures(&view.cases, MAX_CHECK_FAILURES);
    let one = |failure: &crate::report::check_failures::CheckFailure| {
        let attempt = failure.attempt.map_or_else(String::new, |number| format!(", attempt {number}"));
        format!("'{}'{attempt} {}", inline(&failure.case), code(&failure.message))
    };
    let first = failures.iter().map(one).collect::<Vec<_>>().join("; ");
    // Failures in earlier stages of a sweep are only counted.
    let first = if first.is_empty() { first } else { format!("; first failures: {first}") };
    Some(format!("**Wrong answers**: {words}{first}"))
}
