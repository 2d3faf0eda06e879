//! One GPU over a run: its history and its figures of the run.

use std::time::Duration;

use super::energy::EnergyMeter;
use super::gpu::{GpuInfo, GpuSample, Throttle};
use super::series::Series;
use super::time::Nanos;

/// Maximum points in each series: two hours at four samples per second. Longer runs are stored in lower resolution.
const HISTORY_POINTS: usize = 28_800;
/// Bytes per MiB, the unit of `nvidia-smi`.
const MIB: f64 = 1_048_576.0;

/// One GPU over the run.
#[derive(Clone, Debug)]
pub struct GpuTrack {
    /// Properties of the GPU that do not change.
    pub info: GpuInfo,
    /// Memory in use, MiB.
    pub memory_used_mib: Series,
    /// Utilization, percent.
    pub load_percent: Series,
    /// Board power, watts.
    pub power_w: Series,
    /// Core temperature, degrees Celsius.
    pub temperature_c: Series,
    /// Clock of the streaming multiprocessors or shader engines, MHz.
    pub sm_clock_mhz: Series,
    /// Reasons for reduced clocks at the last sample; `None` if not reported.
    pub throttle: Option<Throttle>,
    /// Memory reserved by the driver, MiB, from the last sample that has it.
    pub memory_reserved_mib: Option<f64>,
    /// Memory in use at the first sample of the run, MiB.
    pub used_at_start_mib: Option<f64>,
    /// Maximum memory in use during the run, MiB, and the time it was first seen.
    pub peak_mib: Option<(f64, Nanos)>,
    /// Utilization during the run, percent.
    pub load: MeanAndMax,
    /// Power during the run, watts.
    pub power: MeanAndMax,
    /// Core temperature during the run, degrees Celsius.
    pub temperature: MeanAndMax,
    /// Reasons for reduced clocks during the run.
    pub throttled: Throttled,
    /// Energy during the run.
    pub energy: EnergyMeter,
    /// Reason why the last poll failed; `None` while the GPU answers.
    pub lost: Option<String>,
    /// Time at which the GPU was last lost during the run; it may be back.
    pub lost_at: Option<Nanos>,
    /// Number of samples in the run.
    pub taken: SampleCount,
    /// Time of the last answer, including answers without new figures.
    pub sampled_at: Option<Nanos>,
    pub(super) is_gone: bool,
    /// Whether the last sample of the run has been taken.
    pub(super) closed: bool,
}

/// Minimum samples in a run for peak memory and energy of a GPU whose exporter sets the sampling interval.
pub const FEWEST_SAMPLES: u64 = 3;

/// Number and rate of a GPU's samples in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampleCount {
    /// Number of samples, not counting polls without new figures.
    pub count: u64,
    /// Number of polls that returned the same figures as before, because the exporter had not read the GPU since.
    pub unchanged: u64,
    ends: Option<(Nanos, Nanos)>,
}

impl SampleCount {
    fn add(&mut self, at: Nanos) {
        self.count += 1;
        self.ends = Some((self.ends.map_or(at, |(first, _)| first), at));
    }

    /// Mean time between two samples; `None` with fewer than two.
    pub fn mean_interval(&self) -> Option<Duration> {
        let gaps = u32::try_from(self.count).ok()?.checked_sub(1).filter(|n| *n > 0)?;
        let (first, last) = self.ends?;
        Some(last.since(first) / gaps)
    }
}

/// Mean and maximum of the samples of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MeanAndMax {
    sum: f64,
    count: u64,
    max: Option<f64>,
}

impl MeanAndMax {
    pub(super) fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
            self.max = Some(self.max.map_or(value, |max| max.max(value)));
        }
    }

    /// Mean; `None` without a sample.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Maximum; `None` without a sample.
    pub const fn max(&self) -> Option<f64> {
        self.max
    }
}

/// Number of samples with each throttle reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Throttled {
    seen: [u64; Throttle::REASONS.len()],
    samples: u64,
}

impl Throttled {
    fn add(&mut self, throttle: Option<Throttle>) {
        let Some(throttle) = throttle else { return };
        self.samples += 1;
        for (seen, (reason, ..)) in self.seen.iter_mut().zip(Throttle::REASONS) {
            *seen += u64::from(throttle.has(reason));
        }
    }

    /// Each throttle reason seen: its name in `results.json`, its label, and its share of the samples that report
    /// reasons. `None` if no sample does.
    pub fn shares(&self) -> Option<Vec<(&'static str, &'static str, f64)>> {
        let share = |seen: u64| seen as f64 / self.samples as f64;
        let all = Throttle::REASONS.into_iter().zip(self.seen).filter(|(_, seen)| *seen > 0);
        (self.samples > 0).then(|| all.map(|((_, name, label), seen)| (name, label, share(seen))).collect())
    }
}

