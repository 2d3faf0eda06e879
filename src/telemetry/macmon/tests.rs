//! Tests of the source with a stand-in for macmon. The tests synchronise through pipes and set the clock by hand.

mod life;

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::*;
use crate::domain::gpu::GpuEvent;
use crate::domain::gpu_scope::GpuScope;
use crate::telemetry::{Endpoint, Sampler, start_with};

/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/macmon/stand-in");
const LINE: &str = include_str!("../../../tests/data/macmon/0.10.0.json");
/// Script that holds `alive` open as long as it runs, and prints the lines written to `lines`.
const PRINTS_LINES: &str = "exec 9>$here/alive; exec cat $here/lines";

/// Runs `wait` on another thread. Fails after the timeout, in case another process never responds.
fn with_timeout<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    std::thread::spawn(move || done.send(wait()));
    result.recv_timeout(LIMIT).unwrap()
}

/// Returns a folder with a stand-in that runs this script.
fn folder(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(STAND_IN, folder.path().join(NAME)).unwrap();
    fs::write(folder.path().join("script"), script).unwrap();
    let made = Command::new("mkfifo").args(["alive", "lines"]).current_dir(folder.path()).status().unwrap();
    assert!(made.success());
    folder
}

fn config(folder: &Path) -> SamplerConfig {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&path));
    let program_path = Some(std::env::join_paths(folders).unwrap());
    SamplerConfig { interval: LIMIT, program_path, ..SamplerConfig::default() }
}

struct Bench {
    folder: tempfile::TempDir,
    sampler: Sampler,
    events: Receiver<GpuEvent>,
    clock: Arc<AtomicU64>,
}

impl Bench {
    fn start(script: &str) -> Self {
        Self::start_for(script, "127.0.0.1")
    }

    /// Starts the sampler with the endpoint on this host.
    fn start_for(script: &str, host: &str) -> Self {
        let folder = folder(script);
        let endpoint = Some(Endpoint { host: host.to_owned(), port: 1 });
        let clock = Arc::new(AtomicU64::new(0));
        let time = Arc::clone(&clock);
        let (sink, events) = channel();
        let sampler = start_with(
            open,
            SamplerConfig { endpoint, ..config(folder.path()) },
            move || Nanos::from_millis(time.load(SeqCst)),
            move |event| drop(sink.send(event)),
        );
        Self { folder, sampler, events, clock }
    }

    /// Opens the pipe whose lines the stand-in prints.
    fn lines(&self) -> File {
        let pipe = self.folder.path().join("lines");
        with_timeout(|| File::options().write(true).open(pipe).unwrap())
    }

    fn alive(&self) -> File {
        alive(self.folder.path())
    }

    /// Starts a stand-in, writes its first line and consumes the resulting events.
    fn new() -> (Self, File, File) {
        let bench = Self::start(PRINTS_LINES);
        let (alive, mut lines) = (bench.alive(), bench.lines());
        lines.write_all(LINE.as_bytes()).unwrap();
        assert!(matches!(bench.events.recv_timeout(LIMIT), Ok(GpuEvent::Found { .. })));
        assert!(matches!(bench.events.recv_timeout(LIMIT), Ok(GpuEvent::Sample(_))));
        (bench, alive, lines)
    }

    /// Takes samples at this time until an expected event arrives, because data needs time to pass through a pipe.
    #[expect(clippy::disallowed_methods, reason = "a missing event is recognised by the time limit")]
    fn at(&self, ms: u64, is_expected: impl Fn(&GpuEvent) -> bool) -> GpuEvent {
        self.clock.store(ms, SeqCst);
        let started = Instant::now();
        while started.elapsed() < LIMIT {
            assert!(self.sampler.sample_and_wait(LIMIT), "the sampler's thread has ended");
            if let Some(event) = self.events.try_iter().find(&is_expected) {
                return event;
            }
        }
        panic!("the event did not arrive");
    }

    /// Takes one sample at this time.
    fn sample(&self, ms: u64) -> GpuEvent {
        self.at(ms, |event| !matches!(event, GpuEvent::Scope(_) | GpuEvent::Found { .. }))
    }
}

/// Waits until the stand-in runs. The returned file ends when the stand-in ends.
fn alive(folder: &Path) -> File {
    let pipe = folder.join("alive");
    with_timeout(|| File::open(pipe).unwrap())
}

fn ended(mut alive: File) {
    assert_eq!(with_timeout(move || alive.read(&mut [0]).unwrap()), 0);
}

fn is_sample(event: &GpuEvent) -> bool {
    matches!(event, GpuEvent::Sample(_))
}

fn is_lost(event: &GpuEvent) -> bool {
    matches!(event, GpuEvent::Gap { lost: true, .. })
}

fn gap(ms: u64, lost: bool, reason: &str) -> GpuEvent {
    GpuEvent::Gap { at: Nanos::from_millis(ms), index: 0, lost, reason: reason.to_owned() }
}

