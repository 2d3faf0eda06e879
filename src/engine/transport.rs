//! Sends a request to the endpoint and reads its response, with a time for each read. HTTP/1.1 without a proxy is read
//! directly from the socket; HTTP/2 and proxies use the client library.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::{HOST, HeaderMap, HeaderName};
use reqwest::{Url, Version};
use rustls::ClientConfig;

use super::clock::EngineClock;
use super::connect::{ConnectTimes, ConnectTiming, WANTED};
use super::direct::{DirectBody, Host};
use super::failure::{ConnectionError, describe_cut};
use super::network::Network;
use super::peer::Peer;
use crate::domain::time::Nanos;

/// Header with the request id, to find the request in the server's log.
const REQUEST_ID: &str = "x-request-id";
/// Message for a server that speaks HTTP/2 without TLS.
const NO_HTTP_1_1: &str = "the server speaks HTTP/2 only";
/// Maximum time after a request within which a reused connection that closes without a byte counts as closed before the
/// request. The request is then sent again on a new connection, once.
///
/// Servers that close after each stream cause this in nearly every case. No figure suffers, because the clock starts
/// anew, so there is no warning; `connect_ms` shows the new connection. A server that closes later may have worked on
/// the prompt, so the attempt fails. The longer limit in tests allows for a busy machine.
const STALE_WITHIN: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 100 });

/// Head of a response, with a body that is not read yet.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Time at which sending the request on an open connection began.
    pub started: Nanos,
    /// Time to connect, including TLS, milliseconds; `None` if the connection was reused.
    pub connect_ms: Option<f64>,
    /// Time at which the headers were complete.
    pub headers_at: Nanos,
    /// Body.
    pub body: AnswerBody,
}

/// Body of a response.
pub enum AnswerBody {
    /// Read from the socket.
    Direct(DirectBody),
    /// Read by the client library. Each of its chunks counts as a read.
    Library(EngineClock, Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>>>>),
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Direct(_) => "Direct",
            Self::Library(..) => "Library",
        })
    }
}

impl AnswerBody {
    /// Reads once and passes the pieces of the body to `each`, with the time of the read. Returns false at the end of
    /// the body. The error describes how the connection broke.
    pub async fn read(&mut self, each: &mut dyn FnMut(Nanos, &[u8])) -> Result<bool, String> {
        match self {
            Self::Direct(body) => body.read(each).await,
            Self::Library(clock, reads) => {
                let read = reads.next().await;
                let at = clock.now();
                match read {
                    Some(Ok(bytes)) => {
                        each(at, &bytes);
                        Ok(true)
                    }
                    Some(Err(error)) => Err(describe_cut(error)),
                    None => Ok(false),
                }
            }
        }
    }
}

/// A POST request.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// Target.
    pub url: &'a str,
    /// Request id, to find the request in the server's log.
    pub id: &'a str,
    /// Header for conversations, with the number of this conversation.
    pub session: Option<(&'a HeaderName, &'a str)>,
    /// Body, JSON.
    pub body: &'a str,
    /// Connect timeout.
    pub connect_within: Duration,
    /// Called with the time at which sending begins, again if the request is repeated. The library connects after the
    /// call.
    pub sent: &'a dyn Fn(Nanos),
}

/// Transport of requests to the endpoint.
#[derive(Debug)]
pub struct Transport {
    clock: EngineClock,
    route: Route,
    peer: Rc<Peer>,
}

#[derive(Debug)]
enum Route {
    /// Directly on the socket.
    Direct(Direct),
    /// Through the client library.
    Library(Library),
    /// Directly on the socket with TLS, unless the server chooses HTTP/2.
    Negotiated { direct: Direct, library: Library, is_http2: Cell<bool> },
}

/// HTTP/1.1 directly on the socket.
#[derive(Debug)]
struct Direct {
    host: Rc<Host>,
    /// Header lines that all requests share, with line ends.
    head: String,
    /// Whether `head` holds a request id that the user set.
    has_request_id: bool,
}

