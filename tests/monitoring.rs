//! Monitoring systems with the whole program, against the simulator.
#![allow(clippy::unwrap_used, reason = "a failing step fails the test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};

use tokscope::sim::{EngineConfig, SimConfig, Simulator};

fn simulator() -> Simulator {
    let engine =
        EngineConfig { step_ms: 10.0, prefill_ms: 0.01, max_batch: 4, stall_every_s: 0.0, ..EngineConfig::default() };
    Simulator::start(SimConfig { engine: Some(engine), ..SimConfig::default() }).unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokscope"));
    for name in ["TOKSCOPE_URL", "OPENAI_BASE_URL", "OPENAI_API_KEY", "TOKSCOPE_CONFIG", "GITHUB_STEP_SUMMARY"] {
        command.env_remove(name);
    }
    for home in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "LOCALAPPDATA", "APPDATA"] {
        command.env(home, folder);
    }
    command.args(args).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Returns the page at this address, without the head of the answer.
fn scrape(address: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    let (head, page) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    page.to_owned()
}

/// Returns the sum of all samples of a metric.
fn total(page: &str, name: &str) -> f64 {
    let samples = page.lines().filter_map(|line| line.strip_prefix(name));
    let samples = samples.filter(|rest| rest.starts_with(['{', ' ']));
    samples.filter_map(|rest| rest.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[test]
fn a_scraper_sees_the_figures_of_the_run_in_progress() {
    let (folder, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let url = simulator.url();
    let args = ["--headless", "-c", "2", "-n", "400", "--isl", "8", "--osl", "12", "--metrics-listen", "0", &url];
    let mut child = command(folder.path(), &args).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    let address = loop {
        line.clear();
        assert_ne!(stderr.read_line(&mut line).unwrap(), 0, "no address was announced");
        let announced = line.trim().strip_prefix("tokscope: metrics for Prometheus are at http://");
        if let Some(address) = announced.and_then(|rest| rest.strip_suffix("/metrics")) {
            break address.to_owned();
        }
    };
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let rest = std::thread::spawn(move || {
        let mut text = String::new();
        stderr.read_to_string(&mut text).unwrap();
        text
    });
    // The run lasts for many scrapes: its 200 rounds take a tenth of a second each.
    let (before, after) = loop {
        let page = scrape(&address);
        assert!(page.ends_with("# EOF\n"), "{page}");
        if total(&page, "tokscope_requests_total") >= 4.0 {
            break (page, scrape(&address));
        }
        std::thread::yield_now();
    };
    for name in ["tokscope_requests_total", "tokscope_output_tokens_total", "tokscope_ttft_seconds_count"] {
        assert!(total(&after, name) >= total(&before, name) && total(&before, name) > 0.0, "{name}\n{before}");
    }
    let in_flight = total(&after, "tokscope_requests_in_flight");
    assert!((0.0..=2.0).contains(&in_flight), "{in_flight}");
    assert!((total(&after, "tokscope_planned_requests") - 400.0).abs() < 1e-9, "{after}");
    assert!((total(&after, "tokscope_target_concurrency") - 2.0).abs() < 1e-9, "{after}");
    child.kill().unwrap();
    child.wait().unwrap();
    drop(rest.join().unwrap());
}

#[test]
fn an_address_that_is_taken_stops_the_run_before_it_sends_anything() {
    let (folder, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let out = command(folder.path(), &["--headless", "--metrics-listen", &address, &simulator.url()]).output().unwrap();
    let stderr = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains(&format!("--metrics-listen '{address}': cannot listen there (")), "{stderr}");
}
