//! Files that are read by position, with a check for changes.

use std::fs::{File, Metadata};
use std::io;
use std::time::SystemTime;

/// Size and modification time of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Size, bytes.
    pub bytes: u64,
    /// Modification time, if the file system keeps one.
    modified: Option<SystemTime>,
}

impl Stamp {
    pub fn new(metadata: &Metadata) -> Self {
        Self { bytes: metadata.len(), modified: metadata.modified().ok() }
    }

    /// Creates the stamp of content in memory.
    #[cfg(any(test, fuzzing))]
    pub const fn with_size(bytes: u64) -> Self {
        Self { bytes, modified: None }
    }
}

/// Content of an open data set.
#[derive(Debug)]
pub enum Storage {
    /// An open file, and its stamp when it was opened.
    File(File, Stamp),
    /// Content in memory, for tests.
    #[cfg(any(test, fuzzing))]
    Memory(Vec<u8>),
}

impl Storage {
    /// Returns whether the file is unchanged since it was opened.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        match self {
            Self::File(file, stamp) => Ok(Stamp::new(&file.metadata()?) == *stamp),
            #[cfg(any(test, fuzzing))]
            Self::Memory(_) => Ok(true),
        }
    }

    /// Reads bytes at an offset. Does not move the position of the file.
    pub fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        match self {
            Self::File(file, _) => read_exact_at(file, &mut bytes, offset)?,
            #[cfg(any(test, fuzzing))]
            Self::Memory(content) => {
                let content = content.get(offset as usize..).and_then(|rest| rest.get(..length));
                bytes.copy_from_slice(content.ok_or(io::ErrorKind::UnexpectedEof)?);
            }
        }
        Ok(bytes)
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let read = std::os::windows::fs::FileExt::seek_read(file, bytes, offset)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = bytes.get_mut(read..).unwrap_or_default();
        offset += read as u64;
    }
    Ok(())
}
