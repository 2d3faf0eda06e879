//! Exports a comparison as Markdown or JSON.

use serde::Serialize;

use super::percentiles::PercentileFigure;
use super::text::{NO_VERDICT, about, cells, method, percentiles, price, says_something, throughput};
use super::verdict::verdict;
use super::{Block, ComparedRun, Comparison, Figure, Judgement, PercentileRow, Row, ThroughputRow};
use crate::domain::interval::{Interval, MEAN_NEEDS};
use crate::domain::metrics::Better;
use crate::domain::task::Task;
use crate::report::cost::Cost;
use crate::report::json::pretty;
use crate::report::markdown::inline;
use crate::report::run_figures::FoundLoad;

/// Returns the comparison as Markdown.
pub fn markdown(comparison: &Comparison) -> String {
    let mut lines = vec!["# Comparison of two runs".to_owned(), String::new()];
    lines.extend([inline(&verdict(comparison).unwrap_or_else(|| NO_VERDICT.to_owned())), String::new()]);
    let sides = [('A', &comparison.a), ('B', &comparison.b)];
    lines.extend(sides.map(|(letter, side)| format!("- **{letter}**: {}", inline(&about(side)))));
    for warning in &comparison.warnings {
        lines.extend([String::new(), format!("> {}", inline(warning))]);
    }
    for rows in price(comparison).into_iter().chain(throughput(comparison)) {
        lines.push(String::new());
        for (at, cells) in rows.iter().enumerate() {
            let cells: Vec<String> = cells.iter().map(|cell| inline(cell)).collect();
            lines.push(format!("| {} |", cells.join(" | ")));
            lines.extend((at == 0).then(|| "|---|---:|---:|---:|".to_owned()));
        }
    }
    for block in comparison.blocks.iter().filter(|block| says_something(block)) {
        lines.extend([String::new(), format!("## {}", block.compared.label), String::new()]);
        let (stage, rule) = if comparison.is_by_stage { (" Concurrency |", "---:|") } else { ("", "") };
        lines.push(format!("| Case |{stage} A | B | Difference | Judgement |"));
        lines.push(format!("|---|{rule}---:|---:|---:|---|"));
        for row in &block.rows {
            let cells: Vec<String> = cells(row, &block.compared).iter().map(|cell| inline(cell)).collect();
            lines.push(format!("| {} |", cells.join(" | ")));
        }
    }
    for (what, blocks) in [("Turn", &comparison.turns), ("Model", &comparison.models)] {
        for block in blocks.iter().filter(|block| says_something(block)) {
            let heading = format!("## {}, by {}", block.compared.label, what.to_lowercase());
            lines.extend([String::new(), heading, String::new()]);
            lines.push(format!("| {what} | A | B | Difference | Judgement |"));
            lines.push("|---|---:|---:|---:|---|".to_owned());
            for row in &block.rows {
                let cells: Vec<String> = cells(row, &block.compared).iter().map(|cell| inline(cell)).collect();
                lines.push(format!("| {} |", cells.join(" | ")));
            }
        }
    }
    if let Some(rows) = percentiles(comparison) {
        lines.extend([String::new(), "## Percentiles, all cases".to_owned(), String::new()]);
        for (at, row) in rows.iter().enumerate() {
            lines.push(format!("| {} |", row.join(" | ")));
            if at == 0 {
                lines.push(format!("|---|{}", "---:|".repeat(row.len() - 1)));
            }
        }
    }
    lines.extend([String::new(), method(comparison).collect::<Vec<_>>().join(" "), String::new()]);
    lines.join("\n")
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    /// Verdict in one sentence; `null` if the runs have no metric in common.
    verdict: Option<String>,
    a: SideJson<'a>,
    b: SideJson<'a>,
    warnings: &'a [String],
    /// Throughput by compared stage, or of the whole runs.
    throughput: Vec<ThroughputJson>,
    metrics: Vec<BlockJson<'a>>,
    /// Rows by turn, named `turn 1` and so on; only present if both runs have conversations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turns: Vec<BlockJson<'a>>,
    /// Rows by model; only present if both runs mix models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<BlockJson<'a>>,
    /// Percentiles over all cases; empty if a run has too few attempts.
    percentiles: Vec<PercentileJson>,
}

#[derive(Serialize)]
struct PercentileJson {
    key: &'static str,
    percentile: u32,
    concurrency: Option<u64>,
    a: PercentileFigureJson,
    b: PercentileFigureJson,
    difference_percent: Option<f64>,
    /// 95% interval of the difference by a cluster bootstrap; `null` with too few cases, rows or conversations.
    difference_percent_ci95: Option<Interval>,
    /// Units that the bootstrap resamples: clusters or attempts.
    design: Option<&'static str>,
    /// Number of clusters or attempts to resample from.
    units: Option<usize>,
}

#[derive(Serialize)]
struct PercentileFigureJson {
    value: f64,
    n: usize,
    /// Exact 95% interval between order statistics; `null` with too few attempts.
    ci95: Option<Interval>,
}

impl PercentileJson {
    fn new(row: &PercentileRow) -> Self {
        let figure = |PercentileFigure { value, n, ci95 }| PercentileFigureJson { value, n, ci95 };
        Self {
            key: row.compared.metric.key,
            percentile: row.percent,
            concurrency: row.concurrency,
            a: figure(row.a),
            b: figure(row.b),
            difference_percent: (row.a.value > 0.0).then(|| (row.b.value / row.a.value - 1.0) * 100.0),
            difference_percent_ci95: row.change.map(|change| change.ci95.scaled(100.0)),
            design: row.change.map(|change| change.design.as_str()),
            units: row.change.map(|change| change.units),
        }
    }
}

