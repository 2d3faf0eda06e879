//! TRIAL: HTTPS and HTTP from the same server: CPU per event, and lateness of stamps.
#![allow(clippy::all, clippy::pedantic, clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tokscope::domain::attempt::AttemptId;
use tokscope::domain::live::{EngineCommand, EngineFact};
use tokscope::domain::suite::{CaseSpec, Message};
use tokscope::engine::{Engine, EngineConfig};
use tokscope::protocol::api::CHAT;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
fn file(name: &str) -> String {
    format!("{}/tests/data/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}
fn event(data: &str) -> String {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len())
}
fn token() -> String {
    event(
        "{\"id\":\"chatcmpl-7f3a9c51e0\",\"object\":\"chat.completion.chunk\",\"created\":1770000000,\"model\":\"blaster\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" brown\"},\"logprobs\":null,\"finish_reason\":null}]}",
    )
}
fn request(from: &mut impl BufRead) -> bool {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).unwrap_or(0) == 0 {
            return false;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if let Some(v) = line.strip_prefix("content-length:") {
            length = v.trim().parse().unwrap()
        }
        if line.is_empty() {
            std::io::copy(&mut from.by_ref().take(length), &mut std::io::sink()).unwrap();
            return true;
        }
    }
}
trait Both: Read + Write + Send {}
impl<T: Read + Write + Send> Both for T {}

type Sent = Arc<Mutex<Vec<Vec<Instant>>>>;
/// `block` events per write, `every` between writes.
fn serve(tls: bool, events: usize, block: usize, every: Duration, sent: Sent) -> String {
    let pem = std::fs::read(file("good.pem")).unwrap();
    let certs: Vec<_> = CertificateDer::pem_slice_iter(&pem).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(builder.with_no_client_auth().with_single_cert(certs, key).unwrap());
    let l = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = l.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for wire in l.incoming().flatten() {
            wire.set_nodelay(true).unwrap();
            let (config, sent) = (config.clone(), sent.clone());
            std::thread::spawn(move || {
                let wire: Box<dyn Both> = if tls {
                    Box::new(StreamOwned::new(ServerConnection::new(config).unwrap(), wire))
                } else {
                    Box::new(wire)
                };
                let mut wire = BufReader::new(wire);
                while request(&mut wire) {
                    let mut times = Vec::with_capacity(events);
                    let to = wire.get_mut();
                    to.write_all(HEAD.as_bytes()).unwrap();
                    let text = token().repeat(block);
                    let mut due = Instant::now();
                    for _ in 0..events / block {
                        if !every.is_zero() {
                            due += every;
                            std::thread::sleep(due.saturating_duration_since(Instant::now()));
                            times.push(Instant::now());
                        }
                        if to.write_all(text.as_bytes()).is_err() {
                            return;
                        }
                    }
                    let end = event("{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}")
                        + &event("[DONE]")
                        + "0\r\n\r\n";
                    sent.lock().unwrap().push(times);
                    if to.write_all(end.as_bytes()).is_err() {
                        return;
                    }
                    to.flush().unwrap();
                }
            });
        }
    });
    format!("{}://localhost:{port}/v1", if tls { "https" } else { "http" })
}

fn run(url: &str, streams: usize, epoch: Instant) -> (Vec<Arc<tokscope::domain::attempt::AttemptRecord>>, Duration) {
    let (sender, facts) = channel();
    let network = tokscope::engine::Network { cacert: std::fs::read(file("ca.pem")).unwrap(), ..Default::default() };
    let config = EngineConfig {
        base_url: url.to_owned(),
        api: &CHAT,
        api_key: None,
        headers: Vec::new(),
        run_id: "b".into(),
        warm: false,
        network,
    };
    let engine = Engine::start(config, epoch, move |f| drop(sender.send(f))).unwrap();
    let case = Arc::new(CaseSpec {
        name: "b".into(),
        model: None,
        messages: vec![Message { role: "user".into(), content: "go".into() }],
        max_tokens: 100000,
        temperature: 0.0,
        timeout: Duration::from_secs(300),
        patience: Default::default(),
        extra: Default::default(),
    });
    for i in 0..streams {
        engine.send(EngineCommand::Start {
            id: AttemptId { case: i, number: 1 },
            case: case.clone(),
            model: "m".into(),
            warmup: false,
            due: None,
            ready: None,
        });
    }
    let mut out = Vec::new();
    while out.len() < streams {
        if let EngineFact::Ended { record, .. } = facts.recv().unwrap() {
            assert!(record.is_ok(), "{:?} {:?}", record.status, record.error);
            out.push(record);
        }
    }
    let mut cpu = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        if std::fs::read_to_string(task.path().join("comm")).unwrap_or_default().trim() == "engine" {
            let s = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            cpu += s.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    (out, Duration::from_nanos(cpu))
}

fn main() {
    for tls in [false, true] {
        let name = if tls { "https" } else { "http " };
        for block in [1, 100] {
            let url = serve(tls, 20_000, block, Duration::ZERO, Sent::default());
            let (records, cpu) = run(&url, 16, Instant::now());
            let events: u64 = records.iter().map(|r| u64::from(r.event_count)).sum();
            println!("{name} blast, {block} events a write: {:.3} us/event", cpu.as_secs_f64() / events as f64 * 1e6);
        }
        for (streams, block, every) in [(1, 1, 5), (16, 1, 20), (1, 20, 20)] {
            let sent = Sent::default();
            let url = serve(tls, 200 * block, block, Duration::from_millis(every), sent.clone());
            let epoch = Instant::now();
            let (records, _) = run(&url, streams, epoch);
            let sent = sent.lock().unwrap();
            let mut errors = Vec::new();
            let mut first = Vec::new();
            let mut distinct = 0;
            let mut coalesced = 0;
            for r in &records {
                // The stream whose first event is nearest before.
                let at = |a: &tokscope::domain::attempt::Arrival| {
                    epoch + Duration::from_nanos(a.at.since(Default::default()).as_nanos() as u64)
                };
                let best = sent
                    .iter()
                    .min_by_key(|s| {
                        r.arrivals
                            .iter()
                            .step_by(block)
                            .zip(s.iter())
                            .map(|(a, s)| at(a).max(*s) - at(a).min(*s))
                            .sum::<Duration>()
                    })
                    .unwrap();
                let mut e: Vec<f64> = r
                    .arrivals
                    .iter()
                    .enumerate()
                    .map(|(i, a)| at(a).saturating_duration_since(best[i / block]).as_secs_f64() * 1e6)
                    .collect();
                first.push(e[0]);
                errors.append(&mut e);
                let mut t: Vec<_> = r.arrivals.iter().map(|a| a.at).collect();
                t.dedup();
                distinct += t.len();
                coalesced += r.arrivals.iter().filter(|a| a.coalesced).count();
            }
            errors.sort_by(f64::total_cmp);
            first.sort_by(f64::total_cmp);
            let p = |q: f64| errors[((errors.len() - 1) as f64 * q) as usize];
            println!(
                "{name} paced, {streams} streams, {block} a write: late by median {:.1} us, p90 {:.1}, p99 {:.1}; first event {:.1}; {} stamps for {} writes, {} coalesced of {}",
                p(0.5),
                p(0.9),
                p(0.99),
                first[first.len() / 2],
                distinct,
                streams * 200,
                coalesced,
                errors.len()
            );
        }
    }
}
