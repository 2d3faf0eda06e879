//! What the run keeps of the GPUs: history, peak, what was in use at the start, and why something is missing.

use super::gpu::{GpuEvent, GpuInfo, GpuSample};
use super::series::Series;
use super::time::Nanos;

/// Points kept of each sensor: at four a second, two hours.
const HISTORY_POINTS: usize = 28_800;
/// Bytes of a MiB, the unit that `nvidia-smi` speaks.
const MIB: f64 = 1_048_576.0;

/// One GPU over the run.
#[derive(Clone, Debug)]
pub struct GpuTrack {
    /// What does not change.
    pub info: GpuInfo,
    /// Memory in use, MiB.
    pub memory_used_mib: Series,
    /// Load, percent.
    pub load_percent: Series,
    /// Board power, watts.
    pub power_w: Series,
    /// Core temperature, degrees Celsius.
    pub temperature_c: Series,
    /// Memory in use at the first sample since the run began, MiB.
    pub used_at_start_mib: Option<f64>,
    /// The most memory in use since the run began, MiB, and when it was first seen.
    pub peak_mib: Option<(f64, Nanos)>,
    /// Why the last look gave nothing; `None` while it answers.
    pub lost: Option<String>,
    /// When the last sample was taken.
    pub sampled_at: Option<Nanos>,
}

impl GpuTrack {
    fn new(info: GpuInfo) -> Self {
        let series = || Series::new(HISTORY_POINTS);
        Self {
            info,
            memory_used_mib: series(),
            load_percent: series(),
            power_w: series(),
            temperature_c: series(),
            used_at_start_mib: None,
            peak_mib: None,
            lost: None,
            sampled_at: None,
        }
    }

    /// All memory, MiB.
    pub fn memory_total_mib(&self) -> Option<f64> {
        self.info.memory_total_bytes.map(|b| b as f64 / MIB)
    }

    fn sample(&mut self, sample: &GpuSample) {
        let used_mib = sample.memory_used_bytes.map(|b| b as f64 / MIB);
        self.memory_used_mib.push(sample.at, used_mib);
        self.load_percent.push(sample.at, sample.utilization_percent);
        self.power_w.push(sample.at, sample.power_w);
        self.temperature_c.push(sample.at, sample.temperature_c);
        self.lost = None;
        self.sampled_at = Some(sample.at);
        if let Some(used) = used_mib {
            self.used_at_start_mib.get_or_insert(used);
            if self.peak_mib.is_none_or(|(peak, _)| used > peak) {
                self.peak_mib = Some((used, sample.at));
            }
        }
    }

    fn gap(&mut self, at: Nanos, reason: String) {
        for series in [&mut self.memory_used_mib, &mut self.load_percent, &mut self.power_w, &mut self.temperature_c] {
            series.push(at, None);
        }
        self.lost = Some(reason);
    }
}

/// All GPUs of this machine over the run.
#[derive(Clone, Debug, Default)]
pub struct GpuHistory {
    /// Driver version.
    pub driver: Option<String>,
    /// In the driver's order; empty until the driver has answered.
    pub gpus: Vec<GpuTrack>,
    /// Why there is nothing to show at all.
    pub absent: Option<String>,
    /// Time between two samples, milliseconds.
    pub interval_ms: u64,
    /// Samples since the run began, over all GPUs.
    pub samples: u64,
    /// Looks since the run began that gave none.
    pub missed: u64,
}

