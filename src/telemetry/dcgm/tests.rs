//! Tests of the source, with fixed pages and over a socket.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::mpsc::channel;

use super::super::{GpuChoice, start};
use super::*;
use crate::domain::energy::Energy;
use crate::domain::energy::EnergyMethod::Counter;
use crate::domain::gpu::GpuEvent;
use crate::domain::gpu_history::GpuHistory;

const TWO: &str = include_str!("../../../tests/data/dcgm/two-gpus.prom");
const MIG: &str = include_str!("../../../tests/data/dcgm/mig.prom");
const OLD: &str = include_str!("../../../tests/data/dcgm/old-labels.prom");
/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);

fn second(s: u64) -> Nanos {
    Nanos::from_millis(s * 1000)
}

/// Returns a source for these addresses. No page was read yet.
fn source(urls: &[&str]) -> DcgmSource {
    let pages = urls.iter().map(|url| Page::new((*url).to_owned())).collect();
    DcgmSource { fetcher: Fetcher::new().unwrap(), pages, gpus: Vec::new(), driver: None }
}

fn take(source: &mut DcgmSource, page: usize, at: u64, text: Result<String, &str>) {
    source.pages[page].update(second(at), text.map_err(str::to_owned));
    source.update_gpus(page);
}

#[test]
fn only_a_changed_page_is_a_sample() {
    let mut source = source(&["http://a/metrics"]);
    assert_eq!((source.absent(), source.scope()), (None, None), "not read yet");
    take(&mut source, 0, 1, Ok(TWO.to_owned()));
    assert_eq!(source.sample(0, second(1)).map(|s| s.at), Ok(Nanos(0)), "of unknown age");
    take(&mut source, 0, 2, Ok(TWO.to_owned()));
    assert_eq!(source.sample(0, second(2)), Err(SampleError::Unchanged));
    // A single changed figure proves that all figures were measured again.
    take(&mut source, 0, 3, Ok(TWO.replace("} 1234567891", "} 1234600000")));
    for position in [0, 1] {
        assert_eq!(source.sample(position, second(3)).map(|s| s.at), Ok(second(3)));
    }
    take(&mut source, 0, 4, Err("HTTP 503"));
    assert_eq!(source.sample(1, second(4)), Err(SampleError::Silent("HTTP 503".to_owned())));
}

#[test]
fn other_pages_are_read_while_one_is_dead() {
    let mut source = source(&["http://dead:9400/metrics?key=secret", "http://b/metrics"]);
    take(&mut source, 0, 1, Err("connection refused"));
    let dead = "http://dead:9400/metrics: connection refused";
    assert_eq!(source.absent().as_deref(), Some(dead));
    assert_eq!(source.scope(), Some(GpuScope::Unknown { why: dead.to_owned() }));
    assert!(!source.pages[0].is_due(Nanos::from_millis(5999)) && source.pages[0].is_due(second(6)));
    take(&mut source, 1, 2, Ok(MIG.to_owned()));
    assert!(source.pages[1].is_due(second(2)));
    assert_eq!(source.absent(), None);
    let Some(GpuScope::EndpointHost { evidence, gpus }) = source.scope() else { panic!("{:?}", source.scope()) };
    assert_eq!(evidence, format!("figures of node-7 from --gpu-metrics-url; {dead}"));
    let whole = "GPU-5c1f0e0a-7b1e-4c58-9b55-0d9f8a3f2b11";
    assert_eq!(gpus, [format!("{whole}/1"), format!("{whole}/7")]);
    let infos = source.gpus();
    assert!(infos.iter().all(|i| i.parent_uuid.as_deref() == Some(whole) && i.memory_kind == MemoryKind::Slice));
    // The page now reports a GPU of another machine, which is appended.
    take(&mut source, 0, 7, Ok(OLD.to_owned()));
    let hosts: Vec<_> = source.gpus().into_iter().map(|i| (i.index, i.host.unwrap())).collect();
    assert_eq!(hosts, [(0, "node-7".into()), (1, "node-7".into()), (2, "node-1".into())]);
    assert!(source.gpus()[2].memory_total_is_least);
}

#[test]
fn a_gpu_on_two_pages_counts_once() {
    let mut source = source(&["http://a/metrics", "http://b/metrics"]);
    take(&mut source, 0, 1, Ok(TWO.to_owned()));
    take(&mut source, 1, 1, Ok(TWO.to_owned()));
    assert_eq!(source.gpus().len(), 2);
}

