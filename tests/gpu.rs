//! The stand-in driver as a program loads it, and GPU features that the sampler's own tests do not cover.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

#[path = "support/nvml.rs"]
mod nvml;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/server.rs"]
#[allow(dead_code, reason = "other tests use the rest of it")]
mod server;

use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use nvml_wrapper::Nvml;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use serde_json::{Value, json};
use tokscope::domain::gpu::GpuEvent;
use tokscope::domain::time::Nanos;
use tokscope::telemetry::{SamplerConfig, start};

use self::nvml::Driver;
use self::server::Server;

/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);
/// Set in the child process of the first test.
const CHILD: &str = "TOKSCOPE_TEST_FINDS_LIBRARY";

#[test]
fn the_library_is_loaded_by_name() {
    if std::env::var_os(CHILD).is_some() {
        return expect_stand_in();
    }
    let driver = Driver::install("driver 580.95.05\ngpu 0 name=Stand_In total=900 used=20");
    let (key, folder) = driver.env();
    // The loader reads its environment when a process starts. Therefore this test runs itself again as a child process.
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_library_is_loaded_by_name"])
        .env(key, folder)
        .env(CHILD, "1")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success() && output.contains("1 passed"), "{output}");
}

fn expect_stand_in() {
    let (sink, events) = channel();
    let config = SamplerConfig { interval: LIMIT, ..SamplerConfig::default() };
    let _sampler = start(config, Nanos::default, move |event| drop(sink.send(event)));
    let found = events.recv().expect("an event of the sampler");
    let GpuEvent::Found { driver, gpus, .. } = &found else { panic!("{found:?}") };
    assert_eq!((driver.as_deref(), gpus[0].model.as_str()), (Some("580.95.05"), "Stand In"));
}

#[test]
fn processes_are_listed_like_a_real_driver() {
    let driver = Driver::install(
        "clock manual
         gpu 0 total=900 used=20
         proc 0 1000 9000 4242 21300000000 C
         proc 0 1000 2000 4243 -1 C
         proc 0 0 9000 7 1 G",
    );
    let nvml = Nvml::builder().lib_path(driver.library.path().as_os_str()).init().unwrap();
    let gpu = nvml.device_by_index(0).unwrap();
    let compute = || gpu.running_compute_processes().unwrap().into_iter().map(|p| (p.pid, p.used_gpu_memory));
    assert_eq!(compute().count(), 0);
    driver.library.advance_ms(1000);
    let both = [(4242, UsedGpuMemory::Used(21_300_000_000)), (4243, UsedGpuMemory::Unavailable)];
    assert_eq!(compute().collect::<Vec<_>>(), both);
    driver.library.advance_ms(1000);
    assert_eq!(compute().collect::<Vec<_>>(), both[..1]);
    assert_eq!(gpu.running_graphics_processes().unwrap()[0].pid, 7);
}

#[test]
fn two_drivers_in_one_process_are_independent() {
    let drivers = ["gpu 0 name=A total=1 used=0", "gpu 0 name=B total=1 used=0"].map(Driver::install);
    let names = drivers.each_ref().map(|d| {
        let nvml = Nvml::builder().lib_path(d.library.path().as_os_str()).init().unwrap();
        nvml.device_by_index(0).unwrap().name().unwrap()
    });
    assert_eq!(names, ["A", "B"]);
    assert_eq!(drivers.each_ref().map(|d| d.library.calls("nvmlInit_v2")), [1, 1]);
}

#[test]
fn slices_are_only_in_their_slots() {
    let driver =
        Driver::install("gpu 0 name=A100 migmode=1\nmig 0 2 name=1g.5gb uuid=MIG-1 total=9 used=1\ngpu 1 name=RTX");
    let nvml = Nvml::builder().lib_path(driver.library.path().as_os_str()).init().unwrap();
    let whole = nvml.device_by_index(0).unwrap();
    assert_eq!((whole.mig_mode().unwrap().current, whole.mig_device_count().unwrap()), (1, 7));
    let slices: Vec<_> = (0..7).map(|slot| whole.mig_device_by_index(slot)).collect();
    assert!(
        slices.iter().enumerate().all(|(slot, s)| slot == 2 || matches!(s, Err(NvmlError::NotFound))),
        "{slices:?}"
    );
    assert_eq!(slices[2].as_ref().unwrap().uuid().unwrap(), "MIG-1");
    assert!(matches!(nvml.device_by_index(1).unwrap().mig_mode(), Err(NvmlError::NotSupported)));
}

