//! A server whose responses are entirely controlled by the test, and which is not recognised as the simulator.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A completion request.
pub struct Request {
    /// Number of earlier completion requests.
    pub number: usize,
    /// Body of the request.
    pub body: String,
    wire: TcpStream,
}

impl Request {
    /// Sends bytes. Ignores a client that has hung up.
    pub fn send(&mut self, bytes: &str) {
        let _closed = self.wire.write_all(bytes.as_bytes());
    }

    /// Sends a token.
    pub fn token(&mut self, text: &str) {
        let text = serde_json::to_string(text).unwrap();
        self.send(&format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":{text}}}}}]}}\n\n"));
    }

    /// Ends the answer normally, with this number of tokens.
    pub fn finish(&mut self, tokens: usize) {
        self.send("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        let usage = format!("{{\"prompt_tokens\":7,\"completion_tokens\":{tokens}}}");
        self.send(&format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n"));
    }

    /// Sends a complete answer, one token per piece.
    pub fn answer(&mut self, pieces: &[&str]) {
        for piece in pieces {
            self.token(piece);
        }
        self.finish(pieces.len());
    }
}

/// A running server. It ends with the test program.
pub struct Server {
    address: SocketAddr,
    request_count: Arc<AtomicUsize>,
}

impl Server {
    /// Starts a server that lists `models` and passes each completion request to `reply` on its own thread. The
    /// response's head is already sent, and the connection ends with `reply`.
    pub fn start(models: &[&str], reply: impl Fn(Request) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let list: Vec<_> = models.iter().map(|id| serde_json::json!({ "id": id, "object": "model" })).collect();
        let list = serde_json::json!({ "object": "list", "data": list }).to_string();
        let request_count = Arc::new(AtomicUsize::new(0));
        let (count, reply) = (Arc::clone(&request_count), Arc::new(reply));
        std::thread::spawn(move || {
            for wire in listener.incoming().flatten() {
                let (list, count, reply) = (list.clone(), Arc::clone(&count), Arc::clone(&reply));
                std::thread::spawn(move || serve(wire, &list, &count, &*reply));
            }
        });
        Self { address, request_count }
    }

    /// Base URL, including `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Number of completion requests so far.
    pub fn request_count(&self) -> usize {
        self.request_count.load(Ordering::SeqCst)
    }
}

fn serve(mut wire: TcpStream, models: &str, count: &AtomicUsize, reply: &dyn Fn(Request)) {
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
        let body = String::from_utf8(body).unwrap();
        let mut request = Request { number, body, wire };
        request.send(&format!("{}\r\n", head("200 OK", "text/event-stream")));
        return reply(request);
    }
    let (status, body) = if first.contains("/v1/models ") { ("200 OK", models) } else { ("404 Not Found", "{}") };
    let answer = format!("{}content-length: {}\r\n\r\n{body}", head(status, "application/json"), body.len());
    let _closed = wire.write_all(answer.as_bytes());
}
