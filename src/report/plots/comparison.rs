//! Two runs in one drawing: their distributions over each other, and the differences with their intervals.

use super::color::{FAILED, FIRST, SECOND, THIRD, WAITING};
use super::distribution::share_line;
use crate::domain::metrics::{Better, ITL, LATENCY, Metric, SPEED, TTFT};
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Point, Shape, Stroke};
use crate::report::compare::{COMPARED, Comparison, Judgement, Row};
use crate::report::markdown::{heading, label, scale};

/// Metrics with a distribution, with the name of their chart.
static METRICS: [(&str, &Metric); 4] = [("ttft", &TTFT), ("itl", &ITL), ("speed", &SPEED), ("latency", &LATENCY)];

/// Distributions of both runs over each other, one chart for each metric that both have at least two figures of.
pub fn two_distributions(comparison: &Comparison) -> Vec<Chart> {
    METRICS.iter().filter_map(|(id, metric)| distribution(id, metric, comparison)).collect()
}

fn distribution(id: &'static str, metric: &Metric, comparison: &Comparison) -> Option<Chart> {
    let place = COMPARED.iter().position(|compared| compared.metric == metric)?;
    let [a, b] = comparison.focused().map(|measured| {
        let values = measured.values.get(place).filter(|values| values.len() > 1)?;
        Some(values.iter().map(|value| value * scale(metric)).collect::<Vec<f64>>())
    });
    let (a, b) = (a?, b?);
    let at = comparison.focus.map_or_else(String::new, |concurrency| format!(" at concurrency {concurrency}"));
    Some(Chart {
        id,
        title: format!("{} distribution{at}", label(metric)),
        about: format!(
            "Share of the attempts at or below a value: {} of A, {} of B. {}: {}.",
            a.len(),
            b.len(),
            label(metric),
            metric.help
        ),
        panels: vec![Panel {
            x: Axis::around(heading(metric), &[a.as_slice(), b.as_slice()].concat()),
            y: Axis::between("Attempts at or below (%)", 0.0, 100.0),
            height: 190.0,
            marks: vec![
                share_line(&a, FIRST, Stroke::Solid, "A".to_owned()),
                share_line(&b, SECOND, Stroke::Dashed, "B".to_owned()),
            ],
        }],
        legend: vec![LegendEntry::line(FIRST, "A"), LegendEntry::line(SECOND, "B (dashed)")],
    })
}

/// Chart of the differences over all cases in percent of A, with their 95% intervals; `None` without a difference.
pub fn differences(comparison: &Comparison) -> Option<Chart> {
    let row = |block: &'_ crate::report::compare::Block| {
        let row = block.rows.iter().rfind(|row| row.case.is_none() && row.concurrency == comparison.focus)?;
        let percent = row.difference_percent().filter(|_| !row.is_share)?;
        Some((block.compared.metric, row.clone(), percent))
    };
    let rows: Vec<(&'static Metric, Row, f64)> = comparison.blocks.iter().filter_map(row).collect();
    let reach = |(_, row, percent): &(&Metric, Row, f64)| {
        let ci = row.difference_percent_ci95();
        ci.map_or(percent.abs(), |ci| ci.low.abs().max(ci.high.abs()))
    };
    let most = rows.iter().map(reach).filter(|most| most.is_finite()).fold(1.0, f64::max) * 1.15;
    if rows.is_empty() {
        return None;
    }
    let mut intervals = Vec::new();
    let mut points = Vec::new();
    for (at, (metric, row, percent)) in rows.iter().enumerate() {
        let color = judged_color(row, metric.better);
        let words = row.judge(metric.better).map_or("not judged", Judgement::words);
        let title = format!("{}: {percent:+.1}% ({words})", label(metric));
        if let Some(ci) = row.difference_percent_ci95() {
            let ends = vec![Some((ci.low, at as f64)), Some((ci.high, at as f64))];
            intervals.push(Mark::Line { color, points: ends, stroke: Stroke::Solid, name: String::new() });
        }
        points.push((color, at as f64, *percent, title));
    }
    let points = points.into_iter().map(|(color, y, x, title)| Mark::Points {
        color,
        shape: Shape::Diamond,
        points: vec![Point { x, y, title: title.clone(), tag: format!("{x:+.1}%"), interval: None }],
    });
    let names = rows.iter().map(|(metric, ..)| label(metric).to_owned()).collect();
    Some(Chart {
        id: "differences",
        title: "Differences over all cases".to_owned(),
        about: "Difference B − A of the means in percent of A, with the 95% interval of the test that judges it. A difference whose interval contains 0 may be \
                chance."
            .to_owned(),
        panels: vec![Panel {
            x: Axis::between("Difference B − A (% of A)", -most, most),
            y: Axis::names(names),
            height: 34.0 * rows.len() as f64,
            marks: std::iter::once(Mark::RuleX(0.0, String::new())).chain(intervals).chain(points).collect(),
        }],
        legend: vec![
            LegendEntry::shape(THIRD, Shape::Diamond, "B is better"),
            LegendEntry::shape(FAILED, Shape::Diamond, "B is worse"),
            LegendEntry::shape(WAITING, Shape::Diamond, "no difference shown, or not judged"),
        ],
    })
}

fn judged_color(row: &Row, better: Option<Better>) -> usize {
    match row.judge(better) {
        Some(Judgement::Better) => THIRD,
        Some(Judgement::Worse) => FAILED,
        Some(Judgement::Differs) => FIRST,
        Some(Judgement::NoDifferenceShown | Judgement::TooFew) | None => WAITING,
    }
}
