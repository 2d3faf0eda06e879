//! The page, its names, and hostile clients.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Mutex;

use proptest::prelude::*;

use super::figures::PageFormat;
use super::server::oracle::{answer, check, figures};
use super::*;
use crate::domain::attempt::{Arrival, AttemptError, AttemptId, AttemptStatus, TextKind};
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::time::Nanos;

/// Returns a complete answer with 11 tokens: the first after 200 ms, the others each 20 ms.
fn complete(model: &str) -> AttemptRecord {
    let id = AttemptId { case: 0, number: 1 };
    let mut record = AttemptRecord::started(id, false, "r".into(), model.into(), Nanos::from_millis(1000));
    let arrival = |i: u64| Arrival { at: Nanos::from_millis(1200 + i * 20), kind: TextKind::Answer, coalesced: false };
    record.arrivals = (0..11).map(arrival).collect();
    (record.status, record.ended) = (AttemptStatus::Ok, Nanos::from_millis(1400));
    (record.usage.completion_tokens, record.usage.prompt_tokens) = (Some(11), Some(7));
    record
}

fn failed(model: &str) -> AttemptRecord {
    let mut record = complete(model);
    record.status = AttemptStatus::HttpError;
    record.error = Some(AttemptError { kind: "http".into(), message: "no".into() });
    (record.arrivals, record.usage) = (Vec::new(), crate::domain::attempt::Usage::default());
    record
}

