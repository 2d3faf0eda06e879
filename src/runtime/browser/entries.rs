//! Converts saved runs and comparisons to what the browser shows.

use crate::app::browser::comparison::{ComparedRow, ComparisonView, Distribution, Judged, MetricRows, RowsBy};
use crate::app::browser::entry::{RunEntry, RunState, StageEntry};
use crate::domain::metrics::{ITL, LATENCY, Metric, TTFT};
use crate::domain::quantity::{Quantity, UNKNOWN};
use crate::domain::suite;
use crate::domain::text::sanitise_line;
use crate::report::compare::{self, Block, COMPARED, Comparison, Figure, Judgement, Measured};
use crate::report::runs_table::{Outcome, RunRow, minute};
use crate::store::runs::SavedRunFile;

/// Maximum length of a list of concurrencies to show in full, characters.
const MAX_SWEEP: usize = 8;

/// Returns the list entry of a saved run.
pub(super) fn entry(file: &SavedRunFile, run: RunRow) -> RunEntry {
    let text = |text: Option<String>| text.map_or_else(String::new, |text| sanitise_line(&text));
    if let Some(why) = run.error {
        return RunEntry::unreadable(file.id.clone(), run.bytes, sanitise_line(&why));
    }
    let state = match run.state {
        Outcome::Whole => RunState::Complete,
        Outcome::Partial => RunState::Partial,
        Outcome::Running => RunState::Running,
        Outcome::Unfinished => RunState::Unfinished,
        Outcome::Unreadable => RunState::Unreadable,
    };
    let load = load(&run);
    let selection = match run.case_patterns.as_slice() {
        [] => String::new(),
        patterns => sanitise_line(&format!("--case {}", patterns.join(", "))),
    };
    let stages = run.sweep_stages.iter().map(|stage| StageEntry {
        concurrency: stage.concurrency,
        speed_tok_s: stage.output_token_throughput_p50,
        ttft_ms: stage.time_to_first_token_ms_p50,
    });
    RunEntry {
        stages: stages.collect(),
        stage: run.stage_concurrency,
        pass_rate: run.pass_rate,
        failed_attempts: run.failed_attempts,
        started: run.started_at.as_deref().map_or_else(String::new, minute),
        model: text(run.model),
        endpoint: text(run.url).trim_start_matches("http://").trim_start_matches("https://").to_owned(),
        suite: text(run.suite.map(|name| suite::title(&name, &run.case_patterns))),
        selection,
        load,
        simulated: run.simulated,
        ok: run.ok,
        failed: run.failed,
        cases: run.cases,
        duration_s: run.duration_s,
        speed_tok_s: run.output_token_throughput_p50,
        estimated: run.estimated,
        ttft_ms: run.time_to_first_token_ms_p50,
        bytes: run.bytes,
        // Use the id in the file's name: the first line may name another run.
        ..RunEntry::new(file.id.clone(), state)
    }
    .indexed()
}

fn load(run: &RunRow) -> String {
    if let Some(found) = run.find {
        return format!("found {found}");
    }
    if let (Some(first), Some(last)) = (run.sweep.first(), run.sweep.last()) {
        let all = run.sweep.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        return if all.len() <= MAX_SWEEP { all } else { format!("{first},…,{last}") };
    }
    if let Some(stages) = &run.stages {
        return sanitise_line(stages);
    }
    if let Some(speed) = run.trace_speed {
        return format!("trace {speed}x");
    }
    match (run.rate, run.concurrency) {
        (Some(rate), _) => format!("{rate}/s"),
        (None, Some(concurrency)) => concurrency.to_string(),
        (None, None) => String::new(),
    }
}

