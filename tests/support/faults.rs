//! A server that fails in every possible way, selected by the prompt.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// A complete answer of two tokens, as events.
pub const ANSWER: &str = concat!(
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"}}]}\n\n",
    "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n",
    "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":2}}\n\n",
    "data: [DONE]\n\n",
);
/// One token.
pub const TOKEN: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";
/// Head of a response that ends with its connection.
pub const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
/// Pause between two pieces of a slow response.
const TRICKLE_PAUSE: Duration = Duration::from_millis(2);

/// A request that was not read from the connection yet.
pub struct Wire {
    stream: TcpStream,
    length: usize,
    /// Number of earlier requests for the same scenario.
    pub number: usize,
    sent: Arc<AtomicU64>,
}

impl Wire {
    fn take_request(&mut self) {
        let mut request = vec![0; std::mem::take(&mut self.length)];
        self.stream.read_exact(&mut request).unwrap();
    }

    /// Sends bytes. Returns false once the client has hung up.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.take_request();
        self.sent.fetch_add(bytes.as_ref().len() as u64, Ordering::SeqCst);
        self.stream.write_all(bytes.as_ref()).is_ok()
    }

    /// Sends the same bytes repeatedly until the client hangs up.
    pub fn flood(&mut self, bytes: impl AsRef<[u8]>) {
        while self.send(&bytes) {}
    }

    /// Sends the bytes repeatedly and slowly, one at a time.
    pub fn trickle(&mut self, bytes: &str) {
        for byte in bytes.bytes().cycle() {
            if !self.send([byte]) {
                return;
            }
            thread::sleep(TRICKLE_PAUSE);
        }
    }

    /// Keeps the connection open without sending, until the client hangs up.
    pub fn hold(&mut self) {
        self.take_request();
        let _closed = self.stream.read(&mut [0]);
    }

    /// Closes only the sending side, and waits until the client hangs up.
    pub fn half_close(&mut self) {
        self.take_request();
        self.stream.shutdown(Shutdown::Write).unwrap();
        self.hold();
    }

    /// Sends the bytes and then resets the connection.
    pub fn reset_after(mut self, bytes: &str) {
        // Closing a socket with unread data resets the connection, so the request's last byte stays unread.
        let mut request = vec![0; self.length - 1];
        self.stream.read_exact(&mut request).unwrap();
        self.stream.write_all(bytes.as_bytes()).unwrap();
    }
}

/// Behaviour of a scenario.
pub type Fault = fn(Wire);

/// A running server. It ends with the test program.
pub struct Server {
    port: u16,
    /// Bytes of all faulty responses that were sent or wait in sockets.
    pub sent: Arc<AtomicU64>,
}

impl Server {
    /// Starts a server. A prompt with `scenario NAME.` gets that scenario, and any other a correct answer.
    pub fn start(scenarios: Vec<(&'static str, Fault)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let sent = Arc::new(AtomicU64::new(0));
        let (counted, scenarios) = (Arc::clone(&sent), Arc::new(scenarios));
        let request_counts: Arc<Vec<AtomicUsize>> = Arc::new(scenarios.iter().map(|_| AtomicUsize::new(0)).collect());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (scenarios, request_counts, sent) =
                    (Arc::clone(&scenarios), Arc::clone(&request_counts), Arc::clone(&counted));
                thread::spawn(move || serve(stream, &scenarios, &request_counts, sent));
            }
        });
        Self { port, sent }
    }

    /// Base URL, including `/v1`.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }
}

/// A server that must receive no connection. Returns its port and the number of connections.
pub fn canary() -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let visits = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&visits);
    thread::spawn(move || {
        for _stream in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
        }
    });
    (port, visits)
}

/// Returns the waiting request without reading it from the connection.
fn peek(stream: &TcpStream) -> Option<String> {
    let mut block = vec![0; 64 * 1024];
    loop {
        let n = stream.peek(&mut block).ok().filter(|n| *n > 0)?;
        let text = String::from_utf8_lossy(&block[..n]).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        thread::yield_now();
    }
}

fn serve(stream: TcpStream, scenarios: &[(&'static str, Fault)], request_counts: &[AtomicUsize], sent: Arc<AtomicU64>) {
    let Some(request) = peek(&stream) else { return };
    let mut wire = Wire { stream, length: request.len(), number: 0, sent };
    if request.starts_with("GET ") {
        let models = r#"{"object":"list","data":[{"id":"m","object":"model"}]}"#;
        let (status, body) = if request.contains("/v1/models ") { ("200 OK", models) } else { ("404 No", "{}") };
        let length = body.len();
        wire.send(format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"));
        return;
    }
    match scenarios.iter().position(|(name, _)| request.contains(&format!("scenario {name}."))) {
        Some(at) => {
            wire.number = request_counts[at].fetch_add(1, Ordering::SeqCst);
            scenarios[at].1(wire);
        }
        None => {
            wire.send(format!("{HEAD}{ANSWER}"));
        }
    }
}
