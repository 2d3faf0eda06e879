//! Finds rows that are records of CSV or TSV (RFC 4180). A quoted field may contain delimiters, line ends and doubled
//! quotes.

use std::io::{self, Read};

use csv_core::ReadRecordResult;

use super::{Found, RowBuffer, RowState, line_feeds};
use crate::workload::dataset::MAX_ROW_BYTES;
use crate::workload::dataset::index::Position;
use crate::workload::dataset::input::Input;

/// Maximum number of fields in a record. A table with more columns is a different kind of file.
const MAX_FIELDS: usize = 4096;
/// Initial size of the buffers for a record, bytes and fields.
const FIRST_ROOM_BYTES: usize = 4 << 10;
const FIRST_ROOM_FIELDS: usize = 16;

/// Splits a table into records.
pub struct DelimitedScanner {
    reader: csv_core::Reader,
    /// Buffer for a record without its quotes and delimiters. The next record reuses it.
    room: Vec<u8>,
    ends: Vec<usize>,
    /// Number of line feeds before the next byte.
    lines: u64,
}

impl DelimitedScanner {
    pub fn new(delimiter: u8) -> Self {
        let mut reader = csv_core::ReaderBuilder::new().delimiter(delimiter).build();
        // Read one line end first: the library drops a byte order mark before the first byte that it reads, and this
        // byte may be in the middle of a file.
        reader.read_record(b"\n", &mut [0], &mut [0]);
        Self { reader, room: vec![0; FIRST_ROOM_BYTES], ends: vec![0; FIRST_ROOM_FIELDS], lines: 0 }
    }

    /// Reads the next record. Skips empty lines.
    pub fn next<R: Read>(&mut self, input: &mut Input<R>, row: &mut RowBuffer) -> io::Result<Option<Found>> {
        self.skip_line_ends(input)?;
        let (offset, first_line) = (input.offset(), self.lines + 1);
        let (mut written, mut fields, mut quotes) = (0, 0, 0);
        let mut state = RowState::Complete;
        loop {
            let bytes = input.fill()?;
            let is_at_end = bytes.is_empty();
            let room = self.room.get_mut(written..).unwrap_or_default();
            let ends = self.ends.get_mut(fields..).unwrap_or_default();
            let (result, read, wrote, ended) = self.reader.read_record(bytes, room, ends);
            let part = bytes.get(..read).unwrap_or_default();
            let feeds = line_feeds(part);
            quotes += memchr::memchr_iter(b'"', part).count();
            self.lines += feeds;
            input.consume(read);
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if self.room.len() < MAX_ROW_BYTES => {
                    self.room.resize((self.room.len() * 2).min(MAX_ROW_BYTES), 0);
                }
                ReadRecordResult::OutputEndsFull if self.ends.len() < MAX_FIELDS => {
                    self.ends.resize((self.ends.len() * 2).min(MAX_FIELDS), 0);
                }
                // Let the rest of the record overwrite its start, because a record that is too long is not used.
                ReadRecordResult::OutputFull => (state, written) = (RowState::TooLong, 0),
                ReadRecordResult::OutputEndsFull => (state, fields) = (RowState::TooLong, 0),
                ReadRecordResult::Record => {
                    // A complete record has an even number of quotes, because quotes inside quoted fields are doubled.
                    if is_at_end && state == RowState::Complete && quotes % 2 == 1 && self.lines + 1 > first_line {
                        state = RowState::UnclosedQuote;
                    }
                    break;
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
        row.bytes.extend_from_slice(self.room.get(..written).unwrap_or_default());
        row.ends.extend_from_slice(self.ends.get(..fields).unwrap_or_default());
        let position = Position { offset, length: input.offset() - offset, ordinal: first_line };
        Ok(Some(Found { position, line: first_line, state }))
    }

    fn skip_line_ends<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<()> {
        loop {
            let bytes = input.fill()?;
            let count = bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
            let is_done = count < bytes.len() || bytes.is_empty();
            self.lines += line_feeds(bytes.get(..count).unwrap_or_default());
            input.consume(count);
            if is_done {
                return Ok(());
            }
        }
    }
}
