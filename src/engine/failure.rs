//! Failures of attempts and of connections, and their messages.

use std::time::Duration;

use crate::domain::attempt::AttemptStatus;
use crate::protocol::encoding::BrokenEncoding;
use crate::protocol::failure::capped;
use crate::protocol::framing::EventTooLarge;

/// Invalid configuration, with which the engine cannot start.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

/// Failure of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Status of the attempt.
    pub status: AttemptStatus,
    /// Kind of failure, as a short stable word.
    pub kind: &'static str,
    /// Message for people, of bounded length.
    pub message: String,
    /// Time to wait before a retry, as requested by the server.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// Creates a failure and bounds its message.
    pub fn new(status: AttemptStatus, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: capped(message.into()), retry_after: None }
    }

    /// Creates the failure of a response that exceeds a memory limit.
    pub fn oversized(message: impl Into<String>) -> Self {
        Self::new(AttemptStatus::StreamError, "oversized", message)
    }
}

impl From<EventTooLarge> for Failure {
    fn from(error: EventTooLarge) -> Self {
        Self::oversized(error.to_string())
    }
}

impl From<BrokenEncoding> for Failure {
    fn from(error: BrokenEncoding) -> Self {
        Self::new(AttemptStatus::StreamError, "encoding", error.to_string())
    }
}

/// Failure of a connection.
#[derive(Debug)]
pub enum ConnectionError {
    /// Connecting failed. Holds the kind, a short stable word, and the message.
    Connect(&'static str, String),
    /// The connection was established, but carried no response or one that is not HTTP.
    Closed(String),
}

impl From<ConnectionError> for Failure {
    fn from(trouble: ConnectionError) -> Self {
        match trouble {
            ConnectionError::Connect(kind, why) => Self::new(AttemptStatus::ConnectError, kind, why),
            ConnectionError::Closed(why) => Self::new(AttemptStatus::ConnectError, "closed", why),
        }
    }
}

/// Message for a response with contradictory lengths.
pub const NO_ONE_LENGTH: &str = "the response's Content-Length is malformed or has two different values, so its end is unknown; \
                                 check any proxy in between";

/// No connection within this timeout.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", .0.as_secs_f64())]
pub struct ConnectTimedOut(pub Duration);

/// Returns an error followed by its sources.
pub(super) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |e| e.source())
}

/// Finds the TLS error inside a system error.
pub(super) fn tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = |e: &&'a (dyn std::error::Error + 'static)| -> Option<&'a (dyn std::error::Error + 'static)> {
        Some(e.downcast_ref::<std::io::Error>()?.get_ref()?)
    };
    std::iter::successors(Some(error), inner).find_map(|e| e.downcast_ref())
}

/// Returns advice for a TLS error.
fn advice(error: &rustls::Error) -> Option<&'static str> {
    match error {
        rustls::Error::InvalidCertificate(_) => {
            Some("trust the issuer or this certificate with --cacert FILE, or skip verification with --insecure")
        }
        rustls::Error::InvalidMessage(_) => Some("the server may not use TLS here; try http://"),
        rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRequired) => {
            Some("the server requires a client certificate, which tokscope does not support")
        }
        rustls::Error::AlertReceived(rustls::AlertDescription::UnrecognisedName) => {
            Some("the server does not know this host name")
        }
        _ => None,
    }
}

/// Returns the message for a TLS error, with advice.
pub fn describe_tls(error: &rustls::Error) -> String {
    match advice(error) {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

/// Returns the message for a system error, with TLS advice if it wraps a TLS error.
pub fn describe_io(error: &std::io::Error) -> String {
    tls(error).map_or_else(|| error.to_string(), describe_tls)
}

/// Returns the complete message of a client error, without the URL, which may contain a password.
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut parts: Vec<String> = Vec::new();
    for e in causes(&error) {
        let text = e.to_string();
        let cause = e.source();
        // Drop the libraries' wrapper messages, except for an error without a cause.
        let says_nothing = cause.is_some() && LAYERS.contains(&text.as_str());
        if !says_nothing && !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    if causes(&error).any(|e| e.is::<hyper::Error>() && e.to_string().contains("content-length")) {
        return NO_ONE_LENGTH.to_owned();
    }
    let message = parts.join(": ");
    let is_no_http = || causes(&error).any(|e| e.downcast_ref::<hyper::Error>().is_some_and(no_http_said));
    let no_http = || is_no_http().then_some("check that this is an HTTP server; it may need https://");
    match causes(&error).find_map(tls).and_then(advice).or_else(no_http) {
        Some(advice) => format!("{message}; {advice}"),
        None => message,
    }
}

/// Message for a body that ended too early.
pub const CLOSED_MIDWAY: &str = "closed in the middle of the answer";

/// Returns the message for a body that broke off. The wording is the same for every transport.
pub fn describe_cut(error: reqwest::Error) -> String {
    let is_end = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof)
    };
    if causes(&error).any(is_end) { CLOSED_MIDWAY.to_owned() } else { describe_http2(&describe(error)) }
}

/// Adds to the library's HTTP/2 messages which side ended the stream or the connection.
fn describe_http2(message: &str) -> String {
    message
        .replace("stream error received", "the server or a proxy reset the HTTP/2 stream")
        .replace("connection error received", "the server or a proxy closed the HTTP/2 connection")
}

/// Returns whether the response was not HTTP. A response beyond a size limit is a different error.
fn no_http_said(error: &hyper::Error) -> bool {
    error.is_parse() && !error.is_parse_too_large()
}

/// Messages that reqwest and hyper wrap around the actual error.
const LAYERS: [&str; 6] = [
    "error sending request",
    "client error (Connect)",
    "client error (SendRequest)",
    "tcp connect error",
    "error decoding response body",
    "error reading a body from connection",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_2_errors_say_who_ended_it() {
        let reset = describe_http2("stream error received: unexpected internal error encountered");
        assert_eq!(reset, "the server or a proxy reset the HTTP/2 stream: unexpected internal error encountered");
        let ended = describe_http2("connection error received: not a result of an error");
        assert_eq!(ended, "the server or a proxy closed the HTTP/2 connection: not a result of an error");
        assert_eq!(describe_http2("connection reset"), "connection reset");
    }
}
