//! Fingerprint of a data set or a trace. It reveals, when a run is resumed or compared, that the file has changed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::quantity::grouped;

/// Size and checksum of the content of a data set or a trace.
///
/// Two different files of the same size have equal fingerprints once in four billion pairs. CRC-32 is no protection
/// against deliberate forgery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFingerprint {
    /// Size of the file, or of all text files of a folder, bytes.
    pub bytes: u64,
    /// CRC-32 of the file (ISO 3309, as in gzip and zip). For a folder: of name, size and content of each text file.
    pub crc32: u32,
}

impl fmt::Display for DataFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes, CRC-32 {:08x}", grouped(self.bytes), self.crc32)
    }
}

#[cfg(test)]
mod tests {
    use super::DataFingerprint;

    #[test]
    fn a_fingerprint_shows_all_digits_of_the_checksum() {
        let shown = DataFingerprint { bytes: 1_234_567, crc32: 0xaf3 }.to_string();
        assert_eq!(shown, "1,234,567 bytes, CRC-32 00000af3");
    }
}
