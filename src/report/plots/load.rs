//! A load over the time of the run.

use super::color::{FIRST, SECOND, THIRD};
use crate::domain::load_timeline::{LoadPoint, LoadTimeline};
use crate::domain::session::Session;
use crate::domain::time::Nanos;
use crate::report::chart::{Axis, Chart, Mark, Panel, Stroke};

/// Maximum number of spans.
const MOST_SPANS: usize = 160;

/// Chart of throughput, mean TTFT and, in an open loop, the mean queue over the run; `None` below three spans.
pub fn load_over_time(session: &Session, end: Nanos) -> Option<Chart> {
    let points = LoadTimeline::from_session(session)?.points(MOST_SPANS, end);
    if points.len() < 3 {
        return None;
    }
    let began = session.began?;
    let x = Axis::between("Time since the first request (s)", 0.0, points.last()?.to_s);
    let stages: Vec<Mark> = session
        .load_stage_starts()
        .into_iter()
        .zip(session.load_stages())
        .map(|(at, stage)| Mark::RuleX(at.since(began).as_secs_f64(), stage.load.to_string()))
        .collect();
    let panel = |label: &str, color: usize, get: &dyn Fn(&LoadPoint) -> Option<f64>| {
        let middle = |point: &LoadPoint| f64::midpoint(point.from_s, point.to_s);
        let line: Vec<_> = points.iter().map(|point| Some((middle(point), get(point)?))).collect();
        let values: Vec<f64> = line.iter().flatten().map(|point| point.1).collect();
        let is_known = !values.is_empty();
        let mut marks = stages.clone();
        marks.push(Mark::Line { color, points: line, stroke: Stroke::Solid, name: String::new() });
        is_known.then(|| Panel { x: x.clone(), y: Axis::from_zero(label, values), height: 120.0, marks })
    };
    let unit = session.suite.task.throughput_unit();
    let panels = [
        panel(&format!("Throughput ({unit})"), FIRST, &|point| Some(point.throughput_per_s)),
        panel("Mean TTFT (ms)", SECOND, &|point| point.ttft_ms),
        panel("Mean queue (ms)", THIRD, &|point| point.queue_ms.filter(|_| session.is_open_loop())),
    ];
    Some(Chart {
        id: "load",
        title: "Load over the run".to_owned(),
        about: "Each point has the requests that were due or sent in its span of time; tokens are spread evenly from the first \
                to the last one of an answer."
            .to_owned(),
        panels: panels.into_iter().flatten().collect(),
        legend: Vec::new(),
    })
}
