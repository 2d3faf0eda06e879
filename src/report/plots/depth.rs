//! Prefill and decode speed over the context depth.

use super::color::{FIRST, SECOND, THIRD};
use crate::domain::session::Session;
use crate::report::chart::{Axis, Chart, Mark, Panel, Point, Shape, Stroke};
use crate::report::depth_rows::{DepthRow, MeanStd, depth_rows};

/// Chart of the figures at each depth; `None` below two depths with figures.
pub fn depths(session: &Session) -> Option<Chart> {
    let rows = depth_rows(session);
    if rows.iter().filter(|row| row.n > 0).count() < 2 {
        return None;
    }
    let x = Axis::between(
        "Context before the prompt (tokens)",
        0.0,
        rows.iter().map(|row| f64::from(row.test.depth)).fold(0.0, f64::max) * 1.03,
    );
    let panel = |label: &str, unit: &str, color: usize, get: &dyn Fn(&DepthRow) -> Option<MeanStd>| {
        let point = |row: &DepthRow| {
            let figure = get(row)?;
            let interval = figure.std.map(|std| (figure.mean - std, figure.mean + std));
            let title = format!("{} tokens of context: {} {unit}", row.test.depth, figure.words(1));
            Some(Point { x: row.test.depth.into(), y: figure.mean, interval, tag: String::new(), title })
        };
        let points: Vec<Point> = rows.iter().filter_map(point).collect();
        let line = points.iter().map(|point| Some((point.x, point.y))).collect();
        let tops: Vec<f64> = points.iter().map(|point| point.interval.map_or(point.y, |(_, high)| high)).collect();
        (!points.is_empty()).then(|| Panel {
            x: x.clone(),
            y: Axis::from_zero(label, tops),
            height: 130.0,
            marks: vec![
                Mark::Line { color, points: line, stroke: Stroke::Solid, name: String::new() },
                Mark::Points { color, shape: Shape::Circle, points },
            ],
        })
    };
    let panels = [
        panel("Prefill speed (tok/s)", "tok/s", FIRST, &|row| row.prefill_tokens_per_s),
        panel("Decode speed (tok/s)", "tok/s", SECOND, &|row| row.decode_tokens_per_s),
        panel("TTFT (ms)", "ms", THIRD, &|row| row.ttft_ms),
    ];
    Some(Chart {
        id: "depth",
        title: "Speed over context depth".to_owned(),
        about: "Mean ± sample standard deviation at each depth. Prefill: prompt tokens without cached ones / TTFT, for context and \
                prompt together, sent cold. Decode: 1000 / ITL of the answer after them."
            .to_owned(),
        panels: panels.into_iter().flatten().collect(),
        legend: Vec::new(),
    })
}
