//! Tests of the whole GPU sampler with a stand-in library. Figures come from a trace, and the tests set the clock by
//! hand.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::Duration;

use fake_nvml::StandIn;

use super::super::{GpuChoice, Sampler, SamplerConfig, start};
use super::*;

mod shared;
use crate::domain::gpu::{GpuEvent, MemoryKind, Throttle};
use crate::domain::gpu_history::GpuHistory;

/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);
const V1: &str = "nvmlDeviceGetMemoryInfo";
const V2: &str = "nvmlDeviceGetMemoryInfo_v2";
const MIB: u64 = 1 << 20;

struct Bench {
    sampler: Sampler,
    events: Receiver<GpuEvent>,
    /// Events up to the end of the initial sample, at 0 ms.
    first: Vec<GpuEvent>,
    clock: Arc<AtomicU64>,
    driver: StandIn,
    _folder: tempfile::TempDir,
}

impl Bench {
    /// Starts a sampler without regular samples. The stand-in driver's clock is manual unless the trace says otherwise.
    fn start(trace: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let driver = StandIn::install(folder.path(), &format!("clock manual\n{trace}"));
        let clock = Arc::new(AtomicU64::new(0));
        // Memory of the stand-in driver's machine.
        std::fs::write(folder.path().join("meminfo"), "MemTotal:       1024 kB\n").unwrap();
        let (sampler, events) = sample(driver.path(), folder.path(), &clock);
        let mut first = Vec::new();
        let mut left = 0;
        loop {
            let event = events.recv().unwrap();
            match &event {
                GpuEvent::Found { gpus, .. } if first.is_empty() => left = gpus.len(),
                GpuEvent::Found { .. } => {}
                GpuEvent::Sample(_) | GpuEvent::Gap { .. } => left -= 1,
                GpuEvent::Absent(why) => panic!("{why}"),
                other @ (GpuEvent::Scope(_) | GpuEvent::Unchanged { .. }) => panic!("unexpected: {other:?}"),
            }
            first.push(event);
            if left == 0 {
                return Self { sampler, events, first, clock, driver, _folder: folder };
            }
        }
    }

    /// Requests a sample at this time and returns the events.
    fn at(&self, ms: u64) -> Vec<GpuEvent> {
        let old_ms = self.clock.swap(ms, SeqCst);
        self.driver.advance_ms(ms - old_ms);
        assert!(self.sampler.sample_and_wait(LIMIT), "{:?}", self.events.try_iter().collect::<Vec<_>>());
        self.events.try_iter().collect()
    }

    /// Requests a sample at this time; returns that of the only GPU.
    fn sample_at(&self, ms: u64) -> GpuSample {
        match self.at(ms).pop() {
            Some(GpuEvent::Sample(sample)) => sample,
            other => panic!("no sample: {other:?}"),
        }
    }

    /// Returns the properties of the GPUs at the start.
    fn infos(&self) -> Vec<GpuInfo> {
        let Some(GpuEvent::Found { gpus, .. }) = self.first.first() else { panic!("{:?}", self.first) };
        gpus.clone()
    }
}

fn sample(lib: &Path, proc_root: &Path, clock: &Arc<AtomicU64>) -> (Sampler, Receiver<GpuEvent>) {
    let (sink, events) = channel();
    let time = Arc::clone(clock);
    let config = SamplerConfig {
        choice: GpuChoice::Only("nvml"),
        interval: LIMIT,
        lib_path: Some(lib.to_owned()),
        proc_root: proc_root.to_owned(),
        ..SamplerConfig::default()
    };
    let now = move || Nanos::from_millis(time.load(SeqCst));
    (start(config, now, move |event| drop(sink.send(event))), events)
}

/// Returns the reason for missing figures with an unusable library.
fn absent(lib: &Path) -> String {
    let (sampler, events) = sample(lib, Path::new("/proc"), &Arc::default());
    drop(sampler);
    match events.iter().collect::<Vec<_>>().as_slice() {
        [GpuEvent::Absent(reason)] => reason.clone(),
        other => panic!("{other:?}"),
    }
}

fn absent_with(trace: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    absent(StandIn::install(folder.path(), trace).path())
}

