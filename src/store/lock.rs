//! Which journals are being written: whoever writes one keeps others from writing it, and from nothing else. That goes with
//! the process, however it ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// A new journal, which its owner alone reads where the system knows of owners.
pub fn create(path: &Path) -> io::Result<File> {
    let file = system::to_write(OpenOptions::new().create_new(true)).open(path)?;
    system::take_new(&file);
    Ok(file)
}

/// One that is there, to be read and gone on with. `None`: another process writes it. It stands at its begin; whoever appends
/// seeks the end.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    match system::to_write(OpenOptions::new().read(true)).open(path) {
        Ok(file) => Ok(system::take(&file).then_some(file)),
        Err(e) if system::is_taken(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Whether a process writes this journal now.
pub fn is_taken(path: &Path) -> io::Result<bool> {
    match system::to_look(OpenOptions::new().read(true)).open(path) {
        Ok(file) => Ok(!system::look(&file)),
        Err(e) if system::is_taken(&e) => Ok(true),
        Err(e) => Err(e),
    }
}

/// A lock on the open file, which hinders nobody who does not ask for it. A file system without locks has no other process.
#[cfg(unix)]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{FlockOperation, flock};
    use rustix::io::retry_on_intr;

    pub(super) fn to_write(options: &mut OpenOptions) -> &OpenOptions {
        options.append(true).mode(0o600)
    }

    pub(super) const fn to_look(options: &OpenOptions) -> &OpenOptions {
        options
    }

    pub(super) fn take(file: &File) -> bool {
        is_had(file, FlockOperation::NonBlockingLockExclusive)
    }

    /// Who lists the runs may look at it in this moment, and is gone in the next.
    pub(super) fn take_new(file: &File) {
        let _held = retry_on_intr(|| flock(file, FlockOperation::LockExclusive));
    }

    pub(super) fn look(file: &File) -> bool {
        // Two that only look do not see each other.
        is_had(file, FlockOperation::NonBlockingLockShared)
    }

    fn is_had(file: &File, lock: FlockOperation) -> bool {
        flock(file, lock) != Err(rustix::io::Errno::WOULDBLOCK)
    }

    pub(super) const fn is_taken(_error: &io::Error) -> bool {
        false
    }
}

/// What whoever has a file open lets others do. A lock on its bytes would keep them from reading.
#[cfg(windows)]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;

    const FILE_SHARE_READ: u32 = 1;
    const FILE_SHARE_DELETE: u32 = 4;
    const ERROR_SHARING_VIOLATION: i32 = 32;

    pub(super) fn to_write(options: &mut OpenOptions) -> &OpenOptions {
        // Not for appending: a file that is open for that alone cannot be cut. Nobody else makes it longer.
        options.write(true).share_mode(FILE_SHARE_READ)
    }

    pub(super) fn to_look(options: &mut OpenOptions) -> &OpenOptions {
        options.share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE)
    }

    /// What is open is taken.
    pub(super) const fn take(_file: &File) -> bool {
        true
    }

    pub(super) const fn take_new(_file: &File) {}

    pub(super) const fn look(_file: &File) -> bool {
        true
    }

    pub(super) fn is_taken(error: &io::Error) -> bool {
        error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn one_writes_until_its_file_is_closed_and_all_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        for begin in [create, |path: &Path| Ok(open(path)?.unwrap())] {
            let mut file = begin(&path).unwrap();
            file.write_all(b"ab").unwrap();
            assert!(is_taken(&path).unwrap() && open(&path).unwrap().is_none() && create(&path).is_err());
            file.set_len(1).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"a");
            drop(file);
            assert!(!is_taken(&path).unwrap());
        }
        assert!(is_taken(&home.path().join("none")).is_err() && open(&home.path().join("none")).is_err());
    }

    #[test]
    fn who_reads_or_looks_is_in_nobody_s_way() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        drop(create(&path).unwrap());
        let _reader = File::open(&path).unwrap();
        assert!(!is_taken(&path).unwrap());
        let file = open(&path).unwrap();
        assert!(file.is_some() && File::open(&path).is_ok());
    }
}
