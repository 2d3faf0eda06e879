//! A file that a separate thread appends to. Neither the measurement nor the screen waits for the disk.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use super::lock;

/// Maximum bytes that wait for the disk. A disk that is further behind counts as full.
const MAX_WAITING_BYTES: usize = 256 << 20;
/// Additional memory for each waiting entry, bytes.
const OVERHEAD_BYTES: usize = 256;
/// Approximate maximum size of the lines to write at once, bytes.
const BLOCK: usize = 4 << 20;

/// Function that returns lines with their line ends. Runs on the writing thread.
pub type MakeLines = Box<dyn FnOnce() -> String + Send>;

/// Lines to append to a journal.
pub struct PendingLines {
    /// Produces the lines.
    pub make: MakeLines,
    /// Approximate memory in use while the lines wait, bytes.
    pub bytes: usize,
    /// Whether the lines must be synced to the disk immediately.
    pub durable: bool,
}

/// Handle of an open journal.
#[derive(Debug)]
pub struct Journal {
    lines: Sender<PendingLines>,
    waiting_bytes: Arc<AtomicUsize>,
    closed: Receiver<Result<(), String>>,
    path: PathBuf,
}

/// A file that can be appended to and truncated.
trait AppendFile: Send + 'static {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn truncate(&mut self, length: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
}

impl AppendFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Journal {
    /// Creates a new file that only the user can read. `failed` is called with the first error, on the writing thread.
    /// After an error, nothing more is written.
    pub fn start(path: PathBuf, failed: impl FnOnce(String) + Send + 'static) -> io::Result<Self> {
        let named = path.clone();
        Self::spawn(path, move || create(&named), failed)
    }

    /// Appends to an existing file, whose lock this process holds.
    pub fn resume(file: File, path: PathBuf, failed: impl FnOnce(String) + Send + 'static) -> io::Result<Self> {
        Self::spawn(path, move || Ok(file), failed)
    }

    fn spawn<T: AppendFile>(
        path: PathBuf,
        open: impl FnOnce() -> io::Result<T> + Send + 'static,
        failed: impl FnOnce(String) + Send + 'static,
    ) -> io::Result<Self> {
        let (lines, inbox) = channel();
        let waiting_bytes = Arc::new(AtomicUsize::new(0));
        let waiting = Arc::clone(&waiting_bytes);
        let (close, closed) = sync_channel(1);
        let named = path.clone();
        let run = move || {
            let outcome = open().and_then(|file| write_all(file, &inbox, &waiting)).map_err(|e| explain(&named, &e));
            if let Err(why) = &outcome {
                failed(why.clone());
                // Go on receiving, so that senders never find the queue full.
                while let Ok(lines) = inbox.recv() {
                    waiting.fetch_sub(lines.cost(), Ordering::Relaxed);
                }
            }
            let _nobody_waits = close.send(outcome);
        };
        std::thread::Builder::new().name("journal".to_owned()).spawn(run)?;
        Ok(Self { lines, waiting_bytes, closed, path })
    }

    /// Appends lines. Returns false and drops the lines if too many bytes wait for the disk.
    pub fn append(&self, lines: PendingLines) -> bool {
        let cost = lines.cost();
        if self.waiting_bytes.load(Ordering::Relaxed).saturating_add(cost) > MAX_WAITING_BYTES {
            return false;
        }
        self.waiting_bytes.fetch_add(cost, Ordering::Relaxed);
        // Sending fails if the thread has ended; then the thread has already reported why.
        let _gone = self.lines.send(lines);
        true
    }

    /// Waits until all lines are on the disk, for at most `timeout`. The error describes why they are not.
    pub fn close(self, timeout: Duration) -> Result<(), String> {
        drop(self.lines);
        match self.closed.recv_timeout(timeout) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Err(format!("'{}': the disk is too slow", self.path.display())),
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("'{}': the writing thread ended unexpectedly", self.path.display()))
            }
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    lock::create(path)
}

/// Creates a folder that only the user can read, because prompts and answers are private.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(folder)
}

impl PendingLines {
    const fn cost(&self) -> usize {
        self.bytes.saturating_add(OVERHEAD_BYTES)
    }
}

/// Writes all lines until every sender is dropped.
fn write_all(mut file: impl AppendFile, inbox: &Receiver<PendingLines>, waiting_bytes: &AtomicUsize) -> io::Result<()> {
    let mut written = file.length()?;
    let mut block = String::new();
    while let Ok(lines) = inbox.recv() {
        block.clear();
        let (mut cost, mut durable) = (lines.cost(), lines.durable);
        let mut made = add(&mut block, lines.make);
        // Write and sync all lines that arrived meanwhile together.
        while made.is_ok() && block.len() < BLOCK {
            let Ok(lines) = inbox.try_recv() else { break };
            cost += lines.cost();
            durable |= lines.durable;
            made = add(&mut block, lines.make);
        }
        if let Err(e) = file.append(block.as_bytes()) {
            // Remove a partly written line. If this fails, too, readers ignore the line, because it is the last one and
            // incomplete.
            drop(file.truncate(written));
            return Err(e);
        }
        written += block.len() as u64;
        if durable {
            file.sync()?;
        }
        made?;
        waiting_bytes.fetch_sub(cost, Ordering::Relaxed);
    }
    file.sync()
}

/// Adds lines to the block. A panic in `make` ends the journal properly, after all earlier lines.
fn add(block: &mut String, make: MakeLines) -> io::Result<()> {
    let lines = catch_unwind(AssertUnwindSafe(make)).map_err(|_panic| io::Error::other("an internal error"))?;
    block.push_str(&lines);
    Ok(())
}