/// Transport through the client library.
#[derive(Debug)]
struct Library {
    /// Keeps connections alive.
    pooled: reqwest::Client,
    /// Makes a new connection for every request.
    fresh: reqwest::Client,
    /// Whether the client's headers hold a request id that the user set.
    has_request_id: bool,
    stale_within: Duration,
}

impl Transport {
    /// Creates the transport for this base URL and these headers. `pooled` keeps connections open; `fresh` does not.
    /// `fresh` and `tls` are `None` if the URL [`is_plain`].
    pub fn new(
        base_url: &str,
        headers: &HeaderMap,
        clock: EngineClock,
        pooled: &reqwest::Client,
        fresh: Option<reqwest::Client>,
        tls: Option<Arc<ClientConfig>>,
        network: &Network,
    ) -> Self {
        let peer = Rc::new(Peer::new(base_url, network));
        let is_tls = tls.is_some();
        let library = Library {
            pooled: pooled.clone(),
            fresh: fresh.unwrap_or_else(|| pooled.clone()),
            has_request_id: headers.contains_key(REQUEST_ID),
            stale_within: STALE_WITHIN,
        };
        let direct = direct_host(base_url, network.proxy.is_some())
            .map(|to| Direct::new(to, tls, headers, clock, STALE_WITHIN, &peer));
        let route = match direct {
            None => Route::Library(library),
            Some(direct) if is_tls => Route::Negotiated { direct, library, is_http2: Cell::new(false) },
            Some(direct) => Route::Direct(direct),
        };
        Self { clock, route, peer }
    }

    /// Records the HTTP version of a response: a server that chooses HTTP/2 needs the client library.
    pub fn note_version(&self, version: Version) {
        if let Route::Negotiated { is_http2, .. } = &self.route {
            is_http2.set(version == Version::HTTP_2);
        }
    }

    /// The other end of the connection, for messages.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Sends a request and returns the head of its response.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, ConnectionError> {
        match &self.route {
            Route::Direct(direct) => {
                direct.post(post).await?.ok_or_else(|| ConnectionError::Closed(NO_HTTP_1_1.to_owned()))
            }
            Route::Library(library) => library.post(self.clock, &self.peer, post).await,
            Route::Negotiated { direct, library, is_http2 } => {
                if !is_http2.get() {
                    if let Some(answer) = direct.post(post).await? {
                        return Ok(answer);
                    }
                    is_http2.set(true);
                }
                library.post(self.clock, &self.peer, post).await
            }
        }
    }
}

impl Direct {
    fn new(
        (host, port): (String, u16),
        tls: Option<Arc<ClientConfig>>,
        headers: &HeaderMap,
        clock: EngineClock,
        stale_within: Duration,
        peer: &Rc<Peer>,
    ) -> Self {
        let mut head = String::new();
        if !headers.contains_key(HOST) {
            let usual = if tls.is_some() { 443 } else { 80 };
            let authority = if port == usual { host.clone() } else { format!("{host}:{port}") };
            head = format!("host: {authority}\r\n");
        }
        for (name, value) in headers {
            head.extend([name.as_str(), ": ", &String::from_utf8_lossy(value.as_bytes()), "\r\n"]);
        }
        // The resolver expects an IPv6 address without brackets.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let host = Rc::new(Host::new((host, port), tls, clock, stale_within, Rc::clone(peer)));
        Self { host, head, has_request_id: headers.contains_key(REQUEST_ID) }
    }

