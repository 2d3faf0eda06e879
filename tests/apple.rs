//! The program as it is, beside a stand-in for macmon.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/macmon.rs"]
mod macmon;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod server;

use std::fs::File;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value, json};

use self::macmon::{LINE, Macmon, ended, tell};
use self::server::Server;

/// Longer than any test takes.
const LIMIT: Duration = Duration::from_secs(60);

const WHOSE: &str =
    "the endpoint's address is local, but macOS does not report which process listens there or uses the GPU";

/// Answers at once.
fn quick_server() -> Server {
    Server::start(&["lone-model"], |mut answer| answer.answer(&["word"]))
}

/// Answers long after macmon has ended.
fn slow_server() -> Server {
    Server::start(&["lone-model"], |mut answer| {
        // Nobody sends: it is the time that matters.
        let (_kept, nothing) = channel::<()>();
        assert!(nothing.recv_timeout(Duration::from_secs(3)).is_err());
        answer.answer(&["word"]);
    })
}

/// A line of a GPU that works, with so much of the machine's memory in use, GiB.
fn line(used_gib: u64) -> String {
    let mut line: Value = serde_json::from_str(LINE).unwrap();
    for (path, value) in [
        ("/memory/ram_usage", json!(used_gib << 30)),
        ("/gpu_active_ratio", json!(0.75)),
        ("/gpu_freq_mhz", json!(1398)),
        ("/gpu_power", json!(20.5)),
        ("/temp/gpu_temp_avg", json!(61.25)),
    ] {
        *line.pointer_mut(path).unwrap() = value;
    }
    format!("{line}\n")
}