/// Reports of a headless run.
struct Reports {
    json: Value,
    markdown: String,
}

/// Runs the program with one case and this driver.
fn run(driver: &Driver, url: &str) -> Reports {
    run_with(driver, url, &[])
}

/// Like [`run`], with further arguments.
fn run_with(driver: &Driver, url: &str, args: &[&str]) -> Reports {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), "[[case]]\nname = \"Alone\"\nprompt = \"p\"\n").unwrap();
    let (key, library) = driver.env();
    let status = Command::new(env!("CARGO_BIN_EXE_tokscope"))
        .args([url, "--headless", "--export", "r.json", "--export", "r.md"])
        .args(args)
        .current_dir(folder.path())
        .env(key, library)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    Reports { json: schema::read_results(folder.path().join("r.json")), markdown: read("r.md") }
}

/// A server that takes this time to respond.
fn slow_server(time: Duration, tokens: usize) -> Server {
    Server::start(&["lone-model"], move |mut request| {
        request.token("word");
        // A channel without a sender, as a timer. The run must be long enough for the measurements.
        let (_sender, silent) = channel::<()>();
        assert!(silent.recv_timeout(time).is_err());
        request.finish(tokens);
    })
}

const MIB: u64 = 1 << 20;

#[test]
fn every_figure_of_two_gpus_is_reported_and_one_is_lost() {
    let server = slow_server(Duration::from_secs(6), 2882);
    let port = server.url().rsplit_once(':').unwrap().1.trim_end_matches("/v1").to_owned();
    let pid = std::process::id();
    // The clock counts driver calls: about fifty until the run's first samples, then about twelve per tick. The energy
    // counter rises from 1000 J to 2441 J.
    let driver = Driver::install(&format!(
        "driver 580.95.05
         clock calls
         gpu 0 name=NVIDIA_GeForce_RTX_4090 uuid=GPU-a total={total} reserved={reserved} used={used} plimit=450000
         gpu 0 util=98 temp=61 smclock=2610 maxsmclock=3105 throttle=4 energy=1000000
         gpu 1 name=NVIDIA_RTX_A6000 uuid=GPU-b total={other} used={little} power=300000 plimit=300000
         proc 0 0 99999999 {pid} 21300000000 C
         at 70 gpu 0 used={peak}
         at 70 gpu 1 used={more}
         at 110 gpu 0 used={used}
         at 130 gpu 0 energy=2441000
         at 130 gpu 1 lost=1",
        total = 24_564 * MIB,
        reserved = 483 * MIB,
        used = 20_480 * MIB,
        peak = 22_016 * MIB,
        other = 49_140 * MIB,
        little = 10_240 * MIB,
        more = 11_264 * MIB,
    ));
    // On a busy machine the readings may not reach the ends of the run, and then there is rightly no energy figure. So
    // the run is repeated.
    let known = |reports: &Reports| reports.json["gpu"]["devices"][0]["energy_j"].is_number();
    let Reports { json, markdown } =
        (0..3).map(|_| run(&driver, &server.url())).find(known).expect("a run with energy figures");

    let gpu = &json["gpu"];
    assert_eq!((&gpu["source"], &gpu["driver_version"]), (&json!("nvml"), &json!("580.95.05")));
    assert_eq!(gpu["scope"], "endpoint-host", "{gpu}");
    assert_eq!(gpu["scope_evidence"], format!("pid {pid} owns :{port} and uses GPU-a"));
    let devices = gpu["devices"].as_array().unwrap();
    let expected = [
        json!({
            "index": 0, "uuid": "GPU-a", "model": "NVIDIA GeForce RTX 4090", "serves": true, "memory_kind": "dedicated",
            "memory_total_mib": 24_564.0, "memory_reserved_mib": 483.0, "memory_used_start_mib": 20_480.0,
            "memory_used_peak_mib": 22_016.0, "utilization_mean_percent": 98.0, "utilization_max_percent": 98.0,
            "power_max_w": null, "power_limit_w": 450.0, "energy_j": 1441.0, "energy_method": "counter",
            "throttled": ["sw_power_cap"], "throttled_share": { "sw_power_cap": 1.0 }, "lost": null, "lost_at_s": null,
        }),
        json!({
            "index": 1, "uuid": "GPU-b", "model": "NVIDIA RTX A6000", "serves": false, "memory_total_mib": 49_140.0,
            "memory_used_start_mib": 10_240.0, "memory_used_peak_mib": 11_264.0, "utilization_max_percent": null,
            "power_mean_w": 300.0, "power_max_w": 300.0, "energy_j": null, "throttled": null,
            "energy_unknown_because": "the GPU was lost during the run", "lost": "the GPU fell off the bus",
        }),
    ];
    for (device, expected) in devices.iter().zip(&expected) {
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&device[key], value, "{key} of {device}");
        }
    }
    assert_eq!(devices.len(), 2);
    assert!(devices[1]["lost_at_s"].as_f64().is_some_and(|at| at > 0.0), "{}", devices[1]);
    assert!(gpu["missed"].as_u64().is_some_and(|missed| missed > 0) && gpu["driver_silent_s"].is_null(), "{gpu}");
    // 2882 tokens for 1441 J. The lost GPU served no request, so it does not make the figure unknown.
    let summary = &json["summary"];
    assert_eq!((&summary["output_tokens_per_joule"], &summary["joules_per_output_token"]), (&json!(2.0), &json!(0.5)));
    for line in [
        "- **Peak Memory**: 22,016 MiB (",
        "- **Peak Memory**: 11,264 MiB (",
        "20,480 MiB in use at its start)",
        "- **Energy**: 1,441 J (energy counter)",
        "- **Energy**: N/A (the GPU was lost during the run)",
        "- **Throttled**: power cap in 100% of the samples",
        " s into the run: `the GPU fell off the bus`",
        "**Energy per output token**: 0.500 J (2.00 output tokens per joule; 1,441 J for 2,882 tokens).",
        &format!("These GPUs serve the endpoint: pid {pid} owns :{port} and uses GPU-a."),
    ] {
        assert!(markdown.contains(line), "'{line}' is missing in\n{markdown}");
    }
}

