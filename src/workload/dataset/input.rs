//! One pass over the bytes of a file, with their offset and checksum.

use std::io::{self, ErrorKind, Read};

/// Size of the buffer, bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// A buffered reader that knows its offset.
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

    /// The first bytes, without consuming them: up to `most` of them, at most the buffer's size. For use at offset 0.
    pub fn peek(&mut self, most: usize) -> io::Result<&[u8]> {
        let most = most.min(self.buffer.len());
        while self.end < most && self.read()? > 0 {}
        Ok(self.buffer.get(self.start..self.end.min(self.start + most)).unwrap_or_default())
    }

    /// Bytes that are not consumed, at least one unless the input ended.
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

    /// Number of bytes consumed.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Checksum of all bytes that were read.
    pub fn checksum(self) -> u32 {
        self.checksum.finalize()
    }

    /// Appends bytes to the buffer and returns their number; 0 at the end.
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