#[test]
fn figures_come_from_the_driver_and_the_peak_is_tracked() {
    let bench = Bench::start(
        "driver 580.95.05
         gpu 0 name=NVIDIA_GeForce_RTX_4090 uuid=GPU-6f3c total=25757220864 reserved=506855424 used=12582912
         gpu 0 power=22500 plimit=450000 temp=38 util=0 smclock=210 maxsmclock=3105 throttle=1 energy=7000
         at 1000 gpu 0 used=21474836480 util=98 power=421000 temp=61 smclock=2610 throttle=36
         at 1250 gpu 0 used=20971520000",
    );
    let info = GpuInfo {
        vendor: Some("NVIDIA".to_owned()),
        uuid: Some("GPU-6f3c".to_owned()),
        model: "NVIDIA GeForce RTX 4090".to_owned(),
        memory_total_bytes: Some(25_757_220_864),
        power_limit_w: Some(450.0),
        max_sm_clock_mhz: Some(3105.0),
        ..GpuInfo::default()
    };
    let found = GpuEvent::Found {
        source: "nvml".to_owned(),
        driver: Some("580.95.05".to_owned()),
        gpus: vec![info],
        interval_ms: 60_000,
    };
    let idle = GpuSample {
        at: Nanos(0),
        index: 0,
        memory_used_bytes: Some(12 * MIB),
        utilization_percent: Some(0.0),
        power_w: Some(22.5),
        temperature_c: Some(38.0),
        memory_reserved_bytes: Some(506_855_424),
        sm_clock_mhz: Some(210.0),
        energy_j: Some(7.0),
        throttle: Some(Throttle::default()),
    };
    assert_eq!(bench.first, [found, GpuEvent::Sample(idle)]);

    let mut history = GpuHistory::default();
    bench.first.iter().cloned().for_each(|e| history.apply(e));
    history.begin_run(Nanos::from_millis(500));
    for ms in [500, 1000, 1250] {
        bench.at(ms).into_iter().for_each(|e| history.apply(e));
    }
    let gpu = &history.gpus[0];
    assert_eq!((gpu.memory_total_mib(), gpu.used_at_start_mib), (Some(24_564.0), Some(12.0)));
    assert_eq!(gpu.peak_mib, Some((20_480.0, Nanos::from_millis(1000))));
    assert_eq!(gpu.memory_used_mib.last(), Some(20_000.0));
    assert_eq!(
        (gpu.load_percent.last(), gpu.power_w.last(), gpu.temperature_c.last()),
        (Some(98.0), Some(421.0), Some(61.0))
    );
    // An idle GPU is not throttled. One of the two bits set later is the power cap, the other is heat.
    assert_eq!(
        (gpu.sm_clock_mhz.last(), gpu.throttle.map(|t| t.names().collect())),
        (Some(2610.0), Some(vec!["sw_power_cap", "sw_thermal_slowdown"]))
    );
    assert_eq!(bench.driver.calls(V1), 0);

    drop(bench.sampler);
    assert_eq!(bench.events.iter().count(), 0);
    assert_eq!((bench.driver.references(), bench.driver.calls_uninitialised()), (0, 0), "shut down once, at the end");
}

#[test]
fn an_older_driver_uses_its_own_query_and_the_figure_says_so() {
    let gpu = format!("gpu 0 total={} reserved={} used={}", 100 * MIB, 7 * MIB, 20 * MIB);
    for (old, v2_calls) in
        [(format!("missing {V2}"), 0), (format!("err {V2} 25 0 500"), 1), (format!("err {V2} 999 0 500"), 1)]
    {
        let bench = Bench::start(&format!("{gpu}\n{old}"));
        let info = bench.infos().remove(0);
        assert_eq!((info.memory_total_bytes, info.memory_used_includes_reserved), (Some(100 * MIB), true), "{old}");
        assert_eq!(bench.sample_at(250).memory_used_bytes, Some(27 * MIB), "{old}");
        assert_eq!(bench.sample_at(1000).memory_used_bytes, Some(27 * MIB), "one meaning per run: {old}");
        assert_eq!(bench.driver.calls(V2), v2_calls, "{old}");
    }
}

