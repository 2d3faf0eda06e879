//! The table of lanes below the gaps: one row of [`LANES`] each.

use std::time::Duration;

use super::Window;
use crate::app::state::Scene;
use crate::domain::gpu_track::GpuTrack;
use crate::domain::quantity::Quantity;
use crate::domain::series::Series;
use crate::domain::server_gauges::Meter;
use crate::domain::time::Nanos;
use crate::ui::widget::resample::resample;

/// Minimum time without a sample that leaves a gap in the line, for figures sampled several times a second.
const MAX_SILENCE: Duration = Duration::from_secs(1);
/// Minimum time without a sample that leaves a gap in the line, for server metrics, which are read once a second.
const MAX_SERVER_SILENCE: Duration = Duration::from_secs(3);
const MIB_OF_GIB: f64 = 1024.0;

/// A row of [`LANES`].
#[derive(Debug)]
pub struct Lane {
    /// Name in the head.
    pub name: &'static str,
    /// Name in the cursor's readout; empty if the unit is clear without it.
    short: &'static str,
    /// Unit; begins with a blank if one belongs between number and unit.
    pub unit: &'static str,
    /// Whether the figure is an estimate.
    is_estimate: bool,
    /// Decimals of a value.
    decimals: usize,
    /// Returns the series that the lane shows; without any, the lane is omitted.
    parts: fn(&Scene) -> Vec<Part<'_>>,
    /// Number of units of the series in one unit of the lane.
    per_unit: f64,
    /// Minimum time without a sample that leaves a gap in the line.
    max_silence: Duration,
    /// Mean of a part over a window, in the unit of the series. The mean does not depend on the width of the pane. If
    /// the window covers the run, the mean equals the figure of the report.
    mean: fn(&Scene, &Part<'_>, Window) -> Option<f64>,
}

/// A series of a lane: one GPU of several, or the only series.
#[derive(Debug)]
pub struct Part<'a> {
    /// Name of the GPU if there are several; otherwise empty.
    pub label: String,
    series: &'a Series,
    /// Fixed top of the scale in the unit of the lane; `None` fits the scale to the values.
    pub top: Option<f64>,
}

/// A lane with data.
#[derive(Debug)]
pub struct LaneData<'a> {
    pub lane: &'static Lane,
    pub parts: Vec<Part<'a>>,
}

/// Mean of the samples in a window.
fn sample_mean(_: &Scene, part: &Part<'_>, window: Window) -> Option<f64> {
    part.series.mean_between(window.from, window.to)
}

/// All lanes. A low pane drops the last ones first.
pub const LANES: &[Lane] = &[
    Lane {
        name: "throughput",
        short: "throughput ",
        unit: " tok/s",
        is_estimate: true,
        decimals: 0,
        parts: |scene| vec![Part { label: String::new(), series: &scene.throughput, top: None }],
        per_unit: 1.0,
        max_silence: MAX_SILENCE,
        mean: |scene, _, window| Some(scene.mean_throughput(window.from, window.to)?.0),
    },
    Lane {
        name: "GPU utilization",
        short: "util ",
        unit: "%",
        is_estimate: false,
        decimals: 0,
        parts: |scene| gpus(scene, |gpu| (&gpu.load_percent, Some(100.0))),
        per_unit: 1.0,
        max_silence: MAX_SILENCE,
        mean: sample_mean,
    },
    Lane {
        name: "KV cache",
        short: "KV cache ",
        unit: "%",
        is_estimate: false,
        decimals: 0,
        parts: |scene| gauge(scene, Meter::KvCache, Some(100.0)),
        per_unit: 1.0,
        max_silence: MAX_SERVER_SILENCE,
        mean: |scene, _, window| gauge_mean(scene, Meter::KvCache, window),
    },
    Lane {
        name: "server queue",
        short: "",
        unit: " waiting",
        is_estimate: false,
        decimals: 0,
        parts: |scene| gauge(scene, Meter::Waiting, None),
        per_unit: 1.0,
        max_silence: MAX_SERVER_SILENCE,
        mean: |scene, _, window| gauge_mean(scene, Meter::Waiting, window),
    },
    Lane {
        name: "server batch",
        short: "",
        unit: " running",
        is_estimate: false,
        decimals: 0,
        parts: |scene| gauge(scene, Meter::Running, None),
        per_unit: 1.0,
        max_silence: MAX_SERVER_SILENCE,
        mean: |scene, _, window| gauge_mean(scene, Meter::Running, window),
    },
    Lane {
        name: "server throughput",
        short: "server throughput ",
        unit: " tok/s",
        is_estimate: false,
        decimals: 0,
        parts: |scene| {
            let series = scene.gauges.iter().map(|g| &g.generated_per_s);
            series.map(|series| Part { label: String::new(), series, top: None }).collect()
        },
        per_unit: 1.0,
        max_silence: MAX_SERVER_SILENCE,
        mean: sample_mean,
    },
    Lane {
        name: "GPU memory",
        short: "memory ",
        unit: " GiB",
        is_estimate: false,
        decimals: 1,
        parts: |scene| {
            gpus(scene, |gpu| (&gpu.memory_used_mib, gpu.memory_total_mib().map(|total| total / MIB_OF_GIB)))
        },
        per_unit: MIB_OF_GIB,
        max_silence: MAX_SILENCE,
        mean: sample_mean,
    },
    Lane {
        name: "GPU power",
        short: "power ",
        unit: " W",
        is_estimate: false,
        decimals: 0,
        parts: |scene| gpus(scene, |gpu| (&gpu.power_w, gpu.info.power_limit_w)),
        per_unit: 1.0,
        max_silence: MAX_SILENCE,
        mean: sample_mean,
    },
];