fn command(macmon: &Macmon, folder: &Path, url: &str) -> Command {
    std::fs::write(folder.join("cases.toml"), "[[case]]\nname = \"Alone\"\nprompt = \"p\"\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    command.args([url, "--headless", "--no-save", "--gpu", "macmon", "--export", "r.json", "--export", "r.md"]);
    command.current_dir(folder).env("PATH", macmon.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// The reports of a run, and what it said.
fn run(macmon: &Macmon, url: &str) -> (Value, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = command(macmon, folder.path(), url).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    (serde_json::from_str(&read("r.json")).unwrap(), read("r.md"), String::from_utf8(out.stderr).unwrap())
}

#[test]
fn an_apple_gpu_is_reported_to_the_lines_last_figure() {
    let (asked, wait_for_asked) = channel();
    let (told, wait_for_told) = channel();
    let wait_for_told = Mutex::new(wait_for_told);
    let server = Server::start(&["lone-model"], move |mut answer| {
        answer.token("word");
        asked.send(()).unwrap();
        wait_for_told.lock().unwrap().recv_timeout(LIMIT).unwrap();
        answer.finish(100);
    });
    let macmon = Macmon::install();
    let (json, markdown, _) = std::thread::scope(|scope| {
        let macmon = &macmon;
        scope.spawn(move || {
            let (_alive, mut lines) = (macmon.alive(), macmon.lines());
            lines.write_all(line(12).as_bytes()).unwrap();
            wait_for_asked.recv_timeout(LIMIT).unwrap();
            // Long enough for a figure of its energy, and each for several looks.
            for (used_gib, times) in [(12, 20), (14, 30), (13, 10)] {
                assert!(tell(&mut lines, &line(used_gib), times), "it ended");
            }
            told.send(()).unwrap();
            tell(&mut lines, &line(13), usize::MAX);
        });
        run(macmon, &server.url())
    });

    let gpu = &json["gpu"];
    assert_eq!(
        (&gpu["source"], &gpu["driver_version"], &gpu["scope"]),
        (&json!("macmon"), &Value::Null, &json!("unknown"))
    );
    assert_eq!(gpu["scope_evidence"], WHOSE);
    let expected = json!({
        "index": 0, "uuid": "Mac15,9/gpu", "model": "Apple M3 Max, 40 GPU cores", "serves": null, "host": null,
        "memory_kind": "unified", "memory_used_is_machines": true, "memory_total_mib": 24_576.0,
        "memory_reserved_mib": null, "memory_used_start_mib": 12_288.0, "memory_used_peak_mib": 14_336.0,
        "utilization_mean_percent": 75.0, "utilization_max_percent": 75.0, "power_mean_w": 20.5, "power_max_w": 20.5,
        "power_limit_w": null, "throttled": null, "lost": null, "lost_at_s": null,
    });
    let device = &gpu["devices"][0];
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&device[key], value, "{key} of {device}");
    }
    // So much for each second, of which half a one may have no reading; on a machine that is busy enough more has none.
    if let Some(energy) = device["energy_j"].as_f64() {
        let ran = json["run"]["duration_s"].as_f64().unwrap();
        assert!((energy - 20.5 * ran).abs() <= 20.5 * 0.6, "{energy} J in {ran} s");
        assert_eq!(device["energy_method"], "integrated");
        assert!(markdown.contains(" J (from its power, sample by sample)\n"), "{markdown}");
    } else {
        let why = device["energy_unknown_because"].as_str().unwrap();
        assert!(why.ends_with(" have no reading"), "{why}");
    }
    // Whose it is is not known.
    assert_eq!(json["summary"]["joules_per_output_token"], Value::Null);
    for line in [
        "- **Model**: Apple M3 Max, 40 GPU cores\n",
        "- **Memory**: 24576 MiB (the machine's own, shared)\n",
        "- **Driver**: N/A\n",
        "- **Peak Memory**: 14336 MiB (",
        "12288 MiB in use at its start; of all that ran on the machine)\n",
        "- **Load**: 75 % on average, 75 % at most\n",
        "- **Power**: 20 W on average, 20 W at most\n",
        "Energy is that of the GPU's part of its chip alone, without memory",
        &format!("It is not known whether these are the endpoint's GPUs: `{WHOSE}`"),
    ] {
        assert!(markdown.contains(line), "'{line}' is missing in\n{markdown}");
    }
}

#[test]
fn a_machine_without_it_says_what_to_do() {
    let server = quick_server();
    let macmon = Macmon::install();
    std::fs::remove_file(macmon.file("macmon")).unwrap();
    let json = run(&macmon, &server.url()).0;
    let why = if cfg!(target_os = "macos") {
        "macmon is not on PATH; install it to read Apple GPUs (brew install macmon)"
    } else {
        "macmon reads Apple GPUs and runs only on macOS"
    };
    assert_eq!((&json["gpu"], &json["gpu_unavailable"]), (&Value::Null, &json!(why)));
}

#[test]
fn what_it_says_beside_its_lines_reaches_nobody_but_the_report() {
    let server = slow_server();
    let macmon = Macmon::that("printf 'no chip\\033]0;title\\007 here\\n' >&2; exit 1");
    let (json, _, stderr) = run(&macmon, &server.url());
    assert_eq!(json["gpu_unavailable"], "macmon exited: no chip here");
    assert!(!stderr.contains("no chip") && !stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn one_that_hangs_from_the_start_is_a_reason() {
    let server = quick_server();
    let macmon = Macmon::install();
    let (json, alive) = std::thread::scope(|scope| {
        // It waits for lines, and none come.
        let alive = scope.spawn(|| (macmon.alive(), macmon.lines()));
        (run(&macmon, &server.url()).0, alive.join().unwrap())
    });
    let why = json["gpu_unavailable"].as_str().unwrap();
    assert!(json["gpu"].is_null() && why.starts_with("the GPU driver gave no answer in "), "{why}");
    ended(alive.0);
}

/// A run that goes on, in a group of its own as under a shell, and macmon with it.
fn going_on(server: &Server) -> (Macmon, tempfile::TempDir, Child, File, File) {
    let (macmon, folder) = (Macmon::install(), tempfile::tempdir().unwrap());
    let mut command = command(&macmon, folder.path(), &server.url());
    let program = command.stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let (alive, mut lines) = (macmon.alive(), macmon.lines());
    lines.write_all(line(12).as_bytes()).unwrap();
    (macmon, folder, program, alive, lines)
}

#[test]
fn it_ends_with_the_program_whatever_ends_that() {
    let (asked, wait) = channel();
    let server = Server::start(&["lone-model"], move |mut answer| {
        answer.token("word");
        asked.send(answer).unwrap();
    });
    // A terminal's key goes to all of the group; the last is not asked.
    for signal in ["-TERM", "-INT", "-KILL"] {
        let (_macmon, folder, mut program, alive, _lines) = going_on(&server);
        let _answer = wait.recv_timeout(LIMIT).unwrap();
        let sent = Command::new("kill").args([signal, "--", &format!("-{}", program.id())]).status().unwrap();
        assert!(sent.success());
        let status = program.wait().unwrap();
        ended(alive);
        if signal != "-KILL" {
            assert_eq!(status.code(), Some(130), "{signal}");
            let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
            assert_eq!(json["gpu"]["devices"][0]["lost"], Value::Null, "it was there to the end");
        }
    }
}
