//! Splits a file into rows in one pass, without holding the file in memory.

mod array;
mod delimited;
mod lines;

use std::io::{self, Read};

use self::array::ArrayScanner;
pub use self::delimited::DelimitedScanner;
use self::lines::LineScanner;
use super::MAX_ROW_BYTES;
use super::index::Position;
use super::input::Input;

/// Content of a row. The next row reuses the memory.
#[derive(Default)]
pub struct RowBuffer {
    /// JSON text, or all fields of a record, without quotes and delimiters.
    pub bytes: Vec<u8>,
    /// End of each field in `bytes`.
    pub ends: Vec<usize>,
}

impl RowBuffer {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Appends bytes of a row. Returns false, and appends nothing, if the row would be too long.
    fn append(&mut self, bytes: &[u8]) -> bool {
        let has_room = self.bytes.len() + bytes.len() <= MAX_ROW_BYTES;
        if has_room {
            self.bytes.extend_from_slice(bytes);
        }
        has_room
    }
}

/// A row that a scanner has found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Position of the row in the file.
    pub position: Position,
    /// Number of the first line, from 1.
    pub line: u64,
    /// Whether the buffer holds the complete row.
    pub state: RowState,
}

/// State of a row that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowState {
    /// The buffer holds the complete row.
    Complete,
    /// The row exceeds [`MAX_ROW_BYTES`] and was skipped.
    TooLong,
    /// The file ends inside a quoted field.
    UnclosedQuote,
}

/// Reason why scanning stopped.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The file cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The array is malformed, so that the next row cannot be found.
    #[error("line {line}: {message}")]
    Malformed {
        /// Line of the fault.
        line: u64,
        /// Description of the fault, with advice.
        message: String,
    },
}

/// Arrangement of rows in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// A JSON object per line.
    Lines,
    /// The elements of one JSON array.
    Array,
    /// Records with this delimiter, as in CSV.
    Delimited(u8),
}

/// Splits a file into rows.
#[expect(clippy::large_enum_variant, reason = "there is one scanner per file")]
pub enum Scanner {
    Lines(LineScanner),
    Array(ArrayScanner),
    Delimited(DelimitedScanner),
}

impl Scanner {
    /// Creates a scanner for the start of a file.
    pub fn new(arrangement: Arrangement) -> Self {
        match arrangement {
            Arrangement::Lines => Self::Lines(LineScanner::default()),
            Arrangement::Array => Self::Array(ArrayScanner::default()),
            Arrangement::Delimited(delimiter) => Self::Delimited(DelimitedScanner::new(delimiter)),
        }
    }

    /// Reads the next row into the buffer. Returns `None` at the end.
    pub fn next<R: Read>(&mut self, input: &mut Input<R>, row: &mut RowBuffer) -> Result<Option<Found>, ScanError> {
        row.clear();
        match self {
            Self::Lines(lines) => Ok(lines.next(input, row)?),
            Self::Array(array) => array.next(input, row),
            Self::Delimited(records) => Ok(records.next(input, row)?),
        }
    }
}

/// Returns the number of line feeds.
fn line_feeds(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}