#[test]
fn a_driver_that_hangs_delays_neither_the_run_nor_the_exit() {
    let server = slow_server(Duration::from_secs(4), 1);
    // The driver hangs for an hour, some ticks after the start of the run.
    let driver = Driver::install(
        "clock calls\ngpu 0 uuid=GPU-a total=900 used=20 power=1000\ndelay nvmlDeviceGetPowerUsage 3600000000 30",
    );
    let Reports { json, markdown } = run(&driver, &server.url());
    let gpu = &json["gpu"];
    assert_eq!(json["summary"]["ok"], 1);
    assert!(gpu["samples"].as_u64().is_some_and(|samples| samples > 0), "{gpu}");
    assert!(gpu["driver_silent_s"].as_f64().is_some_and(|seconds| seconds > 1.0), "{gpu}");
    assert!(markdown.contains("The GPU driver did not answer for "), "{markdown}");
}

#[test]
fn a_driver_that_hangs_from_the_start_gives_a_reason() {
    let server = slow_server(Duration::ZERO, 1);
    let driver = Driver::install("gpu 0 total=900 used=20\ndelay nvmlDeviceGetCount_v2 3600000000");
    let json = run(&driver, &server.url()).json;
    let why = json["gpu_unavailable"].as_str().unwrap();
    assert!(json["gpu"].is_null() && why.starts_with("the GPU driver did not answer for "), "{why}");
}

#[test]
#[ignore = "needs an NVIDIA GPU and its driver"]
fn a_real_driver_reports_its_memory() {
    let (sink, events) = channel();
    let config = SamplerConfig { interval: LIMIT, ..SamplerConfig::default() };
    let sampler = start(config, Nanos::default, move |event| drop(sink.send(event)));
    assert!(sampler.sample_and_wait(LIMIT));
    let events: Vec<_> = events.try_iter().collect();
    let GpuEvent::Found { driver: Some(_), gpus, .. } = &events[0] else { panic!("{events:?}") };
    let total = gpus[0].memory_total_bytes.unwrap();
    let Some(GpuEvent::Sample(sample)) = events.iter().find(|e| matches!(e, GpuEvent::Sample(_))) else {
        panic!("{events:?}")
    };
    assert!(sample.memory_used_bytes.is_some_and(|used| used <= total), "{events:?}");
}