/// Returns the value of a sample, which `name` gives with its labels.
fn value(page: &str, name: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn the_page_counts_requests_tokens_and_figures() {
    let figures = figures();
    for _ in 0..3 {
        figures.note_ended(&complete("m"));
    }
    figures.note_ended(&failed("m"));
    figures.note_ended(&AttemptRecord { warmup: true, ..complete("m") });
    let page = figures.page(PageFormat::OpenMetrics);
    for (name, expected) in [
        (r#"tokscope_requests_total{model="m",status="ok",warmup="false"}"#, 3.0),
        (r#"tokscope_requests_total{model="m",status="ok",warmup="true"}"#, 1.0),
        (r#"tokscope_requests_total{model="m",status="http_error",warmup="false"}"#, 1.0),
        (r#"tokscope_output_tokens_total{model="m"}"#, 33.0),
        (r#"tokscope_prompt_tokens_total{model="m"}"#, 21.0),
        (r#"tokscope_ttft_seconds_count{model="m"}"#, 3.0),
        (r#"tokscope_ttft_seconds_bucket{le="0.15",model="m"}"#, 0.0),
        (r#"tokscope_ttft_seconds_bucket{le="0.25",model="m"}"#, 3.0),
        (r#"tokscope_itl_seconds_bucket{le="0.02",model="m"}"#, 3.0),
        (r#"tokscope_itl_seconds_bucket{le="0.015",model="m"}"#, 0.0),
        (r#"tokscope_e2e_latency_seconds_count{model="m"}"#, 3.0),
    ] {
        assert_eq!(value(&page, name), Some(expected), "{name}\n{page}");
    }
    let sum = value(&page, r#"tokscope_e2e_latency_seconds_sum{model="m"}"#).unwrap();
    assert!((sum - 1.2).abs() < 1e-9, "{sum}");
    assert!(page.contains("# TYPE tokscope_ttft_seconds histogram\n# UNIT tokscope_ttft_seconds seconds\n"), "{page}");
    assert!(page.contains(r#"tokscope_run_info{run_id="ts-1",api="chat",host="h","#), "{page}");
    assert!(page.ends_with("# EOF\n"));
}

#[test]
fn every_metric_has_a_help_and_a_conventional_name() {
    // Families without samples are not on the page.
    let figures = figures();
    figures.note_ended(&complete("m"));
    figures.set_load(CurrentLoad { stage: 1, concurrency: Some(8), planned_requests: Some(9) });
    let [utilization_percent, power_w, temperature_c] = [Some(97.0), Some(650.0), Some(60.0)];
    let sample =
        GpuSample { utilization_percent, power_w, temperature_c, memory_used_bytes: Some(1), ..GpuSample::default() };
    figures.gpus.note(&GpuEvent::Sample(sample));
    let page = figures.page(PageFormat::OpenMetrics);
    let families: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    assert!(families.len() > 15, "{page}");
    for family in families {
        let (name, _) = family.split_once(' ').unwrap();
        assert!(name.starts_with("tokscope_"), "{name}");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        assert!(page.contains(&format!("# HELP {name} ")), "{name}");
        assert!(!["_ms", "_percent", "_total"].iter().any(|end| name.ends_with(end)), "{name}");
    }
}

#[test]
fn live_figures_are_those_of_the_engine_s_latest_view() {
    let view = Arc::new(Mutex::new((Nanos::default(), Arc::new(LiveSnapshot::default()))));
    let shown = Arc::clone(&view);
    let run = RunIdentity { run_id: "ts-1".into(), api: "chat", host: None, port: None };
    let figures = Figures::new(&run, Box::new(move || shown.lock().unwrap().clone()));
    let page = figures.page(PageFormat::OpenMetrics);
    assert_eq!(value(&page, "tokscope_output_tokens_per_second"), None, "{page}");
    let live = Arc::new(LiveSnapshot { content_events_total: 300, ..LiveSnapshot::default() });
    *view.lock().unwrap() = (Nanos::from_millis(2000), live);
    let ids = [1, 2, 3].map(|number| AttemptId { case: 0, number });
    for id in ids {
        figures.note_started(id);
    }
    figures.note_ended(&AttemptRecord { id: ids[1], ..complete("m") });
    // An attempt may end before it was sent.
    figures.note_ended(&AttemptRecord { id: AttemptId { case: 1, number: 1 }, ..failed("m") });
    figures.set_load(CurrentLoad { stage: 2, concurrency: Some(8), planned_requests: None });
    let page = figures.page(PageFormat::OpenMetrics);
    for (name, expected) in [
        ("tokscope_requests_in_flight", Some(2.0)),
        ("tokscope_content_events_total", Some(300.0)),
        ("tokscope_output_tokens_per_second", Some(150.0)),
        ("tokscope_stage", Some(2.0)),
        ("tokscope_target_concurrency", Some(8.0)),
        ("tokscope_planned_requests", None),
    ] {
        assert_eq!(value(&page, name), expected, "{name}\n{page}");
    }
}

#[test]
fn a_gpu_that_no_longer_answers_has_no_figures() {
    let figures = figures();
    let gpus = vec![GpuInfo { model: "H200".into(), ..GpuInfo::default() }];
    figures.gpus.note(&GpuEvent::Found { source: "nvml".into(), driver: None, gpus, interval_ms: 250 });
    let sample = GpuSample { utilization_percent: Some(97.0), power_w: Some(650.0), ..GpuSample::default() };
    figures.gpus.note(&GpuEvent::Sample(sample));
    let page = figures.page(PageFormat::OpenMetrics);
    assert_eq!(value(&page, r#"tokscope_gpu_utilization_ratio{gpu="0",model="H200"}"#), Some(0.97), "{page}");
    assert_eq!(value(&page, r#"tokscope_gpu_power_watts{gpu="0",model="H200"}"#), Some(650.0), "{page}");
    assert!(!page.contains("tokscope_gpu_memory_used_bytes{"), "{page}");
    figures.gpus.note(&GpuEvent::Gap { at: Nanos(1), index: 0, reason: "gone".into(), lost: true });
    assert!(!figures.page(PageFormat::OpenMetrics).contains("{gpu="));
}

#[test]
fn only_get_and_head_of_known_paths_are_answered() {
    let status = |request: &str| {
        let answer = answer(format!("{request} HTTP/1.1\r\nhost: h\r\n\r\n").as_bytes()).unwrap();
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(status("GET /metrics"), "HTTP/1.1 200 OK");
    assert_eq!(status("GET /metrics?name=x"), "HTTP/1.1 200 OK");
    assert_eq!(status("HEAD /metrics"), "HTTP/1.1 200 OK");
    assert_eq!(status("GET /"), "HTTP/1.1 200 OK");
    assert_eq!(status("GET /etc/passwd"), "HTTP/1.1 404 Not Found");
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        assert_eq!(status(&format!("{method} /metrics")), "HTTP/1.1 405 Method Not Allowed", "{method}");
    }
    let page = |accept: &str| {
        let request = format!("GET /metrics HTTP/1.1\r\nhost: h\r\naccept: {accept}\r\n\r\n");
        String::from_utf8(answer(request.as_bytes()).unwrap()).unwrap()
    };
    let open = page("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4");
    assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n"), "{open}");
    assert!(open.contains("connection: close\r\n") && open.ends_with("# EOF\n"), "{open}");
    let text = page("*/*");
    assert!(text.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{text}");
    assert!(text.contains("# TYPE tokscope_run_info gauge\n") && !text.contains("# EOF"), "{text}");
}

#[test]
fn clients_that_never_finish_their_request_keep_no_one_else_waiting() {
    let listener = bind("0").unwrap();
    let address = listener.local_addr().unwrap();
    let run = RunIdentity { run_id: "ts-1".into(), api: "chat", host: None, port: None };
    let _endpoint =
        PrometheusEndpoint::start(listener, &run, Box::new(|| (Nanos(0), Arc::new(LiveSnapshot::default())))).unwrap();
    let slow: Vec<_> = (0..8)
        .map(|_| {
            let mut slow = TcpStream::connect(address).unwrap();
            slow.write_all(b"GET /metrics HTT").unwrap();
            slow
        })
        .collect();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(b"GET /metrics HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
    let mut page = String::new();
    client.read_to_string(&mut page).unwrap();
    assert!(page.contains("tokscope_run_info{"), "{page}");
    for slow in slow {
        drop(slow.shutdown(Shutdown::Both));
    }
}

/// Returns requests that are nearly right.
fn request() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        Just(b"GET ".to_vec()),
        Just(b"HEAD ".to_vec()),
        Just(b"POST ".to_vec()),
        Just(b"/metrics".to_vec()),
        Just(b" HTTP/1.1\r\n".to_vec()),
        Just(b"host: h\r\n".to_vec()),
        Just(b"content-length: 5\r\n".to_vec()),
        Just(b"transfer-encoding: chunked\r\n".to_vec()),
        Just(b"expect: 100-continue\r\n".to_vec()),
        Just(b"upgrade: h2c\r\nconnection: upgrade\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        prop::collection::vec(any::<u8>(), 0..40),
    ];
    prop::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn the_server_survives_any_input(input in request()) {
        prop_assert_eq!(check(&input), Ok(()));
    }

    #[test]
    fn hostile_names_stay_within_their_label(model in crate::domain::text::oracle::hostile()) {
        let (harmless, hostile) = (figures(), figures());
        harmless.note_ended(&complete("m"));
        hostile.note_ended(&complete(&model));
        let (harmless, hostile) = (harmless.page(PageFormat::OpenMetrics), hostile.page(PageFormat::OpenMetrics));
        prop_assert_eq!(harmless.lines().count(), hostile.lines().count());
        prop_assert_eq!(crate::domain::text::oracle::fault(&hostile), None);
    }
}
