//! GPU figures end to end: loading of the driver's library, the GPU pane, and the reports.
//!
//! The stand-in's clock counts driver calls, so that samples do not depend on the speed of the machine. Seven calls
//! open the GPU, its first sample takes seven more, and each later one takes four, of which the first reads the memory.
//! Missing sensors are read once. Finding the GPU's users takes two calls, now and then.

use serde_json::{Value, json};

use super::Gated;
use super::nvml::Driver;
use super::support::dashboard::{Dashboard, ROOMY, suite};
use super::support::server::Server;
use tokscope::sim::{SimConfig, Simulator};

const MIB: u64 = 1 << 20;

fn driver(then: &str) -> Driver {
    let gpu = format!(
        "name=NVIDIA_GeForce_RTX_4090 uuid=GPU-6f3c total={} used={} reserved=0 power=421000 plimit=450000 temp=61 util=97",
        24_564 * MIB,
        20_480 * MIB
    );
    Driver::install(&format!("driver 580.95.05\nclock calls\ngpu 0 {gpu}\n{then}"))
}

fn environment(driver: &Driver) -> [(&'static str, String); 1] {
    let (key, folder) = driver.env();
    [(key, folder.to_str().unwrap().to_owned())]
}

fn start(driver: &Driver, args: &[&str]) -> Dashboard {
    let env = environment(driver);
    let env: Vec<(&str, &str)> = env.iter().map(|(key, value)| (*key, value.as_str())).collect();
    Dashboard::start_with(&suite(&["Alone"], ""), args, &env, ROOMY)
}

fn assert_device(report: &Value, start_mib: f64, peak_mib: f64) {
    let gpu = &report["gpu"];
    assert_eq!((&report["gpu_unavailable"], &gpu["driver_version"]), (&Value::Null, &json!("580.95.05")), "{report}");
    let device = &gpu["devices"][0];
    assert_eq!((&device["model"], &device["uuid"]), (&json!("NVIDIA GeForce RTX 4090"), &json!("GPU-6f3c")));
    let figures = ["memory_total_mib", "memory_used_start_mib", "memory_used_peak_mib", "utilization_max_percent"];
    assert_eq!(figures.map(|key| device[key].as_f64()), [24_564.0, start_mib, peak_mib, 97.0].map(Some));
}

#[test]
fn a_peak_within_the_run_is_shown_and_reported() {
    // High for some samples, then below the peak but above the start.
    let driver = driver(&format!("at 40 gpu 0 used={}\nat 52 gpu 0 used={}", 22_016 * MIB, 21_000 * MIB));
    let gated = Gated::start(1);
    let mut screen = start(&driver, &[&gated.url()]);
    screen.wait_for_line("GPU", "driver 580.95.05");
    screen.wait_for_text("NVIDIA GeForce RTX 4090");
    screen.wait_for_text("20.5 / 24.0 GiB");
    screen.wait_for_line("peak 21.5 GiB at 0:", "start 20.0 GiB");
    assert!(!screen.text().contains("this machine"), "{}", screen.text());
    gated.open(0);
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (ended, folder, report) = screen.end_with_folder();
    let report = report.unwrap();
    assert_eq!(ended.status, 0);
    assert_device(&report, 20_480.0, 22_016.0);
    assert!(report["gpu"]["devices"][0]["memory_peak_at_s"].as_f64().unwrap() > 0.0);
    let markdown = std::fs::read_to_string(folder.path().join("r.md")).unwrap();
    for field in [
        "- **Model**: NVIDIA GeForce RTX 4090",
        "- **Memory**: 24,564 MiB",
        "- **Driver**: 580.95.05",
        "- **Peak Memory**: 22,016 MiB (",
        "20,480 MiB in use at its start)",
    ] {
        assert!(markdown.contains(field), "'{field}' is missing in\n{markdown}");
    }
}

/// Runs headless and returns the JSON report.
fn headless(driver: &Driver, url: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), suite(&["Alone"], "")).unwrap();
    let (key, library) = driver.env();
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_tokscope"))
        .args([url, "--headless", "--export", "r.json"])
        .current_dir(folder.path())
        .env("XDG_STATE_HOME", folder.path())
        .env(key, library)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    serde_json::from_slice(&std::fs::read(folder.path().join("r.json")).unwrap()).unwrap()
}

#[test]
fn a_run_shorter_than_the_interval_is_sampled_at_its_end() {
    // Only the sample at the start of the run is before the change.
    let driver = driver(&format!("at 20 gpu 0 used={}", 22_016 * MIB));
    let server = Server::start(&["lone-model"], |mut request| request.answer(&["word"]));
    // If the driver is slower than the whole run, the samples at start and end are merged into one. Then the run is
    // repeated.
    let mut reports = (0..20).map(|_| headless(&driver, &server.url()));
    let with_two_samples = reports.find(|report| report["gpu"]["samples"].as_u64() > Some(1));
    assert_device(&with_two_samples.expect("a run with two samples"), 20_480.0, 22_016.0);
}

#[test]
fn the_simulator_uses_no_gpu_of_this_machine() {
    let driver = driver("");
    let sim = Simulator::start(SimConfig { ttft_ms: 1.0, tokens_per_s: 5000.0, ..SimConfig::default() }).unwrap();
    let report = headless(&driver, &sim.url());
    assert_eq!(
        (&report["gpu"], &report["gpu_unavailable"]),
        (&Value::Null, &json!("the built-in simulator uses no GPU"))
    );
    let mut screen = start(&driver, &[&sim.url()]);
    screen.wait_for_text("finished  1/1");
    // A figure of this machine's GPUs would look like the simulator's.
    screen.wait_for_text("No GPU: simulated server.");
    assert!(!screen.text().contains("GiB"), "{}", screen.text());
    screen.send("q");
    assert_eq!(screen.end().0.status, 0);
}

#[test]
fn the_demo_shows_its_simulated_gpu_and_none_of_this_machine() {
    let driver = driver("");
    let mut screen = start(&driver, &["--demo"]);
    screen.wait_for_text("finished  1/1");
    screen.wait_for_text("Simulated GPU");
    screen.wait_for_line("server", "means of the run");
    screen.wait_for_text("KV cache");
    assert!(!screen.text().contains("NVIDIA"), "{}", screen.text());
    screen.send("q");
    let (ended, report) = screen.end();
    let (report, status) = (report.unwrap(), ended.status);
    let gpu = &report["gpu"];
    assert_eq!((status, &gpu["source"], &report["run"]["simulated"]), (0, &json!("simulated"), &json!(true)));
    let models: Vec<&Value> = gpu["devices"].as_array().unwrap().iter().map(|device| &device["model"]).collect();
    assert_eq!(models, [&json!("Simulated GPU")]);
    assert_eq!(report["server_metrics"]["kind"], "tokscope-sim");
}

#[test]
fn a_hanging_driver_delays_neither_the_screen_nor_the_exit() {
    let driver = driver("delay nvmlDeviceGetTemperature 3600000000 30");
    let gated = Gated::start(1);
    let mut screen = start(&driver, &[&gated.url()]);
    // The pane says so while the run continues.
    screen.wait_for_text("driver silent");
    gated.open(0);
    screen.wait_for_text("finished  1/1");
    screen.send("q");
    let (ended, report) = screen.end();
    assert_eq!(ended.status, 0);
    let gpu = &report.unwrap()["gpu"];
    assert!(gpu["driver_silent_s"].as_f64().is_some_and(|seconds| seconds > 1.0), "{gpu}");
}
