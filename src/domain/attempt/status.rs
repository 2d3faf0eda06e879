//! Status of an attempt: how it ended.

use serde::{Deserialize, Serialize};

use super::AttemptRecord;
use crate::domain::finish_reason::FinishClass;
use crate::domain::refusal::CONTEXT_EXCEEDED;

/// Status of an attempt: how it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptStatus {
    /// The answer is complete.
    Ok,
    /// The server answered with an HTTP error, or with a JSON error instead of a stream.
    HttpError,
    /// The server reported an error inside the stream, or sent something that is not a stream.
    StreamError,
    /// The stream ended without a finish reason and without `[DONE]`.
    Truncated,
    /// The stream ended properly but carried no generated text.
    Empty,
    /// The stream did not end, or fell silent, within the timeout.
    Timeout,
    /// The connection failed.
    ConnectError,
    /// Cancelled by the user.
    Cancelled,
}

impl AttemptStatus {
    /// Name of the status in `results.json`.
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
    /// Returns whether the first choice ended with a finish reason of this class.
    pub fn ends_as(&self, class: FinishClass) -> bool {
        self.finish_reason.as_deref().map(FinishClass::from_reason) == Some(class)
    }

    /// Returns whether the server refused the request itself, so that the same request would be refused again: the
    /// prompt is too long for the model (HTTP 413 or an error about the context), or the request is invalid (HTTP 400
    /// or 422).
    pub fn is_refused(&self) -> bool {
        let is_too_long = self.error.as_ref().is_some_and(|error| error.kind == CONTEXT_EXCEEDED);
        !self.is_ok() && (is_too_long || matches!(self.http_status, Some(400 | 413 | 422)))
    }
}

/// Error of an attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptError {
    /// Short stable name of the kind of error.
    pub kind: String,
    /// The server's own message if it sent one.
    pub message: String,
}
