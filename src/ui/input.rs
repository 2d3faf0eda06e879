//! The terminal's events, read on a thread of its own.

use crossterm::event::{Event, KeyEvent, KeyEventKind, read};

/// What comes from the terminal.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// A key was pressed, or repeats.
    Key(KeyEvent),
    /// The screen has another size.
    Resized,
    /// The terminal is gone.
    Gone,
}

/// Reads until the terminal is gone or `sink`, called from that thread, returns false. The thread sleeps between events.
pub fn listen(sink: impl Fn(Input) -> bool + Send + 'static) -> std::io::Result<()> {
    let run = move || {
        loop {
            let input = match read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
                Ok(Event::Resize(..)) => Input::Resized,
                // A pasted text is no sequence of commands.
                Ok(_) => continue,
                Err(_gone) => Input::Gone,
            };
            if !sink(input) || matches!(input, Input::Gone) {
                return;
            }
        }
    };
    std::thread::Builder::new().name("input".to_owned()).spawn(run).map(drop)
}
