//! Asks the terminal for its background before the input thread starts, and keeps the keys typed meanwhile.

use std::io;
use std::time::Duration;

use crossterm::event::KeyEvent;

use super::super::replies::Replies;
use super::super::theme::Rgb;

/// Input that arrived after the queries to the terminal.
#[derive(Debug)]
pub struct FirstInput {
    /// Background of the terminal, if it answered in time.
    pub background: Option<Rgb>,
    /// Keys typed during the wait.
    pub keys: Vec<KeyEvent>,
    /// Recognises the replies that are still to come.
    pub replies: Replies<KeyEvent>,
}

impl FirstInput {
    /// No query was sent.
    pub(super) const fn none() -> Self {
        Self { background: None, keys: Vec::new(), replies: Replies::none() }
    }

    /// The queries were sent, but the input cannot be read.
    pub(super) const fn unanswered() -> Self {
        Self { background: None, keys: Vec::new(), replies: Replies::new() }
    }
}

/// Waits for the replies to the queries, up to `patience`.
#[cfg(unix)]
pub(super) fn wait(patience: Duration) -> io::Result<FirstInput> {
    use std::fs::File;
    use std::os::fd::AsFd;

    let stdin = io::stdin();
    if rustix::termios::isatty(stdin.as_fd()) {
        return unix::wait_on(stdin.as_fd(), patience);
    }
    unix::wait_on(File::open("/dev/tty")?.as_fd(), patience)
}

/// Windows consoles turn replies into key events only for programs that ask for them.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "the Unix version can fail")]
pub(super) fn wait(_patience: Duration) -> io::Result<FirstInput> {
    Ok(FirstInput::none())
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::BorrowedFd;
    use std::time::{Duration, Instant};

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    use super::FirstInput;
    use crate::ui::replies::{Replies, Reply};
    use crate::ui::terminal::type_ahead;

    #[expect(clippy::disallowed_methods, reason = "a limit in real time")]
    pub(super) fn wait_on(terminal: BorrowedFd<'_>, patience: Duration) -> io::Result<FirstInput> {
        let deadline = Instant::now() + patience;
        let mut replies = Replies::new();
        let (mut background, mut typed, mut is_answered) = (None, Vec::new(), false);
        let mut block = [0; 256];
        while !is_answered && has_input(terminal, deadline.saturating_duration_since(Instant::now()))? {
            let count = rustix::io::read(terminal, &mut block)?;
            if count == 0 {
                break;
            }
            for byte in block.iter().take(count) {
                let taken = replies.push(*byte, &[*byte]);
                typed.extend(taken.released);
                match taken.reply {
                    Some(Reply::Background(colour)) => background = colour,
                    Some(Reply::Attributes) => is_answered = true,
                    None => {}
                }
            }
        }
        let replies = replies.continue_with(|held| type_ahead::keys(&held));
        Ok(FirstInput { background, keys: type_ahead::keys(&typed), replies })
    }

    fn has_input(terminal: BorrowedFd<'_>, patience: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(patience).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 });
        let mut fds = [PollFd::from_borrowed_fd(terminal, PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            // Check for `IN`, because a system that cannot poll a terminal returns another flag.
            Ok(_) => Ok(fds[0].revents().contains(PollFlags::IN)),
            // A signal ends the wait early. The input thread takes replies that come later.
            Err(rustix::io::Errno::INTR) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use std::io::Write;
        use std::os::fd::AsFd;
        use std::os::unix::net::UnixStream;

        use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

        use super::*;

        fn plain(c: char) -> KeyEvent {
            KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE)
        }

        /// Result of the wait if the terminal has sent `input` and stays open.
        fn received(input: &[u8], patience: Duration) -> FirstInput {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            theirs.write_all(input).unwrap();
            wait_on(ours.as_fd(), patience).unwrap()
        }

        #[test]
        fn the_second_reply_ends_the_wait() {
            // If the wait did not end early, the test would take an hour.
            let hour = Duration::from_secs(3600);
            let answered = received(b"?\x1b]11;rgb:0000/2b2b/3636\x07j\x1b[?62c", hour);
            assert_eq!((answered.background, answered.keys), (Some([0, 0x2b, 0x36]), vec![plain('?'), plain('j')]));
            let silent = received(b"\x1b[?6cx", hour);
            assert_eq!((silent.background, silent.keys), (None, vec![plain('x')]));
        }

        #[test]
        fn the_rest_of_a_reply_may_come_late() {
            let mut cut = received(b"k\x1b]11;rgb:00", Duration::ZERO);
            assert_eq!((cut.background, cut.keys), (None, vec![plain('k')]));
            for c in "00/2b2b/3636".chars() {
                assert!(cut.replies.push_key(plain(c)).released.is_empty());
            }
            let end = cut.replies.push_key(KeyEvent::new(KeyCode::Char('g'), KeyModifiers::CONTROL));
            assert_eq!(end.reply, Some(Reply::Background(Some([0, 0x2b, 0x36]))));
        }
    }
}
