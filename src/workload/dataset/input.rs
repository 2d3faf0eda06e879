//! Reads a file once, from start to end. Tracks the offset and computes the checksum.

use std::io::{self, ErrorKind, Read};

/// Size of the buffer, bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// A buffered reader that tracks its offset.
pub struct Input<R> {
    reader: R,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    offset: u64,
    checksum: crc32fast::Hasher,
}

impl<R: Read> Input<R> {
    /// Creates an input at offset 0.
    pub fn new(reader: R) -> Self {
        Self::with_buffer(reader, BUFFER_BYTES)
    }

    /// Creates an input with a buffer of this size.
    pub fn with_buffer(reader: R, bytes: usize) -> Self {
        let buffer = vec![0; bytes.max(1)].into_boxed_slice();
        Self { reader, buffer, start: 0, end: 0, offset: 0, checksum: crc32fast::Hasher::new() }
    }

    /// Returns the first bytes without consuming them: at most `most`, and at most the size of the buffer. Call this
    /// only at offset 0.
    pub fn peek(&mut self, most: usize) -> io::Result<&[u8]> {
        let most = most.min(self.buffer.len());
        while self.end < most && self.read()? > 0 {}
        Ok(self.buffer.get(self.start..self.end.min(self.start + most)).unwrap_or_default())
    }

    /// Returns bytes that are not consumed yet; empty only at the end of the input.
    pub fn fill(&mut self) -> io::Result<&[u8]> {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            self.read()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    /// Consumes bytes that [`fill`](Self::fill) returned.
    pub fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.end - self.start);
        self.start += bytes;
        self.offset += bytes as u64;
    }

    /// Returns the number of consumed bytes.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the checksum of all bytes that were read.
    pub fn checksum(self) -> u32 {
        self.checksum.finalize()
    }

    /// Reads bytes into the rest of the buffer. Returns their number, 0 at the end of the input.
    fn read(&mut self) -> io::Result<usize> {
        let Some(free) = self.buffer.get_mut(self.end..) else { return Ok(0) };
        let read = loop {
            match self.reader.read(free) {
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.checksum.update(free.get(..read).unwrap_or_default());
        self.end += read;
        Ok(read)
    }
}
