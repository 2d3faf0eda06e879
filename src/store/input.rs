//! Reads files that the user names, up to a size limit. Pipes and devices may be silent or endless: they neither block
//! the program nor fill its memory.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::time::Duration;

/// Kind of input file.
#[derive(Debug)]
pub struct Kind {
    /// Usual name of such a file, if any.
    pub file_name: Option<&'static str>,
    /// Description of the content with an article, for messages.
    pub what: &'static str,
    /// Maximum size in bytes, a multiple of 1024. A larger file must be a mistake.
    pub max_bytes: u64,
}

/// Reason why a file was not read, with advice. Does not contain the file's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);

/// Maximum silence of a pipe or device. The program that writes to it may have to ask the user first.
const MAX_SILENCE: Duration = Duration::from_millis(if cfg!(test) { 200 } else { 30_000 });

/// Reads a text file. `name` is the file's name as the user gave it.
pub fn read(path: &Path, name: &str, kind: &Kind) -> Result<Vec<u8>, ReadError> {
    read_binary(path, name, kind).and_then(as_utf8)
}

/// Reads a file of any content. `name` is the file's name as the user gave it.
pub fn read_binary(path: &Path, name: &str, kind: &Kind) -> Result<Vec<u8>, ReadError> {
    let folder = || {
        let example = |file: &str| format!(", like {}", Path::new(name).join(file).display());
        ReadError(format!("is a folder; name the file in it{}", kind.file_name.map_or_else(String::new, example)))
    };
    let too_large = || {
        let (size, unit) = match kind.max_bytes / 1024 {
            kib if kib % 1024 == 0 => (kib / 1024, "MiB"),
            kib => (kib, "KiB"),
        };
        ReadError(format!("is larger than {size} {unit}, too large for {}", kind.what))
    };
    let failed = |e: io::Error| {
        ReadError(match e.kind() {
            ErrorKind::NotFound => "there is no such file".to_owned(),
            ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
            // A timeout that the file system reports has an error number; this one has none.
            ErrorKind::TimedOut if e.raw_os_error().is_none() => format!(
                "is a pipe or a device and sent nothing for {} s; name a file, or check the program that \
                 writes to it",
                MAX_SILENCE.as_secs()
            ),
            _ => format!("cannot be read: {e}"),
        })
    };
    if path.is_dir() {
        return Err(folder());
    }
    let mut file = open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    // The size is meaningful only for regular files, not for pipes, devices and some system files.
    if meta.len() > kind.max_bytes {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let limit = kind.max_bytes + 1;
    let read = if meta.is_file() {
        file.take(limit).read_to_end(&mut bytes).map(drop)
    } else {
        read_patiently(&mut file, limit, &mut bytes)
    };
    read.map_err(failed)?;
    if bytes.len() as u64 > kind.max_bytes { Err(too_large()) } else { Ok(bytes) }
}

/// Removes a byte order mark. All files that users name are UTF-8 text. UTF-16 is rejected here, because a parser would
/// only complain about the first character.
fn as_utf8(mut bytes: Vec<u8>) -> Result<Vec<u8>, ReadError> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if bytes.starts_with(BOM) {
        bytes.drain(..BOM.len());
    }
    match bytes.as_slice() {
        // These bytes are a byte order mark of UTF-16 or UTF-32, or an ASCII character in two bytes.
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0x7f, ..] | [1..=0x7f, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            Err(ReadError("is UTF-16 or UTF-32 text; save the file as UTF-8".to_owned()))
        }
        _ => Ok(bytes),
    }
}

