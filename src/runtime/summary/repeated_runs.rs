//! Lines of the summary about a group of repeated runs.

use super::entry::entry;
use crate::domain::metrics::{ITL, LATENCY, TTFT};
use crate::domain::quantity::Quantity;
use crate::domain::run_results::{FigureOfRun, RunResult, RunsResult, SpreadOfRuns};
use crate::report::sweep_table::{SWEEP_COLUMNS, n_of_all};

/// Number of figures in the line of a run.
const COLUMNS: usize = 3;

/// Returns a line for each run, the spread of the main figures, and drift; empty for a single run.
pub(super) fn lines(result: Option<&RunsResult>) -> Vec<String> {
    let Some(result) = result else { return Vec::new() };
    let runs = result.runs.iter().map(|run| {
        let label = format!("Run {}/{}", run.number, result.planned);
        entry(&label, run_parts(run).into_iter().map(Some))
    });
    let shown =
        [FigureOfRun::Throughput, FigureOfRun::Mean(&TTFT), FigureOfRun::Mean(&ITL), FigureOfRun::Mean(&LATENCY)];
    let spreads = shown.into_iter().filter_map(|figure| result.spread(figure)).map(spread_line);
    let drifts = result.drifts().map(|drift| entry("Drift", [Some(format!("⚠ {drift}"))]));
    runs.chain(spreads).chain(drifts).collect()
}

fn run_parts(run: &RunResult) -> Vec<String> {
    let unknown = Quantity::new(None, 0).to_string();
    let columns = SWEEP_COLUMNS.iter().filter_map(|c| {
        let value = c.cell(&run.figures, |v| Quantity::new(v, c.digits).to_string());
        (value != unknown).then(|| format!("{value} {}", c.after_figure()))
    });
    columns.take(COLUMNS).chain([format!("n {}", n_of_all(&run.figures))]).collect()
}

fn spread_line(spread: &SpreadOfRuns) -> String {
    let digits = spread.figure.digits();
    let show = |value: f64| Quantity::new(Some(value), digits).to_string();
    let unit = spread.figure.unit();
    let mean = Quantity::new(Some(spread.mean), digits).with_half_width(spread.half_width);
    let deviation = format!("SD of runs {}", show(spread.deviation));
    let parts = spread
        .components
        .map(|c| format!("between runs {}, within a run {}", show(c.between_runs), show(c.within_run)));
    entry(&spread.figure.label(), [Some(format!("{mean} {unit}")), Some(deviation), parts])
}

/// One line about a run that is over, for the log of a headless run.
pub fn run_line(run: &RunResult, planned: usize) -> String {
    format!("run {}/{planned}: {}", run.number, run_parts(run).join(", "))
}
