//! A group of repeated runs: a row for each run, then the spread between and within runs.

use crate::domain::run_results::{RunsResult, SpreadOfRuns};
use crate::domain::trend_test::MIN_VALUES;
use crate::report::sweep_table::{SWEEP_COLUMNS, n_of_all};

use super::View;
use super::escape::UNKNOWN;
use super::figures::figure;
use super::page::{Page, Table};

/// Columns of the table of runs.
const COLUMNS: usize = 4;

pub fn write(view: &View<'_>, page: &mut Page) {
    let Some(result) = &view.summary.runs else { return };
    page.block("## Runs");
    page.block(&headline(result, view));
    runs(result, view, page);
    if result.spreads.is_empty() {
        return;
    }
    page.block("### Spread Between and Within Runs");
    spreads(result, view, page);
    page.block(
        "Mean ± half of its 95% interval, with the runs as units. *Between runs* is the standard deviation of the true means of \
         runs, and *within a run* that of the requests of a case. *Share* is the part of a request's variance that its run \
         explains.",
    );
}

fn headline(result: &RunsResult, view: &View<'_>) -> String {
    let pause = view.report.session.suite.repeated_runs.map_or(0.0, |runs| runs.cool_down.as_secs_f64());
    let all = format!("**{} of {} runs**, with {pause} s between them.", result.runs.len(), result.planned);
    let drifts: Vec<String> = result.drifts().collect();
    if !drifts.is_empty() {
        return format!(
            "{all} ⚠ **Drift**: {}. The runs are not alike, so their mean depends on when they ran.",
            drifts.join("; ")
        );
    }
    if result.is_tested_for_drift() {
        return format!("{all} No drift of TTFT or ITL shown.");
    }
    format!("{all} A test for drift needs {MIN_VALUES} runs.")
}

fn runs(result: &RunsResult, view: &View<'_>, page: &mut Page) {
    let mut table = Table::default().number("Run").text("Started").number("Ok");
    for column in SWEEP_COLUMNS.iter().take(COLUMNS) {
        let (label, unit) = (column.label, column.unit.as_str());
        table = table.number(&if label == unit { label.to_owned() } else { format!("{label} ({unit})") });
    }
    for run in &result.runs {
        let started = view.report.wall_time(run.began).strftime("%H:%M:%S").to_string();
        let mut row = vec![run.number.to_string(), started, n_of_all(&run.figures)];
        let cells = SWEEP_COLUMNS.iter().take(COLUMNS);
        row.extend(cells.map(|c| c.cell(&run.figures, |value| figure(value, c.digits, false))));
        table.row(row);
    }
    page.table(&table.without_empty_columns());
}

fn spreads(result: &RunsResult, view: &View<'_>, page: &mut Page) {
    let mut table = Table::default().text("Figure");
    for name in ["Mean", "SD of runs", "Between runs", "Within a run", "Share"] {
        table = table.number(name);
    }
    for spread in &result.spreads {
        table.row(spread_row(spread, view.summary.estimated));
    }
    page.table(&table);
}

fn spread_row(spread: &SpreadOfRuns, is_estimated: bool) -> Vec<String> {
    let estimated = is_estimated && spread.figure.counts_output_tokens();
    let digits = spread.figure.digits();
    let show = |value: f64| figure(Some(value), digits, false);
    let half = spread.half_width.map_or_else(String::new, |half| format!(" ± {}", show(half)));
    let mean = figure(Some(spread.mean), digits, estimated);
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    vec![
        format!("{} ({})", spread.figure.label(), spread.figure.unit()),
        format!("{mean}{half}"),
        show(spread.deviation),
        or_unknown(spread.components.map(|c| show(c.between_runs))),
        or_unknown(spread.components.map(|c| show(c.within_run))),
        or_unknown(spread.components.map(|c| format!("{:.0}%", 100.0 * c.share_between_runs))),
    ]
}