#[test]
fn one_failed_query_does_not_switch_to_the_other() {
    let bench = Bench::start(&format!("gpu 0 total=900 used=20 reserved=7 temp=40\nerr {V2} 999 1000 2000"));
    assert!(!bench.infos()[0].memory_used_includes_reserved);
    let during = bench.sample_at(1000);
    assert_eq!((during.memory_used_bytes, during.temperature_c), (None, Some(40.0)));
    assert_eq!(bench.sample_at(2000).memory_used_bytes, Some(20));
    assert_eq!(bench.driver.calls(V1), 0);
}

#[test]
fn a_missing_sensor_is_read_once() {
    let bench = Bench::start("gpu 0 total=900 used=20 temp=40");
    for ms in [250, 500] {
        let sample = bench.sample_at(ms);
        assert_eq!((sample.power_w, sample.utilization_percent, sample.temperature_c), (None, None, Some(40.0)));
    }
    let calls = |function| bench.driver.calls(function);
    assert_eq!((calls("nvmlDeviceGetPowerUsage"), calls("nvmlDeviceGetUtilizationRates")), (1, 1));
    assert_eq!((calls("nvmlDeviceGetClockInfo"), calls("nvmlDeviceGetTotalEnergyConsumption")), (1, 1));
    assert_eq!((calls("nvmlDeviceGetCurrentClocksThrottleReasons"), calls("nvmlDeviceGetMigMode")), (1, 1));
    assert_eq!((calls("nvmlDeviceGetEnforcedPowerLimit"), calls("nvmlDeviceGetName")), (1, 1));
    assert_eq!(calls("nvmlDeviceGetTemperature"), 3, "an existing sensor is read for each sample");
}

#[test]
fn a_gpu_without_figures_is_a_gap() {
    let bench = Bench::start("gpu 0 name=RTX_X");
    let reason = "the driver reports no sensor of this GPU".to_owned();
    assert_eq!(bench.at(250).pop(), Some(GpuEvent::Gap { at: Nanos::from_millis(250), index: 0, lost: false, reason }));
    let bench = Bench::start("gpu 0 total=900 used=20\nerr * 27 250 500");
    assert!(matches!(bench.at(250)[..], [GpuEvent::Gap { .. }]));
    assert_eq!(bench.sample_at(500).memory_used_bytes, Some(20));
}

#[test]
fn a_lost_gpu_is_checked_every_five_seconds_and_comes_back() {
    let bench = Bench::start(
        "gpu 0 total=900 used=20 temp=40
         gpu 1 total=900 used=30 temp=40
         at 1000 gpu 1 lost=1
         at 7000 gpu 1 lost=0 used=31",
    );
    let sensors = || bench.driver.calls(V2) + bench.driver.calls("nvmlDeviceGetTemperature");
    let mut before = sensors();
    // Each sample makes two calls for the working GPU, and one for the lost GPU when its check is due.
    for (ms, calls) in [(1000, 3), (1250, 2), (5999, 2), (6000, 3), (7000, 2), (10_999, 2)] {
        let events = bench.at(ms);
        let at = Nanos::from_millis(ms);
        let GpuEvent::Sample(well) = &events[0] else { panic!("{events:?}") };
        assert_eq!((well.index, well.memory_used_bytes), (0, Some(20)));
        assert_eq!(
            events[1..],
            [GpuEvent::Gap { at, index: 1, lost: true, reason: "the GPU fell off the bus".to_owned() }]
        );
        assert_eq!(sensors() - before, calls, "at {ms}");
        before = sensors();
    }
    let back = bench.sample_at(11_000);
    assert_eq!((back.index, back.memory_used_bytes), (1, Some(31)));
    assert_eq!(bench.driver.calls("nvmlInit_v2"), 1);
}

