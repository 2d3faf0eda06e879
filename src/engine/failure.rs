//! How an attempt failed.

use crate::domain::attempt::AttemptStatus;

/// What ended an attempt that did not end well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Its status.
    pub status: AttemptStatus,
    /// A short stable word.
    pub kind: &'static str,
    /// What happened, for people.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(status: AttemptStatus, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    /// More came than is kept in memory.
    pub fn oversized(message: impl Into<String>) -> Self {
        Self::new(AttemptStatus::StreamError, "oversized", message)
    }
}