    /// Sends a request. Returns `None`, without sending, if the server chose HTTP/2.
    async fn post(&self, post: Post<'_>) -> Result<Option<Answer>, ConnectionError> {
        let Self { host, head, has_request_id } = self;
        let target = Url::parse(post.url).map_err(|e| ConnectionError::Connect("connect", e.to_string()))?;
        let (path, query) = (target.path(), target.query().map_or_else(String::new, |q| format!("?{q}")));
        let (body, length) = (post.body, post.body.len());
        let id = if *has_request_id { String::new() } else { format!("{REQUEST_ID}: {}\r\n", post.id) };
        let session = post.session.map_or_else(String::new, |(name, value)| format!("{name}: {value}\r\n"));
        let request =
            format!("POST {path}{query} HTTP/1.1\r\n{head}{id}{session}content-length: {length}\r\n\r\n{body}");
        let answer = host.send(request.as_bytes(), post.connect_within, post.sent).await?;
        Ok(answer.map(|answer| Answer {
            status: answer.status,
            headers: answer.headers,
            started: answer.started,
            connect_ms: answer.connect_ms,
            headers_at: answer.headers_at,
            body: AnswerBody::Direct(answer.body),
        }))
    }
}

/// Returns whether requests to the URL go directly to the socket without TLS: it is an HTTP URL without a password, and
/// there is no proxy.
pub fn is_plain(base_url: &str, proxied: bool) -> bool {
    Url::parse(base_url).is_ok_and(|url| url.scheme() == "http") && direct_host(base_url, proxied).is_some()
}

/// Host and port to connect to directly; `None` if the URL has a password or a proxy is used.
fn direct_host(base_url: &str, proxied: bool) -> Option<(String, u16)> {
    let url = Url::parse(base_url).ok().filter(|_| !proxied)?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

impl Library {
    async fn post(&self, clock: EngineClock, peer: &Peer, post: Post<'_>) -> Result<Answer, ConnectionError> {
        let begun = clock.now();
        match self.post_with(&self.pooled, clock, peer, post).await {
            Err(LostRequest { was_kept: true, error: ConnectionError::Closed(_), at })
                if at.since(begun) <= self.stale_within =>
            {
                self.post_with(&self.fresh, clock, peer, post).await
            }
            outcome => outcome,
        }
        .map_err(|unanswered| unanswered.error)
    }

    async fn post_with(
        &self,
        client: &reqwest::Client,
        clock: EngineClock,
        peer: &Peer,
        post: Post<'_>,
    ) -> Result<Answer, LostRequest> {
        let mut request = client.post(post.url).body(post.body.to_owned());
        if !self.has_request_id {
            request = request.header(REQUEST_ID, post.id);
        }
        if let Some((name, value)) = post.session {
            request = request.header(name, value);
        }
        let times = ConnectTimes::default();
        let wanted = ConnectTiming { times: Arc::clone(&times), limit: post.connect_within };
        let mut started = clock.now();
        (post.sent)(started);
        let result = WANTED.scope(wanted, request.send()).await;
        let headers_at = clock.now();
        let mut connect_ms = None;
        if let Some((begun, connected)) = *times.lock().unwrap_or_else(PoisonError::into_inner) {
            // Connecting is measured separately: the clock starts when the connection can carry the request.
            connect_ms = Some(connected.millis_since(begun));
            started = started.max(connected);
        }
        let response = result.map_err(|e| {
            let was_kept = connect_ms.is_none() && is_close(&e);
            let error = if e.is_connect() {
                let (kind, why) = peer.without_connection(e);
                ConnectionError::Connect(kind, why)
            } else {
                ConnectionError::Closed(peer.without_answer(e))
            };
            LostRequest { was_kept, error, at: headers_at }
        })?;
        Ok(Answer {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            started,
            connect_ms,
            headers_at,
            body: AnswerBody::Library(clock, Box::pin(response.bytes_stream())),
        })
    }
}

/// A request that got no response.
struct LostRequest {
    /// Whether its connection was a reused one that the server closed.
    was_kept: bool,
    error: ConnectionError,
    at: Nanos,
}

/// Returns whether an error means a closed connection, not an invalid response.
fn is_close(error: &reqwest::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(e) = cause {
        let by_http = e
            .downcast_ref::<hyper::Error>()
            .is_some_and(|e| e.is_incomplete_message() || e.is_canceled() || e.is_closed());
        if by_http || e.is::<std::io::Error>() {
            return true;
        }
        cause = e.source();
    }
    false
}

#[cfg(test)]
mod tests;
