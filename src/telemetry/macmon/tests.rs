//! The source with a stand-in for the program. What is awaited comes through pipes; the clock is set by hand.

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

/// Longer than any test takes.
const LIMIT: Duration = Duration::from_secs(60);
const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/macmon/stand-in");
const LINE: &str = include_str!("../../../tests/data/macmon/0.10.0.json");
/// Tells that it runs for as long as it does, then what is written to `lines`.
const TELLS: &str = "exec 9>$here/alive; exec cat $here/lines";

/// What that gives, for which another process may be awaited: at most for the limit.
fn within<T: Send + 'static>(wait: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, result) = channel();
    std::thread::spawn(move || done.send(wait()));
    result.recv_timeout(LIMIT).unwrap()
}

/// A folder with a stand-in that does this.
fn folder(play: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    symlink(STAND_IN, folder.path().join(NAME)).unwrap();
    fs::write(folder.path().join("play"), play).unwrap();
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
    fn start(play: &str) -> Self {
        Self::start_for(play, "127.0.0.1")
    }

    /// With the endpoint on that host.
    fn start_for(play: &str, host: &str) -> Self {
        let folder = folder(play);
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

    /// What is written here it tells.
    fn lines(&self) -> File {
        let pipe = self.folder.path().join("lines");
        within(|| File::options().write(true).open(pipe).unwrap())
    }

    fn alive(&self) -> File {
        alive(self.folder.path())
    }

    /// Starts one that tells its first line, and takes what is said of that.
    fn new() -> (Self, File, File) {
        let bench = Self::start(TELLS);
        let (alive, mut lines) = (bench.alive(), bench.lines());
        lines.write_all(LINE.as_bytes()).unwrap();
        assert!(matches!(bench.events.recv_timeout(LIMIT), Ok(GpuEvent::Found { .. })));
        assert!(matches!(bench.events.recv_timeout(LIMIT), Ok(GpuEvent::Sample(_))));
        (bench, alive, lines)
    }

    /// Looks at that time until something is seen that is meant: what comes over a pipe takes its time.
    #[expect(clippy::disallowed_methods, reason = "what does not come within the limit does not come")]
    fn at(&self, ms: u64, is_meant: impl Fn(&GpuEvent) -> bool) -> GpuEvent {
        self.clock.store(ms, SeqCst);
        let began = Instant::now();
        while began.elapsed() < LIMIT {
            assert!(self.sampler.sample_and_wait(LIMIT), "its thread is gone");
            if let Some(event) = self.events.try_iter().find(&is_meant) {
                return event;
            }
        }
        panic!("it did not come");
    }

    /// Looks once at that time.
    fn look(&self, ms: u64) -> GpuEvent {
        self.at(ms, |event| !matches!(event, GpuEvent::Scope(_) | GpuEvent::Found { .. }))
    }
}

/// Waits until it runs. What comes is at its end when it is.
fn alive(folder: &Path) -> File {
    let pipe = folder.join("alive");
    within(|| File::open(pipe).unwrap())
}

fn ended(mut alive: File) {
    assert_eq!(within(move || alive.read(&mut [0]).unwrap()), 0);
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

/// Why there is nothing, of one that does this.
fn absent(play: &str) -> String {
    let bench = Bench::start(play);
    match bench.events.recv_timeout(LIMIT).unwrap() {
        GpuEvent::Absent(why) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn its_line_is_a_gpu_with_a_sample() {
    let bench = Bench::start(TELLS);
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
    assert_eq!(bench.look(9), GpuEvent::Unchanged { at: Nanos::from_millis(9), index: 0 });
    let mut busy: serde_json::Value = serde_json::from_str(LINE).unwrap();
    (busy["gpu_active_ratio"], busy["gpu_freq_mhz"]) = (1.0.into(), 1398.into());
    lines.write_all(format!("{busy}\n").as_bytes()).unwrap();
    let (utilization_percent, sm_clock_mhz) = (Some(100.0), Some(1398.0));
    let later = GpuSample { at: Nanos::from_millis(250), utilization_percent, sm_clock_mhz, ..sample };
    assert_eq!(bench.at(250, is_sample), GpuEvent::Sample(later));
}

#[test]
fn an_older_one_says_why_there_is_no_load() {
    let bench = Bench::start(TELLS);
    let (_alive, mut lines) = (bench.alive(), bench.lines());
    lines.write_all(include_bytes!("../../../tests/data/macmon/0.6.1.json")).unwrap();
    let Ok(GpuEvent::Found { gpus, .. }) = bench.events.recv_timeout(LIMIT) else { panic!() };
    let why = "this macmon tells it only as weighted by the clock: 0.8 and later tell it (brew upgrade macmon)";
    assert_eq!(gpus[0].utilization_unknown_because.as_deref(), Some(why));
    assert_eq!(gpus[0].model, "Apple M3, 10 GPU cores");
    let Ok(GpuEvent::Sample(sample)) = bench.events.recv_timeout(LIMIT) else { panic!() };
    assert_eq!((sample.utilization_percent, sample.sm_clock_mhz), (None, None));
}

#[test]
fn an_address_of_this_machine_is_no_proof_that_its_gpu_serves() {
    let scope = |host| {
        let bench = Bench::start_for(TELLS, host);
        let (_alive, mut lines) = (bench.alive(), bench.lines());
        lines.write_all(LINE.as_bytes()).unwrap();
        bench.at(1, |event| matches!(event, GpuEvent::Scope(_)))
    };
    assert_eq!(scope("localhost"), GpuEvent::Scope(GpuScope::Unknown { why: NOT_TOLD.to_owned() }));
    assert_eq!(scope("192.0.2.1"), GpuEvent::Scope(GpuScope::ClientHost));
}

#[test]
fn it_is_asked_for_lines_and_told_no_more_than_where_programs_are() {
    let play =
        "printf '%s ' \"$@\" >$here/args; env >$here/env; pwd >$here/pwd; exec 9>$here/alive; exec cat $here/lines";
    let bench = Bench::start(play);
    let _alive = bench.alive();
    let read = |name| fs::read_to_string(bench.folder.path().join(name)).unwrap();
    assert_eq!((read("args").as_str(), read("pwd").as_str()), ("pipe --soc-info --interval 60000 ", "/\n"));
    // Shells add some of their own.
    let env = read("env");
    let names: Vec<&str> = env.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(names.contains(&"PATH"));
    assert!(names.iter().all(|name| ["PATH", "PWD", "OLDPWD", "SHLVL", "_"].contains(name)), "{names:?}");
}

#[test]
fn one_that_is_not_there_is_a_reason_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let why = |config: &SamplerConfig| open(config, &mut |_source| panic!("there is none")).unwrap_err();
    let path = |path: &Path| SamplerConfig { program_path: Some(path.into()), ..SamplerConfig::default() };
    let reason = if cfg!(target_os = "macos") {
        "macmon is not on PATH: it reads Apple's GPUs (brew install macmon)"
    } else {
        "macmon reads Apple's GPUs, on a Mac"
    };
    assert_eq!(why(&path(folder.path())), reason);
    assert_eq!(why(&SamplerConfig { program_path: None, ..SamplerConfig::default() }), reason);
    fs::write(folder.path().join(NAME), "no program").unwrap();
    assert_eq!(why(&path(folder.path())), reason);
    // What lies in the folder that the user happens to be in is not run.
    fs::set_permissions(folder.path().join(NAME), Permissions::from_mode(0o755)).unwrap();
    assert!(find(Some(folder.path().as_os_str())).is_some());
    let up = "../".repeat(std::env::current_dir().unwrap().components().count());
    let same = format!("{}{}", up.trim_end_matches('/'), folder.path().display());
    assert!(Path::new(&same).join(NAME).exists());
    assert_eq!(why(&path(Path::new(&same))), reason);
}
