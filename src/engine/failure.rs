//! How an attempt failed, and why there was no answer.

use std::time::Duration;

use crate::domain::attempt::AttemptStatus;
use crate::protocol::encoding::BrokenEncoding;
use crate::protocol::failure::capped;
use crate::protocol::framing::EventTooLarge;

/// Why the engine cannot start with this configuration.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfig(pub String);

/// What ended an attempt that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its status.
    pub status: AttemptStatus,
    /// A short stable word.
    pub kind: &'static str,
    /// What happened, for people, of bounded length.
    pub message: String,
    /// The server wants to be left alone for so long.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure.
    pub fn new(status: AttemptStatus, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: capped(message.into()), retry_after: None }
    }

    /// More came than is kept in memory.
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

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// No connection: a short stable word, and what happened.
    Connect(&'static str, String),
    /// A connection, but no answer on it, or none in HTTP.
    Closed(String),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Connect(kind, why) => Self::new(AttemptStatus::ConnectError, kind, why),
            Trouble::Closed(why) => Self::new(AttemptStatus::ConnectError, "closed", why),
        }
    }
}

/// An answer whose end cannot be known for sure.
pub const NO_ONE_LENGTH: &str = "the response's Content-Length is malformed or has two different values, so its end is unknown; \
                                 check any proxy on the way";

/// A connection did not stand within the time it had, so long.
#[derive(Debug, thiserror::Error)]
#[error("no connection within {} s", .0.as_secs_f64())]
pub struct ConnectTimedOut(pub Duration);

/// An error and what lies below it.
pub(super) fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |e| e.source())
}

/// The error of TLS, which travels inside one of the system's, or inside several.
pub(super) fn tls<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    let inner = |e: &&'a (dyn std::error::Error + 'static)| -> Option<&'a (dyn std::error::Error + 'static)> {
        Some(e.downcast_ref::<std::io::Error>()?.get_ref()?)
    };
    std::iter::successors(Some(error), inner).find_map(|e| e.downcast_ref())
}

/// What to do about an error of TLS.
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

/// An error of TLS, with what to do about it.
pub fn describe_tls(error: &rustls::Error) -> String {
    match advice(error) {
        Some(advice) => format!("{error}; {advice}"),
        None => error.to_string(),
    }
}

/// All that an error of the client says, without the address (it may hold a password).
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut parts: Vec<String> = Vec::new();
    for e in causes(&error) {
        let text = e.to_string();
        let cause = e.source();
        // The libraries' own layers say nothing to people, unless there is nothing else.
        let says_nothing = cause.is_some() && LAYERS.contains(&text.as_str());
        if !says_nothing && !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    if causes(&error).any(|e| e.is::<hyper::Error>() && e.to_string().contains("content-length")) {
        return NO_ONE_LENGTH.to_owned();
    }
    let said = parts.join(": ");
    let is_no_http = || causes(&error).any(|e| e.downcast_ref::<hyper::Error>().is_some_and(no_http_said));
    let no_http = || is_no_http().then_some("check that this is an HTTP server; it may need https://");
    match causes(&error).find_map(tls).and_then(advice).or_else(no_http) {
        Some(advice) => format!("{said}; {advice}"),
        None => said,
    }
}

/// How a body ended that ended too soon.
pub const CLOSED_MIDWAY: &str = "closed in the middle of the answer";

/// How the body of an answer broke off, in the same words whichever library read it.
pub fn describe_cut(error: reqwest::Error) -> String {
    let is_end = |e: &(dyn std::error::Error + 'static)| {
        e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof)
    };
    if causes(&error).any(is_end) { CLOSED_MIDWAY.to_owned() } else { describe_http2(&describe(error)) }
}

/// Says in what the library reports of HTTP/2 who ended it.
fn describe_http2(said: &str) -> String {
    said.replace("stream error received", "the other side reset the HTTP/2 stream")
        .replace("connection error received", "the other side ended the HTTP/2 connection")
}

/// What came is no HTTP. Too much of it is another matter.
fn no_http_said(error: &hyper::Error) -> bool {
    error.is_parse() && !error.is_parse_too_large()
}

/// How reqwest and hyper introduce the error that tells what happened.
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
        assert_eq!(reset, "the other side reset the HTTP/2 stream: unexpected internal error encountered");
        let ended = describe_http2("connection error received: not a result of an error");
        assert_eq!(ended, "the other side ended the HTTP/2 connection: not a result of an error");
        assert_eq!(describe_http2("connection reset"), "connection reset");
    }
}
