//! Throughput and TTFT over the concurrency of a sweep.

use super::color::{FIRST, SECOND, WAITING};
use crate::domain::sweep::{Stage, ideal_throughput, knee};
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Point, Shape, Stroke};
use crate::report::sweep_table::KNEE;

/// Charts of a sweep; `None` below two stages with a throughput.
pub fn sweep(stages: &[Stage]) -> Option<Chart> {
    let unit = stages.iter().find(|stage| stage.throughput_per_s().is_some()).map_or("tok/s", Stage::throughput_unit);
    let throughput = points(stages, Stage::throughput_per_s, unit);
    if throughput.len() < 2 {
        return None;
    }
    let x = Axis::of_loads("Requests in flight (concurrency)", throughput.iter().map(|point| point.x));
    let knee = knee(stages).and_then(|at| stages.get(at)).map(|stage| stage.concurrency as f64);
    let rule = |text: &str| knee.map(|at| Mark::RuleX(at, text.to_owned()));
    let ideal: Vec<Option<(f64, f64)>> = stages
        .iter()
        .map(|stage| Some((stage.concurrency as f64, ideal_throughput(stages, stage.concurrency)?)))
        .collect();
    let most = throughput.iter().map(|point| point.y).fold(0.0, f64::max);
    let top = Panel {
        x: x.clone(),
        y: Axis::from_zero(format!("Throughput ({unit})"), [most]),
        height: 180.0,
        marks: [Mark::Line { color: WAITING, points: ideal, stroke: Stroke::Dashed, name: "ideal scaling".to_owned() }]
            .into_iter()
            .chain(rule(&format!("{KNEE} knee")))
            .chain(curve(FIRST, Shape::Circle, throughput))
            .collect(),
    };
    let (p50, p95) = (points(stages, |s| s.ttft_p50_ms, "ms"), points(stages, |s| s.ttft_p95_ms, "ms"));
    let times: Vec<f64> = p50.iter().chain(&p95).map(|point| point.y).collect();
    let has_p95 = !p95.is_empty();
    let bottom = Panel {
        x,
        y: Axis::of_times("TTFT (ms)", times),
        height: 150.0,
        marks: rule("")
            .into_iter()
            .chain(curve(FIRST, Shape::Circle, p50))
            .chain(curve(SECOND, Shape::Square, p95))
            .collect(),
    };
    let mut legend = vec![LegendEntry::shape(FIRST, Shape::Circle, "throughput, TTFT p50")];
    legend.extend(has_p95.then(|| LegendEntry::shape(SECOND, Shape::Square, "TTFT p95")));
    legend.push(LegendEntry::line(WAITING, "ideal scaling of the first stage"));
    Some(Chart {
        id: "sweep",
        title: "Sweep over concurrency".to_owned(),
        about: format!(
            "Throughput of all requests together, and the time to the first token, at each concurrency. {}",
            if knee.is_some() { "Beyond the knee, more load mostly adds waiting." } else { "No knee was found." }
        ),
        panels: vec![top, bottom],
        legend,
    })
}

/// A line with a mark at each point.
fn curve(color: usize, shape: Shape, points: Vec<Point>) -> [Mark; 2] {
    let line = points.iter().map(|point| Some((point.x, point.y))).collect();
    [
        Mark::Line { color, points: line, stroke: Stroke::Solid, name: String::new() },
        Mark::Points { color, shape, points },
    ]
}

fn points(stages: &[Stage], get: impl Fn(&Stage) -> Option<f64>, unit: &str) -> Vec<Point> {
    let point = |stage: &Stage| {
        let y = get(stage)?;
        let mark = if stage.estimated && unit == "tok/s" { "~" } else { "" };
        let title = format!("concurrency {}: {mark}{y:.1} {unit}", stage.concurrency);
        Some(Point { x: stage.concurrency as f64, y, title, ..Point::default() })
    };
    let mut all: Vec<Point> = stages.iter().filter_map(point).collect();
    all.sort_by(|a, b| a.x.total_cmp(&b.x));
    all
}