/// Mean of a gauge in a window, as the report computes it.
fn gauge_mean(scene: &Scene, meter: Meter, window: Window) -> Option<f64> {
    scene.gauges.as_ref()?.mean_between(meter, window.from, window.to)
}

fn gauge(scene: &Scene, meter: Meter, top: Option<f64>) -> Vec<Part<'_>> {
    let series = scene.gauges.iter().filter_map(|g| g.series(meter));
    series.map(|series| Part { label: String::new(), series, top }).collect()
}

/// One part for each GPU that works for the endpoint.
fn gpus<'a>(scene: &'a Scene, get: fn(&GpuTrack) -> (&Series, Option<f64>)) -> Vec<Part<'a>> {
    let all = scene.working_gpus();
    let is_single = all.len() == 1;
    let part = |gpu: &'a GpuTrack| {
        let (series, top) = get(gpu);
        let label = if is_single { String::new() } else { format!("GPU{}", gpu.info.index) };
        Part { label, series, top }
    };
    all.into_iter().map(part).collect()
}

/// Returns the lanes that have data.
pub fn present(scene: &Scene) -> Vec<LaneData<'_>> {
    let data = LANES.iter().map(|lane| LaneData { lane, parts: (lane.parts)(scene) });
    data.filter(|data| data.parts.iter().any(|part| part.series.mean().is_some())).collect()
}

impl LaneData<'_> {
    /// Value of a part at a time.
    pub fn at(&self, part: &Part<'_>, at: Nanos) -> Option<f64> {
        Some(part.series.at(at, self.lane.max_silence)? / self.lane.per_unit)
    }

    /// Mean of a part over the window within the run.
    pub fn mean(&self, scene: &Scene, part: &Part<'_>, window: Window) -> Option<f64> {
        let (began, end) = scene.run_span();
        let window = Window { from: window.from.max(began), to: window.to.min(end) };
        Some((self.lane.mean)(scene, part, window)? / self.lane.per_unit)
    }

    /// The current value of a part; `None` if the latest sample lacks it.
    pub fn last(&self, part: &Part<'_>) -> Option<f64> {
        Some(part.series.last()? / self.lane.per_unit)
    }

    /// Values of a part in `count` columns of the window.
    pub fn columns(&self, part: &Part<'_>, window: Window, count: usize) -> Vec<Option<f64>> {
        let max_silence = part.series.hold(self.lane.max_silence);
        let points = part.series.between(window.from, window.to, max_silence);
        let mut values = resample(&points, window.from, window.to, count, max_silence);
        values.iter_mut().flatten().for_each(|value| *value /= self.lane.per_unit);
        values
    }

    /// Formats a value without its unit, with a dash for an unknown one.
    pub fn number(&self, value: Option<f64>) -> String {
        let decimals = self.lane.decimals;
        let quantity = if decimals == 0 { Quantity::grouped(value) } else { Quantity::new(value, decimals) };
        quantity.estimated_if(self.lane.is_estimate).to_string()
    }

    /// The value at a time for the cursor's readout. For several GPUs: the lowest and the highest value.
    pub fn readout(&self, at: Nanos) -> String {
        let Lane { short, unit, .. } = self.lane;
        let values = self.parts.iter().map(|part| self.at(part, at)).collect::<Option<Vec<_>>>();
        let [low, high] = [f64::min, f64::max].map(|best| values.clone()?.into_iter().reduce(best));
        let (low, high) = (self.number(low), self.number(high));
        if low == high { format!("{short}{low}{unit}") } else { format!("{short}{low}–{high}{unit}") }
    }
}
