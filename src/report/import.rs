//! Readers of exported reports.

pub mod markdown;
pub mod results;

/// Reason why a file cannot be read for a comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub(crate) String);