/// Time span whose samples belong to the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) from: Nanos,
    /// End of the span; `None` while the run is active. The first sample at or after the end is the last sample of the
    /// run.
    pub(super) until: Option<Nanos>,
}

impl GpuTrack {
    pub(super) fn new(info: GpuInfo) -> Self {
        let series = || Series::new(HISTORY_POINTS);
        Self {
            info,
            memory_used_mib: series(),
            load_percent: series(),
            power_w: series(),
            temperature_c: series(),
            sm_clock_mhz: series(),
            throttle: None,
            memory_reserved_mib: None,
            used_at_start_mib: None,
            peak_mib: None,
            load: MeanAndMax::default(),
            power: MeanAndMax::default(),
            temperature: MeanAndMax::default(),
            throttled: Throttled::default(),
            energy: EnergyMeter::default(),
            lost: None,
            lost_at: None,
            taken: SampleCount::default(),
            sampled_at: None,
            is_gone: false,
            closed: false,
        }
    }

    /// Total memory, MiB.
    pub fn memory_total_mib(&self) -> Option<f64> {
        self.info.memory_total_bytes.map(|b| b as f64 / MIB)
    }

    /// Clears the figures of the run and keeps the history.
    pub(super) fn begin_run(&mut self) {
        self.used_at_start_mib = None;
        self.peak_mib = None;
        self.load = MeanAndMax::default();
        self.power = MeanAndMax::default();
        self.temperature = MeanAndMax::default();
        self.throttled = Throttled::default();
        self.energy = EnergyMeter::default();
        self.taken = SampleCount::default();
        // A GPU that is already gone counts as lost in this run when its next gap is reported.
        self.is_gone = false;
        self.lost_at = None;
        self.closed = false;
    }

    /// Continues a run that had ended.
    pub(super) const fn resume(&mut self) {
        if self.closed {
            self.energy.pause();
        }
        self.closed = false;
    }

    /// Adds a sample; returns whether it belongs to the run.
    pub(super) fn sample(&mut self, sample: &GpuSample, span: Span) -> bool {
        let used_mib = sample.memory_used_bytes.map(|b| b as f64 / MIB);
        self.memory_used_mib.push(sample.at, used_mib);
        self.load_percent.push(sample.at, sample.utilization_percent);
        self.power_w.push(sample.at, sample.power_w);
        self.temperature_c.push(sample.at, sample.temperature_c);
        self.sm_clock_mhz.push(sample.at, sample.sm_clock_mhz);
        self.throttle = sample.throttle;
        self.memory_reserved_mib = sample.memory_reserved_bytes.map(|b| b as f64 / MIB).or(self.memory_reserved_mib);
        self.lost = None;
        self.is_gone = false;
        self.sampled_at = Some(sample.at);
        let is_of_run = sample.at >= span.from && !self.closed;
        if is_of_run {
            self.taken.add(sample.at);
            if let Some(used) = used_mib {
                self.used_at_start_mib.get_or_insert(used);
                if self.peak_mib.is_none_or(|(peak, _)| used > peak) {
                    self.peak_mib = Some((used, sample.at));
                }
            }
            self.load.add(sample.utilization_percent);
            self.power.add(sample.power_w);
            self.temperature.add(sample.temperature_c);
            self.throttled.add(sample.throttle);
            self.energy.sample(sample.at, sample.energy_j, sample.power_w);
            self.closed = span.until.is_some_and(|until| sample.at >= until);
        }
        is_of_run
    }

    /// Notes a poll that the GPU answered without new figures.
    pub(super) fn unchanged(&mut self, at: Nanos, span: Span) {
        self.lost = None;
        self.is_gone = false;
        self.sampled_at = Some(at);
        if at >= span.from && !self.closed {
            self.taken.unchanged += 1;
            self.closed = span.until.is_some_and(|until| at >= until);
        }
    }

    /// Adds a gap; returns whether it belongs to the run.
    pub(super) fn gap(&mut self, at: Nanos, lost: bool, reason: String, span: Span) -> bool {
        let all = [
            &mut self.memory_used_mib,
            &mut self.load_percent,
            &mut self.power_w,
            &mut self.temperature_c,
            &mut self.sm_clock_mhz,
        ];
        for series in all {
            series.push(at, None);
        }
        self.throttle = None;
        self.lost = Some(reason);
        let is_of_run = at >= span.from && !self.closed;
        if is_of_run {
            self.energy.gap(lost);
            if lost && !self.is_gone {
                self.lost_at = Some(at);
            }
            self.closed = span.until.is_some_and(|until| at >= until);
        }
        self.is_gone = lost;
        is_of_run
    }
}
