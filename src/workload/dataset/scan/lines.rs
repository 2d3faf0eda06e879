//! Finds rows that are lines. Skips blank lines.

use std::io::{self, Read};

use super::{Found, RowBuffer, RowState};
use crate::workload::dataset::index::Position;
use crate::workload::dataset::input::Input;

/// Splits a file into lines.
#[derive(Default)]
pub struct LineScanner {
    line: u64,
}

impl LineScanner {
    pub fn next<R: Read>(&mut self, input: &mut Input<R>, row: &mut RowBuffer) -> io::Result<Option<Found>> {
        loop {
            let offset = input.offset();
            let mut state = RowState::Complete;
            let (mut length, mut is_ended) = (0, false);
            row.clear();
            while !is_ended {
                let bytes = input.fill()?;
                if bytes.is_empty() {
                    break;
                }
                let end = memchr::memchr(b'\n', bytes);
                let content = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
                if state == RowState::Complete && !row.append(content) {
                    state = RowState::TooLong;
                }
                let read = content.len();
                length += read as u64;
                is_ended = end.is_some();
                input.consume(read + usize::from(is_ended));
            }
            if length == 0 && !is_ended {
                return Ok(None);
            }
            self.line += 1;
            if state == RowState::TooLong || !row.bytes.trim_ascii().is_empty() {
                let position = Position { offset, length, ordinal: self.line };
                return Ok(Some(Found { position, line: self.line, state }));
            }
        }
    }
}
