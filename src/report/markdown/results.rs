//! Table with the figures of each case.

use crate::domain::attempt::AttemptStatus;
use crate::domain::metrics::{INPUT_TOKENS, LATENCY, METRICS, Metric, OUTPUT_TOKENS, SPEED};
use crate::domain::quantity::{ESTIMATED, count};
use crate::report::case::CaseView;

use super::View;
use super::escape::inline;
use super::figures::{bare, heading};
use super::page::{Page, Table};

/// Metrics in the first columns. The others follow in the order of [`METRICS`].
static FIRST_COLUMNS: [&Metric; 4] = [&LATENCY, &INPUT_TOKENS, &OUTPUT_TOKENS, &SPEED];

/// Maximum number of rows.
const MAX_ROWS: usize = 1000;

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## Detailed Results");
    view.name_stage(page);
    let rest = METRICS.iter().copied().filter(|m| !FIRST_COLUMNS.contains(m));
    let metrics: Vec<&Metric> = FIRST_COLUMNS.into_iter().chain(rest).collect();
    let several = view.cases.iter().any(|c| c.measured() > 1);
    let all_ok = view.cases.iter().all(|c| status(c) == AttemptStatus::Ok.as_str());
    let mut table = metrics.iter().fold(Table::default().text("Test Case"), |table, m| table.number(&heading(m)));
    if several {
        table = table.number("Attempts");
    }
    if !all_ok {
        table = table.text("Status");
    }
    for case in view.cases.iter().take(MAX_ROWS) {
        let estimated = case.is_estimated();
        let mut row = vec![inline(&case.spec.name)];
        row.extend(metrics.iter().map(|m| bare(m, case.figure(m), estimated)));
        if several {
            row.push(format!("{}/{}", case.reported.len(), case.measured()));
        }
        if !all_ok {
            row.push(status(case));
        }
        table.row(row);
    }
    page.table(&table.without_empty_columns());
    if let Some(rest) = beyond(view.cases.len(), MAX_ROWS) {
        page.block(&rest);
    }
    if several {
        page.block(
            "Figures are means over the attempts that count: *Attempts* shows how many of all measured attempts do.",
        );
    }
    if view.summary.pass_rate.failed() > 0 {
        page.block("*wrong*: the answer is complete and its speed counts, but it fails a check of its case.");
    }
    if view.summary.estimated {
        page.block(&format!("`{ESTIMATED}`: based on a token count that is estimated from stream events."));
    }
}

/// Describes how many cases a section omits, and where to find them; `None` if it has all.
pub fn beyond(cases: usize, shown: usize) -> Option<String> {
    let rest = cases.saturating_sub(shown);
    (rest > 0).then(|| format!("… and {}: the CSV and JSON exports have all of them.", count(rest, "more case")))
}

/// Returns the status cell of a case: `ok`, `ok, warm`, `ok, wrong`, `ok, 1 failed`, `http_error` or `not run`.
fn status(case: &CaseView<'_>) -> String {
    let mut words = vec![case.status().to_owned()];
    match case.warm() {
        0 => {}
        n if n == case.reported.len() => words.push("warm".to_owned()),
        n => words.push(format!("{n} warm")),
    }
    match case.wrong() {
        0 => {}
        n if n == case.reported.len() => words.push("wrong".to_owned()),
        n => words.push(format!("{n} wrong")),
    }
    let failed = case.failures().count();
    if !case.reported.is_empty() && failed > 0 {
        words.push(format!("{failed} failed"));
    }
    words.join(", ")
}
