//! A stand-in for macmon for the program under test.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

/// Timeout that no passing test reaches.
const LIMIT: Duration = Duration::from_secs(60);

/// A line as macmon 0.10 prints it: an Apple M3 Max with 40 GPU cores and 24 GiB.
pub const LINE: &str = include_str!("../data/macmon/0.10.0.json");

/// A folder with a stand-in that prints what is written to [`Self::lines`].
#[derive(Debug)]
pub struct Macmon {
    folder: tempfile::TempDir,
}

impl Macmon {
    pub fn install() -> Self {
        Self::with_script("exec 9>$here/alive; exec cat $here/lines")
    }

    /// Installs a stand-in that runs this shell script.
    pub fn with_script(script: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let stand_in = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/macmon/stand-in");
        symlink(stand_in, folder.path().join("macmon")).expect("a link");
        fs::write(folder.path().join("script"), script).expect("a file");
        let made = Command::new("mkfifo").args(["alive", "lines"]).current_dir(folder.path()).status();
        assert!(made.is_ok_and(|status| status.success()));
        Self { folder }
    }

    /// `PATH` that contains the stand-in.
    pub fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own = std::iter::once(self.folder.path().to_owned());
        std::env::join_paths(own.chain(std::env::split_paths(&path))).expect("folders")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Waits until the stand-in runs. The returned file reaches its end when the stand-in ends.
    pub fn alive(&self) -> File {
        File::open(self.file("alive")).expect("a pipe")
    }

    /// Waits until the stand-in reads its lines.
    pub fn lines(&self) -> File {
        File::options().write(true).open(self.file("lines")).expect("a pipe")
    }
}

/// Sends the line this many times, at most ten times a second. Returns false once the reader is gone.
pub fn send_lines(lines: &mut File, line: &str, times: usize) -> bool {
    // A channel without a sender, as a timer.
    let (_sender, silent) = channel::<()>();
    (0..times).all(|_| {
        let is_read = lines.write_all(line.as_bytes()).is_ok();
        assert!(!is_read || silent.recv_timeout(Duration::from_millis(100)).is_err());
        is_read
    })
}

/// Waits for the end of the stand-in.
pub fn assert_ended(mut alive: File) {
    let (done, end) = channel();
    std::thread::spawn(move || done.send(alive.read(&mut [0]).expect("a pipe")));
    assert_eq!(end.recv_timeout(LIMIT), Ok(0));
}