fn explain(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("'{path}': the disk is full ({error})"),
        _ => format!("'{path}': {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;
    use std::sync::{Arc, Mutex};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(Vec<u8>, usize)>>);

    /// A disk with this number of bytes. If data does not fit, the part that fits is written.
    struct Small(Disk, usize);

    impl AppendFile for Small {
        fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
            let mut disk = self.0.0.lock().unwrap();
            let room = self.1 - disk.0.len();
            disk.0.extend(bytes.iter().take(room));
            if bytes.len() > room { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
        }

        fn sync(&mut self) -> io::Result<()> {
            self.0.0.lock().unwrap().1 += 1;
            Ok(())
        }

        fn truncate(&mut self, length: u64) -> io::Result<()> {
            self.0.0.lock().unwrap().0.truncate(length as usize);
            Ok(())
        }

        fn length(&self) -> io::Result<u64> {
            Ok(self.0.0.lock().unwrap().0.len() as u64)
        }
    }

    fn start(disk: &Disk, room: usize, failed: impl FnOnce(String) + Send + 'static) -> Journal {
        let small = Small(disk.clone(), room);
        Journal::spawn(PathBuf::from("/j"), move || Ok(small), failed).unwrap()
    }

    fn line(text: &'static str) -> PendingLines {
        lines(true, move || format!("{text}\n"))
    }

    fn lines(durable: bool, make: impl FnOnce() -> String + Send + 'static) -> PendingLines {
        PendingLines { make: Box::new(make), bytes: 0, durable }
    }

    #[test]
    fn a_disk_full_at_any_byte_leaves_complete_lines_and_is_reported_once() {
        let lines = ["one", "three", "five", "seven"];
        for room in 0..24 {
            let (disk, (tell, errors)) = (Disk::default(), channel());
            let journal = start(&disk, room, move |why| tell.send(why).unwrap());
            for text in lines {
                assert!(journal.append(line(text)));
            }
            let whole = journal.close(PATIENCE).is_ok();
            let errors: Vec<_> = errors.try_iter().collect();
            let text = String::from_utf8(disk.0.lock().unwrap().0.clone()).unwrap();
            assert!(
                "one\nthree\nfive\nseven\n".starts_with(&text) && (text.is_empty() || text.ends_with('\n')),
                "{text}"
            );
            assert_eq!((whole, errors.len()), (room >= 21, usize::from(room < 21)), "{room}: {errors:?}");
            assert!(errors.iter().all(|why| why.starts_with("'/j': the disk is full (")), "{errors:?}");
        }
    }

    #[test]
    fn waiting_lines_are_written_in_order_with_one_sync() {
        let disk = Disk::default();
        let journal = start(&disk, 1000, |why| panic!("{why}"));
        let (go, wait) = channel::<()>();
        // The thread blocks in the first line until all other lines are waiting.
        let first = move || {
            wait.recv().unwrap();
            "0\n".to_owned()
        };
        journal.append(lines(true, first));
        for n in 1..100 {
            journal.append(lines(true, move || format!("{n}\n")));
        }
        go.send(()).unwrap();
        assert_eq!(journal.close(PATIENCE), Ok(()));
        let disk = disk.0.lock().unwrap();
        let expected = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
        assert_eq!(String::from_utf8_lossy(&disk.0), expected);
        assert_eq!(disk.1, 2, "one sync for all lines, one at the end");
    }

    #[test]
    fn a_blocked_disk_blocks_no_sender() {
        let disk = Disk::default();
        let journal = start(&disk, 10, |_| {});
        let (go, wait) = channel::<()>();
        let stuck = move || {
            let _gone = wait.recv();
            String::new()
        };
        journal.append(lines(false, stuck));
        // Small lines never exhaust the limit, however many wait at once.
        assert!((0..500_000).all(|_| journal.append(lines(false, String::new))));
        let large = || PendingLines { make: Box::new(String::new), bytes: MAX_WAITING_BYTES / 4, durable: false };
        assert_eq!((0..8).map(|_| journal.append(large())).filter(|accepted| *accepted).count(), 2);
        assert_eq!(journal.close(Duration::ZERO).unwrap_err(), "'/j': the disk is too slow");
        drop(go);
    }

    #[test]
    fn a_panic_while_making_a_line_is_reported_and_leaves_complete_lines() {
        let (disk, (tell, errors)) = (Disk::default(), channel());
        let journal = start(&disk, 1000, move |why| tell.send(why).unwrap());
        assert!(journal.append(line("one")));
        assert!(journal.append(lines(true, || panic!("while a line is made"))));
        let why = errors.recv().unwrap();
        assert_eq!(why, "'/j': an internal error");
        assert!(journal.append(line("two")));
        assert_eq!(journal.close(PATIENCE), Err(why));
        assert_eq!(disk.0.lock().unwrap().0, b"one\n");
    }

    #[test]
    fn a_new_file_is_private_and_never_replaces_another() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("a/b/x.jsonl");
        let journal = Journal::start(path.clone(), |why| panic!("{why}")).unwrap();
        journal.append(line("x"));
        assert_eq!(journal.close(PATIENCE), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        }
        let (tell, errors) = channel();
        let journal = Journal::start(path.clone(), move |why| tell.send(why).unwrap()).unwrap();
        assert!(journal.append(line("y")));
        assert!(journal.close(PATIENCE).unwrap_err().contains("x.jsonl"));
        assert!(errors.recv().unwrap().contains("x.jsonl"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
    }
}
