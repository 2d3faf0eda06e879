//! A thread that wakes the engine at a steady pace while something is in flight, and says when it did: a timer of the
//! streams' runtime counts whole milliseconds, which would be taken for the engine's own lag.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::EngineClock;
use super::helper::{self, Failed};
use crate::domain::time::Nanos;

/// How often the engine is woken, and so the live view made.
pub const PULSE_EVERY: Duration = Duration::from_millis(50);

/// One wake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When it was to be sent.
    pub due: Nanos,
    /// When it was.
    pub sent: Nanos,
}

/// The engine's side. The thread ends with it.
#[derive(Debug)]
pub struct Pulse {
    wanted: Sender<bool>,
    beats: mpsc::UnboundedReceiver<Beat>,
}

impl Pulse {
    /// Starts the thread, which sleeps until beats are wanted.
    pub fn start(clock: EngineClock, failed: Failed) -> std::io::Result<Self> {
        let (wanted, wants) = channel();
        let (beat, beats) = mpsc::unbounded_channel();
        helper::spawn("pulse", failed, move || run(&wants, move || clock.now(), |b| beat.send(b).is_ok()))?;
        Ok(Self { wanted, beats })
    }

    /// Has it beat from now on, or no longer. What is left of earlier times is forgotten.
    pub fn want(&mut self, beats: bool) {
        while self.beats.try_recv().is_ok() {}
        // The thread is only gone when the process is about to be.
        let _told = self.wanted.send(beats);
    }

    /// The next beat; `None` when the thread is gone.
    pub async fn next(&mut self) -> Option<Beat> {
        self.beats.recv().await
    }

    /// A beat that is there already.
    pub fn try_next(&mut self) -> Option<Beat> {
        self.beats.try_recv().ok()
    }
}

fn run(wants: &Receiver<bool>, now: impl Fn() -> Nanos, send: impl Fn(Beat) -> bool) {
    let mut wanted = false;
    loop {
        let due = now().plus(PULSE_EVERY);
        let told = if wanted {
            wants.recv_timeout(PULSE_EVERY)
        } else {
            wants.recv().map_err(|_gone| RecvTimeoutError::Disconnected)
        };
        match told {
            Ok(told) => wanted = told,
            Err(RecvTimeoutError::Timeout) if send(Beat { due, sent: now() }) => {}
            Err(_gone) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;

    #[test]
    fn it_beats_while_it_is_wanted_and_says_when() {
        let (wanted, wants) = channel();
        wanted.send(true).unwrap();
        let (looks, beats) = (Cell::new(0), RefCell::new(Vec::new()));
        // A clock that is 20 ms further at each look.
        let now = || Nanos::from_millis(20 * looks.replace(looks.get() + 1));
        run(&wants, now, |beat| {
            beats.borrow_mut().push(beat);
            beats.borrow().len() < 2
        });
        let ms = Nanos::from_millis;
        let expected = [Beat { due: ms(20 + 50), sent: ms(40) }, Beat { due: ms(60 + 50), sent: ms(80) }];
        assert_eq!(*beats.borrow(), expected);
    }

    #[test]
    fn it_ends_with_the_engine() {
        let (wanted, wants) = channel();
        for want in [true, false] {
            wanted.send(want).unwrap();
        }
        drop(wanted);
        run(&wants, Nanos::default, |_| panic!("nobody wants this"));
    }
}
