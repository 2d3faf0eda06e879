//! The steps that take over the terminal, and their undoing.

use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crossterm::Command;
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::queue;
use crossterm::terminal::{
    EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use super::announce;
use super::first_input::{self, FirstInput};
use crate::ui::outlet::Outlet;
use crate::ui::replies::QUERIES;

/// Steps of the takeover that are not undone yet, one bit each. Static, because the panic hook needs them.
pub(super) static ENTERED: AtomicU8 = AtomicU8::new(0);
const RAW: u8 = 1;
const ALTERNATE: u8 = 2;
const PASTE: u8 = 4;
const CURSOR: u8 = 8;
pub(super) const MOUSE: u8 = 16;
pub(super) const TITLE: u8 = 32;

/// Writer of the terminal while tokscope owns it. Static, because the panic hook needs it.
static OUTLET: Mutex<Option<Outlet>> = Mutex::new(None);

/// Maximum wait for the terminal to accept the sequences that take it over or give it back.
const SWITCH_PATIENCE: Duration = Duration::from_millis(200);

/// Sequences for reports of mouse buttons and wheel, in the encoding without a limit on columns. The terminal library
/// would also request every move, and each move would wake the program.
#[cfg(unix)]
pub(super) mod mouse {
    use crossterm::style::Print;

    pub(in crate::ui::terminal) const ON: Print<&str> = Print("\x1b[?1000h\x1b[?1006h");
    pub(in crate::ui::terminal) const OFF: Print<&str> = Print("\x1b[?1006l\x1b[?1000l");
}

/// On Windows, mouse reports are a console mode, like raw mode.
#[cfg(not(unix))]
pub(super) mod mouse {
    pub(in crate::ui::terminal) use crossterm::event::{DisableMouseCapture as OFF, EnableMouseCapture as ON};
}

pub(super) fn lock_outlet() -> MutexGuard<'static, Option<Outlet>> {
    OUTLET.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The escape sequence of a command. On consoles without escape sequences the command takes effect at once.
pub(super) fn sequence(command: impl Command) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    queue!(bytes, command)?;
    Ok(bytes)
}

/// Sends the queries and waits for the replies.
pub(super) fn ask(outlet: &Outlet, patience: Duration) -> FirstInput {
    // Only Unix systems read replies; elsewhere they would stay unread.
    if cfg!(not(unix)) {
        return FirstInput::none();
    }
    outlet.send(QUERIES.to_vec());
    // Do not wait for a stalled terminal, which may answer later.
    let patience = if outlet.flush_within(SWITCH_PATIENCE).is_ok() { patience } else { Duration::ZERO };
    first_input::wait(patience).unwrap_or_else(|_| FirstInput::unanswered())
}

pub(super) fn switch_screen(outlet: &Outlet) -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.fetch_or(RAW, Ordering::SeqCst);
    // Set before writing, because a partly written sequence must be undone too.
    ENTERED.fetch_or(ALTERNATE, Ordering::SeqCst);
    outlet.send(sequence(EnterAlternateScreen)?);
    Ok(())
}

/// Turns on bracketed paste and hides the cursor.
pub(super) fn set_modes(outlet: &Outlet) -> io::Result<()> {
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
pub(super) fn leave() -> io::Result<()> {
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