#[derive(Serialize)]
struct SideJson<'a> {
    name: &'a str,
    kind: &'a str,
    started_at: Option<&'a str>,
    model: Option<&'a str>,
    url: Option<&'a str>,
    suite: Option<&'a str>,
    simulated: bool,
    partial: bool,
    /// Throughput of the whole run, or of the stage at `concurrency`, tok/s.
    output_token_throughput: Option<f64>,
    /// Items per second in its place, for answers that are not text; only present for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    item_throughput: Option<f64>,
    /// Concurrency that `output_token_throughput` and the verdict describe: the highest that both runs measured, otherwise
    /// a sweep's best stage. `null` for a whole run.
    concurrency: Option<u64>,
    /// Price of the run's work at its load; only present with `--usd-per-hour`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<&'a Cost>,
    /// Largest load that the run's search found; only present with a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    find: Option<FoundLoad>,
}

#[derive(Serialize)]
struct ThroughputJson {
    /// Concurrency of the stage; `null` for whole runs.
    concurrency: Option<u64>,
    /// Throughput of run A, tok/s.
    a: Option<f64>,
    b: Option<f64>,
    difference_percent: Option<f64>,
}

#[derive(Serialize)]
struct BlockJson<'a> {
    key: &'a str,
    rows: Vec<RowJson<'a>>,
}

#[derive(Serialize)]
struct RowJson<'a> {
    /// Concurrency of the stage; `null` for whole runs.
    concurrency: Option<u64>,
    /// Name of the case; `null` for the row over all cases.
    case: Option<&'a str>,
    a: Option<FigureJson>,
    b: Option<FigureJson>,
    difference_percent: Option<f64>,
    /// 95% interval of the difference; `null` if a figure has no interval, and for pass rates.
    difference_percent_ci95: Option<Interval>,
    /// Two-sided p-value of the difference. Rows of single cases are corrected by Holm's method.
    p_value: Option<f64>,
    /// Whether the test paired cases, rows or conversations of both runs.
    paired: bool,
    /// Difference of two pass rates with its 95% interval, percentage points; `null` for other metrics.
    difference_points: Option<f64>,
    difference_points_ci95: Option<Interval>,
    /// Judgement; `null` if there are too few samples for one.
    judgement: Option<&'static str>,
    /// Reason for a missing judgement although both runs have the figure.
    judgement_unavailable: Option<&'static str>,
}

#[derive(Serialize)]
struct FigureJson {
    mean: f64,
    n: usize,
    ci95_half_width: Option<f64>,
    estimated: bool,
}

impl FigureJson {
    const fn from_figure(f: Figure) -> Self {
        Self { mean: f.mean, n: f.n, ci95_half_width: f.half_width, estimated: f.estimated }
    }
}

fn side(side: &ComparedRun, focus: Option<u64>, throughput: Option<f64>) -> SideJson<'_> {
    SideJson {
        name: &side.name,
        kind: side.kind,
        started_at: side.started_at.as_deref(),
        model: side.model.as_deref(),
        url: side.url.as_deref(),
        suite: side.suite.as_deref(),
        simulated: side.simulated,
        partial: side.partial,
        output_token_throughput: throughput.filter(|_| side.throughput_unit == Task::Generation.throughput_unit()),
        item_throughput: throughput.filter(|_| side.throughput_unit == Task::Embeddings.throughput_unit()),
        concurrency: focus.or(side.stage),
        cost: side.cost.as_ref(),
        find: side.found,
    }
}

fn block_json(block: &Block) -> BlockJson<'_> {
    let row = |row| row_json(row, block.compared.metric.better);
    BlockJson { key: block.compared.metric.key, rows: block.rows.iter().map(row).collect() }
}

fn row_json(row: &Row, better: Option<Better>) -> RowJson<'_> {
    RowJson {
        concurrency: row.concurrency,
        case: row.case.as_deref(),
        a: row.a.map(FigureJson::from_figure),
        b: row.b.map(FigureJson::from_figure),
        difference_percent: row.difference_percent(),
        difference_percent_ci95: row.difference_percent_ci95(),
        p_value: row.p_value(),
        paired: row.test.is_some_and(|test| test.is_paired && !row.is_share),
        difference_points: row.difference_points(),
        difference_points_ci95: row.points_ci95(),
        judgement: row.judge(better).filter(|judgement| *judgement != Judgement::TooFew).map(Judgement::words),
        judgement_unavailable: (row.judge(better) == Some(Judgement::TooFew)).then_some(MEAN_NEEDS),
    }
}

/// Returns the comparison as JSON.
pub fn json(comparison: &Comparison) -> String {
    let [a, b] = comparison.focused_throughput();
    let row = |row: &ThroughputRow| ThroughputJson {
        concurrency: row.concurrency,
        a: row.a,
        b: row.b,
        difference_percent: row.difference_percent(),
    };
    let document = Document {
        throughput: comparison.throughput.iter().map(row).collect(),
        schema_version: 1,
        verdict: verdict(comparison),
        a: side(&comparison.a, comparison.focus, a),
        b: side(&comparison.b, comparison.focus, b),
        warnings: &comparison.warnings,
        metrics: comparison.blocks.iter().map(block_json).collect(),
        turns: comparison.turns.iter().map(block_json).collect(),
        models: comparison.models.iter().map(block_json).collect(),
        percentiles: comparison.percentiles.iter().map(PercentileJson::new).collect(),
    };
    pretty(&document)
}
