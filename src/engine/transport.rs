//! One request to the endpoint and the reads of its answer, each with its time: straight on the socket where that is
//! possible, through the client library where TLS, HTTP/2 or a proxy stand between.

use std::cell::Cell;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::header::{HOST, HeaderMap};
use reqwest::{Url, Version};
use rustls::ClientConfig;

use super::clock::EngineClock;
use super::connect::{ConnectTimes, WANTED, Wanted};
use super::direct::{DirectBody, Host};
use super::failure::{Trouble, describe_cut};
use super::network::Network;
use super::peer::Peer;
use crate::domain::time::Nanos;

/// What the server's log can be joined by.
const REQUEST_ID: &str = "x-request-id";
/// Says that a server offers HTTP/2 alone.
const NO_HTTP_1_1: &str = "the server speaks HTTP/2 only";
/// A kept connection that closes within this time of the request, and without a byte, was closed before the server saw
/// it: the request goes out again, once, on a new connection. This happens at nearly every case with servers that close
/// after each stream, costs no figure (the clock starts anew) and so gets no warning; that it happened shows in a time to
/// connect. One that closes later may have worked on the prompt: the attempt fails. Tests wait for a busy machine.
const STALE_WITHIN: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 100 });

/// The head of an answer, and its body still to be read.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status code.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// When the request began to be sent, on a connection that stood.
    pub started: Nanos,
    /// Time to connect, when this request had to.
    pub connect_ms: Option<f64>,
    /// When the headers were in.
    pub headers_at: Nanos,
    /// What follows.
    pub body: AnswerBody,
}

/// The body of an answer.
pub enum AnswerBody {
    /// From the socket.
    Direct(DirectBody),
    /// From the client library: what it hands over counts as a read.
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
    /// Reads once. `each` gets the pieces of the body that came, with the read's time; false at the end of the body. An
    /// error says how the connection broke.
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

/// A request that posts.
#[derive(Clone, Copy)]
pub struct Post<'a> {
    /// Where to.
    pub url: &'a str,
    /// What the server's log can be joined by.
    pub id: &'a str,
    /// JSON.
    pub body: &'a str,
    /// A new connection stands within this time.
    pub connect_within: Duration,
    /// Told when the request begins to be sent, and again where it goes out once more. The library connects after that.
    pub sent: &'a dyn Fn(Nanos),
}

/// How requests reach the endpoint.
#[derive(Debug)]
pub struct Transport {
    clock: EngineClock,
    road: Road,
    peer: Rc<Peer>,
}

#[derive(Debug)]
enum Road {
    /// Straight on the socket.
    Direct(Direct),
    /// Through the client library.
    Library(Library),
    /// Straight on the socket with TLS, unless the server chooses HTTP/2.
    Negotiated { direct: Direct, library: Library, is_http2: Cell<bool> },
}

/// HTTP/1.1 straight on the socket.
#[derive(Debug)]
struct Direct {
    host: Rc<Host>,
    /// All headers but those of a single request, each line with its end.
    head: String,
    /// The user's own stands in `head`.
    has_request_id: bool,
}

/// The client library's way.
#[derive(Debug)]
struct Library {
    /// Keeps connections alive.
    pooled: reqwest::Client,
    /// Makes a new connection for every request.
    fresh: reqwest::Client,
    /// The user's own is among the client's headers.
    has_request_id: bool,
    stale_within: Duration,
}

