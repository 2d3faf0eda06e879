//! Which journals are being written: whoever writes one holds a lock on it, which goes with the process, however it ends.

use std::fs::File;
use std::io;
use std::path::Path;

/// Takes the lock of whoever writes. False: another process has it. A file system without locks has no such process.
#[cfg(unix)]
pub fn take(file: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockExclusive) != Err(rustix::io::Errno::WOULDBLOCK)
}

/// There is none on this system.
#[cfg(not(unix))]
pub fn take(_file: &File) -> bool {
    true
}

/// Whether a process writes this journal now.
pub fn is_taken(path: &Path) -> io::Result<bool> {
    let file = File::open(path)?;
    Ok(!look(&file))
}

#[cfg(unix)]
fn look(file: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    // Two that only look do not see each other.
    flock(file, FlockOperation::NonBlockingLockShared) != Err(rustix::io::Errno::WOULDBLOCK)
}

#[cfg(not(unix))]
fn look(_file: &File) -> bool {
    true
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_seen_until_its_file_is_closed() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x");
        let (file, other) = (File::create(&path).unwrap(), File::open(&path).unwrap());
        assert!(!is_taken(&path).unwrap());
        assert!(take(&file));
        assert!(is_taken(&path).unwrap() && !take(&other));
        drop(file);
        assert!(!is_taken(&path).unwrap() && take(&other));
        assert!(is_taken(&home.path().join("none")).is_err());
    }
}
