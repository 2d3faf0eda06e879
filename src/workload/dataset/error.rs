//! Reasons why a data set or a row cannot be used. Each is one line.

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
    /// Name of the file or folder, as the user gave it.
    pub name: String,
    /// The reason.
    pub reason: DatasetFault,
}

/// Reason why a data set cannot be used, without the name of the data set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatasetFault {
    /// The file cannot be read, or is not a data set.
    #[error("{0}")]
    Unusable(String),
    /// The file is malformed, so that its next row cannot be found.
    #[error("line {line}: {message}")]
    Malformed {
        /// Line of the fault.
        line: u64,
        /// Description of the fault, with advice.
        message: String,
    },
    /// A row is bad, and the user did not ask to skip bad rows.
    #[error("{place}: {fault}")]
    BadRow {
        /// Place of the row.
        place: Place,
        /// The fault.
        fault: BadRow,
    },
    /// No row has this column, which the user named.
    #[error("no column '{}' for '{}'; the columns are {}", shown(&column.name), column.key, all_of(columns))]
    MissingColumn {
        /// Mapping that names the column.
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
        /// Fault of the first row.
        fault: BadRow,
    },
    /// The column for tags has too many different values.
    #[error("more than {} tags in '{}'; use a column with fewer values", grouped(MAX_TAGS as u64), shown(.0))]
    TooManyTags(String),
}

fn all_of(columns: &[String]) -> String {
    listed(columns.iter().map(String::as_str))
}

impl DatasetFault {
    /// Creates the fault for an error of the file system.
    pub(super) fn from_io(error: &io::Error) -> Self {
        Self::Unusable(io_message(error))
    }
}

/// Describes an error of the file system.
pub(super) fn io_message(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// Reason why a row of an open data set cannot be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {reason}")]
pub struct RowError {
    /// Name of the file or folder, as the user gave it.
    pub name: String,
    /// The reason.
    pub reason: RowFault,
}

/// Reason why a row cannot be read, without the name of the data set.
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
    /// The size or modification time of the file has changed since it was opened.
    #[error("{0}changed since the run opened it; start a new run to use its new content")]
    Changed(String),
    /// The row cannot be read.
    #[error("{place}: {message}")]
    Unreadable {
        /// Place of the row.
        place: Place,
        /// Description of the fault.
        message: String,
    },
}
