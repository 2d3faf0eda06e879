//! A server that sends prepared events as fast as they are read, each in its own HTTP chunk as real servers send them.
//! It parses almost nothing, so that it is faster than any client.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// Number of events per write.
const BLOCK: usize = 100;
const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// Answers every request with this number of events, including `[DONE]`. Returns the base URL.
pub fn serve(events: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let stream = stream_writes(events);
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let stream = stream.clone();
            thread::spawn(move || serve_connection(connection, &stream));
        }
    });
    url
}

/// Writes of one answer.
fn stream_writes(events: usize) -> std::sync::Arc<Vec<String>> {
    let words = [" the", " quick", " brown", " fox", "\\n", " jumps", " over", " \\\"lazy\\\"", " dogs", "."];
    let token = |i: usize| {
        event(&format!(
            "{{\"id\":\"chatcmpl-7f3a9c51e0\",\"object\":\"chat.completion.chunk\",\"created\":1770000000,\
             \"model\":\"blaster\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{}\"}},\
             \"logprobs\":null,\"finish_reason\":null}}]}}",
            words[i % words.len()]
        ))
    };
    let tokens = events.saturating_sub(3).max(1);
    let mut writes: Vec<String> = Vec::new();
    for from in (0..tokens).step_by(BLOCK) {
        let mut block = String::new();
        for i in from..(from + BLOCK).min(tokens) {
            block.push_str(&token(i));
        }
        writes.push(block);
    }
    let about = "\"id\":\"chatcmpl-7f3a9c51e0\",\"object\":\"chat.completion.chunk\",\"created\":1770000000,\"model\":\"blaster\"";
    let mut end =
        event(&format!("{{{about},\"choices\":[{{\"index\":0,\"delta\":{{}},\"finish_reason\":\"stop\"}}]}}"));
    let usage = format!("{{\"prompt_tokens\":1,\"completion_tokens\":{tokens},\"total_tokens\":{}}}", tokens + 1);
    end.push_str(&event(&format!("{{{about},\"choices\":[],\"usage\":{usage}}}")));
    let _infallible = write!(end, "{}0\r\n\r\n", event("[DONE]"));
    writes.push(end);
    writes.into()
}

fn event(data: &str) -> String {
    let event = format!("data: {data}\n\n");
    format!("{:x}\r\n{event}\r\n", event.len())
}

fn serve_connection(connection: TcpStream, stream: &[String]) {
    let Ok(mut to) = connection.try_clone() else { return };
    let mut from = BufReader::new(connection);
    while let Some(asks_for_models) = read_request(&mut from) {
        let written = if asks_for_models {
            to.write_all(models().as_bytes())
        } else {
            to.write_all(HEAD.as_bytes())
                .and_then(|()| stream.iter().try_for_each(|block| to.write_all(block.as_bytes())))
        };
        if written.is_err() {
            return;
        }
    }
}

fn models() -> String {
    let list = r#"{"object":"list","data":[{"id":"blaster","object":"model","owned_by":"blaster"}]}"#;
    let length = list.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{list}")
}

/// Reads a request. Returns whether it is a GET; `None` at the end of the connection.
fn read_request(from: &mut BufReader<TcpStream>) -> Option<bool> {
    let (mut is_get, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end().to_ascii_lowercase();
        if is_get.is_none() {
            is_get = Some(line.starts_with("get "));
        } else if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        } else if line.is_empty() {
            std::io::copy(&mut from.by_ref().take(length), &mut std::io::sink()).ok()?;
            return is_get;
        }
    }
}