#[test]
fn a_gpu_without_uuid_or_host_takes_them_from_its_page() {
    let mut source = source(&["http://gpu-box:9400/metrics"]);
    take(&mut source, 0, 1, Ok("DCGM_FI_DEV_POWER_USAGE{gpu=\"3\"} 70\n".to_owned()));
    let info = source.gpus().remove(0);
    assert_eq!((info.uuid.as_deref(), info.host.as_deref()), (Some("gpu-box/3"), Some("gpu-box")));
    assert_eq!(info.memory_unknown_because.as_deref(), Some("the exporter does not report DCGM_FI_DEV_FB_USED"));
    assert_eq!(info.utilization_unknown_because.as_deref(), Some("the exporter does not report DCGM_FI_DEV_GPU_UTIL"));
}

/// Starts a server that answers each request with the next page, and repeats the last one.
fn serve(pages: Vec<String>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/metrics", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let last = pages.last().cloned().unwrap_or_default();
        let mut pages = pages.into_iter();
        for mut wire in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && wire.read(&mut byte).is_ok_and(|n| n > 0) {
                head.extend(byte);
            }
            let body = pages.next().unwrap_or_else(|| last.clone());
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let _closed = wire.write_all((head + &body).as_bytes());
        }
    });
    url
}

#[test]
fn energy_is_measured_at_the_exporters_own_interval() {
    // The exporter measures every 3 s: 2 kJ in 6 s of a run of 6 s.
    let page = |kilojoules: u64| TWO.replace("} 1234567891", &format!("}} {}000000", 1000 + kilojoules));
    let pages = [0, 0, 1, 1, 1, 2, 2, 2, 3, 3].map(page).to_vec();
    let clock = Arc::new(AtomicU64::new(0));
    let (sink, events) = channel();
    let time = Arc::clone(&clock);
    let config = SamplerConfig {
        interval: LIMIT,
        choice: GpuChoice::Only(NAME),
        metrics_urls: vec![serve(pages)],
        ..SamplerConfig::default()
    };
    let now = move || Nanos::from_millis(time.load(SeqCst));
    let sampler = start(config, now, move |event| drop(sink.send(event)));
    let mut history = GpuHistory::default();
    // Take the initial sample, before the run.
    while history.gpus.len() < 2 || history.gpus[1].sampled_at.is_none() {
        history.apply(events.recv().unwrap());
    }
    for s in 1..=8 {
        clock.store(s * 1000, SeqCst);
        if s == 2 {
            history.begin_run(second(s));
        }
        if s == 8 {
            history.set_active(false, second(s));
        }
        assert!(sampler.sample_and_wait(LIMIT));
        for event in events.try_iter() {
            history.apply(event);
        }
    }
    let taken = history.gpus[0].taken;
    assert_eq!((taken.count, taken.unchanged), (3, 4));
    assert_eq!(taken.mean_interval(), Some(Duration::from_secs(3)));
    assert_eq!(history.gpus[0].energy.energy(Duration::from_secs(6)), Ok(Energy { joules: 2000.0, method: Counter }));
    assert_eq!((history.source.as_str(), history.interval_ms, history.samples), (NAME, 60_000, 6));
    assert_eq!(history.silence(second(8)), None);
}

#[test]
fn an_unreachable_or_missing_page_gives_a_reason() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (sink, events) = channel();
    let config = SamplerConfig { metrics_urls: vec![format!("http://{closed}/metrics")], ..SamplerConfig::default() };
    let sampler = start(config, Nanos::default, move |event| drop(sink.send(event)));
    assert!(sampler.sample_and_wait(LIMIT));
    let received: Vec<_> = events.try_iter().collect();
    let [GpuEvent::Absent(why), GpuEvent::Scope(GpuScope::Unknown { why: also })] = &received[..] else {
        panic!("{received:?}")
    };
    assert!(why.starts_with(&format!("http://{closed}/metrics: ")) && why == also, "{why}");
    let (sink, events) = channel();
    let config = SamplerConfig { choice: GpuChoice::Only(NAME), ..SamplerConfig::default() };
    drop(start(config, Nanos::default, move |event| drop(sink.send(event))));
    let why = "no DCGM exporter given; pass --gpu-metrics-url".to_owned();
    assert_eq!(events.recv(), Ok(GpuEvent::Absent(why)));
}
