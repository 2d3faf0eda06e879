//! Files with prompts of the user.
//!
//! [`Dataset::open`] recognises the format by content, checks each row in one pass, and keeps an index of about five bytes
//! a row. [`Dataset::row`] reads one row by its position, so a file of any size costs only the memory of its index.

pub mod bad_row;
pub mod columns;
mod content;
pub mod error;
mod folder;
mod index;
mod indexing;
mod input;
mod json;
mod lengths;
mod messages;
#[cfg(any(test, fuzzing))]
pub mod oracle;
pub mod place;
pub mod reader;
mod recognise;
mod record;
pub mod row;
mod row_kind;
mod row_parser;
mod scan;
mod storage;
pub mod summary;
mod tags;
#[cfg(test)]
mod tests;

pub use self::bad_row::OnBadRow;
pub use self::columns::{Column, ColumnMapping};
pub use self::error::{DatasetError, RowError};
pub use self::reader::Dataset;
pub use self::row::DataRow;

/// Maximum size of a row, bytes. A longer one is a file without line ends or an unclosed quote, not a prompt: a million
/// tokens are about 5 MB.
const MAX_ROW_BYTES: usize = if cfg!(any(test, fuzzing)) { 64 << 10 } else { 32 << 20 };

/// [`MAX_ROW_BYTES`] for messages.
fn max_row_size() -> String {
    match MAX_ROW_BYTES >> 20 {
        0 => format!("{} KiB", MAX_ROW_BYTES >> 10),
        mib => format!("{mib} MiB"),
    }
}
