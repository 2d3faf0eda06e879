//! The terminal: taken over once, and given back on every exit, even after an error half-way. A separate thread writes to
//! it, so a stalled terminal costs frames but delays nothing else.

mod announce;
mod bounded;
mod first_input;
mod frame_bytes;
#[cfg(unix)]
mod type_ahead;
mod usable;
mod whole_rows;

use std::io::{self, Write};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};

pub use self::announce::NotifyBy;
use self::bounded::Bounded;
pub use self::first_input::FirstInput;
use self::frame_bytes::FrameBytes;
pub use self::usable::unusable;
use self::whole_rows::WholeRows;
use super::outlet::{Outlet, Standard, standard};
use super::replies::QUERIES;
use crate::domain::text::sanitise;

/// One bit for each step of taking over the terminal that is not undone yet. Static, because the panic hook needs it.
static ENTERED: AtomicU8 = AtomicU8::new(0);
const RAW: u8 = 1;
const ALTERNATE: u8 = 2;
const PASTE: u8 = 4;
const CURSOR: u8 = 8;
const MOUSE: u8 = 16;
const TITLE: u8 = 32;

/// Writer of the terminal while tokscope owns it. Static, because the panic hook needs it.
static OUTLET: Mutex<Option<Outlet>> = Mutex::new(None);

/// Maximum wait for the terminal to accept the sequences that take it over or give it back.
const SWITCH_PATIENCE: Duration = Duration::from_millis(200);

/// Panic messages of other threads, held back until the screen is free again.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The terminal while tokscope owns it. Dropping the value gives the terminal back.
#[derive(Debug)]
pub struct Terminal {
    inner: ratatui::Terminal<WholeRows<Bounded>>,
    bytes: FrameBytes,
    outlet: Outlet,
    mouse: bool,
    /// The latest text for the clipboard that waits until the terminal accepts output again.
    late_copy: Option<String>,
    /// Whether a change of the mouse mode waits until then.
    late_mouse: bool,
    /// The latest title; `None` before the first one.
    title: Option<String>,
    /// Whether the title waits for the next frame.
    is_title_due: bool,
    /// A notification that waits until then.
    late_notification: Option<Vec<u8>>,
}

/// Requests presses and the wheel, in the encoding without a limit on columns. The terminal library would also request every
/// move, and each move would wake the program.
#[cfg(unix)]
mod mouse {
    use crossterm::style::Print;

    pub(super) const ON: Print<&str> = Print("\x1b[?1000h\x1b[?1006h");
    pub(super) const OFF: Print<&str> = Print("\x1b[?1006l\x1b[?1000l");
}

/// On Windows, mouse reports are a console mode, like raw mode.
#[cfg(not(unix))]
mod mouse {
    pub(super) use crossterm::event::{DisableMouseCapture as OFF, EnableMouseCapture as ON};
}

impl Terminal {
    /// Takes over the terminal: raw mode, alternate screen, bracketed paste, no cursor. The writing thread calls `written`
    /// after each block, and with the error after which the terminal accepts nothing more. With `query`, asks the terminal
    /// for its background and waits for the answer up to that long. No other thread may read the input yet.
    pub fn enter(
        written: impl Fn(io::Result<()>) + Send + 'static,
        query: Option<Duration>,
    ) -> io::Result<(Self, FirstInput)> {
        let outlet = Outlet::start("screen", standard(Standard::Out), written)?;
        *lock_outlet() = Some(outlet.clone());
        let bytes = FrameBytes::default();
        let taken_over = switch_screen(&outlet).and_then(|()| {
            let first = query.map_or_else(FirstInput::none, |patience| ask(&outlet, patience));
            set_modes(&outlet)?;
            let backend = WholeRows::new(Bounded::new(CrosstermBackend::new(bytes.clone())));
            Ok((ratatui::Terminal::new(backend)?, first))
        });
        match taken_over {
            Ok((inner, first)) => {
                let terminal = Self {
                    inner,
                    bytes,
                    outlet,
                    mouse: false,
                    late_copy: None,
                    late_mouse: false,
                    title: None,
                    is_title_due: false,
                    late_notification: None,
                };
                Ok((terminal, first))
            }
            Err(error) => {
                // Report the first error, not one of the cleanup.
                let _second = leave();
                Err(error)
            }
        }
    }

    /// Whether the terminal has accepted all output so far. Frames are drawn only then.
    pub fn is_idle(&self) -> bool {
        self.outlet.waiting_bytes() == 0
    }

