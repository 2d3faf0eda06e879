//! Formats a comparison for the terminal.

use super::verdict::verdict;
use super::{Block, Compared, ComparedRun, Comparison, Figure, PercentileRow, Row, ThroughputRow, run_units};
use crate::domain::quantity::{Quantity, UNKNOWN, signed_percent};
use crate::domain::text::sanitise_line;
use crate::report::style::{Layout, Style};
use crate::report::text_table::{table, wrap};

/// Name of the row over all cases.
pub(super) const ALL: &str = "all cases";
/// Explains the judgements.
const METHOD: [&str; 4] = [
    "Figures are means; ± is half of the mean's 95% interval (Student's t within cases).",
    "A difference is better or worse only if its p-value is below 5%: Welch's test, or Student's in pairs of 10 or more cases.",
    "The p-values of several cases are corrected by Holm's method.",
    "Too few repeats: the interval needs 3 repeats of a case, or 2 repeats of 2 cases.",
];
/// Explains the judgements on pass rates.
const METHOD_OF_SHARES: &str =
    "Pass rates differ in percentage points (pp), and are judged by Newcombe's 95% interval of the difference.";
/// Explains the intervals of percentiles.
const METHOD_OF_PERCENTILES: &str = "Intervals of percentiles come from a bootstrap of cases, rows or conversations; with fewer than 10, of attempts within cases.";
/// Verdict of two runs without a common metric.
pub const NO_VERDICT: &str = "The runs have no metric in common.";

/// Formats the whole comparison, starting with the verdict.
pub fn text(comparison: &Comparison, layout: Layout) -> String {
    let Layout { style, width } = layout;
    let found = verdict(comparison).unwrap_or_else(|| NO_VERDICT.to_owned());
    let mut lines = vec![style.bold(&wrap(&found, width, 0)), String::new()];
    let sides = [('A', &comparison.a), ('B', &comparison.b)];
    lines.extend(sides.map(|(letter, side)| wrap(&format!("{letter}  {}", about(side)), width, 3)));
    let warning = |warning: &String| style.warning(&wrap(&format!("!  {}", sanitise_line(warning)), width, 3));
    lines.extend(comparison.warnings.iter().map(warning));
    lines.push(String::new());
    for rows in price(comparison).into_iter().chain(throughput(comparison)) {
        lines.push(table(&rows, &[1, 2, 3], |row, _, cell| if row == 0 { style.bold(cell) } else { cell.to_owned() }));
    }
    lines.extend(
        comparison.blocks.iter().filter(|block| says_something(block)).map(|block| section(comparison, block, style)),
    );
    lines.extend(comparison.turns.iter().filter(|block| says_something(block)).map(|block| {
        let head = format!("By turn: {}", block.compared.label);
        section_with(&head, false, block, style)
    }));
    lines.extend(comparison.models.iter().filter(|block| says_something(block)).map(|block| {
        let head = format!("By model: {}", block.compared.label);
        section_with(&head, false, block, style)
    }));
    lines.extend(percentiles(comparison).map(|rows| {
        let right: Vec<usize> = (1..rows.first().map_or(0, Vec::len)).collect();
        let bold = |row: usize, _: usize, cell: &str| if row == 0 { style.bold(cell) } else { cell.to_owned() };
        table(&rows, &right, bold)
    }));
    lines.extend(method(comparison).map(|line| style.dim(&wrap(line, width, 0))));
    lines.join("\n") + "\n"
}

/// Returns the explanations of the methods that this comparison uses.
pub(super) fn method(comparison: &Comparison) -> impl Iterator<Item = &'static str> {
    let has_shares = comparison.blocks.iter().any(|block| block.compared.metric.is_share() && says_something(block));
    let has_percentiles = comparison.percentiles.iter().any(|row| row.change.is_some());
    let shares = has_shares.then_some(METHOD_OF_SHARES);
    let sides = [&comparison.a, &comparison.b];
    let has_groups = sides.iter().any(|side| side.whole.run_count() > 1);
    let groups = has_groups.then_some(run_units::METHOD);
    METHOD.into_iter().chain(groups).chain(shares).chain(has_percentiles.then_some(METHOD_OF_PERCENTILES))
}

