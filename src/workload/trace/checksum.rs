//! Fingerprint of a file that is read in pieces.

use std::io::{self, BufRead};

use crate::domain::data_fingerprint::DataFingerprint;

/// Fingerprint of the pieces read so far.
#[derive(Default)]
pub(super) struct Checksum {
    bytes: u64,
    crc32: crc32fast::Hasher,
}

impl Checksum {
    /// Adds the next piece.
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.crc32.update(piece);
    }

    /// Returns the fingerprint of all pieces.
    pub(super) fn finish(self) -> DataFingerprint {
        DataFingerprint { bytes: self.bytes, crc32: self.crc32.finalize() }
    }
}

/// Reads to the end and returns the fingerprint of what was read.
///
/// # Errors
///
/// The input cannot be read.
pub fn fingerprint(mut from: impl BufRead) -> io::Result<DataFingerprint> {
    let mut checksum = Checksum::default();
    loop {
        let piece = from.fill_buf()?;
        if piece.is_empty() {
            return Ok(checksum.finish());
        }
        checksum.add(piece);
        let length = piece.len();
        from.consume(length);
    }
}
