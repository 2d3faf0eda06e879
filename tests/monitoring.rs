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
    client.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\naccept: application/openmetrics-text\r\n\r\n").unwrap();
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

/// Metrics that grow during a run.
const NAMES: [&str; 3] = ["tokscope_requests_total", "tokscope_output_tokens_total", "tokscope_ttft_seconds_count"];

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
        if NAMES.iter().all(|name| total(&page, name) > 0.0) {
            break (page, scrape(&address));
        }
        std::thread::yield_now();
    };
    for name in NAMES {
        assert!(total(&after, name) >= total(&before, name), "{name}\n{before}\n{after}");
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

/// A receiver of OTLP that keeps what it gets.
struct OtlpReceiver {
    port: u16,
    received: std::sync::mpsc::Receiver<(String, Vec<u8>)>,
}

impl OtlpReceiver {
    /// Starts a receiver that answers every request with this status.
    fn start(status: &'static str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, received) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                std::thread::spawn(move || receive(stream, status, &sender));
            }
        });
        Self { port, received }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the heads and bodies of all requests.
    fn requests(&self) -> Vec<(String, Vec<u8>)> {
        self.received.try_iter().collect()
    }
}

/// Answers the requests of a connection. The answer repeats the head, as a hostile receiver might.
fn receive(stream: TcpStream, status: &str, sender: &std::sync::mpsc::Sender<(String, Vec<u8>)>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let mut to = stream;
    loop {
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let size = line.to_lowercase().strip_prefix("content-length: ").map(|size| size.trim().parse().unwrap());
            length = size.unwrap_or(length);
            if line == "\r\n" {
                break;
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        if lines.read_exact(&mut body).is_err() {
            return;
        }
        let answer = if status.starts_with("200") { String::new() } else { head.replace("\r\n", " ") };
        let _tested = sender.send((head, body));
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{answer}", answer.len());
        if to.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

const SECRET: &str = "c4nary-of-the-receiver";

/// Runs six measured requests and a warm-up with this receiver. Returns all output of the program.
fn run_with_receiver(url: &str) -> (Option<i32>, String) {
    let (folder, simulator) = (tempfile::tempdir().unwrap(), simulator());
    let args = ["--headless", "-c", "2", "-n", "6", "--warmup", "1", "--isl", "8", "--osl", "12", "--otlp", url];
    let mut command = command(folder.path(), &[&args[..], &["--export", "r.json", &simulator.url()]].concat());
    let out = command.env("OTEL_EXPORTER_OTLP_HEADERS", format!("authorization=Bearer%20{SECRET}")).output().unwrap();
    let results = std::fs::read_to_string(folder.path().join("r.json")).unwrap();
    let texts = [String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr), results.as_str().into()];
    (out.status.code(), texts.concat())
}

#[test]
fn a_receiver_gets_metrics_and_a_span_for_each_request() {
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use prost::Message;

    let receiver = OtlpReceiver::start("200 OK");
    let (status, output) = run_with_receiver(&receiver.url());
    assert_eq!(status, Some(0), "{output}");
    assert!(!output.contains("otlp:") && !output.contains(SECRET), "{output}");
    let (mut spans, mut histograms) = (Vec::new(), std::collections::BTreeMap::new());
    for (head, body) in receiver.requests() {
        assert!(head.contains(&format!("authorization: Bearer {SECRET}\r\n")), "{head}");
        if head.starts_with("POST /v1/traces ") {
            let request = ExportTraceServiceRequest::decode(&body[..]).unwrap();
            spans.extend(request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans));
        } else {
            assert!(head.starts_with("POST /v1/metrics "), "{head}");
            let request = ExportMetricsServiceRequest::decode(&body[..]).unwrap();
            let metrics = request.resource_metrics.into_iter().flat_map(|r| r.scope_metrics).flat_map(|s| s.metrics);
            for metric in metrics {
                let Some(Data::Histogram(histogram)) = metric.data else { panic!("{metric:?}") };
                // The last export has the totals of the run.
                let counts: Vec<u64> = histogram.data_points.iter().map(|point| point.count).collect();
                histograms.insert(metric.name, (metric.unit, counts));
            }
        }
    }
    assert_eq!(spans.len(), 6);
    for span in &spans {
        assert_eq!(span.name, "chat tokscope-sim");
        assert!(span.end_time_unix_nano > span.start_time_unix_nano);
        let keys: Vec<&str> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
        for key in
            ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.usage.output_tokens"]
        {
            assert!(keys.contains(&key), "{key}: {keys:?}");
        }
    }
    let expected = |unit: &str, counts: &[u64]| (unit.to_owned(), counts.to_vec());
    assert_eq!(histograms["gen_ai.client.operation.duration"], expected("s", &[6]));
    assert_eq!(histograms["gen_ai.client.operation.time_to_first_chunk"], expected("s", &[6]));
    assert_eq!(histograms["gen_ai.client.token.usage"], expected("{token}", &[6, 6]));
    assert!(histograms["gen_ai.client.operation.time_per_output_chunk"].1[0] > 6, "{histograms:?}");
}

#[test]
fn a_receiver_that_fails_is_mentioned_once_and_changes_nothing_else() {
    let refusing = OtlpReceiver::start("401 Unauthorized");
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    for (url, why) in [(refusing.url(), "HTTP 401"), (closed, "no connection")] {
        let (status, output) = run_with_receiver(&url);
        assert_eq!(status, Some(0), "{output}");
        assert!(!output.contains(SECRET), "{output}");
        let notice = format!("the receiver of --otlp does not accept exports ({why}); the run continues without them");
        assert!(output.matches(&notice).count() <= 1, "{output}");
        assert!(output.contains(&format!("failed ({why}), and 6 spans missing at the receiver")), "{output}");
    }
    assert!(!refusing.requests().is_empty());
}