/// Returns the reason for missing figures with this script.
fn absent(script: &str) -> String {
    let bench = Bench::start(script);
    match bench.events.recv_timeout(LIMIT).unwrap() {
        GpuEvent::Absent(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_becomes_a_gpu_with_a_sample() {
    let bench = Bench::start(PRINTS_LINES);
    let (_alive, mut lines) = (bench.alive(), bench.lines());
    lines.write_all(LINE.as_bytes()).unwrap();
    let info = GpuInfo {
        vendor: Some("Apple".to_owned()),
        is_part_of_chip: true,
        uuid: Some("Mac15,9/gpu".to_owned()),
        model: "Apple M3 Max, 40 GPU cores".to_owned(),
        memory_total_bytes: Some(24 << 30),
        memory_kind: MemoryKind::Unified,
        memory_used_is_machines: true,
        max_sm_clock_mhz: Some(1398.0),
        ..GpuInfo::default()
    };
    let found = GpuEvent::Found { source: NAME.to_owned(), driver: None, gpus: vec![info], interval_ms: 60_000 };
    assert_eq!(bench.events.recv_timeout(LIMIT), Ok(found));
    let sample = GpuSample {
        memory_used_bytes: Some(20_985_479_168),
        utilization_percent: Some(f64::from(0.09_f32) * 100.0),
        power_w: Some(f64::from(0.017_451_683_f32)),
        temperature_c: Some(f64::from(36.951_67_f32)),
        ..GpuSample::default()
    };
    assert_eq!(bench.events.recv_timeout(LIMIT), Ok(GpuEvent::Sample(sample.clone())));
    assert_eq!(bench.sample(9), GpuEvent::Unchanged { at: Nanos::from_millis(9), index: 0 });
    let mut busy: serde_json::Value = serde_json::from_str(LINE).unwrap();
    (busy["gpu_active_ratio"], busy["gpu_freq_mhz"]) = (1.0.into(), 1398.into());
    lines.write_all(format!("{busy}\n").as_bytes()).unwrap();
    let (utilization_percent, sm_clock_mhz) = (Some(100.0), Some(1398.0));
    let later = GpuSample { at: Nanos::from_millis(250), utilization_percent, sm_clock_mhz, ..sample };
    assert_eq!(bench.at(250, is_sample), GpuEvent::Sample(later));
}

#[test]
fn an_older_version_explains_the_missing_load() {
    let bench = Bench::start(PRINTS_LINES);
    let (_alive, mut lines) = (bench.alive(), bench.lines());
    lines.write_all(include_bytes!("../../../tests/data/macmon/0.6.1.json")).unwrap();
    let Ok(GpuEvent::Found { gpus, .. }) = bench.events.recv_timeout(LIMIT) else { panic!() };
    let why =
        "this macmon reports only a load weighted by the clock; 0.8 and later report the load (brew upgrade macmon)";
    assert_eq!(gpus[0].utilization_unknown_because.as_deref(), Some(why));
    assert_eq!(gpus[0].model, "Apple M3, 10 GPU cores");
    let Ok(GpuEvent::Sample(sample)) = bench.events.recv_timeout(LIMIT) else { panic!() };
    assert_eq!((sample.utilization_percent, sample.sm_clock_mhz), (None, None));
}

#[test]
fn a_local_address_does_not_prove_that_the_gpu_serves_it() {
    let scope = |host| {
        let bench = Bench::start_for(PRINTS_LINES, host);
        let (_alive, mut lines) = (bench.alive(), bench.lines());
        lines.write_all(LINE.as_bytes()).unwrap();
        bench.at(1, |event| matches!(event, GpuEvent::Scope(_)))
    };
    assert_eq!(scope("localhost"), GpuEvent::Scope(GpuScope::Unknown { why: USERS_UNKNOWN.to_owned() }));
    assert_eq!(scope("192.0.2.1"), GpuEvent::Scope(GpuScope::ClientHost));
}

#[test]
fn macmon_gets_its_arguments_and_only_path_from_the_environment() {
    let script =
        "printf '%s ' \"$@\" >$here/args; env >$here/env; pwd >$here/pwd; exec 9>$here/alive; exec cat $here/lines";
    let bench = Bench::start(script);
    let _alive = bench.alive();
    let read = |name| fs::read_to_string(bench.folder.path().join(name)).unwrap();
    assert_eq!((read("args").as_str(), read("pwd").as_str()), ("pipe --soc-info --interval 60000 ", "/\n"));
    // Shells set some further variables.
    let env = read("env");
    let names: Vec<&str> = env.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"PATH"));
    assert!(names.iter().all(|name| ["PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{names:?}");
}

#[test]
fn a_missing_program_gives_a_reason_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let why = |config: &SamplerConfig| open(config, &mut |_source| panic!("no source expected")).unwrap_err();
    let path = |path: &Path| SamplerConfig { program_path: Some(path.into()), ..SamplerConfig::default() };
    let reason = if cfg!(target_os = "macos") {
        "macmon is not on PATH; install it to read Apple GPUs (brew install macmon)"
    } else {
        "macmon reads Apple GPUs and runs only on macOS"
    };
    assert_eq!(why(&path(folder.path())), reason);
    assert_eq!(why(&SamplerConfig { program_path: None, ..SamplerConfig::default() }), reason);
    fs::write(folder.path().join(NAME), "no program").unwrap();
    assert_eq!(why(&path(folder.path())), reason);
    // A program in a relative folder is not run.
    fs::set_permissions(folder.path().join(NAME), Permissions::from_mode(0o755)).unwrap();
    assert!(find(Some(folder.path().as_os_str())).is_some());
    let up = "../".repeat(std::env::current_dir().unwrap().components().count());
    let same = format!("{}{}", up.trim_end_matches('/'), folder.path().display());
    assert!(Path::new(&same).join(NAME).exists());
    assert_eq!(why(&path(Path::new(&same))), reason);
}
