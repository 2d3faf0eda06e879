//! Readers of reports that tokscope or another benchmark exported earlier.

pub mod markdown;
pub mod results;
pub mod rivals;

/// Why a report cannot be compared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ImportError(pub(crate) String);
