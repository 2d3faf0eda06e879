//! Data sets: files of the user with one prompt per row.
//!
//! [`Dataset::open`] recognises the format from the content, checks each row in one pass, and keeps an index of about
//! five bytes per row. [`Dataset::row`] reads a row by its position. A file of any size therefore needs memory only for
//! its index.

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

/// Maximum size of a row, bytes. A million tokens take about 5 MB, so a longer row is not a prompt: the file lacks line
/// ends or a closing quote.
const MAX_ROW_BYTES: usize = if cfg!(any(test, fuzzing)) { 64 << 10 } else { 32 << 20 };

/// Returns [`MAX_ROW_BYTES`] as words for messages.
fn max_row_size() -> String {
    match MAX_ROW_BYTES >> 20 {
        0 => format!("{} KiB", MAX_ROW_BYTES >> 10),
        mib => format!("{mib} MiB"),
    }
}
