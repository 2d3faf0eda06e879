//! Tests of GPUs that share memory with the system or are partitioned into slices, of the energy of a run, and of GPU
//! users.

use super::*;
use crate::domain::energy::{Energy, EnergyMethod};
use crate::domain::gpu_scope::GpuScope;
use crate::telemetry::Endpoint;

/// Memory of the test machine, as its `meminfo` reports it, bytes.
const SYSTEM_BYTES: u64 = MIB;
const COMPUTE: &str = "nvmlDeviceGetComputeRunningProcesses_v3";

#[test]
fn unified_memory_is_the_sum_over_the_processes() {
    let processes = "proc 0 0 2000 7 1000 C\nproc 0 0 2000 7 1000 G\nproc 0 1000 9000 8 500 G";
    for gpu in ["gpu 0 temp=40", "gpu 0 name=NVIDIA_GB10 total=0 used=0", "gpu 0 total=1000000 used=900000"] {
        let bench = Bench::start(&format!("{gpu}\n{processes}"));
        let info = bench.infos().remove(0);
        assert_eq!((info.memory_kind, info.memory_total_bytes), (MemoryKind::Unified, Some(SYSTEM_BYTES)), "{gpu}");
        assert_eq!(info.memory_unknown_because, None);
        // A process in both lists counts once. Each list is read at most once a second.
        for (ms, bytes, lists) in [(999, 1000, 1), (1000, 1500, 2), (1999, 1500, 2), (2000, 500, 3), (9000, 0, 4)] {
            assert_eq!(bench.sample_at(ms).memory_used_bytes, Some(bytes), "at {ms}");
            // Reading a list that is not empty takes two calls.
            assert!(bench.driver.calls(COMPUTE) >= lists && bench.driver.calls(COMPUTE) <= 2 * lists, "at {ms}");
        }
        assert_eq!(bench.driver.calls(V2), 1);
    }
}

#[test]
fn processes_without_a_memory_figure_leave_the_sum_unknown() {
    let bench = Bench::start("gpu 0 temp=40\nproc 0 0 9000 7 1000 C\nproc 0 0 9000 8 -1 C");
    let events = bench.first;
    let Some(GpuEvent::Sample(sample)) = events.last() else { panic!("{events:?}") };
    assert_eq!((sample.memory_used_bytes, sample.temperature_c), (None, Some(40.0)));
    let Some(GpuEvent::Found { gpus, .. }) = events.iter().rfind(|e| matches!(e, GpuEvent::Found { .. })) else {
        panic!("{events:?}")
    };
    let why = "the GPU uses system memory, and the driver does not report how much its processes use";
    assert_eq!(gpus[0].memory_unknown_because.as_deref(), Some(why));
}

#[test]
fn a_discrete_card_never_counts_as_unified() {
    for (gpu, total, why) in [
        ("gpu 0 name=NVIDIA_GeForce_RTX_4090 temp=40", None, Some("not reported by the driver")),
        ("gpu 0 name=Tesla_T4 temp=40 total=0 used=0", None, Some("the driver reports no memory for this GPU")),
        ("gpu 0 name=NVIDIA_A100-SXM4-40GB total=1000000 used=9", Some(1_000_000), None),
        // A total above the machine's memory cannot be the machine's memory.
        ("gpu 0 total=2000000 used=9", Some(2_000_000), None),
    ] {
        let info = Bench::start(gpu).infos().remove(0);
        assert_eq!(info.memory_kind, MemoryKind::Dedicated, "{gpu}");
        assert_eq!((info.memory_total_bytes, info.memory_unknown_because.as_deref()), (total, why), "{gpu}");
    }
}

const SLICED: &str =
    "gpu 0 name=NVIDIA_A100 uuid=GPU-a total=900 used=600 power=300000 plimit=400000 energy=0 migmode=1
                      gpu 1 name=NVIDIA_A100 uuid=GPU-b total=900 used=20 util=5 migmode=0
                      mig 0 1 name=A100_MIG_1g.5gb uuid=MIG-x total=100 used=30
                      mig 0 5 name=A100_MIG_2g.10gb uuid=MIG-y total=200 used=70
                      at 1000 mig 0 5 used=90";

