//! Tests of starts, failures and ends of macmon.

use super::*;

#[test]
fn a_failed_start_gives_a_reason() {
    let refuses = "echo \"error: unexpected argument '--soc-info' found\" >&2; echo >&2; exit 2";
    assert_eq!(absent(refuses), "macmon exited: error: unexpected argument '--soc-info' found");
    assert_eq!(absent("exit 3"), "macmon exited without output");
    let panics = "echo 'thread main panicked at x.rs:1:' >&2; echo 'invalid data' >&2; echo 'note: more' >&2; exit 101";
    assert_eq!(absent(panics), "macmon exited: thread main panicked at x.rs:1: invalid data");
    let virtual_machine = "echo '{\"soc\":{\"vm\":true}}'; exec cat $here/lines";
    assert_eq!(absent(virtual_machine), "macOS runs in a virtual machine, which has no GPU sensors");
    assert_eq!(absent("while :; do echo no figures; done"), not_understood("no figures no figures"));
    assert_eq!(absent("exec cat /dev/zero"), "macmon sent a line without an end");
}

#[test]
fn waiting_for_the_first_line_has_a_timeout() {
    let folder = folder(PRINTS_LINES);
    let pipe = Pipe::start(&folder.path().join(NAME), &config(folder.path())).unwrap();
    let alive = alive(folder.path());
    assert_eq!(pipe.wait(Duration::ZERO), Err("macmon sent no data within 0 s".to_owned()));
    drop(pipe);
    ended(alive);
}

#[test]
fn a_dead_macmon_is_lost_and_restarted() {
    let (bench, alive, lines) = Bench::new();
    drop(lines);
    ended(alive);
    assert_eq!(bench.at(100, is_lost), gap(100, true, "macmon exited without output"));
    assert_eq!(bench.sample(5099), gap(5099, true, "macmon exited without output"));
    assert_eq!(bench.sample(5100), gap(5100, false, "macmon is starting"));
    let (_alive, mut lines) = (bench.alive(), bench.lines());
    assert_eq!(bench.sample(5200), gap(5200, false, "macmon is starting"));
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.at(5300, is_sample);
}

#[test]
fn macmon_stays_lost_if_it_cannot_be_restarted() {
    let (bench, alive, lines) = Bench::new();
    fs::write(bench.folder.path().join("script"), "echo broken; exit 1").unwrap();
    drop(lines);
    ended(alive);
    bench.at(100, is_lost);
    bench.sample(5100);
    assert_eq!(bench.at(5101, is_lost), gap(5101, true, "macmon exited: broken"));
}

#[test]
fn a_hanging_macmon_is_silent_and_then_stopped() {
    let (bench, alive, _lines) = Bench::new();
    assert_eq!(bench.sample(1000), GpuEvent::Unchanged { at: Nanos::from_millis(1000), index: 0 });
    assert_eq!(bench.sample(1999), GpuEvent::Unchanged { at: Nanos::from_millis(1999), index: 0 });
    assert_eq!(bench.sample(2000), gap(2000, false, "macmon has sent no data for 2 s"));
    for ms in [3900, 5800, 7700, 9600] {
        assert!(matches!(bench.sample(ms), GpuEvent::Gap { lost: false, .. }));
    }
    assert_eq!(bench.sample(10_000), gap(10_000, true, "macmon has sent no data for 10 s"));
    ended(alive);
}

#[test]
fn unreadable_lines_are_skipped_and_quoted_without_figures() {
    let (bench, alive, mut lines) = Bench::new();
    lines.write_all(b"a warning\n").unwrap();
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.at(100, is_sample);
    lines.write_all(b"\x1b[31m{\"gpu_power\":\n").unwrap();
    for ms in [1900, 2099] {
        assert_eq!(bench.sample(ms), GpuEvent::Unchanged { at: Nanos::from_millis(ms), index: 0 });
    }
    lines.write_all("nonsense\n".repeat(20).as_bytes()).unwrap();
    ended(alive);
    let why = "cannot read the output of macmon: {\"gpu_power\": nonsense";
    assert_eq!(bench.at(2200, is_lost), gap(2200, true, why));
}

#[test]
fn macmon_runs_on_during_a_pause_and_keeps_its_last_line() {
    let (bench, _alive, mut lines) = Bench::new();
    // If the stand-in were started again, it would print nothing.
    fs::write(bench.folder.path().join("script"), "exit 1").unwrap();
    lines.write_all(LINE.repeat(100).as_bytes()).unwrap();
    let mut last: serde_json::Value = serde_json::from_str(LINE).unwrap();
    last["gpu_power"] = 9.5.into();
    lines.write_all(format!("{last}\n").as_bytes()).unwrap();
    let is_last = |event: &GpuEvent| matches!(event, GpuEvent::Sample(sample) if sample.power_w == Some(9.5));
    let pause_ms = u64::try_from((LIMIT * 100).as_millis()).unwrap();
    for step in 1..1_000_000 {
        let event = bench.sample(step * pause_ms);
        assert!(!matches!(event, GpuEvent::Gap { .. }), "{event:?}");
        if is_last(&event) {
            return;
        }
    }
    panic!("the last line did not arrive");
}

#[test]
fn macmon_is_stopped_with_the_sampler() {
    let bench = Bench::start("trap '' HUP INT TERM; exec 9>$here/alive; exec cat $here/lines");
    let (alive, mut lines) = (bench.alive(), bench.lines());
    lines.write_all(LINE.as_bytes()).unwrap();
    bench.events.recv_timeout(LIMIT).unwrap();
    let Bench { folder: _folder, sampler, .. } = bench;
    drop(sampler);
    ended(alive);
}
