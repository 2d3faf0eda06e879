//! How it begins, what it may come to, and how it ends.

use super::*;

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
    let pipe = Pipe::start(&folder.path().join(NAME), &config(folder.path())).unwrap();
    let alive = alive(folder.path());
    assert_eq!(pipe.wait(Duration::ZERO), Err("macmon told nothing in 0 s".to_owned()));
    drop(pipe);
    ended(alive);
}

#[test]
fn one_that_dies_is_lost_and_started_anew() {
    let (bench, alive, lines) = Bench::new();
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
    let (bench, alive, lines) = Bench::new();
    fs::write(bench.folder.path().join("play"), "echo broken; exit 1").unwrap();
    drop(lines);
    ended(alive);
    bench.at(100, is_lost);
    bench.look(5100);
    assert_eq!(bench.at(5101, is_lost), gap(5101, true, "macmon ended: broken"));
}

#[test]
fn one_that_hangs_is_silent_and_then_ended() {
    let (bench, alive, _lines) = Bench::new();
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
    let (bench, alive, mut lines) = Bench::new();
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
    let (bench, alive, lines) = Bench::new();
    let flood = "exec 9>$here/alive; read -r line <$here/lines
        n=0; while [ $n -lt 1000 ]; do echo \"$line\"; n=$((n + 1)); done
        exec 9>&-; exec cat $here/lines";
    fs::write(bench.folder.path().join("play"), flood).unwrap();
    drop(lines);
    ended(alive);
    bench.at(100, is_lost);
    bench.look(5100);
    let alive = bench.alive();
    bench.lines().write_all(LINE.as_bytes()).unwrap();
    // What it told is more than fits between it and us, so that most was read.
    ended(alive);
    assert_eq!(bench.look(5200), gap(5200, true, "macmon tells more than it is asked for"));
}

#[test]
fn one_that_nobody_looks_at_runs_on_and_has_its_last_line_for_who_does() {
    let (bench, _alive, mut lines) = Bench::new();
    // One that is started anew would tell nothing.
    fs::write(bench.folder.path().join("play"), "exit 1").unwrap();
    lines.write_all(LINE.repeat(100).as_bytes()).unwrap();
    let mut last: serde_json::Value = serde_json::from_str(LINE).unwrap();
    last["gpu_power"] = 9.5.into();
    lines.write_all(format!("{last}\n").as_bytes()).unwrap();
    let is_last = |event: &GpuEvent| matches!(event, GpuEvent::Sample(sample) if sample.power_w == Some(9.5));
    let pause_ms = u64::try_from((LIMIT * 100).as_millis()).unwrap();
    for look in 1..1_000_000 {
        let event = bench.look(look * pause_ms);
        assert!(!matches!(event, GpuEvent::Gap { .. }), "{event:?}");
        if is_last(&event) {
            return;
        }
    }
    panic!("its last line did not come");
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