#[test]
fn slices_are_separate_gpus_and_memory_is_not_counted_twice() {
    let bench = Bench::start(SLICED);
    let infos = bench.infos();
    let identities: Vec<_> =
        infos.iter().map(|g| (g.index, g.model.as_str(), g.parent_uuid.as_deref(), g.memory_total_bytes)).collect();
    assert_eq!(
        identities,
        [
            (0, "NVIDIA A100", None, None),
            (1, "NVIDIA A100", None, Some(900)),
            (2, "A100 MIG 1g.5gb", Some("GPU-a"), Some(100)),
            (3, "A100 MIG 2g.10gb", Some("GPU-a"), Some(200)),
        ]
    );
    assert_eq!(
        infos.iter().map(|g| g.memory_kind == MemoryKind::Slice).collect::<Vec<_>>(),
        [false, false, true, true]
    );
    assert_eq!(
        infos.iter().map(|g| g.utilization_unknown_because.is_some()).collect::<Vec<_>>(),
        [true, false, true, true]
    );
    let events = bench.at(1000);
    let samples: Vec<_> =
        events.iter().map(|e| if let GpuEvent::Sample(s) = e { s } else { panic!("{e:?}") }).collect();
    let figures: Vec<_> = samples.iter().map(|s| (s.memory_used_bytes, s.power_w, s.energy_j)).collect();
    let none = |used| (Some(used), None, None);
    assert_eq!(figures, [(None, Some(300.0), Some(300.0)), none(20), none(30), none(90)]);
    // The load is not read for the partitioned GPU or its slices.
    assert_eq!(bench.driver.calls("nvmlDeviceGetUtilizationRates"), 2);
}

#[test]
fn a_container_with_a_slice_sees_only_the_slice() {
    let bench = Bench::start(&format!("clock calls\n{SLICED}\nerr {V2} 4 0 20"));
    // Each driver call takes one millisecond of the driver's clock, and the memory of the whole GPU is read first.
    let names: Vec<_> = bench.infos().into_iter().filter_map(|g| g.uuid).collect();
    assert_eq!(names, ["GPU-b", "MIG-x", "MIG-y"]);
}

#[test]
fn slices_are_lost_with_their_gpu() {
    let bench = Bench::start(&format!("{SLICED}\nat 2000 gpu 0 lost=1"));
    let lost = |events: Vec<GpuEvent>| events.iter().filter(|e| matches!(e, GpuEvent::Gap { lost: true, .. })).count();
    assert_eq!((lost(bench.at(1999)), lost(bench.at(2000))), (0, 3));
}

/// Returns the energy of a run from 1 s to 11 s, sampled once a second.
fn energy(trace: &str) -> Result<Energy, String> {
    let bench = Bench::start(trace);
    let mut history = GpuHistory::default();
    bench.first.iter().cloned().for_each(|e| history.apply(e));
    history.begin_run(Nanos::from_millis(1000));
    for s in 1..=11 {
        if s == 11 {
            history.set_active(false, Nanos::from_millis(11_000));
        }
        bench.at(s * 1000).into_iter().for_each(|e| history.apply(e));
    }
    let ran = history.ran(Nanos::from_millis(11_000));
    history.gpus[0].energy.energy(ran)
}

#[test]
fn energy_comes_from_the_counter_or_from_integrated_power() {
    // The power is 100 W from 1 s to 4 s, then 300 W for 7 s.
    let power = "gpu 0 total=900 used=20 power=100000\nat 4000 gpu 0 power=300000\n";
    let counted = Energy { joules: 2400.0, method: EnergyMethod::Counter };
    assert_eq!(energy(&format!("{power}gpu 0 energy=123456")), Ok(counted));
    // The second before the step counts with the mean of both powers, 200 W.
    let integrated = Energy { joules: 2500.0, method: EnergyMethod::Integrated };
    assert_eq!(energy(power), Ok(integrated));
}

