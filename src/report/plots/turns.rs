//! Figures of conversations by turn.

use super::color::{FIRST, SECOND, THIRD};
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Point, Shape, Stroke};
use crate::report::spread::Spread;
use crate::report::summary::Summary;
use crate::report::turns::TurnFigures;

/// Maximum number of turns with a point of their own.
const MOST_TURNS: usize = 40;

/// Chart of TTFT and prompt lengths by turn; `None` below two turns with figures.
pub fn turns(summary: &Summary) -> Option<Chart> {
    let figures = summary.turns.figures(MOST_TURNS);
    if figures.iter().filter(|turn| turn.n > 0).count() < 2 {
        return None;
    }
    let x = Axis::of_loads("Turn of the conversation", figures.iter().map(|turn| f64::from(*turn.turns.start())));
    let points = |unit: &str, get: &dyn Fn(&TurnFigures) -> Option<f64>| -> Vec<Point> {
        let point = |turn: &TurnFigures| {
            let y = get(turn)?;
            let title = format!("turn {}: {y:.1} {unit}", turn.name());
            Some(Point { x: f64::from(*turn.turns.start()), y, title, ..Point::default() })
        };
        figures.iter().filter_map(point).collect()
    };
    let percentile = |spread: Option<Spread>, p: u32| spread.and_then(|spread| spread.percentile(p));
    let p50 = points("ms p50", &|turn| percentile(turn.ttft_ms, 50));
    let p95 = points("ms p95", &|turn| percentile(turn.ttft_ms, 95));
    let prompt = points("prompt tokens", &|turn| turn.input_tokens.map(|spread| spread.stats.avg));
    let cached = points("cached tokens", &|turn| turn.cached_tokens.map(|spread| spread.stats.avg));
    let panel = |label: &str, series: [(usize, Shape, Vec<Point>); 2]| {
        let values: Vec<f64> = series.iter().flat_map(|(.., points)| points).map(|point| point.y).collect();
        let is_known = !values.is_empty();
        let marks = series.into_iter().flat_map(|(color, shape, points)| {
            let line = points.iter().map(|point| Some((point.x, point.y))).collect();
            [
                Mark::Line { color, points: line, stroke: Stroke::Solid, name: String::new() },
                Mark::Points { color, shape, points },
            ]
        });
        let marks = marks.collect();
        is_known.then(|| Panel { x: x.clone(), y: Axis::from_zero(label, values), height: 130.0, marks })
    };
    let panels = [
        panel("TTFT (ms)", [(FIRST, Shape::Circle, p50), (SECOND, Shape::Square, p95)]),
        panel("Prompt (tokens)", [(FIRST, Shape::Circle, prompt), (THIRD, Shape::Square, cached)]),
    ];
    Some(Chart {
        id: "turns",
        title: "Turns of conversations".to_owned(),
        about: "Each turn is sent with all messages and answers before it. TTFT p95 needs 20 answers.".to_owned(),
        panels: panels.into_iter().flatten().collect(),
        legend: vec![
            LegendEntry::shape(FIRST, Shape::Circle, "TTFT p50, mean prompt"),
            LegendEntry::shape(SECOND, Shape::Square, "TTFT p95"),
            LegendEntry::shape(THIRD, Shape::Square, "cached tokens"),
        ],
    })
}
