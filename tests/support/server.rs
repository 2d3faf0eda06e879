//! A server whose every byte is the test's. It is no simulator, and nobody takes it for one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A completion that was asked for.
pub struct Asked {
    /// Completions asked for before it.
    pub number: usize,
    wire: TcpStream,
}

impl Asked {
    /// Sends bytes as they are. A client that hung up is no matter.
    pub fn send(&mut self, bytes: &str) {
        let _gone = self.wire.write_all(bytes.as_bytes());
    }

    /// Sends a token.
    pub fn token(&mut self, text: &str) {
        let text = serde_json::to_string(text).unwrap();
        self.send(&format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}]}}\n\n"));
    }

    /// Ends the answer properly, with this many tokens.
    pub fn finish(&mut self, tokens: usize) {
        self.send("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        let usage = format!("{{\"prompt_tokens\":7,\"completion_tokens\":{tokens}}}");
        self.send(&format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"));
    }

    /// A whole answer, a token a piece.
    pub fn answer(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.token(piece);
        }
        self.finish(pieces.len());
    }
}

/// The running server. It goes with the test program.
pub struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    /// Lists `models`, and leaves each completion to `reply`, on a thread of its own; the head of the answer is out by
    /// then, and the connection ends with the reply.
    pub fn start(models: &[&str], reply: impl Fn(Asked) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let list: Vec<_> = models.iter().map(|id| serde_json::json!({ "id": id, "object": "model" })).collect();
        let list = serde_json::json!({ "object": "list", "data": list }).to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let (count, reply) = (Arc::clone(&asked), Arc::new(reply));
        std::thread::spawn(move || {
            for wire in listener.incoming().flatten() {
                let (list, count, reply) = (list.clone(), Arc::clone(&count), Arc::clone(&reply));
                std::thread::spawn(move || serve(wire, &list, &count, &*reply));
            }
        });
        Self { address, asked }
    }

    /// The base URL, with `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Completions asked for so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut wire: TcpStream, models: &str, count: &AtomicUsize, reply: &dyn Fn(Asked)) {
    let mut lines = BufReader::new(wire.try_clone().unwrap());
    let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
    if lines.read_line(&mut first).unwrap_or(0) == 0 {
        return;
    }
    while lines.read_line(&mut line).unwrap_or(0) > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    if lines.read_exact(&mut body).is_err() {
        return;
    }
    let head = |status: &str, kind: &str| format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nconnection: close\r\n");
    if first.starts_with("POST ") {
        let number = count.fetch_add(1, Ordering::SeqCst);
        let mut asked = Asked { number, wire };
        asked.send(&format!("{}\r\n", head("200 OK", "text/event-stream")));
        return reply(asked);
    }
    let (status, body) = if first.contains("/v1/models ") { ("200 OK", models) } else { ("404 Not Found", "{}") };
    let answer = format!("{}content-length: {}\r\n\r\n{body}", head(status, "application/json"), body.len());
    let _gone = wire.write_all(answer.as_bytes());
}
