//! The terminal's events, read on a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crossterm::event::{Event, KeyEvent, KeyEventKind, MouseEvent, MouseEventKind, read};

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
    /// Nothing comes any more: the terminal is gone, or it cannot be read.
    Gone,
}

/// Reads until the terminal is gone or `sink`, called from threads of this module, returns false. They sleep between
/// events.
pub fn listen(sink: impl Fn(Input) -> bool + Send + Sync + 'static) -> io::Result<()> {
    let sink = Arc::new(sink);
    #[cfg(unix)]
    hang_up::watch(Arc::clone(&sink))?;
    std::thread::Builder::new().name("input".to_owned()).spawn(move || run(read, &*sink)).map(drop)
}

/// A panic is the end as well: with keys that nobody reads and a terminal that makes no signals of them, there would be no
/// way out.
fn run(mut read: impl FnMut() -> io::Result<Event>, sink: impl Fn(Input) -> bool) {
    let all = AssertUnwindSafe(|| {
        loop {
            let input = match read() {
                Ok(Event::Key(key)) if key.kind != KeyEventKind::Release => Input::Key(key),
                Ok(Event::Resize(..)) => Input::Resized,
                // Windows tells every move.
                Ok(Event::Mouse(mouse)) if mouse.kind != MouseEventKind::Moved => Input::Mouse(mouse),
                // A pasted text is no sequence of commands.
                Ok(Event::Paste(text)) => Input::Paste(text),
                Ok(_) => continue,
                Err(_gone) => return,
            };
            if !sink(input) {
                return;
            }
        }
    });
    let _ended_either_way = catch_unwind(all);
    // Where nobody listens any more, nobody minds.
    sink(Input::Gone);
}

/// Waits for the end of the terminal, which the terminal library takes for nothing to read, again and again. Mostly a signal
/// comes as well; not to a process that the terminal does not control.
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
            // The one that the keys come from.
            let (stdin, other) = (io::stdin(), File::open("/dev/tty").ok());
            let is_terminal = rustix::termios::isatty(stdin.as_fd());
            let terminal = if is_terminal { Some(stdin.as_fd()) } else { other.as_ref().map(File::as_fd) };
            if terminal.is_some_and(has_ended) {
                sink(Input::Gone);
            }
        };
        std::thread::Builder::new().name("hang-up".to_owned()).spawn(run).map(drop)
    }

    /// Sleeps until the other side is closed. False: that cannot be waited for here.
    fn has_ended(terminal: BorrowedFd<'_>) -> bool {
        // Nothing is asked for; the end is told all the same.
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
        fn the_end_of_the_other_side_is_seen_and_what_it_says_is_not() {
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

    use super::*;

    fn read_all(mut events: Vec<fn() -> io::Result<Event>>) -> Vec<String> {
        let heard = RefCell::new(Vec::new());
        run(
            || events.remove(0)(),
            |input| {
                heard.borrow_mut().push(format!("{input:?}"));
                true
            },
        );
        heard.into_inner()
    }

    #[test]
    fn an_error_and_a_panic_are_both_the_end() {
        let error = || Err(io::ErrorKind::Other.into());
        let panic = || panic!("while keys are read");
        let text = || Ok(Event::Paste("a".to_owned()));
        assert_eq!(read_all(vec![text, error]), ["Paste(\"a\")", "Gone"]);
        assert_eq!(read_all(vec![|| Ok(Event::FocusGained), text, panic]), ["Paste(\"a\")", "Gone"]);
    }
}