    /// Draws a frame as one synchronized update. Returns false and draws nothing while the terminal has not accepted the last
    /// frame, since a frame is the difference to the last one.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<bool> {
        if !self.is_idle() {
            return Ok(false);
        }
        let title = self.due_title();
        self.bytes.write_all(title.as_bytes())?;
        queue!(self.bytes, BeginSynchronizedUpdate)?;
        self.inner.draw(render)?;
        queue!(self.bytes, EndSynchronizedUpdate)?;
        self.outlet.send(self.bytes.take());
        Ok(true)
    }

    /// Sends clipboard text and mouse mode that waited while the terminal accepted nothing.
    pub fn catch_up(&mut self) -> io::Result<()> {
        if !self.is_idle() {
            return Ok(());
        }
        if std::mem::take(&mut self.late_mouse) {
            self.send_mouse()?;
        }
        if let Some(text) = self.late_copy.take() {
            self.send_copy(&text)?;
        }
        if let Some(notification) = self.late_notification.take() {
            self.outlet.send(notification);
        }
        Ok(())
    }

    /// Sets the title of the terminal with the next frame. The terminal gets its own title back at the end.
    pub fn set_title(&mut self, title: &str) {
        if self.title.as_deref() != Some(title) && takes_escapes() {
            self.title = Some(title.to_owned());
            self.is_title_due = true;
        }
    }

    /// The sequence of a title that the terminal does not show yet.
    fn due_title(&mut self) -> String {
        let Some(title) = self.title.as_ref().filter(|_| std::mem::take(&mut self.is_title_due)) else {
            return String::new();
        };
        let is_first = ENTERED.fetch_or(TITLE, Ordering::SeqCst) & TITLE == 0;
        let push = if is_first { announce::PUSH_TITLE } else { "" };
        format!("{push}{}", announce::title(title))
    }

    /// Shows a notification of the desktop, or rings the bell. It waits while the terminal accepts nothing.
    pub fn notify(&mut self, how: NotifyBy, text: &str) {
        let Some(bytes) = announce::notification(how, text).filter(|_| takes_escapes()) else { return };
        if self.is_idle() {
            self.outlet.send(bytes.into_bytes());
        } else {
            self.late_notification = Some(bytes.into_bytes());
        }
    }

    /// Makes the next frame repaint every cell.
    pub fn repaint(&mut self) -> io::Result<()> {
        // `clear` would query the cursor position, and the thread that reads keys would get the answer.
        let size = self.size()?;
        self.inner.resize(size)
    }

    /// Turns mouse reports on or off. While they are off, the terminal selects text with the mouse.
    pub fn set_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if self.is_idle() {
            return self.send_mouse();
        }
        self.late_mouse = true;
        Ok(())
    }

    fn send_mouse(&self) -> io::Result<()> {
        if self.mouse {
            // Set before writing, because a partly written sequence must be undone too.
            ENTERED.fetch_or(MOUSE, Ordering::SeqCst);
            self.outlet.send(sequence(mouse::ON)?);
        } else {
            ENTERED.fetch_and(!MOUSE, Ordering::SeqCst);
            self.outlet.send(sequence(mouse::OFF)?);
        }
        Ok(())
    }

    /// Size of the screen.
    pub fn size(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.inner.size()?)))
    }

    /// Copies text to the clipboard through the terminal (OSC 52), which also works over SSH. The latest text waits while
    /// the terminal accepts nothing.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        if self.is_idle() {
            return self.send_copy(text);
        }
        self.late_copy = Some(text.to_owned());
        Ok(())
    }

    fn send_copy(&self, text: &str) -> io::Result<()> {
        self.outlet.send(sequence(CopyToClipboard::to_clipboard_from(text))?);
        Ok(())
    }

    /// Gives the terminal back, stops the process group as Ctrl-Z does, and takes the terminal over again once the group
    /// continues.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave()?;
        stop_process()?;
        *lock_outlet() = Some(self.outlet.clone());
        switch_screen(&self.outlet)?;
        set_modes(&self.outlet)?;
        self.title = None;
        if self.mouse {
            self.send_mouse()?;
        }
        self.repaint()
    }
}

fn lock_outlet() -> MutexGuard<'static, Option<Outlet>> {
    OUTLET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The escape sequence of a command. On consoles without escape sequences the command takes effect at once.
fn sequence(command: impl Command) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, command)?;
    Ok(bytes)
}

/// Whether the terminal understands escape sequences. Turns them on in a Windows console.
pub fn takes_escapes() -> bool {
    #[cfg(windows)]
    let takes = crossterm::ansi_support::supports_ansi();
    #[cfg(not(windows))]
    let takes = true;
    takes
}

/// Columns of the terminal; `None` if the system reports none.
pub fn columns() -> Option<usize> {
    crossterm::terminal::size().ok().map(|(columns, _rows)| usize::from(columns)).filter(|columns| *columns > 0)
}

/// Whether an error means that the terminal is gone.
pub fn is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    let hung_up = error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    #[cfg(not(unix))]
    let hung_up = false;
    hung_up || error.kind() == io::ErrorKind::BrokenPipe
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _nothing_left_to_do = leave();
    }
}

