//! Lower bound for clients: reads streams without parsing them. Also the server for comparing readers.
//!
//!     raw_reader serve EVENTS                          answers with EVENTS events, as fast as they are read
//!     raw_reader read URL MODEL STREAMS REQUESTS TOKENS
//!
//! `read` keeps STREAMS requests in flight until REQUESTS are done. It prints the times to the first bytes after the
//! head, in milliseconds, as JSON. `scripts/compare-rivals` uses both.
#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::disallowed_methods, reason = "a tool for measurements")]

#[path = "../../tests/support/blaster.rs"]
mod blaster;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

const USAGE: &str = "raw_reader serve EVENTS | raw_reader read URL MODEL STREAMS REQUESTS TOKENS";
/// End of a chunked response.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve", events] => {
            println!("{}", blaster::serve(events.parse().expect(USAGE)));
            loop {
                std::thread::park();
            }
        }
        ["read", url, model, streams, requests, tokens] => {
            let [streams, requests] = [streams, requests].map(|n| n.parse::<usize>().expect(USAGE));
            read(url, model, streams, requests, tokens.parse().expect(USAGE));
        }
        _ => panic!("{USAGE}"),
    }
}

fn read(url: &str, model: &str, streams: usize, requests: usize, tokens: u32) {
    let host = url.strip_prefix("http://").expect("an http:// URL").trim_end_matches("/v1").to_owned();
    let body = format!(
        r#"{{"model":"{model}","stream":true,"max_tokens":{tokens},"ignore_eos":true,"messages":[{{"role":"user","content":"Write."}}]}}"#
    );
    let length = body.len();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    let (left, ttfts) = (Rc::new(Cell::new(requests)), Rc::new(RefCell::new(Vec::new())));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let all = LocalSet::new();
    for _ in 0..streams {
        let (host, request) = (host.clone(), request.clone());
        let (left, ttfts) = (Rc::clone(&left), Rc::clone(&ttfts));
        all.spawn_local(async move {
            let mut stream = TcpStream::connect(&host).await.unwrap();
            let mut buffer = vec![0; 64 * 1024];
            while let Some(rest) = left.get().checked_sub(1) {
                left.set(rest);
                let ttft_ms = read_response(&mut stream, &request, &mut buffer).await;
                ttfts.borrow_mut().push(ttft_ms);
            }
        });
    }
    runtime.block_on(all);
    println!("{{\"ttft_ms\":{:?}}}", ttfts.borrow());
}

/// Reads one response to its end. Returns the time to the first bytes after its head, milliseconds.
async fn read_response(stream: &mut TcpStream, request: &str, buffer: &mut [u8]) -> f64 {
    let started = Instant::now();
    stream.write_all(request.as_bytes()).await.unwrap();
    let (mut ttft_ms, mut head_ended) = (None, false);
    let mut tail = Vec::new();
    loop {
        let n = stream.read(buffer).await.unwrap();
        assert!(n > 0, "the server hung up");
        let bytes = &buffer[..n];
        if head_ended || !bytes.ends_with(b"\r\n\r\n") {
            ttft_ms.get_or_insert_with(|| started.elapsed().as_secs_f64() * 1e3);
        }
        head_ended = true;
        tail.extend_from_slice(&bytes[n.saturating_sub(LAST_CHUNK.len())..]);
        tail.drain(..tail.len().saturating_sub(LAST_CHUNK.len()));
        if tail == LAST_CHUNK {
            return ttft_ms.unwrap_or_default();
        }
    }
}