/// Returns whether both runs have the metric. A metric without a better direction must also differ.
pub fn says_something(block: &Block) -> bool {
    let is_judged = block.compared.metric.better.is_some();
    let mut both = block.rows.iter().filter_map(|row| row.a.zip(row.b));
    both.any(|(a, b)| is_judged || (a.mean - b.mean).abs() > f64::EPSILON)
}

fn section(comparison: &Comparison, block: &Block, style: Style) -> String {
    section_with(block.compared.label, comparison.is_by_stage, block, style)
}

fn section_with(title: &str, is_by_stage: bool, block: &Block, style: Style) -> String {
    let c = &block.compared;
    let mut head = vec![title, "A", "B", "DIFF", ""];
    if is_by_stage {
        head.insert(1, "CONC");
    }
    let head = head.into_iter().map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = std::iter::once(head).chain(block.rows.iter().map(|row| cells(row, c))).collect();
    let right: &[usize] = if is_by_stage { &[1, 2, 3, 4] } else { &[1, 2, 3] };
    let paint = |row: usize, column: usize, cell: &str| {
        let Some(row) = row.checked_sub(1).and_then(|row| block.rows.get(row)) else { return style.bold(cell) };
        if column < *right.last().unwrap_or(&0) {
            return if row.case.is_none() { style.bold(cell) } else { cell.to_owned() };
        }
        match row.judge(c.metric.better) {
            Some(super::Judgement::Better) => style.good(cell),
            Some(super::Judgement::Worse) => style.bad(cell),
            Some(super::Judgement::Differs) => cell.to_owned(),
            Some(super::Judgement::NoDifferenceShown | super::Judgement::TooFew) | None => style.dim(cell),
        }
    };
    table(&rows, right, paint)
}

/// Returns the heading and the rows of the throughput. A comparison of whole runs has this table only if a run had
/// several requests in flight. `None` unless both runs have a throughput.
pub fn throughput(comparison: &Comparison) -> Option<Vec<Vec<String>>> {
    let is_load = |side: &ComparedRun| side.plan.is_some_and(|plan| plan.rate.is_some() || plan.concurrency != Some(1));
    let unit = comparison.a.throughput_unit;
    if unit != comparison.b.throughput_unit
        || !(comparison.is_by_stage || is_load(&comparison.a) || is_load(&comparison.b))
    {
        return None;
    }
    let row = |row: &ThroughputRow| {
        let (a, b) = row.a.zip(row.b)?;
        let name = row.concurrency.map_or_else(|| "whole run".to_owned(), |n| format!("concurrency {n}"));
        let difference = row.difference_percent().map_or_else(|| UNKNOWN.to_owned(), signed_percent);
        let [a, b] = [a, b].map(|figure| Quantity::new(figure, 1).to_string());
        Some(vec![name, a, b, difference])
    };
    let rows: Vec<Vec<String>> = comparison.throughput.iter().filter_map(row).collect();
    let head = vec![format!("Throughput, {unit}"), "A".to_owned(), "B".to_owned(), "DIFF".to_owned()];
    (!rows.is_empty()).then(|| std::iter::once(head).chain(rows).collect())
}

