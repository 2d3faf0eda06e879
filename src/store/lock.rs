//! Locks on journals. While a process writes a journal, other processes can read it but not write it. The lock ends
//! with the process, no matter how the process ends.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a journal and locks it. On Unix, only the user can read the file.
pub fn create(path: &Path) -> io::Result<File> {
    let file = system::for_writing(OpenOptions::new().create_new(true)).open(path)?;
    system::lock_new(&file);
    Ok(file)
}

/// Opens and locks an existing journal for reading and appending. The position is at the start; writers must seek to
/// the end. Returns `None` if another process is writing the journal.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    match system::for_writing(OpenOptions::new().read(true)).open(path) {
        Ok(file) => Ok(system::try_lock(&file).then_some(file)),
        Err(e) if system::is_locked(&e) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Returns whether a process is writing this journal.
pub fn is_locked(path: &Path) -> io::Result<bool> {
    match system::for_checking(OpenOptions::new().read(true)).open(path) {
        Ok(file) => Ok(!system::is_free(&file)),
        Err(e) if system::is_locked(&e) => Ok(true),
        Err(e) => Err(e),
    }
}

/// Implementation for Unix: an advisory lock on the open file. On a file system without locks, no other process is
/// assumed to write the file.
#[cfg(unix)]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::{FlockOperation, flock};
    use rustix::io::retry_on_intr;

    pub(super) fn for_writing(options: &mut OpenOptions) -> &OpenOptions {
        options.append(true).mode(0o600)
    }

    pub(super) const fn for_checking(options: &OpenOptions) -> &OpenOptions {
        options
    }

    pub(super) fn try_lock(file: &File) -> bool {
        flock_succeeds(file, FlockOperation::NonBlockingLockExclusive)
    }

    /// Locks a new file. Waits for the lock, because a listing of runs may briefly hold a shared lock.
    pub(super) fn lock_new(file: &File) {
        let _locked = retry_on_intr(|| flock(file, FlockOperation::LockExclusive));
    }

    pub(super) fn is_free(file: &File) -> bool {
        // A shared lock lets two checks run at the same time.
        flock_succeeds(file, FlockOperation::NonBlockingLockShared)
    }

    fn flock_succeeds(file: &File, lock: FlockOperation) -> bool {
        flock(file, lock) != Err(rustix::io::Errno::WOULDBLOCK)
    }

    pub(super) const fn is_locked(_error: &io::Error) -> bool {
        false
    }
}

/// Implementation for Windows: the sharing mode of open files. A lock on the bytes would prevent reading.
#[cfg(windows)]
mod system {
    use std::fs::{File, OpenOptions};
    use std::io;
    use std::os::windows::fs::OpenOptionsExt;

    const FILE_SHARE_READ: u32 = 1;
    const FILE_SHARE_DELETE: u32 = 4;
    const ERROR_SHARING_VIOLATION: i32 = 32;

    pub(super) fn for_writing(options: &mut OpenOptions) -> &OpenOptions {
        // Do not open the file for appending: such a file cannot be truncated. No other process can extend it.
        options.write(true).share_mode(FILE_SHARE_READ)
    }

    pub(super) fn for_checking(options: &mut OpenOptions) -> &OpenOptions {
        options.share_mode(FILE_SHARE_READ | FILE_SHARE_DELETE)
    }

    /// Returns true: an open file is already locked by its sharing mode.
    pub(super) const fn try_lock(_file: &File) -> bool {
        true
    }

    pub(super) const fn lock_new(_file: &File) {}

    pub(super) const fn is_free(_file: &File) -> bool {
        true
    }

    pub(super) fn is_locked(error: &io::Error) -> bool {
        error.raw_os_error() == Some(ERROR_SHARING_VIOLATION)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn one_process_writes_until_it_closes_the_file_and_all_may_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        for begin in [create, |path: &Path| Ok(open(path)?.unwrap())] {
            let mut file = begin(&path).unwrap();
            file.write_all(b"ab").unwrap();
            assert!(is_locked(&path).unwrap() && open(&path).unwrap().is_none() && create(&path).is_err());
            file.set_len(1).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), b"a");
            drop(file);
            assert!(!is_locked(&path).unwrap());
        }
        assert!(is_locked(&home.path().join("none")).is_err() && open(&home.path().join("none")).is_err());
    }

    #[test]
    fn readers_and_checks_block_no_other_process() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        drop(create(&path).unwrap());
        let _reader = File::open(&path).unwrap();
        assert!(!is_locked(&path).unwrap());
        let file = open(&path).unwrap();
        assert!(file.is_some() && File::open(&path).is_ok());
    }
}