/// Converts a comparison for the screen.
pub(super) fn comparison_view(comparison: &Comparison) -> ComparisonView {
    let throughput = compare::throughput(comparison).map(|table| {
        let mut table = table.into_iter();
        let label = table.next().into_iter().flatten().next().unwrap_or_default();
        let row = |cells: Vec<String>| {
            let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
            let name = if comparison.is_by_stage { format!("{label} · {}", cell(0)) } else { label.clone() };
            let judged = Judged::Unknown;
            ComparedRow { name, is_total: true, a: cell(1), b: cell(2), difference: cell(3), judged }
        };
        MetricRows { rows: table.map(row).collect(), label, by: RowsBy::Case }
    });
    let [a, b] = comparison.focused();
    let rows_of = |blocks: &[Block], by| -> Vec<MetricRows> {
        blocks.iter().filter(|block| compare::says_something(block)).map(|block| metric_rows(block, by)).collect()
    };
    let blocks = rows_of(&comparison.blocks, RowsBy::Case);
    let turns = rows_of(&comparison.turns, RowsBy::Turn);
    let both = [
        (&TTFT, "TTFT", "time to first token"),
        (&ITL, "ITL", "time per token"),
        (&LATENCY, "Latency", "whole answer"),
    ];
    ComparisonView {
        verdict: compare::verdict(comparison).unwrap_or_else(|| compare::NO_VERDICT.to_owned()),
        a: compare::about(&comparison.a),
        b: compare::about(&comparison.b),
        stage: comparison.focus,
        warnings: comparison.warnings.iter().map(|warning| sanitise_line(warning)).collect(),
        metrics: throughput.into_iter().chain(blocks).chain(turns).chain(percentiles(comparison)).collect(),
        distributions: both
            .into_iter()
            .map(|(metric, label, meaning)| Distribution {
                label,
                meaning,
                a_ms: values(a, metric),
                b_ms: values(b, metric),
            })
            // Leave out metrics without values: their figures are unresolved.
            .filter(|shown| !shown.a_ms.is_empty() || !shown.b_ms.is_empty())
            .collect(),
    }
}

/// The percentiles over all cases, each with the interval of its difference; `None` without any.
fn percentiles(comparison: &Comparison) -> Option<MetricRows> {
    let row = |row: &compare::PercentileRow| {
        let mut cells = compare::percentile_cells(row).into_iter();
        let name = cells.next().unwrap_or_default();
        let stage = row.concurrency.and_then(|_| cells.next());
        let [a, b, difference, interval] = std::array::from_fn(|_| cells.next().unwrap_or_default());
        ComparedRow {
            name: stage.map_or_else(|| name.clone(), |stage| format!("{name} · concurrency {stage}")),
            is_total: false,
            a,
            b,
            difference: if row.change.is_some() { format!("{difference} ({interval})") } else { difference },
            judged: Judged::Unknown,
        }
    };
    let rows: Vec<ComparedRow> = comparison.percentiles.iter().map(row).collect();
    (!rows.is_empty()).then(|| MetricRows { label: "Percentiles".to_owned(), by: RowsBy::Percentile, rows })
}

/// End of the headings over times in milliseconds.
const IN_MILLIS: &str = ", ms";

fn metric_rows(block: &Block, by: RowsBy) -> MetricRows {
    // On the screen, each time has a unit that suits its size.
    let time = block.compared.label.strip_suffix(IN_MILLIS);
    let label = time.unwrap_or(block.compared.label);
    let row = |row: &compare::Row| {
        let mut cells = compare::cells(row, &block.compared).into_iter();
        let case = cells.next().unwrap_or_default();
        let stage = row.concurrency.and_then(|_| cells.next());
        let name = if row.case.is_none() { label.to_owned() } else { case };
        let [a, b] = [row.a, row.b].map(|figure| {
            let cell = cells.next().unwrap_or_default();
            if time.is_some() { in_suitable_unit(figure) } else { cell }
        });
        ComparedRow {
            name: stage.map_or_else(|| name.clone(), |stage| format!("{name} · concurrency {stage}")),
            is_total: row.case.is_none(),
            a,
            b,
            difference: cells.next().unwrap_or_default(),
            judged: row.judge(block.compared.metric.better).map_or(Judged::Unknown, |judgement| match judgement {
                Judgement::Better => Judged::Better,
                Judgement::Worse => Judged::Worse,
                Judgement::Differs => Judged::Differs,
                Judgement::NoDifferenceShown => Judged::Same,
                Judgement::TooFew => Judged::TooFew,
            }),
        }
    };
    let rows = block.rows.iter().filter(|row| row.a.is_some() || row.b.is_some());
    MetricRows { label: label.to_owned(), by, rows: rows.map(row).collect() }
}

