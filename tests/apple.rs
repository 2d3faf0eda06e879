//! The whole program with a stand-in for macmon.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/macmon.rs"]
mod macmon;
#[path = "support/schema.rs"]
mod schema;
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

use self::macmon::{LINE, Macmon, assert_ended, send_lines};
use self::server::Server;

/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);

const USERS_UNKNOWN: &str =
    "the endpoint's address is local, but macOS does not report which process listens there or uses the GPU";

/// Server that responds at once.
fn quick_server() -> Server {
    Server::start(&["lone-model"], |mut answer| answer.answer(&["word"]))
}

/// Server that responds long after macmon has exited.
fn slow_server() -> Server {
    Server::start(&["lone-model"], |mut answer| {
        // A channel without a sender, as a timer.
        let (_sender, silent) = channel::<()>();
        assert!(silent.recv_timeout(Duration::from_secs(3)).is_err());
        answer.answer(&["word"]);
    })
}

/// A line of a busy GPU, with this much of the machine's memory in use, GiB.
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

/// JSON report, Markdown report and standard error of a run.
fn run(macmon: &Macmon, url: &str) -> (Value, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let out = command(macmon, folder.path(), url).output().unwrap();
    assert_eq!(out.status.code(), Some(0), "{out:?}");
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    (schema::read_results(folder.path().join("r.json")), read("r.md"), String::from_utf8(out.stderr).unwrap())
}

#[test]
fn every_figure_of_an_apple_gpu_is_reported() {
    let (request_seen, wait_for_request) = channel();
    let (lines_sent, wait_for_lines) = channel();
    let wait_for_lines = Mutex::new(wait_for_lines);
    let server = Server::start(&["lone-model"], move |mut answer| {
        answer.token("word");
        request_seen.send(()).unwrap();
        wait_for_lines.lock().unwrap().recv_timeout(LIMIT).unwrap();
        answer.finish(100);
    });
    let macmon = Macmon::install();
    let (json, markdown, _) = std::thread::scope(|scope| {
        let macmon = &macmon;
        scope.spawn(move || {
            let (_alive, mut lines) = (macmon.alive(), macmon.lines());
            lines.write_all(line(12).as_bytes()).unwrap();
            wait_for_request.recv_timeout(LIMIT).unwrap();
            // Long enough for an energy figure, and each value long enough for several samples.
            for (used_gib, times) in [(12, 20), (14, 30), (13, 10)] {
                assert!(send_lines(&mut lines, &line(used_gib), times), "macmon ended");
            }
            lines_sent.send(()).unwrap();
            send_lines(&mut lines, &line(13), usize::MAX);
        });
        run(macmon, &server.url())
    });

    let gpu = &json["gpu"];
    assert_eq!(
        (&gpu["source"], &gpu["driver_version"], &gpu["scope"]),
        (&json!("macmon"), &Value::Null, &json!("unknown"))
    );
    assert_eq!(gpu["scope_evidence"], USERS_UNKNOWN);
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
    // Energy for each second except up to half a second without a reading. On a busy machine more may be missing.
    if let Some(energy) = device["energy_j"].as_f64() {
        let ran = json["run"]["duration_s"].as_f64().unwrap();
        assert!((energy - 20.5 * ran).abs() <= 20.5 * 0.6, "{energy} J in {ran} s");
        assert_eq!(device["energy_method"], "integrated");
        assert!(markdown.contains(" J (integrated from power samples)\n"), "{markdown}");
    } else {
        let why = device["energy_unknown_because"].as_str().unwrap();
        assert!(why.ends_with(" have no reading"), "{why}");
    }
    // The owner of the GPU is unknown, so there is no efficiency.
    assert_eq!(json["summary"]["joules_per_output_token"], Value::Null);
    for line in [
        "- **Model**: Apple M3 Max, 40 GPU cores\n",
        "- **Memory**: 24,576 MiB (shared with the CPU)\n",
        "- **Driver**: N/A\n",
        "- **Peak Memory**: 14,336 MiB (",
        "12,288 MiB in use at its start",
        "- **Load**: 75% on average, 75% at most\n",
        "- **Power**: 20 W on average, 20 W at most\n",
        "all programs on the machine)",
        &format!("tokscope cannot tell whether these GPUs serve the endpoint: {USERS_UNKNOWN}."),
    ] {
        assert!(markdown.contains(line), "'{line}' is missing in\n{markdown}");
    }
}

#[test]
fn a_machine_without_macmon_gets_advice() {
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
fn other_output_of_macmon_appears_only_in_the_report() {
    let server = slow_server();
    let macmon = Macmon::with_script("printf 'no chip\\033]0;title\\007 here\\n' >&2; exit 1");
    let (json, _, stderr) = run(&macmon, &server.url());
    assert_eq!(json["gpu_unavailable"], "macmon exited: no chip here");
    assert!(!stderr.contains("no chip") && !stderr.contains('\u{1b}'), "{stderr}");
}

#[test]
fn a_macmon_that_hangs_from_the_start_gives_a_reason() {
    let server = quick_server();
    let macmon = Macmon::install();
    let (json, alive) = std::thread::scope(|scope| {
        // The stand-in waits for lines, and none come.
        let alive = scope.spawn(|| (macmon.alive(), macmon.lines()));
        (run(&macmon, &server.url()).0, alive.join().unwrap())
    });
    let why = json["gpu_unavailable"].as_str().unwrap();
    assert!(json["gpu"].is_null() && why.starts_with("the GPU driver did not answer for "), "{why}");
    assert_ended(alive.0);
}

/// Starts a run in its own process group, as a shell does, together with macmon.
fn start_run(server: &Server) -> (Macmon, tempfile::TempDir, Child, File, File) {
    let (macmon, folder) = (Macmon::install(), tempfile::tempdir().unwrap());
    let mut command = command(&macmon, folder.path(), &server.url());
    let program = command.stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let (alive, mut lines) = (macmon.alive(), macmon.lines());
    lines.write_all(line(12).as_bytes()).unwrap();
    (macmon, folder, program, alive, lines)
}

#[test]
fn macmon_ends_with_the_program_however_that_ends() {
    let (request_seen, wait) = channel();
    let server = Server::start(&["lone-model"], move |mut answer| {
        answer.token("word");
        request_seen.send(answer).unwrap();
    });
    // A terminal's key reaches the whole process group. SIGKILL gives the program no chance to clean up.
    for signal in ["-TERM", "-INT", "-KILL"] {
        let (_macmon, folder, mut program, alive, _lines) = start_run(&server);
        let _answer = wait.recv_timeout(LIMIT).unwrap();
        let sent = Command::new("kill").args([signal, "--", &format!("-{}", program.id())]).status().unwrap();
        assert!(sent.success());
        let status = program.wait().unwrap();
        assert_ended(alive);
        if signal != "-KILL" {
            assert_eq!(status.code(), Some(130), "{signal}");
            let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap();
            assert_eq!(json["gpu"]["devices"][0]["lost"], Value::Null, "macmon was there to the end");
        }
    }
}