/// Two GPUs of another machine, as an exporter shows them.
const PAGE: &str = include_str!("data/dcgm/two-gpus.prom");

/// An exporter with new figures for each read: each page has 500 J more, and the third the highest memory use.
fn exporter() -> String {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for (number, wire) in listener.incoming().flatten().enumerate() {
            let mut lines = BufReader::new(wire.try_clone().unwrap()).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let used = if number == 3 { 72_000 } else { 71_680 };
            let body = PAGE
                .replace("} 1234567891", &format!("}} {}", 1_000_000_000 + 500_000 * number))
                .replace("} 71680", &format!("}} {used}"));
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _closed = (&wire).write_all((head + &body).as_bytes());
        }
    });
    address.to_string()
}

#[test]
fn gpus_of_another_machine_are_reported_from_its_page() {
    let server = slow_server(Duration::from_secs(6), 100);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("cases.toml"), "[[case]]\nname = \"Alone\"\nprompt = \"p\"\n").unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_tokscope"))
        .args([&server.url(), "--headless", "--no-save", "--export", "r.json", "--export", "r.md"])
        .args(["--gpu-metrics-url", &exporter(), "--gpu-metrics-url", &closed.to_string()])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(0));
    let read = |name| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let (json, markdown) = (schema::read_results(folder.path().join("r.json")), read("r.md"));
    let gpu = &json["gpu"];
    assert_eq!((&gpu["source"], &gpu["driver_version"]), (&json!("dcgm"), &json!("550.144.03")), "{json}");
    assert_eq!((&gpu["scope"], &gpu["sample_interval_ms"]), (&json!("endpoint-host"), &json!(1000)));
    let evidence = gpu["scope_evidence"].as_str().unwrap();
    let both = format!("figures of node-7 from --gpu-metrics-url; http://{closed}/metrics: ");
    assert!(evidence.starts_with(&both), "the dead page is reported: {evidence}");
    let devices = gpu["devices"].as_array().unwrap();
    let expected = [
        json!({
            "index": 0, "uuid": "GPU-5c1f0e0a-7b1e-4c58-9b55-0d9f8a3f2b11", "model": "NVIDIA H100 80GB HBM3", "serves": true,
            "host": "node-7", "memory_total_mib": 81_559.0, "memory_reserved_mib": 551.0, "memory_used_peak_mib": 72_000.0,
            "utilization_mean_percent": 97.0, "power_max_w": 612.4, "throttled": ["sw_power_cap"], "lost": null,
        }),
        json!({
            "index": 1, "uuid": "GPU-9d2b7c44-1f0d-4f5e-8a33-5b0c6e7d8f22", "host": "node-7", "memory_used_start_mib": 4.0,
            "memory_used_peak_mib": 4.0, "utilization_max_percent": 0.0, "power_mean_w": 71.25, "throttled": [],
        }),
    ];
    assert_eq!(devices.len(), 2);
    for (device, expected) in devices.iter().zip(&expected) {
        for (key, value) in expected.as_object().unwrap() {
            assert_eq!(&device[key], value, "{key} of {device}");
        }
    }
    // The exporter's interval equals the interval of the reads, as far as this machine keeps it.
    assert!(devices[0]["samples"].as_u64() >= Some(3), "{}", devices[0]);
    assert!(devices[0]["samples_apart_ms"].as_u64() >= Some(500), "{}", devices[0]);
    for line in ["- **Host**: node-7", "- **Memory**: 81,559 MiB", "- **Peak Memory**: 72,000 MiB (", " samples, "] {
        assert!(markdown.contains(line), "'{line}' is missing in\n{markdown}");
    }
    assert!(json["host"]["cpu_busy_percent"]["max"].as_f64().is_some_and(|percent| percent > 0.0), "{}", json["host"]);
    assert!(json["host"]["own_engine_percent"].is_object(), "the engine's thread was not found: {}", json["host"]);
}

#[test]
fn gpus_are_not_read_with_gpu_none() {
    let server = slow_server(Duration::ZERO, 1);
    let driver = Driver::install("gpu 0 uuid=GPU-a total=900 used=20");
    let json = run_with(&driver, &server.url(), &["--gpu", "none"]).json;
    assert_eq!((&json["gpu"], &json["gpu_unavailable"]), (&Value::Null, &json!("turned off (--gpu none)")));
}
