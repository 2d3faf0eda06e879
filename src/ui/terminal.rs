//! The terminal: entered once, left on every way out, whatever was reached on the way in. A thread of its own writes to it:
//! a terminal that nobody reads costs frames, nothing else.

mod bounded;
mod frame_bytes;
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

use self::bounded::Bounded;
use self::frame_bytes::FrameBytes;
pub use self::usable::unusable;
use self::whole_rows::WholeRows;
use super::outlet::{Outlet, Standard, standard};
use crate::domain::text::sanitise;

/// One bit for each step on the way in that succeeded and is not undone yet. Static, because a panic hook must see it.
static ENTERED: AtomicU8 = AtomicU8::new(0);
const RAW: u8 = 1;
const ALTERNATE: u8 = 2;
const PASTE: u8 = 4;
const CURSOR: u8 = 8;
const MOUSE: u8 = 16;

/// Writes to the terminal while it is in use. Static, because a panic hook must see it.
static OUTLET: Mutex<Option<Outlet>> = Mutex::new(None);

/// Longest wait for a terminal to take what enters or leaves the screen.
const SWITCH_PATIENCE: Duration = Duration::from_millis(200);

/// What threads other than the screen's said when they panicked, kept until the screen is free again.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The terminal while the program owns it. Dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    inner: ratatui::Terminal<WholeRows<Bounded>>,
    bytes: FrameBytes,
    outlet: Outlet,
    mouse: bool,
    /// Wanted while the terminal was taking no more: the latest text for the clipboard, and whether the mouse changed.
    late_copy: Option<String>,
    late_mouse: bool,
}

/// Presses and the wheel, told in the form without a limit to the columns. Not what the terminal library asks for, which is
/// every move as well: each would wake the program.
#[cfg(unix)]
mod mouse {
    use crossterm::style::Print;

    pub(super) const ON: Print<&str> = Print("\x1b[?1000h\x1b[?1006h");
    pub(super) const OFF: Print<&str> = Print("\x1b[?1006l\x1b[?1000l");
}

/// There it is a mode of the console, and so is raw mode.
#[cfg(not(unix))]
mod mouse {
    pub(super) use crossterm::event::{DisableMouseCapture as OFF, EnableMouseCapture as ON};
}

impl Terminal {
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste, no cursor. `written` is called from the writing
    /// thread whenever the terminal has taken a block, and with the error after which it takes no more.
    pub fn enter(written: impl Fn(io::Result<()>) + Send + 'static) -> io::Result<Self> {
        let outlet = Outlet::start("screen", standard(Standard::Out), written)?;
        *lock_outlet() = Some(outlet.clone());
        let bytes = FrameBytes::default();
        let taken_over = take_over(&outlet)
            .and_then(|()| ratatui::Terminal::new(WholeRows::new(Bounded::new(CrosstermBackend::new(bytes.clone())))));
        match taken_over {
            Ok(inner) => Ok(Self { inner, bytes, outlet, mouse: false, late_copy: None, late_mouse: false }),
            Err(error) => {
                // The first error is the one to tell.
                let _second = leave();
                Err(error)
            }
        }
    }

    /// Whether the terminal has taken everything so far: only then is a frame drawn.
    pub fn is_idle(&self) -> bool {
        self.outlet.waiting_bytes() == 0
    }

    /// Draws a frame as one update, so that no half of it is ever seen. Returns false, and draws nothing, while the terminal
    /// has not taken the frame before: what is drawn is the difference to that one.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<bool> {
        if !self.is_idle() {
            return Ok(false);
        }
        queue!(self.bytes, BeginSynchronizedUpdate)?;
        self.inner.draw(render)?;
        queue!(self.bytes, EndSynchronizedUpdate)?;
        self.outlet.send(self.bytes.take());
        Ok(true)
    }

    /// Sends what was wanted while the terminal was taking no more.
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
        Ok(())
    }

    /// Forgets what is on the screen: the next frame paints everything.
    pub fn repaint(&mut self) -> io::Result<()> {
        // Not `clear`, which asks the terminal where its cursor is: the answer would go to the thread that reads keys.
        let size = self.size()?;
        self.inner.resize(size)
    }

    /// Has the terminal tell what the mouse does, or leaves the mouse to it.
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
            // Before it is written: half of it written is to be undone too.
            ENTERED.fetch_or(MOUSE, Ordering::SeqCst);
            self.outlet.send(sequence(mouse::ON)?);
        } else {
            ENTERED.fetch_and(!MOUSE, Ordering::SeqCst);
            self.outlet.send(sequence(mouse::OFF)?);
        }
        Ok(())
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.inner.size()?)))
    }

    /// Puts text on the clipboard through the terminal (OSC 52), which works over SSH too. While the terminal takes no more,
    /// the latest text waits.
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

    /// Gives the terminal back, stops the process group as `ctrl-z` does, and takes the terminal over again when it
    /// goes on.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave()?;
        stop_process()?;
        *lock_outlet() = Some(self.outlet.clone());
        take_over(&self.outlet)?;
        if self.mouse {
            self.send_mouse()?;
        }
        self.repaint()
    }
}

