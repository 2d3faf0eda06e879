//! The terminal while the dashboard runs: taken over at the start and given back on every exit, even after an error
//! half-way. A separate thread writes to the terminal, so that a stalled terminal costs frames but delays nothing else.

mod announce;
mod bounded;
mod first_input;
mod frame_bytes;
mod panics;
mod takeover;
#[cfg(unix)]
mod type_ahead;
mod usable;
mod whole_rows;

use std::io::{self, Write};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;
use crossterm::terminal::{BeginSynchronizedUpdate, EndSynchronizedUpdate};
use ratatui::Frame;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::{Position, Rect};

pub use self::announce::NotifyBy;
use self::bounded::Bounded;
pub use self::first_input::FirstInput;
use self::frame_bytes::FrameBytes;
pub use self::panics::{install_panic_hook, print_held_back_panics};
use self::takeover::{ENTERED, MOUSE, TITLE, ask, leave, lock_outlet, mouse, sequence, set_modes, switch_screen};
pub use self::usable::unusable;
use self::whole_rows::WholeRows;
use super::outlet::{Outlet, Standard, standard};

/// The terminal while tokscope owns it. Dropping the value gives the terminal back.
#[derive(Debug)]
pub struct Terminal {
    inner: ratatui::Terminal<WholeRows<Bounded>>,
    bytes: FrameBytes,
    outlet: Outlet,
    mouse: bool,
    /// Text for the clipboard that waits until the terminal accepts output again.
    late_copy: Option<String>,
    /// Whether a change of the mouse mode waits until the terminal accepts output again.
    late_mouse: bool,
    /// The latest title; `None` before the first one.
    title: Option<String>,
    /// Whether the title waits for the next frame.
    is_title_due: bool,
    /// Notification that waits until the terminal accepts output again.
    late_notification: Option<Vec<u8>>,
}

impl Terminal {
    /// Takes over the terminal: raw mode, alternate screen, bracketed paste, no cursor. The writing thread calls
    /// `written` with the result of each block. With `query`, asks the terminal for its background and waits that long
    /// for the answer; no other thread may read the input yet.
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

    /// Draws a frame as one synchronized update. Returns false and draws nothing while the terminal has not accepted
    /// the last frame, because a frame contains only the differences from the last one.
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

    /// Sends the clipboard text, mouse mode and notification that waited while the terminal accepted nothing.
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

    /// Shows a desktop notification, or rings the bell. The notification waits while the terminal accepts nothing.
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

    /// Copies text to the clipboard through the terminal (OSC 52), which also works over SSH. While the terminal
    /// accepts nothing, the latest text waits.
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

    /// Gives the terminal back and stops the process group, as Ctrl-Z does. Takes the terminal over again once the
    /// shell continues the group.
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

/// Whether the terminal understands escape sequences. Enables them in a Windows console.
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
    // Stop the whole group, so that a pipeline or a wrapper stops too.
    rustix::process::kill_current_process_group(rustix::process::Signal::TSTP)?;
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix version can fail")]
fn stop_process() -> io::Result<()> {
    Ok(())
}
