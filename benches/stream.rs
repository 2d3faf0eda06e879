//! What reading streams costs the engine: CPU time of its thread, which other processes' load changes little.
//!
//!     cargo bench --bench stream
//!
//! A server on loopback sends prepared events, each its own HTTP chunk as real servers do, as fast as they are read.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a benchmark on the terminal")]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use tokscope::domain::attempt::AttemptId;
use tokscope::domain::live::{EngineCommand, EngineFact};
use tokscope::domain::suite::{CaseSpec, Message};
use tokscope::engine::{Engine, EngineConfig};
use tokscope::protocol::api::CHAT;

const STREAMS: usize = 32;
const EVENTS_PER_STREAM: usize = 31_250;

fn main() {
    let url = serve(EVENTS_PER_STREAM);
    for round in 1..=3 {
        let (cpu, wall, events) = measure(&url, STREAMS);
        let per_million = cpu.as_secs_f64() / events as f64 * 1e6;
        println!(
            "round {round}: {STREAMS} streams, {events} events: {per_million:.2} CPU s per million events, {:.0} events/s",
            events as f64 / wall.as_secs_f64()
        );
    }
}

/// CPU time of the engine's thread, wall time, and the events it recorded.
fn measure(url: &str, streams: usize) -> (Duration, Duration, u64) {
    let (sender, facts) = channel();
    let config = EngineConfig {
        base_url: url.to_owned(),
        api: &CHAT,
        api_key: None,
        headers: Vec::new(),
        run_id: "bench".to_owned(),
        warm: false,
    };
    let begun = Instant::now();
    let engine = Engine::start(config, begun, move |fact| drop(sender.send(fact))).unwrap();
    let case = Arc::new(CaseSpec {
        name: "bench".into(),
        model: None,
        messages: vec![Message { role: "user".into(), content: "go".into() }],
        max_tokens: EVENTS_PER_STREAM as u32,
        temperature: 0.0,
        timeout: Duration::from_secs(300),
        extra: serde_json::Map::new(),
    });
    for case_index in 0..streams {
        let id = AttemptId { case: case_index, number: 1 };
        engine.send(EngineCommand::Start { id, case: Arc::clone(&case), model: "m".into(), warmup: false, due: None });
    }
    let (mut ended, mut events) = (0, 0);
    while ended < streams {
        if let EngineFact::Ended { record, .. } = facts.recv().unwrap() {
            assert!(record.is_ok(), "{:?} {:?}", record.status, record.error);
            ended += 1;
            events += u64::from(record.event_count);
        }
    }
    (thread_cpu("engine"), begun.elapsed(), events)
}

/// CPU time of this process's threads of that name (`/proc/…/schedstat`, nanoseconds).
fn thread_cpu(name: &str) -> Duration {
    let mut total = 0;
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let comm = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        if comm.trim() == name {
            let stat = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            total += stat.split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0);
        }
    }
    Duration::from_nanos(total)
}

/// Answers every connection with that many events.
fn serve(events: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, events));
        }
    });
    url
}

fn chunk(event: &str) -> String {
    format!("{:x}\r\n{event}\r\n", event.len())
}

fn answer(mut stream: TcpStream, events: usize) {
    let mut request = [0; 8192];
    let _asked = stream.read(&mut request).unwrap();
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let event = |word: &str| {
        chunk(&format!(
            "data: {{\"id\":\"chatcmpl-7f3a9c51e0\",\"object\":\"chat.completion.chunk\",\"created\":1770000000,\
             \"model\":\"glm-4.7-flash\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}\n\n"
        ))
    };
    let words = [" the", " quick", " brown", " fox", "\\n", " jumps", " over", " \\\"lazy\\\"", " dogs", "."];
    let mut block = String::new();
    for i in 0..100 {
        let _infallible = write!(block, "{}", event(words[i % words.len()]));
    }
    for _ in 0..(events - 2) / 100 {
        if stream.write_all(block.as_bytes()).is_err() {
            return;
        }
    }
    let finish = chunk("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    let done = chunk("data: [DONE]\n\n");
    let _gone = stream.write_all(format!("{finish}{done}0\r\n\r\n").as_bytes());
}
