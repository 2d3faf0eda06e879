//! The source with a stand-in for the program. What is awaited comes through pipes; the clock is set by hand.

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
    fn told() -> (Self, File, File) {
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
        sm_clock_mhz: Some(461.0),
        ..GpuSample::default()
    };
    assert_eq!(bench.events.recv_timeout(LIMIT), Ok(GpuEvent::Sample(sample.clone())));
    assert_eq!(bench.look(9), GpuEvent::Unchanged { at: Nanos::from_millis(9), index: 0 });
    lines.write_all(LINE.replace("\"gpu_freq_mhz\":461", "\"gpu_freq_mhz\":1398").as_bytes()).unwrap();
    let later = GpuSample { at: Nanos::from_millis(250), sm_clock_mhz: Some(1398.0), ..sample };
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
    assert_eq!((sample.utilization_percent, sample.sm_clock_mhz), (None, Some(461.0)));
}

#[test]
fn the_one_gpu_of_a_machine_serves_its_endpoint_and_no_other() {
    let scope = |host| {
        let bench = Bench::start_for(TELLS, host);
        let (_alive, mut lines) = (bench.alive(), bench.lines());
        lines.write_all(LINE.as_bytes()).unwrap();
        bench.at(1, |event| matches!(event, GpuEvent::Scope(_)))
    };
    let evidence = "the endpoint's address is this machine's, which has this one GPU".to_owned();
    let here = GpuScope::EndpointHost { evidence, gpus: vec!["Mac15,9/gpu".to_owned()] };
    assert_eq!(scope("localhost"), GpuEvent::Scope(here));
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
    let reason = "macmon is not on PATH: it reads Apple's GPUs (brew install macmon)";
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

#[test]
fn one_that_does_not_begin_says_why() {
    let refuses = "echo \"error: unexpected argument '--soc-info' found\" >&2; echo >&2; exit 2";
    assert_eq!(absent(refuses), "macmon ended: error: unexpected argument '--soc-info' found");
    assert_eq!(absent("exit 3"), "macmon ended without a word");
    let panics = "echo 'thread main panicked at x.rs:1:' >&2; echo 'invalid data' >&2; echo 'note: more' >&2; exit 101";
    assert_eq!(absent(panics), "macmon ended: thread main panicked at x.rs:1: invalid data");
    let virtual_machine = "echo '{\"soc\":{\"vm\":true}}'; exec cat $here/lines";
    assert_eq!(absent(virtual_machine), "macOS runs in a virtual machine, which has no sensors of a GPU");
    assert_eq!(absent("while :; do echo no figures; done"), not_understood("no figures no figures"));
    assert_eq!(absent("exec cat /dev/zero"), "macmon tells a line without an end");
}

#[test]
fn one_that_tells_nothing_at_all_is_not_waited_for() {
    let folder = folder(TELLS);
    let mut pipe = Pipe::start(&folder.path().join(NAME), &config(folder.path())).unwrap();
    let alive = alive(folder.path());
    assert_eq!(pipe.wait(Duration::ZERO), Err("macmon told nothing in 0 s".to_owned()));
    drop(pipe);
    ended(alive);
}

#[test]
fn one_that_dies_is_lost_and_started_anew() {
    let (bench, alive, lines) = Bench::told();
    drop(lines);
    ended(alive);
    assert_eq!(bench.at(100, is_lost), gap(100, true, "macmon ended without a word"));
    assert_eq!(bench.look(5099), gap(5099, true, "macmon ended without a word"));
    assert_eq!(bench.look(5100), gap(5100, false, "macmon is being started"));
    let (_alive, mut lines) = (bench.alive(), bench.lines());
    assert_eq!(bench.look(5200), gap(5200, false, "macmon is being started"));
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.at(5300, is_sample);
}

#[test]
fn one_that_cannot_be_started_anew_stays_lost() {
    let (bench, alive, lines) = Bench::told();
    fs::write(bench.folder.path().join("play"), "echo broken; exit 1").unwrap();
    drop(lines);
    ended(alive);
    bench.at(100, is_lost);
    bench.look(5100);
    assert_eq!(bench.at(5101, is_lost), gap(5101, true, "macmon ended: broken"));
}

#[test]
fn one_that_hangs_is_silent_and_then_ended() {
    let (bench, alive, _lines) = Bench::told();
    assert_eq!(bench.look(1000), GpuEvent::Unchanged { at: Nanos::from_millis(1000), index: 0 });
    assert_eq!(bench.look(1999), GpuEvent::Unchanged { at: Nanos::from_millis(1999), index: 0 });
    assert_eq!(bench.look(2000), gap(2000, false, "macmon has told nothing for 2 s"));
    for ms in [3900, 5800, 7700, 9600] {
        assert!(matches!(bench.look(ms), GpuEvent::Gap { lost: false, .. }));
    }
    assert_eq!(bench.look(10_000), gap(10_000, true, "macmon has told nothing for 10 s"));
    ended(alive);
}

#[test]
fn what_is_no_line_is_passed_over_and_told_where_there_is_nothing_else() {
    let (bench, alive, mut lines) = Bench::told();
    lines.write_all(b"a warning\n").unwrap();
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.at(100, is_sample);
    lines.write_all(b"\x1b[31m{\"gpu_power\":\n").unwrap();
    for ms in [1900, 2099] {
        assert_eq!(bench.look(ms), GpuEvent::Unchanged { at: Nanos::from_millis(ms), index: 0 });
    }
    lines.write_all("nonsense\n".repeat(20).as_bytes()).unwrap();
    ended(alive);
    let why = "what macmon tells is not understood: {\"gpu_power\": nonsense";
    assert_eq!(bench.at(2200, is_lost), gap(2200, true, why));
}

#[test]
fn one_that_floods_is_ended() {
    let (bench, alive, lines) = Bench::told();
    let flood = "exec 9>$here/alive; read -r line <$here/lines; while echo \"$line\"; do :; done";
    fs::write(bench.folder.path().join("play"), flood).unwrap();
    drop(lines);
    ended(alive);
    bench.at(100, is_lost);
    bench.look(5100);
    let alive = bench.alive();
    bench.lines().write_all(LINE.as_bytes()).unwrap();
    // Until it is ended, for what it tells before that is understood.
    ended(alive);
    assert_eq!(bench.at(5200, is_lost), gap(5200, true, "macmon tells more than it is asked for"));
}

#[test]
fn one_that_nobody_looks_at_rests_until_somebody_does() {
    let (bench, alive, mut lines) = Bench::told();
    // They come at their time, as nobody knows who does not look at the clock.
    lines.write_all(LINE.repeat(UNREAD as usize + 1).as_bytes()).unwrap();
    ended(alive);
    let ms = u64::try_from((LIMIT * UNREAD).as_millis()).unwrap();
    assert_eq!(bench.look(ms), gap(ms, false, "macmon is being started"));
    let (_alive, mut lines) = (bench.alive(), bench.lines());
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.at(ms + 250, is_sample);
}

#[test]
fn it_ends_with_the_sampler_whatever_it_does() {
    let bench = Bench::start("trap '' HUP INT TERM; exec 9>$here/alive; exec cat $here/lines");
    let (alive, mut lines) = (bench.alive(), bench.lines());
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.events.recv_timeout(LIMIT).unwrap();
    let Bench { folder: _folder, sampler, .. } = bench;
    drop(sampler);
    ended(alive);
}