#[test]
fn implausible_energy_is_missing() {
    let gpu = "gpu 0 total=900 used=20 power=100000 energy=9000000\n";
    let backwards = energy(&format!("{gpu}at 5500 gpu 0 energy=0"));
    assert_eq!(backwards, Err("the energy counter went backwards, so the driver was reloaded".to_owned()));
    let lost = energy(&format!("{gpu}at 4500 gpu 0 lost=1\nat 6000 gpu 0 lost=0"));
    assert_eq!(lost, Err("the GPU was lost during the run".to_owned()));
}

/// Writes a tree like `/proc`, with this process listening on port 8000.
fn listen(root: &Path, pid: u32) {
    let line = "   0: 00000000:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1\n";
    std::fs::create_dir_all(root.join("net")).unwrap();
    std::fs::write(root.join("net/tcp"), format!("header\n{line}")).unwrap();
    std::fs::create_dir_all(root.join(format!("{pid}/fd"))).unwrap();
    std::os::unix::fs::symlink("socket:[77]", root.join(format!("{pid}/fd/3"))).unwrap();
}

#[test]
fn the_endpoints_gpus_are_found_through_the_process_list() {
    for older in ["", "missing nvmlDeviceGetComputeRunningProcesses_v3"] {
        let folder = tempfile::tempdir().unwrap();
        let trace = format!(
            "clock manual\ngpu 0 uuid=GPU-a total=900 used=1\ngpu 1 uuid=GPU-b total=900 used=1
             proc 1 6000 99000 4242 21300000000 C\nproc 0 0 99000 7 1 C\n{older}"
        );
        let driver = StandIn::install(folder.path(), &trace);
        listen(folder.path(), 4242);
        let clock = Arc::new(AtomicU64::new(0));
        let (sink, events) = channel();
        let time = Arc::clone(&clock);
        let config = SamplerConfig {
            choice: GpuChoice::Only("nvml"),
            interval: LIMIT,
            lib_path: Some(driver.path().to_owned()),
            endpoint: Some(Endpoint { host: "127.0.0.1".to_owned(), port: 8000 }),
            proc_root: folder.path().to_owned(),
            ..SamplerConfig::default()
        };
        let now = move || Nanos::from_millis(time.load(SeqCst));
        let sampler = start(config, now, move |event| drop(sink.send(event)));
        let at = |ms: u64| {
            let old_ms = clock.swap(ms, SeqCst);
            driver.advance_ms(ms - old_ms);
            assert!(sampler.sample_and_wait(LIMIT));
            let scope = |event| if let GpuEvent::Scope(scope) = event { Some(scope) } else { None };
            events.try_iter().filter_map(scope).collect::<Vec<_>>()
        };
        let why = "pid 4242 () owns :8000, but neither it nor a process it started uses a GPU".to_owned();
        assert_eq!(at(1000), [GpuScope::Unknown { why }]);
        assert_eq!(at(5000), [], "nothing new");
        let evidence = "pid 4242 owns :8000 and uses GPU-b".to_owned();
        assert_eq!(at(6000), [GpuScope::EndpointHost { evidence, gpus: vec!["GPU-b".to_owned()] }]);
    }
}

#[test]
fn processes_are_not_listed_for_a_remote_endpoint() {
    let folder = tempfile::tempdir().unwrap();
    let driver = StandIn::install(folder.path(), "clock manual\ngpu 0 uuid=GPU-a total=900 used=1");
    let (sink, events) = channel();
    let config = SamplerConfig {
        choice: GpuChoice::Only("nvml"),
        interval: LIMIT,
        lib_path: Some(driver.path().to_owned()),
        // An address reserved for documentation.
        endpoint: Some(Endpoint { host: "192.0.2.1".to_owned(), port: 8000 }),
        ..SamplerConfig::default()
    };
    let sampler = start(config, Nanos::default, move |event| drop(sink.send(event)));
    assert!(sampler.sample_and_wait(LIMIT));
    let scopes = events.try_iter().filter(|e| matches!(e, GpuEvent::Scope(_))).collect::<Vec<_>>();
    assert_eq!(scopes, [GpuEvent::Scope(GpuScope::ClientHost)]);
    assert_eq!(driver.calls(COMPUTE), 0);
}