impl Transport {
    /// The transport for this base address and these headers. Of the clients, the second keeps no connection; there is
    /// none, and no TLS, where the address [`is_plain`].
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
        let road = match direct {
            None => Road::Library(library),
            Some(direct) if is_tls => Road::Negotiated { direct, library, is_http2: Cell::new(false) },
            Some(direct) => Road::Direct(direct),
        };
        Self { clock, road, peer }
    }

    /// Notes the HTTP version of a response of the endpoint: HTTP/2 is left to the client library.
    pub fn note_version(&self, version: Version) {
        if let Road::Negotiated { is_http2, .. } = &self.road {
            is_http2.set(version == Version::HTTP_2);
        }
    }

    /// The endpoint as connections see it.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Sends a request; returns the head of its answer.
    pub async fn post(&self, post: Post<'_>) -> Result<Answer, Trouble> {
        match &self.road {
            Road::Direct(direct) => direct.post(post).await?.ok_or_else(|| Trouble::Closed(NO_HTTP_1_1.to_owned())),
            Road::Library(library) => library.post(self.clock, &self.peer, post).await,
            Road::Negotiated { direct, library, is_http2 } => {
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
        // An address in brackets is looked up without them.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let host = Rc::new(Host::new((host, port), tls, clock, stale_within, Rc::clone(peer)));
        Self { host, head, has_request_id: headers.contains_key(REQUEST_ID) }
    }

    /// Sends a request; `None` if the server chose HTTP/2, in which nothing was sent.
    async fn post(&self, post: Post<'_>) -> Result<Option<Answer>, Trouble> {
        let Self { host, head, has_request_id } = self;
        let target = Url::parse(post.url).map_err(|e| Trouble::Connect("connect", e.to_string()))?;
        let (path, query) = (target.path(), target.query().map_or_else(String::new, |q| format!("?{q}")));
        let (body, length) = (post.body, post.body.len());
        let id = if *has_request_id { String::new() } else { format!("{REQUEST_ID}: {}\r\n", post.id) };
        let request = format!("POST {path}{query} HTTP/1.1\r\n{head}{id}content-length: {length}\r\n\r\n{body}");
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

/// Whether nothing stands between here and the endpoint: no TLS, no password in the address, no proxy.
pub fn is_plain(base_url: &str, proxied: bool) -> bool {
    Url::parse(base_url).is_ok_and(|url| url.scheme() == "http") && direct_host(base_url, proxied).is_some()
}

/// Host and port to speak to directly; `None` where a password in the address or a proxy stands between.
fn direct_host(base_url: &str, proxied: bool) -> Option<(String, u16)> {
    let url = Url::parse(base_url).ok().filter(|_| !proxied)?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

impl Library {
    async fn post(&self, clock: EngineClock, peer: &Peer, post: Post<'_>) -> Result<Answer, Trouble> {
        let begun = clock.now();
        match self.post_with(&self.pooled, clock, peer, post).await {
            Err(Lost { was_kept: true, trouble: Trouble::Closed(_), at }) if at.since(begun) <= self.stale_within => {
                self.post_with(&self.fresh, clock, peer, post).await
            }
            outcome => outcome,
        }
        .map_err(|lost| lost.trouble)
    }

    async fn post_with(
        &self,
        client: &reqwest::Client,
        clock: EngineClock,
        peer: &Peer,
        post: Post<'_>,
    ) -> Result<Answer, Lost> {
        let mut request = client.post(post.url).body(post.body.to_owned());
        if !self.has_request_id {
            request = request.header(REQUEST_ID, post.id);
        }
        let times = ConnectTimes::default();
        let wanted = Wanted { times: Arc::clone(&times), limit: post.connect_within };
        let mut started = clock.now();
        (post.sent)(started);
        let result = WANTED.scope(wanted, request.send()).await;
        let headers_at = clock.now();
        let mut connect_ms = None;
        if let Some((begun, connected)) = *times.lock().unwrap_or_else(PoisonError::into_inner) {
            // Connecting stands by itself: the clock starts when the request could go out.
            connect_ms = Some(connected.millis_since(begun));
            started = started.max(connected);
        }
        let response = result.map_err(|e| {
            let was_kept = connect_ms.is_none() && is_close(&e);
            let trouble = if e.is_connect() {
                let (kind, why) = peer.without_connection(e);
                Trouble::Connect(kind, why)
            } else {
                Trouble::Closed(peer.without_answer(e))
            };
            Lost { was_kept, trouble, at: headers_at }
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

/// A request without an answer.
struct Lost {
    /// Its connection was a kept one that closed.
    was_kept: bool,
    trouble: Trouble,
    at: Nanos,
}

/// Whether a connection closed, rather than said something wrong.
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
