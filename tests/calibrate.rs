//! End-to-end test of the calibration. Checks its structure, never its times.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]
#![cfg(target_os = "linux")]

use std::process::{Command, Stdio};

use serde_json::Value;

fn command(state: &std::path::Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    command.args(args).current_dir(state).env("XDG_STATE_HOME", state).stdin(Stdio::null());
    command
}

#[test]
fn every_level_is_measured_with_and_without_the_dashboard() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["calibrate", "--quick", "--streams", "1,2", "--json", "c.json"];
    let out = command(folder.path(), &args).output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert_eq!(out.status.code(), Some(0), "{stderr}");
    assert!(stdout.contains("streams  dashboard  answers") && stdout.contains("CPU s per million events"), "{stdout}");

    let text = std::fs::read_to_string(folder.path().join("c.json")).unwrap();
    let calibration: Value = serde_json::from_str(&text).unwrap();
    let levels = calibration["levels"].as_array().unwrap();
    let order: Vec<_> = levels.iter().map(|l| (l["streams"].as_u64(), l["dashboard"].as_bool())).collect();
    assert_eq!(order, [(Some(1), Some(false)), (Some(2), Some(false)), (Some(1), Some(true)), (Some(2), Some(true))]);
    for level in levels {
        assert_eq!((&level["answers"], &level["unmatched"]), (&level["streams"], &Value::from(0)), "{level}");
        assert_eq!(level["events"], level["streams"].as_u64().unwrap() * 10, "ten tokens each: {level}");
        let ttft = &level["ttft_error_ms"];
        // An arrival before its sending would have failed the calibration.
        assert!(ttft["median"].as_f64().unwrap() >= 0.0 && ttft["worst"].as_f64() >= ttft["median"].as_f64());
        assert_eq!(ttft["p99"], Value::Null, "too few values for a p99");
        assert!(level["resident_mib"].as_f64().unwrap() > 0.0 && level["engine_cpu_share"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(calibration["peak"]["events"], 32 * 1004, "a thousand tokens plus role, finish, usage and [DONE]");
    assert!(!folder.path().join("tokscope").exists(), "a quick calibration is not stored");
}

#[test]
fn a_stored_calibration_is_reported_only_for_its_machine_and_version() {
    let folder = tempfile::tempdir().unwrap();
    let run = ["calibrate", "--quick", "--streams", "1", "--json", "c.json"];
    assert!(command(folder.path(), &run).output().unwrap().status.success());
    let text = std::fs::read_to_string(folder.path().join("c.json")).unwrap();
    let mut stored: Value = serde_json::from_str(&text).unwrap();
    let state = folder.path().join("tokscope");
    std::fs::create_dir(&state).unwrap();
    let report = |stored: &Value, name: &str| {
        std::fs::write(state.join("calibration.json"), stored.to_string()).unwrap();
        let (json, markdown) = (format!("{name}.json"), format!("{name}.md"));
        let args =
            ["--demo", "--headless", "--case", "Debug", "--timeout", "0.001", "--export", &json, "--export", &markdown];
        command(folder.path(), &args).output().unwrap();
        let json: Value = serde_json::from_str(&std::fs::read_to_string(folder.path().join(json)).unwrap()).unwrap();
        (json["observer"]["calibration"].clone(), std::fs::read_to_string(folder.path().join(markdown)).unwrap())
    };
    let (json, markdown) = report(&stored, "ours");
    assert_eq!(json["levels"], stored["levels"]);
    assert!(markdown.contains("**Calibration**: ") && markdown.contains("1 stream: TTFT late by"), "{markdown}");
    stored["version"] = "0.0.0".into();
    let (json, markdown) = report(&stored, "older");
    assert_eq!(json, Value::Null);
    assert!(!markdown.contains("**Calibration**"), "{markdown}");
}