impl GpuHistory {
    /// Takes what the sampler says.
    pub fn apply(&mut self, event: GpuEvent) {
        match event {
            GpuEvent::Found { driver, gpus, interval_ms } => {
                self.driver = driver;
                self.interval_ms = interval_ms;
                let mut known = std::mem::take(&mut self.gpus);
                for info in gpus {
                    let track = match known.iter().position(|g| g.info.index == info.index) {
                        Some(at) => GpuTrack { info, ..known.swap_remove(at) },
                        None => GpuTrack::new(info),
                    };
                    self.gpus.push(track);
                }
                self.absent = None;
            }
            GpuEvent::Absent(reason) => self.absent = Some(reason),
            GpuEvent::Sample(sample) => {
                if let Some(gpu) = self.track(sample.index) {
                    gpu.sample(&sample);
                    self.samples += 1;
                }
            }
            GpuEvent::Gap { at, index, reason } => {
                if let Some(gpu) = self.track(index) {
                    gpu.gap(at, reason);
                    self.missed += 1;
                }
            }
        }
    }

    /// The run begins: start and peak are taken from the samples that come from now on.
    pub fn begin_run(&mut self) {
        self.samples = 0;
        self.missed = 0;
        for gpu in &mut self.gpus {
            gpu.used_at_start_mib = None;
            gpu.peak_mib = None;
        }
    }

    fn track(&mut self, index: u32) -> Option<&mut GpuTrack> {
        self.gpus.iter_mut().find(|g| g.info.index == index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn history() -> GpuHistory {
        let mut h = GpuHistory::default();
        let info = GpuInfo { index: 0, model: "A".into(), ..GpuInfo::default() };
        h.apply(GpuEvent::Found { driver: None, gpus: vec![info], interval_ms: 250 });
        h
    }

    fn sample(h: &mut GpuHistory, ms: u64, gib: Option<u64>) {
        let used = gib.map(|g| g * GIB);
        let at = Nanos::from_millis(ms);
        h.apply(GpuEvent::Sample(GpuSample { at, index: 0, memory_used_bytes: used, ..GpuSample::default() }));
    }

    #[test]
    fn the_peak_is_the_highest_of_the_run_not_the_last_and_not_from_before() {
        let mut h = history();
        sample(&mut h, 0, Some(9));
        h.begin_run();
        for (ms, gib) in [(250, 2), (500, 5), (750, 5), (1000, 3)] {
            sample(&mut h, ms, Some(gib));
        }
        assert_eq!(h.gpus[0].used_at_start_mib, Some(2048.0));
        assert_eq!(h.gpus[0].peak_mib, Some((5120.0, Nanos::from_millis(500))));
        assert_eq!(h.samples, 4);
    }

    #[test]
    fn a_lost_gpu_leaves_gaps_and_keeps_its_peak() {
        let mut h = history();
        sample(&mut h, 0, Some(4));
        h.apply(GpuEvent::Gap { at: Nanos::from_millis(250), index: 0, reason: "lost".into() });
        assert_eq!(h.gpus[0].memory_used_mib.last(), None);
        assert_eq!(h.gpus[0].peak_mib.map(|p| p.0), Some(4096.0));
        assert_eq!((h.gpus[0].lost.as_deref(), h.missed), (Some("lost"), 1));
        sample(&mut h, 500, None);
        assert_eq!(h.gpus[0].lost, None);
    }

    #[test]
    fn what_is_learned_later_of_a_gpu_keeps_its_history() {
        let mut h = history();
        sample(&mut h, 0, Some(4));
        let gpus = [1, 0].map(|index| GpuInfo { index, model: "B".into(), ..GpuInfo::default() }).to_vec();
        h.apply(GpuEvent::Found { driver: None, gpus, interval_ms: 250 });
        assert_eq!(h.gpus.iter().map(|g| g.info.index).collect::<Vec<_>>(), [1, 0]);
        assert_eq!((h.gpus[1].info.model.as_str(), h.gpus[1].peak_mib.map(|p| p.0)), ("B", Some(4096.0)));
        assert_eq!(h.gpus[0].peak_mib, None);
    }

    #[test]
    fn a_gpu_nobody_announced_is_ignored() {
        let mut h = history();
        h.apply(GpuEvent::Sample(GpuSample { index: 7, ..GpuSample::default() }));
        assert_eq!(h.samples, 0);
    }
}