/// Formats a time with half the width of its interval: `195 ± 12 ms`, `1.50 ± 0.25 s`.
fn in_suitable_unit(figure: Option<Figure>) -> String {
    let Some(figure) = figure else { return UNKNOWN.to_owned() };
    Quantity::from_millis_within(figure.mean, figure.half_width).estimated_if(figure.estimated).to_string()
}

/// Returns the values of a metric for the single requests, ascending.
fn values(measured: &Measured, metric: &Metric) -> Vec<f64> {
    let at = COMPARED.iter().position(|compared| compared.metric == metric);
    at.and_then(|at| measured.values.get(at)).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::compare::ComparedRun;

    fn row(case: Option<&str>, a: Option<Figure>, b: Option<Figure>) -> compare::Row {
        compare::Row { case: case.map(str::to_owned), ..compare::Row::new(a, b) }
    }

    const fn figure(mean: f64, half_width: Option<f64>) -> Figure {
        Figure { mean, n: 3, half_width, freedom: 2, estimated: false }
    }

    fn block(metric: &Metric, rows: Vec<compare::Row>) -> Block {
        let compared = *COMPARED.iter().find(|compared| compared.metric == metric).unwrap();
        Block { compared, rows }
    }

    #[test]
    fn times_of_a_comparison_have_the_unit_that_suits_their_size() {
        let rows = vec![
            row(Some("Short"), Some(figure(812.0, Some(30.4))), Some(figure(90.0, None))),
            row(None, Some(figure(5310.0, Some(120.0))), None),
        ];
        let shown = metric_rows(&block(&LATENCY, rows), RowsBy::Case);
        assert_eq!(shown.label, "Latency");
        let cells: Vec<_> = shown.rows.iter().map(|row| (row.a.as_str(), row.b.as_str())).collect();
        assert_eq!(cells, [("812 ± 30 ms", "90.0 ms"), ("5.31 ± 0.12 s", "–")]);
    }

    #[test]
    fn a_case_without_a_figure_in_either_run_has_no_row() {
        let rows = vec![row(Some("Nowhere"), None, None), row(Some("In B"), None, Some(figure(1.0, None)))];
        let shown = metric_rows(&block(&TTFT, rows), RowsBy::Case);
        assert_eq!(shown.rows.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(), ["In B"]);
    }

    #[test]
    fn conversations_are_compared_by_turn_as_in_the_report() {
        let turn = |number, ttft_ms| compare::Turn {
            number,
            figures: COMPARED
                .iter()
                .map(|compared| (compared.metric == &TTFT).then_some(figure(ttft_ms, None)))
                .collect(),
        };
        let run =
            |first, second| ComparedRun { turns: vec![turn(1, first), turn(2, second)], ..ComparedRun::default() };
        let view = comparison_view(&Comparison::new(run(100.0, 50.0), run(110.0, 45.0)));
        let [ttft] = &view.metrics[..] else { panic!("{:?}", view.metrics) };
        assert_eq!((ttft.label.as_str(), ttft.by), ("TTFT", RowsBy::Turn));
        let rows: Vec<_> = ttft.rows.iter().map(|row| (row.name.as_str(), row.a.as_str(), row.b.as_str())).collect();
        assert_eq!(rows, [("turn 1", "100 ms", "110 ms"), ("turn 2", "50.0 ms", "45.0 ms")]);
    }
}
