//! Stdout and stderr of a run. Writing never waits for a reader: a stopped terminal or an unread pipe must delay
//! neither the measurement nor the end of the program.

use std::io::{self, ErrorKind, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::wake::Wake;
use crate::app::message::Msg;
use crate::domain::text::sanitise;
use crate::ui::outlet::{Outlet, Standard, standard};

/// Maximum time to wait for one stream before writing to the other. Keeps the lines in order on a terminal.
const ORDER_PATIENCE: Duration = Duration::from_millis(100);
/// Maximum time to wait, at the end, for a reader of text that is not essential.
const END_PATIENCE: Duration = Duration::from_secs(1);
/// Maximum time to wait after the user has interrupted the program.
const INTERRUPTED_PATIENCE: Duration = Duration::from_millis(100);
/// Maximum unread progress text to keep, bytes. Further lines are dropped.
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

/// Handle of stderr. Writes nothing if the writing thread cannot start.
#[derive(Debug, Default)]
pub struct Stderr {
    dropped_lines: usize,
    /// Whether the last line is a status line, which the next text replaces.
    shows_status: bool,
}

/// Bytes that move the cursor to the start of the line and clear the line.
const CLEAR_LINE: &[u8] = b"\r\x1b[K";

impl Stderr {
    /// Writes a line of progress. Drops the line if too much text is unread.
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

    /// Shows a status line in place of the previous one, unless stderr has unread text. The next text replaces the
    /// status line.
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

    /// Returns the bytes that remove the status line, if one is shown.
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

/// Writes to stdout. The lines keep their order with those on stderr, unless a stream is not read.
///
/// # Errors
///
/// Stdout cannot be written. A reader that has closed the stream is not an error.
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

/// Waits a moment for the reader of stderr, before other text goes to the same terminal.
pub fn settle() {
    if let Some(outlet) = outlet(Standard::Err) {
        let _read_or_not = outlet.flush_within(ORDER_PATIENCE);
    }
}

/// Writes lines of text, without control characters that could affect the terminal. Ignores errors: a closed stream
/// must not end the run.
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

/// Time to wait, at the end of the program, for the reader of stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndWait {
    /// Wait until the reader has read everything, or a signal arrives.
    ForReader,
    /// Wait a moment: the output is on a terminal, or the user wants to leave.
    Shortly,
}

/// Waits until the readers have read all output. Returns the exit status, raised to 2 if writing to stdout failed.
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

/// Waits until the readers have read all output. `inbox` receives signals, and `sender` is its other end.
#[expect(clippy::disallowed_methods, reason = "a limit in real time")]
pub fn finish(wait: EndWait, inbox: &Receiver<Wake>, sender: &Sender<Wake>) -> anyhow::Result<()> {
    if wait == EndWait::ForReader
        && let Some(out) = outlet(Standard::Out).filter(|out| out.waiting_bytes() > 0)
    {
        let (out, sender) = (out.clone(), sender.clone());
        let wait_for_it = move || {
            let outcome = out.flush_patiently();
            // Sending fails after a signal, when the program no longer waits.
            drop(sender.send(Wake::Written(outcome)));
        };
        // If the thread cannot start, do not wait.
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