fn lock_outlet() -> MutexGuard<'static, Option<Outlet>> {
    OUTLET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes of a command. Consoles that understand no sequences obey it at once.
fn sequence(command: impl Command) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, command)?;
    Ok(bytes)
}

/// Whether escape sequences do something where they are written, from now on: consoles of Windows are to be asked for it.
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

/// Whether an error of the screen says that there is nobody at the other end any more.
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
    // The group, so that a pipeline or a wrapper stops with it.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "it can fail where there is such a wish")]
fn stop_process() -> io::Result<()> {
    Ok(())
}

fn take_over(outlet: &Outlet) -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.fetch_or(RAW, Ordering::SeqCst);
    // Marked before the terminal has it: half of it written is to be undone too.
    ENTERED.fetch_or(ALTERNATE, Ordering::SeqCst);
    outlet.send(sequence(EnterAlternateScreen)?);
    ENTERED.fetch_or(PASTE, Ordering::SeqCst);
    outlet.send(sequence(EnableBracketedPaste)?);
    ENTERED.fetch_or(CURSOR, Ordering::SeqCst);
    outlet.send(sequence(Hide)?);
    wait_shortly(outlet)
}

/// Gives the terminal a moment. One that takes nothing now may take it later: that is no error.
fn wait_shortly(outlet: &Outlet) -> io::Result<()> {
    match outlet.flush_within(SWITCH_PATIENCE) {
        Err(e) if e.kind() == io::ErrorKind::TimedOut => Ok(()),
        outcome => outcome,
    }
}

/// Undoes what was done on the way in, once. Goes on after an error and returns the first. A terminal that takes nothing
/// is waited for a moment only.
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
        // It puts back the console's mode that it found, which is raw.
        step(MOUSE, &mut || send(sequence(mouse::OFF)));
    }
    step(RAW, &mut disable_raw_mode);
    step(CURSOR, &mut || send(sequence(EndSynchronizedUpdate)).and_then(|()| send(sequence(Show))));
    if cfg!(not(windows)) {
        step(MOUSE, &mut || send(sequence(mouse::OFF)));
    }
    step(PASTE, &mut || send(sequence(DisableBracketedPaste)));
    step(ALTERNATE, &mut || send(sequence(LeaveAlternateScreen)));
    result.and(wait_shortly(&outlet))
}

/// Makes a panic on this thread, the screen's, give the terminal back before it is told; what other threads say is held
/// back while the screen is in use, since it would be written across it. So is everything that stderr has no room for: it
/// would hold up the end.
pub fn install_panic_hook() {
    let screens_thread = std::thread::current().id();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let is_screens = std::thread::current().id() == screens_thread;
        if is_screens {
            let _first_the_panic = leave();
        }
        let in_use = ENTERED.load(Ordering::SeqCst) != 0;
        if (is_screens || !in_use) && usable::has_room(Standard::Err) {
            return tell(panic);
        }
        if let Ok(mut held_back) = HELD_BACK.lock() {
            let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
            held_back.push(format!("thread '{thread}': {panic}"));
        }
    }));
}

/// Writes what was held back; called once the screen is free.
pub fn tell_what_was_held_back(to: &mut impl Write) {
    let lines = HELD_BACK.lock().map(|mut held_back| std::mem::take(&mut *held_back)).unwrap_or_default();
    for line in lines {
        // It may repeat what a server sent.
        drop(writeln!(to, "tokscope: {}", sanitise(&line)));
    }
}