/// Opens a file without waiting for the other end of a pipe.
#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Reads up to `most` bytes from a source that may be silent. Waits at most [`MAX_SILENCE`] each time.
#[cfg(unix)]
fn read_patiently(file: &mut File, most: u64, into: &mut Vec<u8>) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec::try_from(MAX_SILENCE).map_err(io::Error::other)?;
    let mut block = [0; 1 << 13];
    // A pipe without a writer is at its end: before the first writer opens it, and after the last one closes it. Only
    // the latter ends the read.
    let mut is_ready = false;
    while (into.len() as u64) < most {
        match file.read(&mut block) {
            Ok(0) if is_ready || !into.is_empty() => break,
            Ok(0) => {}
            Ok(n) => {
                into.extend(block.iter().take(n));
                continue;
            }
            Err(e) if e.kind() == ErrorKind::Interrupted => continue,
            Err(e) if e.kind() == ErrorKind::WouldBlock => {}
            Err(e) => return Err(e),
        }
        match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return Err(ErrorKind::TimedOut.into()),
            Ok(_) => is_ready = true,
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn read_patiently(file: &mut File, most: u64, into: &mut Vec<u8>) -> io::Result<()> {
    file.take(most).read_to_end(into).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind { file_name: Some("cases.toml"), what: "a suite", max_bytes: 4096 };

    fn read_len(path: &Path) -> Result<usize, String> {
        read(path, "sub", &KIND).map(|bytes| bytes.len()).map_err(|e| e.0)
    }

    #[test]
    fn a_file_is_read_up_to_its_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        for (length, expected) in
            [(0, Ok(0)), (4096, Ok(4096)), (4097, Err("is larger than 4 KiB, too large for a suite".to_owned()))]
        {
            std::fs::write(&file, vec![b'a'; length]).unwrap();
            assert_eq!(read_len(&file), expected);
        }
        // This file is sparse. Windows allocates the space, so the file is smaller there.
        let huge = File::create(folder.path().join("huge")).unwrap();
        huge.set_len(if cfg!(windows) { 1 << 20 } else { 10 << 30 }).unwrap();
        assert!(read_len(&folder.path().join("huge")).unwrap_err().starts_with("is larger than"));
        assert_eq!(read_len(&folder.path().join("none")).unwrap_err(), "there is no such file");
        let example =
            format!("is a folder; name the file in it, like {}", Path::new("sub").join("cases.toml").display());
        assert_eq!(read_len(folder.path()).unwrap_err(), example);
        let nameless = Kind { file_name: None, max_bytes: 2 << 20, ..KIND };
        assert_eq!(read(folder.path(), "sub", &nameless).unwrap_err().0, "is a folder; name the file in it");
        std::fs::write(&file, vec![b'a'; (2 << 20) + 1]).unwrap();
        assert_eq!(read(&file, "x", &nameless).unwrap_err().0, "is larger than 2 MiB, too large for a suite");
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_utf_16_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x");
        let content = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            read(&file, "x", &KIND).map_err(|e| e.0)
        };
        assert_eq!(content(b"\xef\xbb\xbfa = 1"), Ok(b"a = 1".to_vec()));
        assert_eq!(content(b"\xef\xbb\xbf"), Ok(Vec::new()));
        assert_eq!(content(b"\x00"), Ok(b"\x00".to_vec()), "left to the reader");
        let little: Vec<u8> = "a = 1".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "a = 1".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for text in [[b"\xff\xfe", &*little].concat(), [b"\xfe\xff", &*big].concat(), little, big] {
            assert_eq!(content(&text), Err("is UTF-16 or UTF-32 text; save the file as UTF-8".to_owned()));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn devices_and_pipes_end_at_the_limit_or_time_out() {
        use std::io::Write;

        use rustix::fs::{CWD, FileType, Mode, mknodat};
        assert!(read_len(Path::new("/dev/zero")).unwrap_err().starts_with("is larger than"));
        assert_eq!(read_len(Path::new("/dev/null")), Ok(0));
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        // The pipe first has no writer, then a silent writer, then a writer that writes everything.
        assert!(read_len(&pipe).unwrap_err().contains("sent nothing"), "{:?}", read_len(&pipe));
        let mut writer = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        assert!(read_len(&pipe).unwrap_err().contains("sent nothing"));
        writer.write_all(b"some").unwrap();
        // A pipe has no end while any process holds it open for writing.
        assert!(read_len(&pipe).unwrap_err().contains("sent nothing"));
        drop(writer);
        // The pipe keeps written data while any process holds it open.
        let _open = super::open(&pipe).unwrap();
        std::fs::write(&pipe, "whole").unwrap();
        assert_eq!(read_len(&pipe), Ok(5));
    }
}
