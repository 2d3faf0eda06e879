//! A thread that wakes the engine at regular intervals during a run. A timer of the engine's runtime has a resolution
//! of a millisecond, which would look like lag of the engine.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use tokio::sync::mpsc;

use super::clock::EngineClock;
use super::helper::{self, Failed};
use crate::domain::time::Nanos;

/// Interval between beats, and therefore between live views.
pub const PULSE_EVERY: Duration = Duration::from_millis(50);

/// A wake of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// Scheduled time.
    pub due: Nanos,
    /// Time at which the beat was sent.
    pub sent: Nanos,
}

/// Handle of the thread, which ends when the handle is dropped.
#[derive(Debug)]
pub struct Pulse {
    wanted: Sender<bool>,
    beats: mpsc::UnboundedReceiver<Beat>,
}

impl Pulse {
    /// Starts the thread. It sends no beats until [`Self::want`] asks for them.
    pub fn start(clock: EngineClock, failed: Failed) -> std::io::Result<Self> {
        let (wanted, wants) = channel();
        let (beat, beats) = mpsc::unbounded_channel();
        helper::spawn("pulse", failed, move || run(&wants, move || clock.now(), |b| beat.send(b).is_ok()))?;
        Ok(Self { wanted, beats })
    }

    /// Starts or stops the beats. Discards beats that are still queued.
    pub fn want(&mut self, beats: bool) {
        while self.beats.try_recv().is_ok() {}
        // Sending fails only if the thread has ended, which happens when the process ends.
        let _sent = self.wanted.send(beats);
    }

    /// Waits for the next beat; `None` if the thread has ended.
    pub async fn next(&mut self) -> Option<Beat> {
        self.beats.recv().await
    }

    /// Returns a beat that has already arrived, if any.
    pub fn try_next(&mut self) -> Option<Beat> {
        self.beats.try_recv().ok()
    }
}

fn run(wants: &Receiver<bool>, now: impl Fn() -> Nanos, send: impl Fn(Beat) -> bool) {
    let mut wanted = false;
    loop {
        let due = now().plus(PULSE_EVERY);
        let received = if wanted {
            wants.recv_timeout(PULSE_EVERY)
        } else {
            wants.recv().map_err(|_gone| RecvTimeoutError::Disconnected)
        };
        match received {
            Ok(wants_beats) => wanted = wants_beats,
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
    fn beats_with_their_times_are_sent_while_wanted() {
        let (wanted, wants) = channel();
        wanted.send(true).unwrap();
        let (looks, beats) = (Cell::new(0), RefCell::new(Vec::new()));
        // The clock advances by 20 ms at each reading.
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
    fn the_thread_ends_with_the_engine() {
        let (wanted, wants) = channel();
        for want in [true, false] {
            wanted.send(want).unwrap();
        }
        drop(wanted);
        run(&wants, Nanos::default, |_| panic!("nobody wants this"));
    }
}
