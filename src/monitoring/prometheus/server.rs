//! HTTP server of the page: a thread of its own, GET only, bounded in connections and time.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::figures::{Figures, PageFormat};

/// Path of the page.
const PATH: &str = "/metrics";
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
const PROMETHEUS_TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Maximum connections; further ones are closed at once.
const MAX_CONNECTIONS: usize = 16;
/// Maximum time of a connection. Each one serves a single request.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a request's head, bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Maximum headers of a request.
const MAX_HEADERS: usize = 64;
/// Time between two looks at the engine's live view.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);
/// Pause after a failed accept. File descriptors may be free again afterwards.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// Starts the server's thread. It ends with the program.
///
/// # Errors
///
/// The thread or its runtime cannot be created.
pub fn start(listener: StdListener, figures: Arc<Figures>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let listener = {
        let _entered = runtime.enter();
        TcpListener::from_std(listener)?
    };
    let thread = std::thread::Builder::new().name("prometheus".to_owned());
    thread.spawn(move || runtime.block_on(serve(listener, figures))).map(drop)
}

async fn serve(listener: TcpListener, figures: Arc<Figures>) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut ticks = tokio::time::interval(SAMPLE_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = ticks.tick() => {
                figures.sample();
                continue;
            }
        };
        let Ok((stream, _peer)) = accepted else {
            tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
            continue;
        };
        if let Ok(slot) = Arc::clone(&slots).try_acquire_owned() {
            let figures = Arc::clone(&figures);
            tokio::spawn(async move {
                serve_connection(stream, figures).await;
                drop(slot);
            });
        }
    }
}

/// Answers the request of a connection. A client that is too slow is cut off.
async fn serve_connection(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, figures: Arc<Figures>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let response = respond(&request, &figures);
        async move { Ok::<_, Infallible>(response) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(CONNECTION_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .keep_alive(false)
        // Answer clients that close their side after the request, too.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    // A broken connection concerns only its client.
    let _done = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
}

fn respond<B>(request: &Request<B>, figures: &Figures) -> Response<Full<Bytes>> {
    let method = request.method();
    if method != Method::GET && method != Method::HEAD {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "use GET\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        PATH => {
            let accepted = request.headers().get(ACCEPT).map_or(&b""[..], HeaderValue::as_bytes);
            let asks = memchr::memmem::find(accepted, b"application/openmetrics-text").is_some();
            let (format, content_type) =
                if asks { (PageFormat::OpenMetrics, OPEN_METRICS) } else { (PageFormat::Text, PROMETHEUS_TEXT) };
            let mut page = Response::new(Full::new(Bytes::from(figures.page(format))));
            page.headers_mut().insert(CONTENT_TYPE, content_type);
            page
        }
        "/" => text(StatusCode::OK, "tokscope: the metrics are at /metrics\n"),
        _ => text(StatusCode::NOT_FOUND, "not found; the metrics are at /metrics\n"),
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, TEXT);
    response
}

/// Properties of the server with any input, for the fuzzer and the property tests.
#[cfg(any(test, fuzzing))]
pub mod oracle {
    use std::sync::Arc;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::{Figures, serve_connection};
    use crate::domain::live::LiveSnapshot;
    use crate::domain::time::Nanos;
    use crate::monitoring::RunIdentity;

    /// Maximum answer to a request, bytes.
    const MAX_ANSWER_BYTES: usize = 64 * 1024;

    /// Returns figures of a run without requests.
    pub(in crate::monitoring::prometheus) fn figures() -> Arc<Figures> {
        let run = RunIdentity { run_id: "ts-1".to_owned(), api: "chat", host: Some("h".to_owned()), port: Some(1) };
        Arc::new(Figures::new(&run, Box::new(|| (Nanos::default(), Arc::new(LiveSnapshot::default())))))
    }

    /// Sends bytes to the server as one connection, and returns all that it answers.
    ///
    /// # Errors
    ///
    /// Describes why the runtime or the connection failed.
    pub fn answer(input: &[u8]) -> Result<Vec<u8>, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.map_err(|why| why.to_string())?;
        runtime.block_on(async {
            let (mut client, server) = duplex(input.len() + MAX_ANSWER_BYTES);
            client.write_all(input).await.map_err(|why| why.to_string())?;
            let connection = tokio::spawn(serve_connection(server, figures()));
            client.shutdown().await.map_err(|why| why.to_string())?;
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.map_err(|why| why.to_string())?;
            connection.await.map_err(|why| why.to_string())?;
            Ok(answer)
        })
    }

    /// Checks that the server survives any input, and answers with HTTP or not at all.
    ///
    /// # Errors
    ///
    /// Describes the property that does not hold.
    pub fn check(input: &[u8]) -> Result<(), String> {
        let answer = answer(input)?;
        if !answer.is_empty() && !answer.starts_with(b"HTTP/1.") {
            return Err(format!("no HTTP: {:?}", String::from_utf8_lossy(&answer)));
        }
        let is_page = memchr::memmem::find(&answer, b"tokscope_run_info").is_some();
        if is_page && !input.starts_with(b"GET ") && !input.starts_with(b"HEAD ") && !input.starts_with(b"\r\n") {
            return Err("a page for something other than GET or HEAD".to_owned());
        }
        if answer.len() > MAX_ANSWER_BYTES {
            return Err(format!("an answer of {} bytes", answer.len()));
        }
        Ok(())
    }
}
