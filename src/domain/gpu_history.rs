//! GPU history of a run: samples, peaks, memory in use at the start, and reasons for missing figures.

use std::time::Duration;

use super::gpu::{GpuEvent, MemoryKind};
use super::gpu_scope::GpuScope;
use super::gpu_track::{GpuTrack, Span};
use super::time::Nanos;

/// Number of sampling intervals without any event after which the driver counts as silent.
pub const SILENT_INTERVALS: u64 = 4;

/// History of all GPUs over a run.
#[derive(Clone, Debug, Default)]
pub struct GpuHistory {
    /// Name of the source of GPU figures; empty until one is found.
    pub source: String,
    /// Driver version.
    pub driver: Option<String>,
    /// GPUs in the driver's order; empty until the driver has answered.
    pub gpus: Vec<GpuTrack>,
    /// Reason why there are no figures at all.
    pub absent: Option<String>,
    /// Whether the GPUs belong to the endpoint; `None` until checked.
    pub scope: Option<GpuScope>,
    /// Time between two samples, milliseconds.
    pub interval_ms: u64,
    /// Number of samples since the run began, over all GPUs.
    pub samples: u64,
    /// Number of failed samples since the run began.
    pub missed: u64,
    span: Span,
    /// Active time before the last hold or resume.
    ran_before: Duration,
    last_poll_at: Option<Nanos>,
    longest_silence: Duration,
}

impl GpuHistory {
    /// Applies a sampler event.
    pub fn apply(&mut self, event: GpuEvent) {
        match event {
            GpuEvent::Found { source, driver, gpus, interval_ms } => {
                self.source = source;
                self.driver = driver;
                self.interval_ms = interval_ms;
                let mut known = std::mem::take(&mut self.gpus);
                for info in gpus {
                    // A GPU is identified by the driver's unique name; its index may change.
                    let same = |g: &GpuTrack| match (&g.info.uuid, &info.uuid) {
                        (Some(a), Some(b)) => a == b,
                        _ => g.info.index == info.index,
                    };
                    let track = match known.iter().position(same) {
                        Some(at) => GpuTrack { info, ..known.swap_remove(at) },
                        None => GpuTrack::new(info),
                    };
                    self.gpus.push(track);
                }
                self.absent = None;
            }
            GpuEvent::Absent(reason) => self.absent = Some(reason),
            GpuEvent::Scope(scope) => {
                self.scope = Some(match self.scope.take() {
                    Some(before) => before.updated_with(scope),
                    None => scope,
                });
            }
            GpuEvent::Sample(sample) => {
                self.note_poll(sample.at);
                let span = self.span;
                if let Some(gpu) = self.track(sample.index) {
                    self.samples += u64::from(gpu.sample(&sample, span));
                }
            }
            GpuEvent::Unchanged { at, index } => {
                self.note_poll(at);
                let span = self.span;
                if let Some(gpu) = self.track(index) {
                    gpu.unchanged(at, span);
                }
            }
            GpuEvent::Gap { at, index, lost, reason } => {
                self.note_poll(at);
                let span = self.span;
                if let Some(gpu) = self.track(index) {
                    self.missed += u64::from(gpu.gap(at, lost, reason, span));
                }
            }
        }
    }

    /// Starts the run: its figures come from the samples from now on.
    pub fn begin_run(&mut self, at: Nanos) {
        self.samples = 0;
        self.missed = 0;
        self.span = Span { from: at, until: None };
        self.ran_before = Duration::ZERO;
        self.longest_silence = Duration::ZERO;
        for gpu in &mut self.gpus {
            gpu.begin_run();
        }
    }

    /// Starts or ends active measurement. After the end, the next sample is the last one of the run.
    pub fn set_active(&mut self, active: bool, at: Nanos) {
        match (active, self.span.until) {
            (true, Some(until)) => {
                self.ran_before += until.since(self.span.from);
                self.span = Span { from: at, until: None };
                for gpu in &mut self.gpus {
                    gpu.resume();
                }
            }
            (false, None) => self.span.until = Some(at),
            (true, None) | (false, Some(_)) => {}
        }
    }

    /// Ends the run's measurement at `at` because the program ended. GPU activity until the next [`Self::set_active`]
    /// is not part of the run.
    pub fn interrupt(&mut self, at: Nanos) {
        self.set_active(false, at);
        for gpu in &mut self.gpus {
            gpu.closed = true;
        }
    }

