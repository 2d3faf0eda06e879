//! A file that only grows, written by a thread of its own: neither measuring nor screen ever waits for the disk.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel, sync_channel};
use std::time::Duration;

use super::lock;

/// Maximum bytes that wait for the disk: one that takes none for so long is as good as full.
const MAX_WAITING_BYTES: usize = 256 << 20;
/// What any lines that wait cost beside their text, bytes.
const COST_BYTES: usize = 256;
/// Lines that wait are written together, up to about so many bytes at once.
const BLOCK: usize = 4 << 20;

/// Makes lines with their ends, on the writing thread.
pub type MakeLines = Box<dyn FnOnce() -> String + Send>;

/// Lines to be appended.
pub struct PendingLines {
    /// Makes them.
    pub make: MakeLines,
    /// About how many bytes they hold while they wait.
    pub bytes: usize,
    /// Whether they must be on the disk before anything else is waited for.
    pub durable: bool,
}

/// A journal that is being written.
#[derive(Debug)]
pub struct Journal {
    lines: Sender<PendingLines>,
    waiting_bytes: Arc<AtomicUsize>,
    closed: Receiver<Result<(), String>>,
    path: PathBuf,
}

/// What can be appended to, and cut.
trait Tail: Send + 'static {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, length: u64) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
}

impl Tail for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

impl Journal {
    /// Begins a new file that only its owner reads. What goes wrong, now or later, is told once to `failed`, from the writing
    /// thread; nothing is written after that.
    pub fn start(path: PathBuf, failed: impl FnOnce(String) + Send + 'static) -> io::Result<Self> {
        let named = path.clone();
        Self::spawn(path, move || create(&named), failed)
    }

    /// Goes on with a file, of which this process holds the lock.
    pub fn go_on(file: File, path: PathBuf, failed: impl FnOnce(String) + Send + 'static) -> io::Result<Self> {
        Self::spawn(path, move || Ok(file), failed)
    }

    fn spawn<T: Tail>(
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
            let outcome = open().and_then(|tail| write_all(tail, &inbox, &waiting)).map_err(|e| explain(&named, &e));
            if let Err(why) = &outcome {
                failed(why.clone());
                // Whoever sends on must not find the queue full.
                while let Ok(lines) = inbox.recv() {
                    waiting.fetch_sub(lines.cost(), Ordering::Relaxed);
                }
            }
            let _nobody_waits = close.send(outcome);
        };
        std::thread::Builder::new().name("journal".to_owned()).spawn(run)?;
        Ok(Self { lines, waiting_bytes, closed, path })
    }

    /// Appends lines; durable ones are on the disk as soon as the disk allows. False: too much waits for the disk, and these
    /// lines are dropped.
    pub fn append(&self, lines: PendingLines) -> bool {
        let cost = lines.cost();
        if self.waiting_bytes.load(Ordering::Relaxed).saturating_add(cost) > MAX_WAITING_BYTES {
            return false;
        }
        self.waiting_bytes.fetch_add(cost, Ordering::Relaxed);
        // A thread that is gone has told what happened.
        let _gone = self.lines.send(lines);
        true
    }

    /// Waits until all is on the disk, at most so long; why it is not.
    pub fn close(self, patience: Duration) -> Result<(), String> {
        drop(self.lines);
        match self.closed.recv_timeout(patience) {
            Ok(outcome) => outcome,
            Err(RecvTimeoutError::Timeout) => Err(format!("'{}': the disk is too slow", self.path.display())),
            Err(RecvTimeoutError::Disconnected) => Err(format!("'{}': its thread is gone", self.path.display())),
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        create_folder(folder)?;
    }
    lock::create(path)
}

/// Prompts and answers are nobody else's.
fn create_folder(folder: &Path) -> io::Result<()> {
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
        self.bytes.saturating_add(COST_BYTES)
    }
}

/// Writes what comes until nobody sends any more.
fn write_all(mut tail: impl Tail, inbox: &Receiver<PendingLines>, waiting_bytes: &AtomicUsize) -> io::Result<()> {
    let mut written = tail.length()?;
    let mut block = String::new();
    while let Ok(lines) = inbox.recv() {
        block.clear();
        let (mut cost, mut durable) = (lines.cost(), lines.durable);
        let mut made = add(&mut block, lines.make);
        // What came meanwhile shares the wait for the disk.
        while made.is_ok() && block.len() < BLOCK {
            let Ok(lines) = inbox.try_recv() else { break };
            cost += lines.cost();
            durable |= lines.durable;
            made = add(&mut block, lines.make);
        }
        if let Err(e) = tail.append(block.as_bytes()) {
            // Half a line must not stand there. Where even that fails, it is the last one, which readers leave out.
            drop(tail.cut(written));
            return Err(e);
        }
        written += block.len() as u64;
        if durable {
            tail.sync()?;
        }
        made?;
        waiting_bytes.fetch_sub(cost, Ordering::Relaxed);
    }
    tail.sync()
}

