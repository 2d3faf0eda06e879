//! Finds rows that are the elements of one JSON array, on one line or several.

use std::io::{self, Read};

use super::{Found, RowBuffer, RowState, ScanError, line_feeds};
use crate::workload::dataset::index::Position;
use crate::workload::dataset::input::Input;

/// Splits an array into elements. Looks only at brackets, strings and commas; the parser of the row checks the rest.
#[derive(Default)]
pub struct ArrayScanner {
    /// Number of line feeds before the next byte.
    lines: u64,
    elements: u64,
    state: ArrayState,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum ArrayState {
    #[default]
    Before,
    Inside,
    After,
}

/// State of the scan within an element.
#[derive(Default)]
struct Nesting {
    depth: u64,
    is_in_string: bool,
    is_escaped: bool,
}

impl ArrayScanner {
    pub fn next<R: Read>(&mut self, input: &mut Input<R>, row: &mut RowBuffer) -> Result<Option<Found>, ScanError> {
        let is_first = self.state == ArrayState::Before;
        match (self.state, self.next_byte(input)?) {
            (ArrayState::Before, Some(b'[')) => self.state = ArrayState::Inside,
            (ArrayState::Inside, Some(b',')) => {}
            (ArrayState::Inside, Some(b']')) => return self.end(input),
            (ArrayState::Before | ArrayState::Inside, None) => return Err(self.cut_off()),
            (ArrayState::After, _) => return Ok(None),
            (_, Some(_)) => {
                let after = self.elements;
                return Err(self.malformed(format!("expected ',' or ']' after element {after} of the array")));
            }
        }
        input.consume(1);
        match self.next_byte(input)? {
            None => return Err(self.cut_off()),
            Some(b']') if is_first => return self.end(input),
            Some(b',' | b']' | b'}') => {
                let number = self.elements + 1;
                return Err(self.malformed(format!("expected element {number} of the array")));
            }
            Some(_) => {}
        }
        self.element(input, row).map(Some)
    }

    /// Reads an element that begins at the next byte.
    fn element<R: Read>(&mut self, input: &mut Input<R>, row: &mut RowBuffer) -> Result<Found, ScanError> {
        let (offset, first_line) = (input.offset(), self.lines + 1);
        self.elements += 1;
        let mut nesting = Nesting::default();
        let mut state = RowState::Complete;
        let mut is_ended = false;
        while !is_ended {
            let bytes = input.fill()?;
            if bytes.is_empty() {
                let number = self.elements;
                let message =
                    format!("the file ends inside element {number} of the array, so it is cut off or malformed");
                return Err(ScanError::Malformed { line: first_line, message });
            }
            let end = nesting.end(bytes);
            let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            if state == RowState::Complete && !row.append(part) {
                state = RowState::TooLong;
            }
            self.lines += line_feeds(part);
            let read = part.len();
            is_ended = end.is_some();
            input.consume(read);
        }
        let length = input.offset() - offset;
        Ok(Found { position: Position { offset, length, ordinal: self.elements }, line: first_line, state })
    }

    /// Checks that nothing follows the array. The next byte is its closing bracket.
    fn end<R: Read>(&mut self, input: &mut Input<R>) -> Result<Option<Found>, ScanError> {
        input.consume(1);
        self.state = ArrayState::After;
        match self.next_byte(input)? {
            None => Ok(None),
            Some(_) => Err(self.malformed("text follows the end of the array".to_owned())),
        }
    }

    /// Returns the next byte that is not white space, without consuming it.
    fn next_byte<R: Read>(&mut self, input: &mut Input<R>) -> io::Result<Option<u8>> {
        loop {
            let bytes = input.fill()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let blank = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let next = bytes.get(blank).copied();
            self.lines += line_feeds(bytes.get(..blank).unwrap_or_default());
            input.consume(blank);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    fn malformed(&self, message: String) -> ScanError {
        ScanError::Malformed { line: self.lines + 1, message }
    }

    fn cut_off(&self) -> ScanError {
        let elements = self.elements;
        let message =
            format!("the array has no end after element {elements}, so the file is cut off; download it again");
        ScanError::Malformed { line: self.lines + 1, message }
    }
}

impl Nesting {
    /// Returns the number of bytes up to the end of the element; `None` if the element continues after these bytes.
    fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if self.is_escaped {
                self.is_escaped = false;
                at += 1;
                continue;
            }
            if self.is_in_string {
                let mark = memchr::memchr2(b'"', b'\\', rest)?;
                match rest.get(mark) {
                    Some(b'"') => self.is_in_string = false,
                    _ => self.is_escaped = true,
                }
                at += mark + 1;
                continue;
            }
            match rest.first() {
                Some(b'"') => self.is_in_string = true,
                Some(b'{' | b'[') => self.depth += 1,
                // This ends a number or literal, or an element without any text.
                Some(b'}' | b']' | b',') if self.depth == 0 => return Some(at),
                Some(b'}' | b']') => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
            at += 1;
        }
        None
    }
}
