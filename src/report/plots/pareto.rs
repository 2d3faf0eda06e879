//! Throughput over the speed of each user: the trade of a server between both.

use super::color::{FIRST, WAITING};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::sweep::Stage;
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Point, Shape, Stroke};
use crate::report::gpu::GpuReport;

/// Chart of throughput over decode speed per user, one point for each stage; `None` below two stages with both.
pub fn pareto(stages: &[Stage], gpu: &Result<GpuReport, String>) -> Option<Chart> {
    let gpus = serving_gpus(gpu);
    let divisor = gpus.unwrap_or(1) as f64;
    let unit = if gpus.is_some() { "tok/s per GPU" } else { "tok/s" };
    let point = |stage: &Stage| {
        let (x, y) = (stage.tokens_per_s_per_user?, stage.tokens_per_s? / divisor);
        let title = format!("concurrency {}: {y:.1} {unit}, {x:.1} tok/s per user", stage.concurrency);
        Some(Point { x, y, tag: stage.concurrency.to_string(), title, interval: None })
    };
    let all: Vec<Point> = stages.iter().filter_map(point).collect();
    if all.len() < 2 {
        return None;
    }
    let line = all.iter().map(|point| Some((point.x, point.y))).collect();
    let is_dominated = |p: &Point| all.iter().any(|o| o.x >= p.x && o.y >= p.y && (o.x > p.x || o.y > p.y));
    let (dominated, best): (Vec<Point>, Vec<Point>) = all.iter().cloned().partition(is_dominated);
    let per_gpu = match gpus {
        Some(1) => "One GPU serves the endpoint.".to_owned(),
        Some(n) => format!("{n} GPUs serve the endpoint; the throughput is divided by that number."),
        None => "The throughput is that of the whole endpoint, because the number of GPUs that serve it is not known."
            .to_owned(),
    };
    Some(Chart {
        id: "pareto",
        title: "Throughput against speed per user".to_owned(),
        about: format!(
            "Each point is a concurrency, which its number names. Horizontal: median decode speed of a stream (1000 / ITL). \
             Vertical: output tokens per second of all streams. Up and to the right is better; no other point is better in \
             both than a filled one. {per_gpu}"
        ),
        panels: vec![Panel {
            x: Axis::around("Decode speed p50 per user (tok/s)", &all.iter().map(|point| point.x).collect::<Vec<_>>()),
            y: Axis::from_zero(
                if gpus.is_some() { "Throughput per GPU (tok/s)" } else { "Throughput (tok/s)" },
                all.iter().map(|point| point.y),
            ),
            height: 240.0,
            marks: vec![
                Mark::Line { color: WAITING, points: line, stroke: Stroke::Dashed, name: String::new() },
                Mark::Points { color: WAITING, shape: Shape::Diamond, points: dominated },
                Mark::Points { color: FIRST, shape: Shape::Circle, points: best },
            ],
        }],
        legend: vec![
            LegendEntry::shape(FIRST, Shape::Circle, "Pareto-optimal"),
            LegendEntry::shape(WAITING, Shape::Diamond, "another concurrency is better in both"),
        ],
    })
}

/// Number of GPUs that serve the endpoint; `None` if that is not known.
fn serving_gpus(gpu: &Result<GpuReport, String>) -> Option<usize> {
    let gpu = gpu.as_ref().ok().filter(|gpu| matches!(gpu.scope, GpuScope::EndpointHost { .. }))?;
    let serving = gpu.devices.iter().filter(|device| device.serves == Some(true)).count();
    (serving > 0).then_some(serving)
}
