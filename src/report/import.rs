//! Readers of reports that were exported earlier.

pub mod markdown;
pub mod results;

/// Why a report cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub(crate) String);
