//! Stdout and stderr of a run. Writing never waits for a reader: a stopped terminal or an unread pipe must delay neither the
//! measurement nor the end.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::wake::Wake;
use crate::app::message::Msg;
use crate::domain::text::sanitise;
use crate::ui::outlet::{Outlet, Standard, standard};

/// Maximum wait for one stream before the other is written, so that lines keep their order on a terminal.
const ORDER_PATIENCE: Duration = Duration::from_millis(100);
/// Maximum wait at the end for a stream with text that the user can do without.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// Maximum wait after the user asked to end.
const INTERRUPTED_PATIENCE: Duration = Duration::from_millis(100);
/// Maximum progress to keep while nothing reads it, bytes; the rest is dropped.
const MAX_WAITING_BYTES: usize = 256 * 1024;

static OUT: OnceLock<Option<Outlet>> = OnceLock::new();
static ERR: OnceLock<Option<Outlet>> = OnceLock::new();

fn outlet(stream: Standard) -> Option<&'static Outlet> {
    let (place, name) = match stream {
        Standard::Out => (&OUT, "stdout"),
        Standard::Err => (&ERR, "stderr"),
    };
    place.get_or_init(|| Outlet::start(name, standard(stream), drop).ok()).as_ref()
}

/// Stderr. Writes nothing if its thread cannot start.
#[derive(Debug, Default)]
pub struct Stderr {
    dropped_lines: usize,
    /// Whether the last line is a status line, which the next text replaces.
    shows_status: bool,
}

/// Moves to the start of the line and clears it.
const CLEAR_LINE: &[u8] = b"\r\x1b[K";

impl Stderr {
    /// Writes a line of progress, or drops it while stderr is not read.
    pub fn progress(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let Some(outlet) = outlet(Standard::Err) else { return };
        let mut text = self.take_status();
        write(&mut text);
        let waiting = outlet.waiting_bytes();
        if waiting > MAX_WAITING_BYTES {
            self.dropped_lines += 1;
            return;
        }
        if waiting == 0 && self.dropped_lines > 0 {
            let dropped = std::mem::take(&mut self.dropped_lines);
            outlet.send(format!("({dropped} progress lines were dropped because nothing read stderr)\n").into_bytes());
        }
        outlet.send(text);
    }

    /// Shows a status line in place of the one before, unless stderr is not read. The next text replaces it.
    pub fn show_status(&mut self, line: &str) {
        let Some(outlet) = outlet(Standard::Err).filter(|outlet| outlet.waiting_bytes() == 0) else { return };
        let mut text = CLEAR_LINE.to_vec();
        text.extend_from_slice(line.as_bytes());
        outlet.send(text);
        self.shows_status = true;
    }

    /// Removes the status line.
    pub fn clear_status(&mut self) {
        let text = self.take_status();
        if let Some(outlet) = outlet(Standard::Err) {
            outlet.send(text);
        }
    }

    /// Bytes that remove the status line, if there is one.
    fn take_status(&mut self) -> Vec<u8> {
        if std::mem::take(&mut self.shows_status) { CLEAR_LINE.to_vec() } else { Vec::new() }
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(outlet) = outlet(Standard::Err) {
            let mut text = self.take_status();
            text.extend_from_slice(bytes);
            outlet.send(text);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes to stdout. Lines keep their order with those on stderr, unless a stream is not read.
///
/// # Errors
///
/// The stream cannot be written. A reader that closed the stream is not an error.
pub fn print(text: &[u8]) -> anyhow::Result<()> {
    let Some(outlet) = outlet(Standard::Out) else { return super::stdout::write(text) };
    settle();
    outlet.send(text.to_vec());
    checked(outlet.flush_within(ORDER_PATIENCE))
}

fn checked(written: io::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(e) if !matches!(e.kind(), ErrorKind::BrokenPipe | ErrorKind::TimedOut) => {
            Err(e).context("stdout cannot be written")
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Waits a moment for the reader of stderr, before something else is written to the same terminal.
pub fn settle() {
    if let Some(outlet) = outlet(Standard::Err) {
        let _read_or_not = outlet.flush_within(ORDER_PATIENCE);
    }
}

/// Writes lines of text, without control characters that a terminal would obey. A closed stream must not end the run.
pub fn say_to(to: &mut dyn Write, lines: &str) {
    drop(to.write_all(format!("{}\n", sanitise(lines)).as_bytes()));
}

/// Writes a line to stderr.
pub fn say(line: &str) {
    if let Some(outlet) = outlet(Standard::Err) {
        outlet.send(format!("{line}\n").into_bytes());
    }
}

/// Writes a last line to stderr and waits a moment for its reader.
pub fn say_last(line: &str) {
    if let Some(outlet) = outlet(Standard::Err) {
        outlet.send(format!("{line}\n").into_bytes());
        let _read_or_not = outlet.flush_within(END_PATIENCE);
    }
}

/// How long the program waits at its end for the reader of stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndWait {
    /// Until the reader has everything, or a signal arrives.
    ForReader,
    /// A moment: the text is on a terminal, or the user wants to leave.
    Shortly,
}

/// Waits until the readers have taken all output. Returns the exit status, raised to 2 if stdout failed meanwhile.
pub fn wait_for_readers(wait: EndWait, inbox: &Receiver<Wake>, sender: &Sender<Wake>, status: u8) -> u8 {
    let is_reported = status >= 2;
    match finish(wait, inbox, sender) {
        Err(why) if !is_reported => {
            say_to(&mut Stderr::default(), &format!("tokscope: {why:#}"));
            2
        }
        _ => status,
    }
}

/// Waits until the readers have taken all output. `inbox` receives signals, `sender` is its other end.
#[expect(clippy::disallowed_methods, reason = "a limit in real time")]
pub fn finish(wait: EndWait, inbox: &Receiver<Wake>, sender: &Sender<Wake>) -> anyhow::Result<()> {
    if wait == EndWait::ForReader
        && let Some(out) = outlet(Standard::Out).filter(|out| out.waiting_bytes() > 0)
    {
        let (out, sender) = (out.clone(), sender.clone());
        let wait_for_it = move || {
            let outcome = out.flush_patiently();
            // After a signal, the program does not wait.
            drop(sender.send(Wake::Written(outcome)));
        };
        // Without a thread there is no wait.
        if std::thread::Builder::new().name("end".to_owned()).spawn(wait_for_it).is_ok() {
            while !matches!(inbox.recv(), Ok(Wake::Written(_) | Wake::Msg(Msg::Signal(_))) | Err(_)) {}
        }
    }
    let patience = if wait == EndWait::ForReader { END_PATIENCE } else { INTERRUPTED_PATIENCE };
    let deadline = Instant::now() + patience;
    for stream in [Standard::Err, Standard::Out] {
        if let Some(outlet) = outlet(stream) {
            let _read_or_not = outlet.flush_within(deadline.saturating_duration_since(Instant::now()));
        }
    }
    checked(outlet(Standard::Out).and_then(Outlet::failure).map_or(Ok(()), Err))
}