#[test]
fn a_gpu_lost_from_the_start_gets_its_name_later() {
    let bench = Bench::start("gpu 0 name=Late total=900 used=20 lost=1\nat 4000 gpu 0 lost=0");
    assert_eq!(bench.infos()[0].model, "NVIDIA GPU");
    let events = bench.at(5000);
    let [GpuEvent::Found { gpus, .. }, GpuEvent::Sample(sample)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(
        (gpus[0].model.as_str(), gpus[0].memory_total_bytes, sample.memory_used_bytes),
        ("Late", Some(900), Some(20))
    );
}

#[test]
fn a_forbidden_gpu_is_omitted_and_indices_stay_the_drivers() {
    let trace =
        "clock calls\ngpu 0 total=900 used=20\ngpu 1 total=900 used=21\nerr nvmlDeviceGetHandleByIndex_v2 4 0 1";
    let infos = Bench::start(trace).infos();
    assert_eq!(infos.iter().map(|g| g.index).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_name_cannot_control_the_terminal() {
    let infos = Bench::start("gpu 0 name=RTX\u{1b}[2J\u{202e}_1 uuid=G\u{7} total=900 used=20").infos();
    assert_eq!((infos[0].model.as_str(), infos[0].uuid.as_deref()), ("RTX 1", Some("G")));
}

#[test]
fn a_hanging_driver_blocks_no_caller_and_may_come_back() {
    let bench = Bench::start("gpu 0 total=900 used=20 power=1000\ndelay nvmlDeviceGetPowerUsage 3600000000 1000");
    bench.clock.store(1000, SeqCst);
    bench.driver.advance_ms(1000);
    assert!(!bench.sampler.sample_and_wait(Duration::from_millis(20)));
    bench.sampler.sample_now();
    bench.sampler.set_active(true);
    bench.sampler.set_active(false);
    drop(bench.sampler);
    assert_eq!(bench.events.try_recv(), Err(TryRecvError::Empty), "dropped while the thread still hangs");
    bench.driver.release();
    let samples = bench.events.iter().filter(|e| matches!(e, GpuEvent::Sample(_))).count();
    // There is one sample from the hanging call and one for the queued requests, or a single one if the thread was
    // late.
    assert!((1..=2).contains(&samples), "{samples}");
    assert_eq!(bench.driver.references(), 0);
}

#[test]
fn a_library_without_shutdown_does_not_crash_the_program() {
    let bench = Bench::start("gpu 0 total=900 used=20\nmissing nvmlShutdown");
    drop(bench.sampler);
    assert!(matches!(bench.events.iter().collect::<Vec<_>>()[..], [GpuEvent::Gap { index: 0, .. }]));
}

#[test]
fn a_missing_driver_gives_a_reason() {
    let folder = tempfile::tempdir().unwrap();
    let lib: PathBuf = folder.path().join("libnvidia-ml.so.1");
    let not_found = format!("{} not found: no NVIDIA driver on this machine", lib.display());
    assert_eq!(absent(&lib), not_found);
    std::fs::write(&lib, "this is no library\n").unwrap();
    let broken = absent(&lib);
    assert!(
        broken.starts_with("the NVIDIA driver's library cannot be loaded: ") && broken.ends_with("file too short"),
        "{broken}"
    );
}

#[test]
fn every_failure_of_the_driver_has_its_own_message() {
    for (trace, message) in [
        ("missing nvmlInit_v2", "the library found is not the NVIDIA driver's"),
        ("err nvmlInit_v2 9", "the NVIDIA driver is installed but not loaded"),
        (
            "err nvmlInit_v2 18",
            "the NVIDIA driver was updated while the old version is loaded; reboot to read the GPUs",
        ),
        ("err nvmlInit_v2 4", "no permission to use the NVIDIA driver"),
        ("err nvmlInit_v2 17", "the operating system blocks the NVIDIA driver for this process"),
        ("err nvmlInit_v2 999", "the NVIDIA driver failed to initialise: an internal driver error occurred"),
        ("err nvmlDeviceGetCount_v2 4", "no permission to use the NVIDIA driver"),
        ("gpu 0 total=1\nerr nvmlDeviceGetHandleByIndex_v2 4", "no permission to use the NVIDIA driver"),
        ("driver 580.95.05", "the NVIDIA driver reports no GPU"),
    ] {
        assert_eq!(absent_with(trace), message, "{trace}");
    }
}

#[test]
fn opening_a_gpu_is_retried_with_the_next_sample() {
    let bench = Bench::start("gpu 0 name=Late total=900 used=20\nerr nvmlDeviceGetHandleByIndex_v2 27 0 250");
    assert!(matches!(bench.first[..], [GpuEvent::Found { .. }, GpuEvent::Gap { .. }]), "{:?}", bench.first);
    assert_eq!(bench.sample_at(250).memory_used_bytes, Some(20));
}