/// Heading and row of the price, each with its load; `None` unless both runs have a price of the same unit.
pub fn price(comparison: &Comparison) -> Option<Vec<Vec<String>>> {
    let (a, b) = comparison.a.cost.as_ref().zip(comparison.b.cost.as_ref())?;
    let (usd_a, usd_b) = a.usd().zip(b.usd()).filter(|_| a.unit == b.unit)?;
    let name = if a.usd_per_thousand_items.is_some() {
        "Price, USD per 1,000 items"
    } else {
        "Price, USD per 1M output tokens"
    };
    let difference = if usd_a > 0.0 { signed_percent((usd_b / usd_a - 1.0) * 100.0) } else { UNKNOWN.to_owned() };
    let head = [name, "A", "B", "DIFF"].map(str::to_owned).to_vec();
    let [price_a, price_b] = [usd_a, usd_b].map(|usd| Quantity::new(usd, 3).to_string());
    let row = vec![String::new(), price_a, price_b, difference];
    let loads = vec!["at".to_owned(), sanitise_line(&a.load), sanitise_line(&b.load), String::new()];
    Some(vec![head, row, loads])
}

/// Returns the rows of the percentiles with their heading; `None` without percentiles.
pub(super) fn percentiles(comparison: &Comparison) -> Option<Vec<Vec<String>>> {
    comparison.percentiles.first()?;
    let mut head = vec!["Percentiles", "A", "B", "DIFF", "95% INTERVAL"];
    if comparison.is_by_stage {
        head.insert(1, "CONC");
    }
    let head = head.into_iter().map(str::to_owned).collect();
    Some(std::iter::once(head).chain(comparison.percentiles.iter().map(percentile_cells)).collect())
}

/// Returns the cells of a percentile: name, stage if any, A, B, difference, and interval of the difference.
pub fn percentile_cells(row: &PercentileRow) -> Vec<String> {
    let PercentileRow { compared, percent, .. } = row;
    let (label, unit) = compared.label.split_once(", ").unwrap_or((compared.label, ""));
    let name = format!("{label} p{percent}, {unit}");
    let value = |value: f64| Quantity::new(Some(value), compared.digits).to_string();
    let change = if row.a.value > 0.0 { Some((row.b.value / row.a.value - 1.0) * 100.0) } else { None };
    let interval = row.change.map(|change| change.ci95.scaled(100.0));
    let interval = interval.map(|ci| format!("{} to {}", signed_percent(ci.low), signed_percent(ci.high)));
    let or_unknown = |cell: Option<String>| cell.unwrap_or_else(|| UNKNOWN.to_owned());
    let stage = row.concurrency.map(|n| n.to_string());
    let figures =
        [value(row.a.value), value(row.b.value), or_unknown(change.map(signed_percent)), or_unknown(interval)];
    [name].into_iter().chain(stage).chain(figures).collect()
}

/// Describes a run in one line.
pub fn about(side: &ComparedRun) -> String {
    let simulated = side.simulated.then(|| "SIMULATED".to_owned());
    let name = Some(format!("{} ({})", side.name, side.kind));
    let parts = [name, side.model.clone(), side.started_at.clone(), side.suite.clone(), simulated];
    sanitise_line(&parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
}

/// Returns the cells of a row: case, stage if any, A, B, difference, and judgement.
pub fn cells(row: &Row, compared: &Compared) -> Vec<String> {
    let name = row.case.as_deref().map_or_else(|| ALL.to_owned(), sanitise_line);
    let points = row.difference_points().map(|points| format!("{:+.1} pp", points + 0.0));
    let percent = || row.difference_percent().filter(|_| !row.is_share).map(signed_percent);
    let difference = points.or_else(percent).unwrap_or_else(|| UNKNOWN.to_owned());
    let judged = row.judge(compared.metric.better).map_or("", super::Judgement::words).to_owned();
    let figures = [row.a, row.b].map(|f| figure(f, compared.digits));
    let stage = row.concurrency.map(|n| n.to_string());
    [name].into_iter().chain(stage).chain(figures).chain([difference, judged]).collect()
}

fn figure(figure: Option<Figure>, digits: usize) -> String {
    let quantity = Quantity::new(figure.map(|f| f.mean), digits).with_half_width(figure.and_then(|f| f.half_width));
    quantity.estimated_if(figure.is_some_and(|f| f.estimated)).to_string()
}