#[cfg(unix)]
fn stop_process() -> io::Result<()> {
    // The whole group, so that a pipeline or a wrapper stops too.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix version can fail")]
fn stop_process() -> io::Result<()> {
    Ok(())
}

/// Sends the queries and waits for the replies. Without any, the program's defaults apply.
fn ask(outlet: &Outlet, patience: Duration) -> FirstInput {
    // A reply would stay unread on systems where nothing reads it.
    if cfg!(not(unix)) {
        return FirstInput::none();
    }
    outlet.send(QUERIES.to_vec());
    // A terminal that accepts nothing now may answer later.
    let patience = if outlet.flush_within(SWITCH_PATIENCE).is_ok() { patience } else { Duration::ZERO };
    first_input::wait(patience).unwrap_or_else(|_| FirstInput::unanswered())
}

fn switch_screen(outlet: &Outlet) -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.fetch_or(RAW, Ordering::SeqCst);
    // Set before writing, because a partly written sequence must be undone too.
    ENTERED.fetch_or(ALTERNATE, Ordering::SeqCst);
    outlet.send(sequence(EnterAlternateScreen)?);
    Ok(())
}

/// Turns on bracketed paste and hides the cursor.
fn set_modes(outlet: &Outlet) -> io::Result<()> {
    ENTERED.fetch_or(PASTE, Ordering::SeqCst);
    outlet.send(sequence(EnableBracketedPaste)?);
    ENTERED.fetch_or(CURSOR, Ordering::SeqCst);
    outlet.send(sequence(Hide)?);
    wait_shortly(outlet)
}

/// Waits up to [`SWITCH_PATIENCE`] for the terminal. A timeout is no error: the terminal may accept the output later.
fn wait_shortly(outlet: &Outlet) -> io::Result<()> {
    match outlet.flush_within(SWITCH_PATIENCE) {
        Err(e) if e.kind() == io::ErrorKind::TimedOut => Ok(()),
        outcome => outcome,
    }
}

/// Undoes the steps of taking over the terminal. Continues after an error and returns the first one. Waits only up to
/// [`SWITCH_PATIENCE`] for a stalled terminal.
fn leave() -> io::Result<()> {
    let entered = ENTERED.swap(0, Ordering::SeqCst);
    let Some(outlet) = lock_outlet().take() else { return Ok(()) };
    let mut result = Ok(());
    let mut step = |bit: u8, undo: &mut dyn FnMut() -> io::Result<()>| {
        if entered & bit != 0 {
            let undone = undo();
            if result.is_ok() {
                result = undone;
            }
        }
    };
    let send = |bytes: io::Result<Vec<u8>>| bytes.map(|bytes| outlet.send(bytes));
    if cfg!(windows) {
        // Turn the mouse off before raw mode: this step restores the console mode that it found, which was raw.
        step(MOUSE, &mut || send(sequence(mouse::OFF)));
    }
    step(RAW, &mut disable_raw_mode);
    step(CURSOR, &mut || send(sequence(EndSynchronizedUpdate)).and_then(|()| send(sequence(Show))));
    if cfg!(not(windows)) {
        step(MOUSE, &mut || send(sequence(mouse::OFF)));
    }
    step(TITLE, &mut || {
        outlet.send(announce::POP_TITLE.as_bytes().to_vec());
        Ok(())
    });
    step(PASTE, &mut || send(sequence(DisableBracketedPaste)));
    step(ALTERNATE, &mut || send(sequence(LeaveAlternateScreen)));
    result.and(wait_shortly(&outlet))
}

/// Makes a panic on this thread give the terminal back before the message is printed. Messages of other threads are held back
/// while the screen is in use, because they would be printed across it. Messages are also held back while stderr accepts
/// nothing, because printing would block the exit.
pub fn install_panic_hook() {
    let screen_thread = std::thread::current().id();
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_screen_thread = std::thread::current().id() == screen_thread;
        if is_screen_thread {
            let _report_the_panic_instead = leave();
        }
        let in_use = ENTERED.load(Ordering::SeqCst) != 0;
        if (is_screen_thread || !in_use) && usable::has_room(Standard::Err) {
            return print(panic);
        }
        if let Ok(mut held_back) = HELD_BACK.lock() {
            let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
            held_back.push(format!("thread '{thread}': {panic}"));
        }
    }));
}

/// Prints the messages that were held back. Call it once the screen is free.
pub fn print_held_back_panics(to: &mut impl Write) {
    let lines = HELD_BACK.lock().map(|mut held_back| std::mem::take(&mut *held_back)).unwrap_or_default();
    for line in lines {
        // The message may repeat text from a server.
        drop(writeln!(to, "tokscope: {}", sanitise(&line)));
    }
}
