//! Readers of reports that tokscope or another benchmark exported.

pub mod markdown;
pub mod results;
pub mod rivals;

/// Reason why a file cannot be read for a comparison.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub(crate) String);