/// Adds lines. A panic while they are made ends the journal in order, with all that came before it.
fn add(block: &mut String, make: MakeLines) -> io::Result<()> {
    let lines = catch_unwind(AssertUnwindSafe(make)).map_err(|_panic| io::Error::other("an internal error"))?;
    block.push_str(&lines);
    Ok(())
}

fn explain(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("'{path}': no room ({error})"),
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

    /// A disk with room for so many bytes: what does not fit is written as far as it does.
    struct Small(Disk, usize);

    impl Tail for Small {
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

        fn cut(&mut self, length: u64) -> io::Result<()> {
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
    fn a_full_disk_at_any_byte_leaves_whole_lines_and_is_told_once() {
        let lines = ["one", "three", "five", "seven"];
        for room in 0..24 {
            let (disk, (tell, told)) = (Disk::default(), channel());
            let journal = start(&disk, room, move |why| tell.send(why).unwrap());
            for text in lines {
                assert!(journal.append(line(text)));
            }
            let whole = journal.close(PATIENCE).is_ok();
            let told: Vec<_> = told.try_iter().collect();
            let text = String::from_utf8(disk.0.lock().unwrap().0.clone()).unwrap();
            assert!(
                "one\nthree\nfive\nseven\n".starts_with(&text) && (text.is_empty() || text.ends_with('\n')),
                "{text}"
            );
            assert_eq!((whole, told.len()), (room >= 21, usize::from(room < 21)), "{room}: {told:?}");
            assert!(told.iter().all(|why| why.starts_with("'/j': no room (")), "{told:?}");
        }
    }

    #[test]
    fn lines_that_wait_are_written_in_order_and_share_one_sync() {
        let disk = Disk::default();
        let journal = start(&disk, 1000, |why| panic!("{why}"));
        let (go, wait) = channel::<()>();
        // The thread stands in the first line until all others wait.
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
        assert_eq!(disk.1, 2, "one for all, one at the end");
    }

    #[test]
    fn a_disk_that_stands_still_holds_nobody_up() {
        let disk = Disk::default();
        let journal = start(&disk, 10, |_| {});
        let (go, wait) = channel::<()>();
        let stuck = move || {
            let _gone = wait.recv();
            String::new()
        };
        journal.append(lines(false, stuck));
        // Small lines do not exhaust what may wait, however many come at once.
        assert!((0..500_000).all(|_| journal.append(lines(false, String::new))));
        let large = || PendingLines { make: Box::new(String::new), bytes: MAX_WAITING_BYTES / 4, durable: false };
        assert_eq!((0..8).map(|_| journal.append(large())).filter(|kept| *kept).count(), 2);
        assert_eq!(journal.close(Duration::ZERO).unwrap_err(), "'/j': the disk is too slow");
        drop(go);
    }

    #[test]
    fn a_panic_while_a_line_is_made_is_told_and_leaves_whole_lines() {
        let (disk, (tell, told)) = (Disk::default(), channel());
        let journal = start(&disk, 1000, move |why| tell.send(why).unwrap());
        assert!(journal.append(line("one")));
        assert!(journal.append(lines(true, || panic!("while a line is made"))));
        let why = told.recv().unwrap();
        assert_eq!(why, "'/j': an internal error");
        assert!(journal.append(line("two")));
        assert_eq!(journal.close(PATIENCE), Err(why));
        assert_eq!(disk.0.lock().unwrap().0, b"one\n");
    }

    #[test]
    fn a_new_file_is_its_owner_s_alone_and_never_another_s() {
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
        let (tell, told) = channel();
        let journal = Journal::start(path.clone(), move |why| tell.send(why).unwrap()).unwrap();
        assert!(journal.append(line("y")));
        assert!(journal.close(PATIENCE).unwrap_err().contains("x.jsonl"));
        assert!(told.recv().unwrap().contains("x.jsonl"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n");
    }
}