    /// Active time of the run, up to `now` if it is still active.
    pub fn ran(&self, now: Nanos) -> Duration {
        self.ran_before + self.span.until.unwrap_or(now).since(self.span.from)
    }

    /// Longest time in the run without any event from the driver, up to `now` if the run is active. `None` if it never
    /// exceeded [`SILENT_INTERVALS`].
    pub fn silence(&self, now: Nanos) -> Option<Duration> {
        let end = self.span.until.unwrap_or(now);
        let last = end.since(self.last_poll_at.unwrap_or_default().max(self.span.from));
        let longest = self.longest_silence.max(last);
        (longest > self.max_silence()).then_some(longest)
    }

    /// Returns whether a GPU is partitioned: other GPUs in the list are its slices.
    pub fn is_partitioned(&self, gpu: &GpuTrack) -> bool {
        let uuid = gpu.info.uuid.as_deref();
        uuid.is_some() && self.gpus.iter().any(|g| g.info.parent_uuid.as_deref() == uuid)
    }

    /// Returns whether the energy figure covers several slices. A partitioned GPU has one counter for all its slices.
    pub fn shares_energy_counter(&self, gpu: &GpuTrack) -> bool {
        gpu.info.memory_kind == MemoryKind::Slice || self.is_partitioned(gpu)
    }

    fn max_silence(&self) -> Duration {
        Duration::from_millis(self.interval_ms.max(100) * SILENT_INTERVALS)
    }

    /// Notes a poll, which ends a silence.
    fn note_poll(&mut self, at: Nanos) {
        let from = self.last_poll_at.unwrap_or_default().max(self.span.from);
        if at >= self.span.from && self.span.until.is_none_or(|until| from < until) {
            let silent = self.span.until.unwrap_or(at).min(at).since(from);
            self.longest_silence = self.longest_silence.max(silent);
        }
        self.last_poll_at = Some(self.last_poll_at.map_or(at, |before| before.max(at)));
    }

