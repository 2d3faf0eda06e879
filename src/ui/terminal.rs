//! The terminal: entered once, left on every way out, whatever was reached on the way in.

mod bounded;
mod whole_rows;

use std::io::{self, BufWriter, Write, stdout};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::execute;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};

use self::bounded::Bounded;
use self::whole_rows::WholeRows;
use crate::domain::text::sanitise;

/// One bit for each step on the way in that succeeded and is not undone yet. Static, because a panic hook must see it.
static ENTERED: AtomicU8 = AtomicU8::new(0);
const RAW: u8 = 1;
const ALTERNATE: u8 = 2;
const PASTE: u8 = 4;
const CURSOR: u8 = 8;
const MOUSE: u8 = 16;

/// What threads other than the screen's said when they panicked, kept until the screen is free again.
static HELD_BACK: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The terminal while the program owns it. Dropping it gives it back.
#[derive(Debug)]
pub struct Terminal {
    inner: ratatui::Terminal<WholeRows<Bounded>>,
    mouse: bool,
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
    /// Takes the terminal over: raw mode, alternate screen, bracketed paste, no cursor.
    pub fn enter() -> io::Result<Self> {
        let taken_over = take_over().and_then(|()| {
            let backend = CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, stdout()));
            ratatui::Terminal::new(WholeRows::new(Bounded(backend)))
        });
        match taken_over {
            Ok(inner) => Ok(Self { inner, mouse: false }),
            Err(error) => {
                // The first error is the one to tell.
                let _second = leave();
                Err(error)
            }
        }
    }

    /// Draws a frame as one update, so that no half of it is ever seen.
    pub fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        execute!(self.inner.backend_mut().inner.0, BeginSynchronizedUpdate)?;
        let drawn = self.inner.draw(render).map(drop);
        execute!(self.inner.backend_mut().inner.0, EndSynchronizedUpdate)?;
        drawn
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
        if on {
            // Before it is written: half of it written is to be undone too.
            ENTERED.fetch_or(MOUSE, Ordering::SeqCst);
            execute!(stdout(), mouse::ON)
        } else {
            ENTERED.fetch_and(!MOUSE, Ordering::SeqCst);
            execute!(stdout(), mouse::OFF)
        }
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<Rect> {
        Ok(Rect::from((Position::ORIGIN, self.inner.size()?)))
    }

    /// Puts text on the clipboard through the terminal (OSC 52), which works over SSH too.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.inner.backend_mut().inner.0, CopyToClipboard::to_clipboard_from(text))
    }

    /// Gives the terminal back, stops the process group as `ctrl-z` does, and takes the terminal over again when it
    /// goes on.
    pub fn suspend(&mut self) -> io::Result<()> {
        leave()?;
        stop_process()?;
        take_over()?;
        if self.mouse {
            self.set_mouse(true)?;
        }
        self.repaint()
    }
}

/// Whether escape sequences do something where they are written, from now on: consoles of Windows are to be asked for it.
pub fn takes_escapes() -> bool {
    #[cfg(windows)]
    let takes = crossterm::ansi_support::supports_ansi();
    #[cfg(not(windows))]
    let takes = true;
    takes
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

fn take_over() -> io::Result<()> {
    let mut out = stdout();
    enable_raw_mode()?;
    ENTERED.fetch_or(RAW, Ordering::SeqCst);
    execute!(out, EnterAlternateScreen)?;
    ENTERED.fetch_or(ALTERNATE, Ordering::SeqCst);
    execute!(out, EnableBracketedPaste)?;
    ENTERED.fetch_or(PASTE, Ordering::SeqCst);
    execute!(out, Hide)?;
    ENTERED.fetch_or(CURSOR, Ordering::SeqCst);
    Ok(())
}

/// Undoes what was done on the way in, once. Goes on after an error and returns the first.
fn leave() -> io::Result<()> {
    let entered = ENTERED.swap(0, Ordering::SeqCst);
    let mut out = stdout();
    let mut result = Ok(());
    let mut step = |bit: u8, undo: &mut dyn FnMut() -> io::Result<()>| {
        if entered & bit != 0 {
            let undone = undo();
            if result.is_ok() {
                result = undone;
            }
        }
    };
    if cfg!(windows) {
        // It puts back the console's mode that it found, which is raw.
        step(MOUSE, &mut || execute!(out, mouse::OFF));
    }
    step(RAW, &mut disable_raw_mode);
    step(CURSOR, &mut || execute!(out, EndSynchronizedUpdate, Show));
    if cfg!(not(windows)) {
        step(MOUSE, &mut || execute!(out, mouse::OFF));
    }
    step(PASTE, &mut || execute!(out, DisableBracketedPaste));
    step(ALTERNATE, &mut || execute!(out, LeaveAlternateScreen));
    result
}

/// Makes a panic on this thread, the screen's, give the terminal back before it is told; what other threads say is held
/// back while the screen is in use, since it would be written across it.
pub fn install_panic_hook() {
    let screens_thread = std::thread::current().id();
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() == screens_thread {
            let _first_the_panic = leave();
        } else if ENTERED.load(Ordering::SeqCst) != 0 {
            if let Ok(mut held_back) = HELD_BACK.lock() {
                let thread = std::thread::current().name().unwrap_or("unnamed").to_owned();
                held_back.push(format!("thread '{thread}': {panic}"));
            }
            return;
        }
        tell(panic);
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
