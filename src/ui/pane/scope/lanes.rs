//! The lanes below the trace: one row of [`LANES`] each.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Window, plot, scale};
use crate::app::state::Scene;
use crate::domain::series::Series;
use crate::domain::server_gauges::Meter;
use crate::domain::time::Nanos;
use crate::ui::view::View;
use crate::ui::widget::braille::Dots;
use crate::ui::widget::resample::resample;
use crate::ui::widget::scale::round_up;

/// Silence between two points that counts as a gap, for figures sampled several times a second.
const HOLD: Duration = Duration::from_secs(1);
/// Silence between two points that counts as a gap, for server metrics, which are read once a second.
const SERVER_HOLD: Duration = Duration::from_secs(3);
const MIB_OF_GIB: f64 = 1024.0;

/// How a lane combines several series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Their mean.
    Mean,
    /// Their sum.
    Sum,
}

/// A row of [`LANES`].
#[derive(Debug)]
pub struct Lane {
    /// Name and unit in the gutter.
    label: &'static str,
    /// Parts of a single figure in the cursor's readout: name, mark in front of the number, and unit.
    figure: (&'static str, &'static str, &'static str),
    /// Series that the lane shows; without any, the lane is omitted.
    series: fn(&Scene) -> Vec<&Series>,
    aggregation: Aggregation,
    /// Divisor from the unit of the series to the unit of the lane.
    per_unit: f64,
    /// Silence between two points that counts as a gap.
    hold: Duration,
    /// Top of the scale in the unit of the lane, if it is known beforehand.
    top: fn(&Scene) -> Option<f64>,
}

/// All lanes. The first ones stay longest in a low pane.
pub const LANES: &[Lane] = &[
    Lane {
        label: "tok/s",
        figure: ("", "~", " tok/s"),
        series: |scene| vec![&scene.throughput],
        hold: HOLD,
        aggregation: Aggregation::Sum,
        per_unit: 1.0,
        top: |_| None,
    },
    Lane {
        label: "util %",
        figure: ("util ", "", "%"),
        series: |scene| scene.working_gpus().into_iter().map(|g| &g.load_percent).collect(),
        hold: HOLD,
        aggregation: Aggregation::Mean,
        per_unit: 1.0,
        top: |_| Some(100.0),
    },
    Lane {
        label: "KV %",
        figure: ("KV cache ", "", "%"),
        series: |scene| gauge(scene, Meter::KvCache),
        hold: SERVER_HOLD,
        aggregation: Aggregation::Mean,
        per_unit: 1.0,
        top: |_| Some(100.0),
    },
    Lane {
        label: "waiting",
        figure: ("", "", " waiting"),
        series: |scene| gauge(scene, Meter::Waiting),
        hold: SERVER_HOLD,
        aggregation: Aggregation::Sum,
        per_unit: 1.0,
        top: |_| None,
    },
    Lane {
        label: "running",
        figure: ("", "", " running"),
        series: |scene| gauge(scene, Meter::Running),
        hold: SERVER_HOLD,
        aggregation: Aggregation::Sum,
        per_unit: 1.0,
        top: |_| None,
    },
    Lane {
        label: "srv t/s",
        figure: ("server ", "", " tok/s"),
        series: |scene| scene.gauges.iter().map(|g| &g.generated_per_s).collect(),
        hold: SERVER_HOLD,
        aggregation: Aggregation::Sum,
        per_unit: 1.0,
        top: |_| None,
    },
    Lane {
        label: "mem GiB",
        figure: ("memory ", "", " GiB"),
        series: |scene| scene.working_gpus().into_iter().map(|g| &g.memory_used_mib).collect(),
        hold: HOLD,
        aggregation: Aggregation::Sum,
        per_unit: MIB_OF_GIB,
        top: |scene| scene.working_gpus().iter().map(|g| Some(g.memory_total_mib()? / MIB_OF_GIB)).sum(),
    },
    Lane {
        label: "power W",
        figure: ("power ", "", " W"),
        series: |scene| scene.working_gpus().into_iter().map(|g| &g.power_w).collect(),
        hold: HOLD,
        aggregation: Aggregation::Sum,
        per_unit: 1.0,
        top: |scene| scene.working_gpus().iter().map(|g| g.info.power_limit_w).sum(),
    },
];

fn gauge(scene: &Scene, meter: Meter) -> Vec<&Series> {
    scene.gauges.iter().filter_map(|g| g.series(meter)).collect()
}

/// Returns the lanes that have data.
pub fn present(scene: &Scene) -> Vec<&'static Lane> {
    LANES.iter().filter(|lane| (lane.series)(scene).iter().any(|s| s.mean().is_some())).collect()
}

impl Lane {
    /// Combines the values of all series; `None` if one is missing.
    fn join(&self, values: impl ExactSizeIterator<Item = Option<f64>>) -> Option<f64> {
        let count = values.len();
        let sum = values.sum::<Option<f64>>().filter(|_| count > 0)? / self.per_unit;
        Some(if self.aggregation == Aggregation::Mean { sum / count as f64 } else { sum })
    }

    /// Formats the value at the time `at`, with a dash if there is none.
    pub fn at(&self, scene: &Scene, at: Nanos) -> String {
        let values = (self.series)(scene).into_iter().map(|s| s.at(at, self.hold)).collect::<Vec<_>>();
        let (name, before, unit) = self.figure;
        match self.join(values.into_iter()) {
            Some(value) if self.per_unit > 1.0 => format!("{name}{before}{value:.1}{unit}"),
            Some(value) => format!("{name}{before}{value:.0}{unit}"),
            None => format!("{name}{}{unit}", crate::ui::number::UNKNOWN),
        }
    }

    fn columns(&self, scene: &Scene, window: Window, count: usize) -> Vec<Option<f64>> {
        let each: Vec<_> = (self.series)(scene)
            .into_iter()
            .map(|series| {
                let points = series.between(window.from, window.to, self.hold);
                resample(&points, window.from, window.to, count, self.hold)
            })
            .collect();
        (0..count).map(|i| self.join(each.iter().map(|v| v.get(i).copied().flatten()))).collect()
    }
}

/// Draws a lane, `at` being its index among the lanes shown.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    gutter: u16,
    view: &View<'_>,
    window: Window,
    (at, lane): (usize, &Lane),
) {
    let scene = view.scene();
    let plot = plot(area, gutter);
    let mut dots = Dots::new(plot);
    let values = lane.columns(scene, window, dots.columns());
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let top = (lane.top)(scene).filter(|top| *top >= most).unwrap_or_else(|| round_up(most));
    let style = view.theme.series(at);
    dots.line(&values, top, style);
    dots.draw(plot, frame.buffer_mut());
    let tick = |top: f64| if top < 10.0 && top.fract() > 0.0 { format!("{top:.1}") } else { format!("{top:.0}") };
    scale(frame, area, gutter, view, lane.label, top, tick);
}
