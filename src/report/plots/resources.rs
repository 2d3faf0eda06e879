//! GPUs and the server's metrics on the time axis of the run.

use super::color::COUNT;
use crate::domain::server_gauges::{GaugeHistory, Meter};
use crate::domain::text::sanitise_line;
use crate::report::chart::{Axis, Chart, LegendEntry, Mark, Panel, Stroke};
use crate::report::course::{Course, course};
use crate::report::gpu::{GpuDeviceReport, GpuReport};
use crate::report::model::Report;

/// Height of a lane, pixels.
const LANE_PX: f64 = 84.0;
/// Maximum number of GPUs with a line of their own.
const MOST_GPUS: usize = 8;

/// Returns the course of a GPU's figure.
type Get = fn(&GpuDeviceReport) -> &Course;

/// Chart of the GPUs: load, memory and power over the run; `None` without samples.
pub fn gpus(report: &Report) -> Option<Chart> {
    let gpu: &GpuReport = report.gpu.as_ref().ok()?;
    let lanes: [(&str, Get); 3] = [
        ("GPU load (%)", |device| &device.load_course),
        ("GPU memory in use (MiB)", |device| &device.memory_course),
        ("GPU power (W)", |device| &device.power_course),
    ];
    let shown: Vec<&GpuDeviceReport> = gpu.devices.iter().take(MOST_GPUS).collect();
    let panels: Vec<Panel> = lanes
        .iter()
        .filter_map(|(label, get)| {
            let courses: Vec<(usize, &Course)> =
                shown.iter().enumerate().map(|(at, device)| (at % COUNT, get(device))).collect();
            lane(label, &courses, report.duration_s()?)
        })
        .collect();
    let name = |device: &GpuDeviceReport| format!("GPU {}: {}", device.index, sanitise_line(&device.model));
    let legend = shown.iter().enumerate().map(|(at, device)| LegendEntry::line(at % COUNT, name(device)));
    let more = gpu.devices.len().saturating_sub(MOST_GPUS);
    let more = if more > 0 { format!(" The first {MOST_GPUS} GPUs are drawn.") } else { String::new() };
    (!panels.is_empty()).then(|| Chart {
        id: "gpus",
        title: "GPUs over the run".to_owned(),
        about: format!(
            "Samples every {} ms, joined to spans of equal length: the line is the mean of a span, the area its lowest and highest sample. A gap is a time \
             without samples.{more}",
            gpu.sample_interval_ms
        ),
        panels,
        legend: if shown.len() > 1 { legend.collect() } else { Vec::new() },
    })
}

/// Chart of the server's own metrics over the run; `None` if they were not read.
pub fn server(report: &Report) -> Option<Chart> {
    let gauges: &GaugeHistory = report.gauges.as_ref()?;
    let began = report.session.began?;
    let end = report.session.last_ended.unwrap_or(report.finished_at);
    let meters = [
        ("Requests running", Meter::Running),
        ("Requests waiting", Meter::Waiting),
        ("KV cache in use (%)", Meter::KvCache),
    ];
    let panels: Vec<Panel> = meters
        .into_iter()
        .filter_map(|(label, meter)| {
            let course = course(gauges.series(meter)?, began, end);
            lane(label, &[(0, &course)], report.duration_s()?)
        })
        .collect();
    (!panels.is_empty()).then(|| Chart {
        id: "server",
        title: "Server metrics over the run".to_owned(),
        about: format!("The server's own counts for all its clients, read every {} ms.", gauges.interval_ms),
        panels,
        legend: Vec::new(),
    })
}

/// A lane with a line for each course; `None` if all are empty.
fn lane(label: &str, courses: &[(usize, &Course)], end_s: f64) -> Option<Panel> {
    let points = || courses.iter().flat_map(|(_, course)| course.iter().flatten());
    points().next()?;
    let end_s = points().map(|point| point.at_s).fold(end_s, f64::max);
    let most = points().map(|point| point.max).fold(0.0, f64::max);
    let is_percent = label.ends_with("(%)");
    let y = if is_percent { Axis::between(label, 0.0, most.max(100.0)) } else { Axis::from_zero(label, [most]) };
    let marks = courses.iter().flat_map(|(color, course)| {
        let area = course.iter().map(|p| p.map(|p| (p.at_s, p.min, p.max))).collect();
        let line = course.iter().map(|p| p.map(|p| (p.at_s, p.mean))).collect();
        [
            Mark::Band { color: *color, points: area },
            Mark::Line { color: *color, points: line, stroke: Stroke::Solid, name: String::new() },
        ]
    });
    let x = Axis::between("Time since the first request (s)", 0.0, end_s);
    Some(Panel { x, y, height: LANE_PX, marks: marks.collect() })
}
