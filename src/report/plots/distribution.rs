//! Distributions of TTFT, ITL and speeds over the attempts that count.

use super::color::{FIRST, WAITING};
use crate::domain::metrics::{DECODE, ITL, LATENCY, Metric, TTFT};
use crate::report::case::CaseView;
use crate::report::chart::{Axis, Chart, Mark, Panel, Stroke, thinned};
use crate::report::markdown::{heading, label, scale};
use crate::report::summary::Summary;

/// Metrics with a distribution, with the name of their chart.
static METRICS: [(&str, &Metric); 4] = [("ttft", &TTFT), ("itl", &ITL), ("decode", &DECODE), ("latency", &LATENCY)];
/// Height of a plot, pixels.
const HEIGHT_PX: f64 = 190.0;
/// Maximum number of steps that are drawn.
const MOST_STEPS: usize = 400;
/// Percentiles that are marked if there are enough figures.
const MARKED: [u32; 3] = [50, 95, 99];

/// Distributions over all attempts that count; without those that have fewer than two figures.
pub fn distributions(cases: &[CaseView<'_>], summary: &Summary) -> Vec<Chart> {
    METRICS.iter().filter_map(|(id, metric)| distribution(id, metric, cases, summary)).collect()
}

fn distribution(id: &'static str, metric: &Metric, cases: &[CaseView<'_>], summary: &Summary) -> Option<Chart> {
    let mut values: Vec<f64> = cases.iter().flat_map(|case| case.figures(metric)).map(|figure| figure.1).collect();
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    let spread = summary.spread(metric).filter(|_| values.len() > 1)?;
    let values: Vec<f64> = values.into_iter().map(|value| value * scale(metric)).collect();
    let mut marks = vec![share_line(&values, FIRST, Stroke::Solid, String::new())];
    let percentiles = MARKED.iter().filter_map(|p| Some((*p, spread.percentile(*p)? * scale(metric))));
    marks.extend(percentiles.map(|(p, value)| Mark::RuleX(value, format!("p{p}"))));
    if let Some((p, interval)) = crate::report::spread::TAIL_PERCENTS
        .into_iter()
        .zip(spread.tail_ci95)
        .filter_map(|(p, interval)| Some((p, interval?)))
        .next_back()
    {
        let [low, high] = [interval.low, interval.high].map(|end| end * scale(metric));
        let band = [low, high].map(|at| Some((at, 0.0, 100.0))).to_vec();
        marks.insert(0, Mark::Band { color: WAITING, points: band });
        return Some(chart(id, metric, &values, marks, &format!(" The band is the 95% interval of p{p}.")));
    }
    Some(chart(id, metric, &values, marks, ""))
}

fn chart(id: &'static str, metric: &Metric, values: &[f64], marks: Vec<Mark>, note: &str) -> Chart {
    let n = values.len();
    let drawn =
        if n > MOST_STEPS { format!(" {MOST_STEPS} of the steps are drawn, evenly spaced.") } else { String::new() };
    Chart {
        id,
        title: format!("{} distribution", label(metric)),
        about: format!(
            "Share of the {n} attempts at or below a value (empirical distribution). {}: {}.{note}{drawn}",
            label(metric),
            metric.help
        ),
        panels: vec![Panel {
            x: Axis::around(heading(metric), values),
            y: Axis::between("Attempts at or below (%)", 0.0, 100.0),
            height: HEIGHT_PX,
            marks,
        }],
        legend: Vec::new(),
    }
}

/// Line of the share of ascending values at or below each, in percent, as steps.
pub fn share_line(values: &[f64], color: usize, stroke: Stroke, name: String) -> Mark {
    let n = values.len() as f64;
    let ranked: Vec<(f64, f64)> =
        values.iter().enumerate().map(|(at, value)| (*value, 100.0 * (at as f64 + 1.0) / n)).collect();
    let mut points = Vec::new();
    let mut below = 0.0;
    for (value, share) in thinned(&ranked, MOST_STEPS) {
        points.extend([Some((value, below)), Some((value, share))]);
        below = share;
    }
    Mark::Line { color, points, stroke, name }
}
