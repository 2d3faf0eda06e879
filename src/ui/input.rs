//! The terminal's events, read on a thread of its own.

use crossterm::event::KeyEvent;

/// What comes from the terminal.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// The screen has another size.
    Resized,
}
