//! Cost of reading streams: at full speed (CPU time of the engine's thread), and at the rate of a busy server (CPU time
//! of the process). CPU time is used because the load of other processes hardly changes it.
//!
//!     cargo bench --bench stream
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark on the terminal")]

#[path = "../tests/support/blaster.rs"]
mod blaster;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use tokscope::domain::attempt::AttemptId;
use tokscope::domain::live::{EngineCommand, EngineFact};
use tokscope::domain::request_lengths::RequestLengths;
use tokscope::domain::suite::{CaseSpec, Message};
use tokscope::engine::{Engine, EngineConfig};
use tokscope::protocol::api::CHAT;

const STREAMS: usize = 32;
const EVENTS_PER_STREAM: usize = 31_250;

fn main() {
    // Runs first, while no other thread has used CPU time yet.
    paced();
    let url = blaster::serve(EVENTS_PER_STREAM);
    for round in 1..=3 {
        let load = Load { streams: STREAMS, requests: STREAMS, max_tokens: EVENTS_PER_STREAM as u32 };
        let done = measure(&url, "blaster", &load);
        let per_million = done.engine_cpu.as_secs_f64() / done.events as f64 * 1e6;
        println!(
            "round {round}: {STREAMS} streams, {} events: {per_million:.2} CPU s per million events, {:.0} events/s",
            done.events,
            done.events as f64 / done.wall.as_secs_f64()
        );
    }
}

/// Measures 512 requests of 100 tokens with concurrency 128, TTFT 200 ms and 20 ms per token, against a simulator in
/// another process.
fn paced() {
    let mut server = Command::new(env!("CARGO_BIN_EXE_tokscope"))
        .args(["sim", "--record-sent-times", "--model", "m"])
        .args(["--ttft-ms", "200", "--tokens-per-s", "50", "--jitter", "0"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let load = Load { streams: 128, requests: 512, max_tokens: 100 };
    let done = measure(url, "m", &load);
    println!(
        "512 requests of 100 tokens, concurrency 128, 20 ms per token: {:.2} CPU s of the process, {:.2} of them in the engine",
        done.process_cpu.as_secs_f64(),
        done.engine_cpu.as_secs_f64()
    );
    server.kill().unwrap();
    server.wait().unwrap();
}

struct Load {
    streams: usize,
    requests: usize,
    max_tokens: u32,
}

struct Done {
    engine_cpu: Duration,
    process_cpu: Duration,
    wall: Duration,
    events: u64,
}

fn measure(url: &str, model: &str, load: &Load) -> Done {
    let (sender, facts) = channel();
    let config = EngineConfig {
        session_header: None,
        base_url: url.to_owned(),
        api: &CHAT,
        api_key: None,
        headers: Vec::new(),
        run_id: "bench".to_owned(),
        warm: false,
        network: tokscope::engine::Network::default(),
    };
    let (started_at, process_before) = (Instant::now(), threads_cpu(|_| true));
    let engine = Engine::start(config, started_at, move |fact| drop(sender.send(fact))).unwrap();
    let mut extra = serde_json::Map::new();
    extra.insert("ignore_eos".to_owned(), true.into());
    let case = Arc::new(CaseSpec {
        name: "bench".into(),
        messages: vec![Message::user("go")],
        max_tokens: load.max_tokens,
        temperature: 0.0,
        timeout: Duration::from_secs(300),
        extra,
        ..CaseSpec::new("", Vec::new())
    });
    let start = |index: usize| {
        let id = AttemptId { case: index, number: 1 };
        engine.send(EngineCommand::Start {
            lengths: RequestLengths::default(),
            row: None,
            turn: None,
            id,
            case: Arc::clone(&case),
            model: model.to_owned(),
            warmup: false,
            due: None,
            ready: None,
        });
    };
    (0..load.streams).for_each(start);
    let (mut started, mut ended, mut events) = (load.streams, 0, 0);
    while ended < load.requests {
        if let EngineFact::Ended { record, .. } = facts.recv().unwrap() {
            assert!(record.is_ok(), "{:?} {:?}", record.status, record.error);
            ended += 1;
            events += u64::from(record.event_count);
            if started < load.requests {
                start(started);
                started += 1;
            }
        }
    }
    Done {
        engine_cpu: threads_cpu(|name| name == "engine"),
        process_cpu: threads_cpu(|_| true).saturating_sub(process_before),
        wall: started_at.elapsed(),
        events,
    }
}

/// CPU time of this process's living threads whose name `counts` accepts (`/proc/…/schedstat`, nanoseconds).
fn threads_cpu(counts: impl Fn(&str) -> bool) -> Duration {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let comm = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if counts(comm.trim()) {
            let stat = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            total += stat.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Duration::from_nanos(total)
}
