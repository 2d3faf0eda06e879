//! A row for each request of a run with more requests than cases.

use maud::{Markup, html};

use super::table::table;
use crate::domain::metrics::METRICS;
use crate::domain::quantity::{UNKNOWN, count, grouped};
use crate::domain::session::{AttemptState, Session};
use crate::domain::text::{sanitise_line, truncate};
use crate::report::case::is_estimated;
use crate::report::chart::thinned;
use crate::report::markdown::{bare, heading};

/// Maximum number of complete requests with a row.
const MOST_COMPLETE: usize = 300;
/// Maximum number of failed requests with a row.
const MOST_FAILED: usize = 100;
/// Maximum length of a name or an error message, characters.
const MOST_CHARS: usize = 120;

/// Returns the folded table of requests; nothing if the table of cases has all of them.
pub fn requests_table(session: &Session) -> Markup {
    let names = session.suite.cases.iter().map(|case| case.name.as_str());
    let attempts = names.zip(&session.cases).flat_map(|(name, case)| case.attempts.iter().map(move |a| (name, a)));
    let ended: Vec<(&str, &AttemptState)> =
        attempts.filter(|(_, attempt)| !attempt.warmup && (attempt.is_good() || attempt.is_failed())).collect();
    if ended.len() <= session.cases.len() {
        return html! {};
    }
    let began = |attempt: &AttemptState| attempt.record.as_ref().map(crate::domain::attempt::StoredRecord::began);
    let (mut complete, mut failed): (Vec<_>, Vec<_>) = ended.iter().copied().partition(|(_, a)| a.is_good());
    complete.sort_by_key(|(_, attempt)| began(attempt));
    failed.sort_by_key(|(_, attempt)| began(attempt));
    let mut shown = thinned(&complete, MOST_COMPLETE);
    shown.extend(thinned(&failed, MOST_FAILED));
    shown.sort_by_key(|(_, attempt)| began(attempt));
    let rows: Vec<Vec<String>> = shown.iter().filter_map(|(name, attempt)| row(session, name, attempt)).collect();
    let mut columns = vec![("Case".to_owned(), false), ("Attempt".to_owned(), true), ("Start (s)".to_owned(), true)];
    columns.extend(METRICS.iter().map(|metric| (heading(metric), true)));
    columns.push(("Status".to_owned(), false));
    let (columns, rows) = without_empty(columns, rows);
    let sampled = if shown.len() < ended.len() {
        format!(
            "{} of {} requests: complete and failed ones each evenly spaced in the order of their start, at most {MOST_COMPLETE} \
             and {MOST_FAILED}. The exports to CSV and JSON have all of them.",
            shown.len(),
            grouped(ended.len() as u64)
        )
    } else {
        "Each measured request that ended.".to_owned()
    };
    html! {
        details {
            summary { "Single requests (" (count(shown.len(), "row")) ")" }
            p { (sampled) }
            (table(&columns, &rows))
        }
    }
}

fn row(session: &Session, name: &str, attempt: &AttemptState) -> Option<Vec<String>> {
    let record = attempt.record()?;
    let start_s = record.began().since(session.began?).as_secs_f64();
    let short = |text: &str| truncate(&sanitise_line(text), MOST_CHARS, "…");
    let mut row = vec![short(name), record.id.number.to_string(), format!("{start_s:.3}")];
    row.extend(METRICS.iter().map(|metric| bare(metric, (metric.get)(&record), is_estimated(&record))));
    let error = record.error.as_ref().map_or_else(String::new, |error| format!(": {}", short(&error.message)));
    row.push(format!("{}{error}", record.status.as_str()));
    Some(row)
}

/// Removes the columns that hold nothing but dashes.
fn without_empty(columns: Vec<(String, bool)>, rows: Vec<Vec<String>>) -> (Vec<(String, bool)>, Vec<Vec<String>>) {
    let is_used = |at: usize| rows.iter().any(|row| row.get(at).is_some_and(|cell| cell != UNKNOWN));
    let used: Vec<bool> = (0..columns.len()).map(is_used).collect();
    let keep = |row: Vec<String>| row.into_iter().zip(&used).filter_map(|(cell, used)| used.then_some(cell)).collect();
    let columns = columns.into_iter().zip(&used).filter_map(|(column, used)| used.then_some(column)).collect();
    (columns, rows.into_iter().map(keep).collect())
}
