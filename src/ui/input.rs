//! Reads the terminal's events on a separate thread.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use std::time::Duration;

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseEvent, MouseEventKind, poll, read};

use super::replies::{Replies, Reply};
use super::theme::Rgb;

/// Silence after which an escape counts as a key instead of the start of a terminal's reply, whose parts arrive faster.
const SILENCE: Duration = Duration::from_millis(50);

/// An event from the terminal.
#[derive(Clone, Debug)]
pub enum Input {
    /// A key press or its repetition.
    Key(KeyEvent),
    /// A mouse event. Terminals send them only while mouse reports are on.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal reported its background.
    Background(Rgb),
    /// The terminal has a new size.
    Resized,
    /// The end of input: the terminal is gone, or reading failed.
    Gone,
}

/// Starts threads that read events until the terminal is gone or `sink` returns false. The threads call `sink` with
/// each event and sleep in between. `replies` recognises the replies that the terminal has not sent yet.
pub fn listen(replies: Replies<KeyEvent>, sink: impl Fn(Input) -> bool + Send + Sync + 'static) -> io::Result<()> {
    let sink = Arc::new(sink);
    #[cfg(unix)]
    hang_up::watch(Arc::clone(&sink))?;
    std::thread::Builder::new().name("input".to_owned()).spawn(move || run(next_event, replies, &*sink)).map(drop)
}

/// Waits for the next event; returns `None` after a silence of this length.
fn next_event(silence: Option<Duration>) -> io::Result<Option<Event>> {
    match silence {
        Some(silence) if !poll(silence)? => Ok(None),
        _ => read().map(Some),
    }
}

/// Reads events until the terminal is gone. A panic here counts as the end of input, which ends the program: in raw
/// mode Ctrl-C is only a key, so without a reader the user could not quit.
fn run(
    mut next: impl FnMut(Option<Duration>) -> io::Result<Option<Event>>,
    mut replies: Replies<KeyEvent>,
    sink: impl Fn(Input) -> bool,
) {
    let all = AssertUnwindSafe(|| {
        while let Ok(event) = next(replies.is_holding().then_some(SILENCE)) {
            if !take(event, &mut replies).into_iter().all(&sink) {
                return;
            }
        }
    });
    let _panic_ends_input_too = catch_unwind(all);
    // Ignore the result: it says only whether the receiver still exists.
    sink(Input::Gone);
}

/// Converts an event of the terminal library to input; `None` means a silence.
fn take(event: Option<Event>, replies: &mut Replies<KeyEvent>) -> Vec<Input> {
    let (keys, other) = match event {
        None => (replies.silence(), None),
        Some(Event::Key(key)) if key.kind != KeyEventKind::Release => {
            let taken = replies.push_key(key);
            let background = match taken.reply {
                Some(Reply::Background(Some(colour))) => Some(Input::Background(colour)),
                _ => None,
            };
            (taken.released, background)
        }
        Some(Event::Resize(..)) => (Vec::new(), Some(Input::Resized)),
        // Windows also reports every mouse move, which has no effect here.
        Some(Event::Mouse(mouse)) if mouse.kind != MouseEventKind::Moved => {
            (replies.silence(), Some(Input::Mouse(mouse)))
        }
        // Pasted text must not act as key presses.
        Some(Event::Paste(text)) => (replies.silence(), Some(Input::Paste(text))),
        Some(_) => (Vec::new(), None),
    };
    keys.into_iter().map(Input::Key).chain(other).collect()
}

/// Waits until the terminal hangs up, which the terminal library mistakes for an empty read that it retries forever.
/// The signal for a hang-up reaches only processes whose controlling terminal this is.
#[cfg(unix)]
mod hang_up {
    use std::fs::File;
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::sync::Arc;

    use rustix::event::{PollFd, PollFlags, poll};

    use super::Input;

    pub(super) fn watch(sink: Arc<impl Fn(Input) -> bool + Send + Sync + 'static>) -> io::Result<()> {
        let run = move || {
            // Open the terminal that keys are read from.
            let (stdin, other) = (io::stdin(), File::open("/dev/tty").ok());
            let is_terminal = rustix::termios::isatty(stdin.as_fd());
            let terminal = if is_terminal { Some(stdin.as_fd()) } else { other.as_ref().map(File::as_fd) };
            if terminal.is_some_and(has_ended) {
                sink(Input::Gone);
            }
        };
        std::thread::Builder::new().name("hang-up".to_owned()).spawn(run).map(drop)
    }

    /// Sleeps until the other side of the terminal is closed. Returns false if the system cannot wait for that.
    fn has_ended(terminal: BorrowedFd<'_>) -> bool {
        // Without requested events, `poll` still reports a hang-up.
        let mut fds = [PollFd::from_borrowed_fd(terminal, PollFlags::empty())];
        loop {
            match poll(&mut fds, None) {
                Ok(_) => return fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR),
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn only_the_end_of_the_other_side_wakes_the_watcher() {
            let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
            let (here, ended) = std::sync::mpsc::channel();
            std::thread::spawn(move || here.send(has_ended(ours.as_fd())).unwrap());
            std::io::Write::write_all(&mut &theirs, b"key").unwrap();
            drop(theirs);
            assert!(ended.recv().unwrap());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use crossterm::event::{KeyCode, KeyModifiers};

    use super::*;

    fn read_all(mut events: Vec<fn() -> io::Result<Event>>) -> Vec<String> {
        let received = RefCell::new(Vec::new());
        run(
            |_silence| events.remove(0)().map(Some),
            Replies::none(),
            |input| {
                received.borrow_mut().push(format!("{input:?}"));
                true
            },
        );
        received.into_inner()
    }

    #[test]
    fn an_error_and_a_panic_both_end_the_input() {
        let error = || Err(io::ErrorKind::Other.into());
        let panic = || panic!("while keys are read");
        let text = || Ok(Event::Paste("a".to_owned()));
        assert_eq!(read_all(vec![text, error]), ["Paste(\"a\")", "Gone"]);
        assert_eq!(read_all(vec![|| Ok(Event::FocusGained), text, panic]), ["Paste(\"a\")", "Gone"]);
    }

    #[test]
    fn a_late_reply_is_no_key_and_an_escape_key_arrives_after_a_silence() {
        let key = |c| Some(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)));
        let alt = |c| Some(Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::ALT)));
        let esc = Some(Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
        let mut events = vec![key('q'), alt(']')];
        events.extend("11;rgb:ff/ff/ff".chars().map(key));
        events.extend([alt('\\'), key('j'), esc, None, key('k')]);
        let received = RefCell::new(Vec::new());
        let mut events = events.into_iter();
        let next = |silence: Option<Duration>| {
            let event = events.next().ok_or(io::ErrorKind::UnexpectedEof)?;
            assert!(event.is_some() || silence.is_some(), "waits for a silence only while a key is held");
            Ok(event)
        };
        run(next, Replies::new(), |input| {
            received.borrow_mut().push(match input {
                Input::Key(key) => format!("{:?}", key.code),
                other => format!("{other:?}"),
            });
            true
        });
        let expected = ["Char('q')", "Background([255, 255, 255])", "Char('j')", "Esc", "Char('k')", "Gone"];
        assert_eq!(received.into_inner(), expected);
    }
}
