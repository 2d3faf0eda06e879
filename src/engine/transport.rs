//! One request to the endpoint and the reads of its answer, each with its time: straight on the socket where that is
//! possible, through the client library where TLS, HTTP/2 or a proxy stand between.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use reqwest::Url;
use reqwest::header::HeaderMap;

use super::clock::EngineClock;
use super::connect::{CONNECT_TIMES, ConnectTimes};
use super::direct::{DirectBody, Host};
use super::failure::{Trouble, describe};
use crate::domain::time::Nanos;

/// So many kept connections may turn out to be closed before a request fails.
const MAX_KEPT_CONNECTIONS: usize = 16;

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
                    Some(Err(error)) => Err(describe(error)),
                    None => Ok(false),
                }
            }
        }
    }
}

/// How requests reach the endpoint.
#[derive(Debug)]
pub enum Transport {
    /// Straight on the socket.
    Direct {
        /// The endpoint's host.
        host: Rc<Host>,
        /// All headers but those of a single request, each line with its end.
        head: String,
    },
    /// Through the client library.
    Library,
}

impl Transport {
    /// The transport for this base address and these headers.
    pub fn new(base_url: &str, headers: &HeaderMap, clock: EngineClock) -> Self {
        let Some((host, port)) = direct_host(base_url) else { return Self::Library };
        let authority = if port == 80 { host.clone() } else { format!("{host}:{port}") };
        let mut head = format!("host: {authority}\r\nuser-agent: {}\r\n", super::client::USER_AGENT);
        for (name, value) in headers {
            let Ok(value) = std::str::from_utf8(value.as_bytes()) else { return Self::Library };
            head.extend([name.as_str(), ": ", value, "\r\n"]);
        }
        // An address in brackets is looked up without them.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Self::Direct { host: Rc::new(Host::new(host, port, clock)), head }
    }
}

/// Host and port to speak to directly; `None` where TLS, a password in the address or a proxy stands between.
pub fn direct_host(base_url: &str) -> Option<(String, u16)> {
    let url = Url::parse(base_url).ok()?;
    if url.scheme() != "http" || !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    let host = url.host_str()?.to_owned();
    let is_proxied = || {
        let named = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
        let by_system = cfg!(any(target_os = "macos", windows));
        by_system || named.iter().any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
    };
    if !is_loopback(&host) && is_proxied() {
        return None;
    }
    Some((host, url.port_or_known_default()?))
}

/// Whether the name is this machine's own.
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Sends the request that posts this body.
pub async fn post(
    transport: &Transport,
    client: &reqwest::Client,
    clock: EngineClock,
    url: &str,
    request_id: &str,
    body: &str,
) -> Result<Answer, Trouble> {
    match transport {
        Transport::Direct { host, head } => {
            let target = Url::parse(url).map_err(|e| Trouble::Connect(e.to_string()))?;
            let path = target.path();
            let length = body.len();
            let request = format!(
                "POST {path} HTTP/1.1\r\n{head}x-request-id: {request_id}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
            let answer = host.send(request.as_bytes()).await?;
            Ok(Answer {
                status: answer.status,
                headers: answer.headers,
                started: answer.started,
                connect_ms: answer.connect_ms,
                headers_at: answer.headers_at,
                body: AnswerBody::Direct(answer.body),
            })
        }
        Transport::Library => {
            let mut kept = 0;
            loop {
                let outcome = post_through_library(client, clock, url, request_id, body).await;
                // A kept connection that turns out closed is replaced; many servers close one right after a stream.
                match outcome {
                    Err((Trouble::Closed(_), false)) if kept < MAX_KEPT_CONNECTIONS => kept += 1,
                    other => return other.map_err(|(trouble, _connected)| trouble),
                }
            }
        }
    }
}

/// An error comes with whether this request had to connect.
async fn post_through_library(
    client: &reqwest::Client,
    clock: EngineClock,
    url: &str,
    request_id: &str,
    body: &str,
) -> Result<Answer, (Trouble, bool)> {
    let request = client.post(url).header("x-request-id", request_id).body(body.to_owned());
    let times = ConnectTimes::default();
    let mut started = clock.now();
    let result = CONNECT_TIMES.scope(Arc::clone(&times), request.send()).await;
    let headers_at = clock.now();
    let mut connect_ms = None;
    if let Some((begun, connected)) = *times.lock().unwrap_or_else(PoisonError::into_inner) {
        // Connecting stands by itself: the clock starts when the request could go out.
        connect_ms = Some(connected.millis_since(begun));
        started = started.max(connected);
    }
    let response = result.map_err(|e| {
        let trouble = if e.is_connect() { Trouble::Connect } else { Trouble::Closed };
        (trouble(describe(e)), connect_ms.is_some())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_addresses_without_secrets_are_spoken_to_directly() {
        assert_eq!(direct_host("http://127.0.0.1:8000/v1"), Some(("127.0.0.1".to_owned(), 8000)));
        assert_eq!(direct_host("http://localhost/v1"), Some(("localhost".to_owned(), 80)));
        assert_eq!(direct_host("http://[::1]:9/v1"), Some(("[::1]".to_owned(), 9)));
        assert_eq!(direct_host("https://127.0.0.1/v1"), None);
        assert_eq!(direct_host("http://u:p@127.0.0.1/v1"), None);
    }

    #[test]
    fn loopback_by_name_and_by_number() {
        assert!(is_loopback("LOCALHOST") && is_loopback("127.8.0.1") && is_loopback("[::1]"));
        assert!(!is_loopback("localhost.example.org") && !is_loopback("10.0.0.1"));
    }
}
