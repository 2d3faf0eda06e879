//! How an attempt failed, and why there was no answer.

use crate::domain::attempt::AttemptStatus;
use crate::protocol::failure::capped;

/// What ended an attempt that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its status.
    pub status: AttemptStatus,
    /// A short stable word.
    pub kind: &'static str,
    /// What happened, for people, of bounded length.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(status: AttemptStatus, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: capped(message.into()) }
    }

    /// More came than is kept in memory.
    pub fn oversized(message: impl Into<String>) -> Self {
        Self::new(AttemptStatus::StreamError, "oversized", message)
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// No connection.
    Connect(String),
    /// A connection, but no answer on it, or none in HTTP.
    Closed(String),
}

/// All that an error of the client says, without the address (it may hold a password).
pub fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut parts: Vec<String> = Vec::new();
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    while let Some(e) = cause {
        let text = e.to_string();
        cause = e.source();
        // The libraries' own layers say nothing to people, unless there is nothing else.
        let says_nothing = cause.is_some() && LAYERS.contains(&text.as_str());
        if !says_nothing && !parts.last().is_some_and(|last| last.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// How reqwest and hyper introduce the error that tells what happened.
const LAYERS: [&str; 4] =
    ["error sending request", "client error (Connect)", "client error (SendRequest)", "tcp connect error"];