    fn track(&mut self, index: u32) -> Option<&mut GpuTrack> {
        self.gpus.iter_mut().find(|g| g.info.index == index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::energy::EnergyMethod;
    use crate::domain::gpu::{GpuInfo, GpuSample, Throttle};

    const GIB: u64 = 1 << 30;

    fn history() -> GpuHistory {
        let mut h = GpuHistory::default();
        let info = GpuInfo { index: 0, model: "A".into(), ..GpuInfo::default() };
        h.apply(GpuEvent::Found { source: "nvml".into(), driver: None, gpus: vec![info], interval_ms: 250 });
        h
    }

    fn sample(h: &mut GpuHistory, ms: u64, gib: Option<u64>) {
        let used = gib.map(|g| g * GIB);
        let at = Nanos::from_millis(ms);
        h.apply(GpuEvent::Sample(GpuSample { at, index: 0, memory_used_bytes: used, ..GpuSample::default() }));
    }

    #[test]
    fn the_peak_is_the_highest_sample_of_the_run_only() {
        let mut h = history();
        sample(&mut h, 0, Some(9));
        h.begin_run(Nanos::from_millis(1));
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
        h.apply(GpuEvent::Gap { at: Nanos::from_millis(250), index: 0, lost: true, reason: "lost".into() });
        assert_eq!(h.gpus[0].memory_used_mib.last(), None);
        assert_eq!(h.gpus[0].peak_mib.map(|p| p.0), Some(4096.0));
        assert_eq!((h.gpus[0].lost.as_deref(), h.missed), (Some("lost"), 1));
        sample(&mut h, 500, None);
        assert_eq!(h.gpus[0].lost, None);
    }

    #[test]
    fn a_gpu_keeps_its_history_when_more_becomes_known_about_it() {
        let mut h = history();
        sample(&mut h, 0, Some(4));
        let gpus = [1, 0].map(|index| GpuInfo { index, model: "B".into(), ..GpuInfo::default() }).to_vec();
        h.apply(GpuEvent::Found { source: "nvml".into(), driver: None, gpus, interval_ms: 250 });
        assert_eq!(h.gpus.iter().map(|g| g.info.index).collect::<Vec<_>>(), [1, 0]);
        assert_eq!((h.gpus[1].info.model.as_str(), h.gpus[1].peak_mib.map(|p| p.0)), ("B", Some(4096.0)));
        assert_eq!(h.gpus[0].peak_mib, None);
    }

    #[test]
    fn samples_of_an_unknown_gpu_are_ignored() {
        let mut h = history();
        h.apply(GpuEvent::Sample(GpuSample { index: 7, ..GpuSample::default() }));
        assert_eq!(h.samples, 0);
    }

    fn sample_at(h: &mut GpuHistory, s: u64, sample: &GpuSample) {
        h.apply(GpuEvent::Sample(GpuSample { at: Nanos::from_millis(s * 1000), ..sample.clone() }));
    }

    fn joules(j: f64) -> GpuSample {
        GpuSample { energy_j: Some(j), power_w: Some(j), utilization_percent: Some(j / 10.0), ..GpuSample::default() }
    }

    fn begin(h: &mut GpuHistory, s: u64) {
        h.begin_run(Nanos::from_millis(s * 1000));
    }

    fn set_active(h: &mut GpuHistory, active: bool, s: u64) {
        h.set_active(active, Nanos::from_millis(s * 1000));
    }

    #[test]
    fn the_run_ends_with_the_first_sample_after_it_and_excludes_idle_time() {
        let mut h = history();
        sample_at(&mut h, 0, &joules(1.0));
        begin(&mut h, 2);
        sample_at(&mut h, 1, &joules(5.0));
        for (s, j) in [(2, 100.0), (7, 600.0)] {
            sample_at(&mut h, s, &joules(j));
        }
        set_active(&mut h, false, 8);
        // A sample from before the end of the run, delivered after the end.
        sample_at(&mut h, 7, &joules(650.0));
        sample_at(&mut h, 8, &joules(700.0));
        sample_at(&mut h, 60, &joules(9000.0));
        assert_eq!((h.samples, h.ran(Nanos::from_millis(60_000))), (4, Duration::from_secs(6)));
        let gpu = &h.gpus[0];
        assert_eq!((gpu.power.max(), gpu.load.mean()), (Some(700.0), Some((10.0 + 60.0 + 65.0 + 70.0) / 4.0)));
        assert_eq!(
            gpu.energy.energy(Duration::from_secs(6)).map(|e| (e.joules, e.method)),
            Ok((600.0, EnergyMethod::Counter))
        );
        set_active(&mut h, true, 70);
        sample_at(&mut h, 70, &joules(9500.0));
        set_active(&mut h, false, 75);
        sample_at(&mut h, 75, &joules(9700.0));
        assert_eq!(h.ran(Nanos(u64::MAX)), Duration::from_secs(11));
        assert_eq!(h.gpus[0].energy.energy(Duration::from_secs(11)).map(|e| e.joules), Ok(800.0));
    }

    #[test]
    fn gpu_activity_while_the_program_is_gone_is_not_part_of_the_run() {
        let mut h = history();
        begin(&mut h, 0);
        for (s, j) in [(0, 0.0), (5, 500.0)] {
            sample_at(&mut h, s, &joules(j));
        }
        h.interrupt(Nanos::from_millis(5000));
        set_active(&mut h, true, 7);
        for (s, j) in [(7, 90_000.0), (10, 90_300.0)] {
            sample_at(&mut h, s, &joules(j));
        }
        set_active(&mut h, false, 10);
        assert_eq!(h.ran(Nanos(u64::MAX)), Duration::from_secs(8));
        assert_eq!(h.gpus[0].energy.energy(Duration::from_secs(8)).map(|e| e.joules), Ok(800.0));
    }

    #[test]
    fn throttling_is_a_share_of_the_samples_that_report_it() {
        let mut h = history();
        assert_eq!(h.gpus[0].throttled.shares(), None);
        let both = Throttle::POWER_CAP.union(Throttle::SOFTWARE_THERMAL);
        let samples =
            [Some(Throttle::default()), Some(Throttle::POWER_CAP), None, Some(both), Some(Throttle::default())];
        for (s, throttle) in (0..).zip(samples) {
            sample_at(&mut h, s, &GpuSample { throttle, ..GpuSample::default() });
        }
        let shares = [("sw_power_cap", "power cap", 0.5), ("sw_thermal_slowdown", "thermal", 0.25)];
        assert_eq!(h.gpus[0].throttled.shares().as_deref(), Some(&shares[..]));
        begin(&mut h, 5);
        sample_at(&mut h, 5, &GpuSample { throttle: Some(Throttle::default()), ..GpuSample::default() });
        assert_eq!(h.gpus[0].throttled.shares(), Some(Vec::new()));
    }

    #[test]
    fn a_lost_gpu_has_a_time_and_no_energy_even_after_it_returns() {
        let mut h = history();
        begin(&mut h, 0);
        sample_at(&mut h, 0, &joules(0.0));
        for s in [3, 4] {
            let at = Nanos::from_millis(s * 1000);
            h.apply(GpuEvent::Gap { at, index: 0, lost: true, reason: "gone".into() });
        }
        sample_at(&mut h, 10, &joules(100.0));
        let gpu = &h.gpus[0];
        assert_eq!((gpu.lost_at, gpu.lost.as_ref()), (Some(Nanos::from_millis(3000)), None));
        assert!(gpu.energy.energy(Duration::from_secs(10)).is_err());
    }

    #[test]
    fn silence_is_the_longest_one_within_the_run() {
        let mut h = history();
        begin(&mut h, 10);
        sample_at(&mut h, 11, &joules(0.0));
        let at = |s: u64| Nanos::from_millis(s * 1000);
        assert_eq!(h.silence(at(12)), None, "no more than four intervals");
        assert_eq!(h.silence(at(15)), Some(Duration::from_secs(4)));
        sample_at(&mut h, 18, &joules(0.0));
        assert_eq!(h.silence(at(18)), Some(Duration::from_secs(7)));
        set_active(&mut h, false, 20);
        sample_at(&mut h, 90, &joules(0.0));
        assert_eq!(h.silence(at(95)), Some(Duration::from_secs(7)), "time after the run does not count");
        begin(&mut h, 100);
        assert_eq!(h.silence(at(103)), Some(Duration::from_secs(3)), "also before the first sample");
    }

    #[test]
    fn a_gpu_with_slices_is_partitioned() {
        let mut h = GpuHistory::default();
        let gpu = |index, uuid: &str, parent: Option<&str>| GpuInfo {
            index,
            uuid: Some(uuid.to_owned()),
            parent_uuid: parent.map(str::to_owned),
            memory_kind: if parent.is_some() { MemoryKind::Slice } else { MemoryKind::Dedicated },
            ..GpuInfo::default()
        };
        let gpus = vec![gpu(0, "A", None), gpu(1, "B", None), gpu(2, "M", Some("A"))];
        h.apply(GpuEvent::Found { source: "nvml".into(), driver: None, gpus: gpus.clone(), interval_ms: 250 });
        let shares = |h: &GpuHistory| h.gpus.iter().map(|g| h.shares_energy_counter(g)).collect::<Vec<_>>();
        assert_eq!(shares(&h), [true, false, true]);
        // A GPU keeps its figures when its index changes.
        h.apply(GpuEvent::Sample(GpuSample { index: 1, power_w: Some(7.0), ..GpuSample::default() }));
        let reordered = vec![GpuInfo { index: 1, ..gpus[0].clone() }, GpuInfo { index: 0, ..gpus[1].clone() }];
        h.apply(GpuEvent::Found { source: "nvml".into(), driver: None, gpus: reordered, interval_ms: 250 });
        assert_eq!(h.gpus.iter().map(|g| g.power.max()).collect::<Vec<_>>(), [None, Some(7.0)]);
    }

    #[test]
    fn an_unchanged_poll_is_neither_a_sample_nor_silence() {
        let mut h = history();
        h.begin_run(Nanos(0));
        sample(&mut h, 1000, Some(4));
        for s in 2..=9_u64 {
            h.apply(GpuEvent::Unchanged { at: Nanos::from_millis(s * 1000), index: 0 });
        }
        sample(&mut h, 10_000, Some(5));
        let taken = h.gpus[0].taken;
        assert_eq!((h.samples, taken.count, taken.unchanged, h.missed), (2, 2, 8, 0));
        assert_eq!(taken.mean_interval(), Some(Duration::from_secs(9)));
        assert_eq!(h.gpus[0].memory_used_mib.iter().count(), 2);
        // A poll without new figures also ends the run.
        h.set_active(false, Nanos::from_millis(11_000));
        h.apply(GpuEvent::Unchanged { at: Nanos::from_millis(11_000), index: 0 });
        sample(&mut h, 12_000, Some(90));
        assert_eq!((h.samples, h.gpus[0].peak_mib.map(|p| p.0)), (2, Some(5120.0)));
        h.begin_run(Nanos::from_millis(20_000));
        assert_eq!(h.gpus[0].taken.mean_interval(), None);
    }
}
