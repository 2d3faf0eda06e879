//! How an attempt ended.

use serde::{Deserialize, Serialize};

use super::AttemptRecord;
use crate::domain::finish_reason::FinishClass;

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// A whole answer.
    Ok,
    /// The server answered with an HTTP error, or with a JSON error instead of a stream.
    HttpError,
    /// The server reported an error inside the stream, or sent what is no stream.
    StreamError,
    /// The stream ended without a finish reason and without `[DONE]`.
    Truncated,
    /// It ended properly, without any generated text.
    Empty,
    /// It did not end, or went silent, within the time allowed.
    Timeout,
    /// No connection.
    ConnectError,
    /// Given up by the user.
    Cancelled,
}

impl AttemptStatus {
    /// The name it has in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::HttpError => "http_error",
            Self::StreamError => "stream_error",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Timeout => "timeout",
            Self::ConnectError => "connect_error",
            Self::Cancelled => "cancelled",
        }
    }
}

impl AttemptRecord {
    /// Whether the finish reason of the first choice has this meaning.
    pub fn ends_as(&self, class: FinishClass) -> bool {
        self.finish_reason.as_deref().map(FinishClass::from_reason) == Some(class)
    }
}

/// What failed, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// A short stable word.
    pub kind: String,
    /// The server's own message where it gave one.
    pub message: String,
}
