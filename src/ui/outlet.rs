//! Writes to a terminal or a pipe on its own thread, so that a stalled reader delays nothing else.

use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A stream that a thread of its own writes in order. Clones share the thread.
#[derive(Clone, Debug)]
pub struct Outlet {
    blocks: Sender<Vec<u8>>,
    progress: Arc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting_bytes: usize,
    /// Whether a wait has timed out, and nothing was written since.
    is_stalled: bool,
    failure: Option<Failure>,
}

/// An I/O error that can be reported more than once.
#[derive(Clone, Copy, Debug)]
struct Failure {
    kind: io::ErrorKind,
    os_code: Option<i32>,
}

impl Failure {
    fn to_error(self) -> io::Error {
        self.os_code.map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet {
    /// Starts the thread, which writes to `sink`. After each block it calls `written` with the result; after an error
    /// it discards everything else. `written` must not block.
    pub fn start(
        name: &str,
        sink: impl Write + Send + 'static,
        written: impl Fn(io::Result<()>) + Send + 'static,
    ) -> io::Result<Self> {
        let (blocks, inbox) = channel();
        let progress = Arc::new(Progress::default());
        let shared = Arc::clone(&progress);
        let run = move || run(&inbox, sink, &shared, written);
        std::thread::Builder::new().name(name.to_owned()).spawn(run)?;
        Ok(Self { blocks, progress })
    }

    /// Queues a block without waiting.
    pub fn send(&self, block: Vec<u8>) {
        if block.is_empty() {
            return;
        }
        self.progress.lock().waiting_bytes += block.len();
        // The thread lives as long as its senders.
        drop(self.blocks.send(block));
    }

    /// Queued bytes that the file has not accepted yet.
    pub fn waiting_bytes(&self) -> usize {
        self.progress.lock().waiting_bytes
    }

    /// Error after which nothing more was written.
    pub fn failure(&self) -> Option<io::Error> {
        self.progress.lock().failure.map(Failure::to_error)
    }

    /// Waits up to `patience` until the file has accepted everything. After a timeout, later calls return at once as
    /// long as nothing is written. Errors: the failed write, or [`io::ErrorKind::TimedOut`].
    #[expect(clippy::disallowed_methods, reason = "a limit in real time")]
    pub fn flush_within(&self, patience: Duration) -> io::Result<()> {
        let deadline = Instant::now() + patience;
        let mut state = self.progress.lock();
        while state.waiting_bytes > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || state.is_stalled {
                state.is_stalled = true;
                return Err(io::ErrorKind::TimedOut.into());
            }
            let woken = self.progress.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.failure.map_or(Ok(()), |failure| Err(failure.to_error()))
    }

    /// Waits until the file has accepted everything, without a limit. Errors: the failed write.
    pub fn flush_patiently(&self) -> io::Result<()> {
        let mut state = self.progress.lock();
        while state.waiting_bytes > 0 {
            state = self.progress.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.failure.map_or(Ok(()), |failure| Err(failure.to_error()))
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn run(inbox: &Receiver<Vec<u8>>, mut sink: impl Write, progress: &Progress, written: impl Fn(io::Result<()>)) {
    while let Ok(block) = inbox.recv() {
        let failed_before = progress.lock().failure.is_some();
        let outcome = if failed_before { Ok(()) } else { sink.write_all(&block).and_then(|()| sink.flush()) };
        let mut state = progress.lock();
        state.waiting_bytes -= block.len();
        state.is_stalled = false;
        if let Err(e) = &outcome {
            state.failure = Some(Failure { kind: e.kind(), os_code: e.raw_os_error() });
        }
        drop(state);
        progress.changed.notify_all();
        if !failed_before {
            written(outcome);
        }
    }
}

/// A standard stream of this process for an [`Outlet`].
pub fn standard(stream: Standard) -> Box<dyn Write + Send> {
    #[cfg(unix)]
    {
        let file = match stream {
            Standard::Out => unix::own_file(&io::stdout()),
            Standard::Err => unix::own_file(&io::stderr()),
        };
        file.map_or_else(|_closed| Box::new(io::sink()) as Box<dyn Write + Send>, |file| Box::new(file))
    }
    // A console does not accept UTF-8 bytes; the standard library converts them.
    #[cfg(not(unix))]
    match stream {
        Standard::Out => Box::new(io::stdout()),
        Standard::Err => Box::new(io::stderr()),
    }
}

/// A standard stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Write};
    use std::os::fd::{AsFd, BorrowedFd};

    use rustix::event::{PollFd, PollFlags, poll};

    /// A second handle of a standard stream. It bypasses the standard library's lock, so a write that blocks forever
    /// does not block other threads.
    pub(super) fn own_file(stream: &impl AsFd) -> io::Result<RetryingWriter> {
        stream.as_fd().try_clone_to_owned().map(|fd| RetryingWriter(fd.into()))
    }

    /// Writes to a file, and waits when the file would block. Another process may have made the shared file
    /// non-blocking.
    #[derive(Debug)]
    pub(super) struct RetryingWriter(File);

    impl Write for RetryingWriter {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            loop {
                match self.0.write(bytes) {
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => wait_for_room(self.0.as_fd())?,
                    outcome => return outcome,
                }
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn wait_for_room(file: BorrowedFd<'_>) -> io::Result<()> {
        match poll(&mut [PollFd::from_borrowed_fd(file, PollFlags::OUT)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::sync_channel;

    use super::*;

    /// A sink that accepts each block only after the test allows it.
    struct Gated(Receiver<io::Result<()>>);

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().unwrap_or(Ok(())).map(|()| bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_file_does_not_block_the_sender() {
        let (allow, gate) = channel();
        let (report, done) = channel();
        let outlet = Outlet::start("gated", Gated(gate), move |outcome| report.send(outcome.is_ok()).unwrap()).unwrap();
        outlet.send(b"abc".to_vec());
        outlet.clone().write_all(b"de").unwrap();
        assert_eq!(outlet.waiting_bytes(), 5);
        let late = outlet.flush_within(Duration::ZERO).unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::TimedOut);
        allow.send(Ok(())).unwrap();
        assert!(done.recv().unwrap());
        assert_eq!(outlet.waiting_bytes(), 2);
        // After one timeout without progress, further waits return at once.
        outlet.flush_within(Duration::ZERO).unwrap_err();
        outlet.flush_within(Duration::from_secs(3600)).unwrap_err();
        allow.send(Ok(())).unwrap();
        outlet.flush_patiently().unwrap();
    }

    #[test]
    fn after_an_error_the_rest_is_discarded_and_the_error_stays() {
        let (allow, gate) = sync_channel(1);
        let (report, done) = channel();
        let outlet =
            Outlet::start("broken", Gated(gate), move |outcome| report.send(outcome.is_err()).unwrap()).unwrap();
        allow.send(Err(io::Error::from_raw_os_error(5))).unwrap();
        outlet.send(b"a".to_vec());
        outlet.send(b"b".to_vec());
        let failed = outlet.flush_within(Duration::from_secs(60)).unwrap_err();
        assert_eq!((failed.raw_os_error(), outlet.waiting_bytes()), (Some(5), 0));
        assert_eq!(outlet.failure().and_then(|e| e.raw_os_error()), Some(5));
        drop(outlet);
        assert_eq!(done.iter().collect::<Vec<_>>(), [true], "reported once");
    }
}
