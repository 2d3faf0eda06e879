//! The terminal's events, read on a thread of its own.

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseEvent, read};

/// What comes from the terminal.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key was pressed, or repeats.
    Key(KeyEvent),
    /// The mouse did something; only while it was asked for.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
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
                Ok(Event::Mouse(mouse)) => Input::Mouse(mouse),
                // A pasted text is no sequence of commands.
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(_) => continue,
                Err(_gone) => Input::Gone,
            };
            let is_gone = matches!(input, Input::Gone);
            if !sink(input) || is_gone {
                return;
            }
        }
    };
    std::thread::Builder::new().name("input".to_owned()).spawn(run).map(drop)
}
