//! Reasons why a data set or a row cannot be used, one line each.

use std::io::{self, ErrorKind};

use super::bad_row::{BadRow, listed, shown};
use super::columns::Column;
use super::place::Place;
use super::tags::MAX_TAGS;
use crate::domain::quantity::grouped;

/// Reason why a data set cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct DatasetError {
    /// The file or folder, as the user named it.
    pub name: String,
    /// The reason.
    pub reason: DatasetFault,
}

/// Reason why a data set cannot be used, without its name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetFault {
    /// The file cannot be read, or is no data set.
    #[error("{0}")]
    Unusable(String),
    /// The next row cannot be found from here on.
    #[error("line {line}: {message}")]
    Malformed {
        /// Line of the fault.
        line: u64,
        /// The fault, with advice.
        message: String,
    },
    /// A row is bad, and bad rows are not to be skipped.
    #[error("{place}: {fault}")]
    BadRow {
        /// Place of the row.
        place: Place,
        /// The fault.
        fault: BadRow,
    },
    /// No row has a column that the user named.
    #[error("no column '{}' for '{}'; the columns are {}", shown(&column.name), column.key, all_of(columns))]
    MissingColumn {
        /// The mapping.
        column: Column,
        /// Columns of the file.
        columns: Vec<String>,
    },
    /// All rows are bad.
    #[error("none of the {rows} rows can be used; the first is {place}: {fault}")]
    NoUsableRow {
        /// Number of rows.
        rows: u64,
        /// Place of the first row.
        place: Place,
        /// Its fault.
        fault: BadRow,
    },
    /// The tags are not few values that repeat.
    #[error("more than {} tags in '{}'; use a column with fewer values", grouped(MAX_TAGS as u64), shown(.0))]
    TooManyTags(String),
}

fn all_of(columns: &[String]) -> String {
    listed(columns.iter().map(String::as_str))
}

impl DatasetFault {
    /// A fault of the file system.
    pub(super) fn from_io(error: &io::Error) -> Self {
        Self::Unusable(io_message(error))
    }
}

/// A fault of the file system in words.
pub(super) fn io_message(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Reason why a row cannot be read after its data set was opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct RowError {
    /// The file or folder, as the user named it.
    pub name: String,
    /// The reason.
    pub reason: RowFault,
}

/// Reason why a row cannot be read, without its name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// There is no row with this number.
    #[error("row {row} does not exist; the data set has {rows} rows")]
    NoSuchRow {
        /// Number of the row, from 1.
        row: u64,
        /// Number of rows.
        rows: u64,
    },
    /// The file has another size or modification time than when it was opened.
    #[error("{0}changed since the run opened it; start a new run to use its new content")]
    Changed(String),
    /// The row cannot be read.
    #[error("{place}: {message}")]
    Unreadable {
        /// Place of the row.
        place: Place,
        /// The fault.
        message: String,
    },
}
