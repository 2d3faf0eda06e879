//! The loop of a thread that looks at something: at each tick, and on request.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use super::ticker::Ticker;
use crate::domain::time::Nanos;

/// What the thread is told. It ends when there is nobody left to tell it anything.
#[derive(Debug)]
pub(super) enum Command {
    /// Look out of turn, and answer when what was seen is in the sink.
    Sample(Option<Sender<()>>),
    /// Tick, or do not.
    Active(bool),
}

/// Looks at each tick and on request, until nobody is left who could request anything. The look is told which it is: `true`
/// on request.
pub(super) fn attend(
    inbox: &Receiver<Command>,
    pace: &mut Ticker,
    now: impl Fn() -> Nanos,
    mut look: impl FnMut(bool),
) {
    loop {
        let received = match pace.wait(now()) {
            None => inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(wait) => inbox.recv_timeout(wait),
        };
        let first = match received {
            Ok(command) => Some(command),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut asked = false;
        let mut waiting = Vec::new();
        // All that piled up behind a slow look is one.
        for command in first.into_iter().chain(inbox.try_iter()) {
            match command {
                Command::Sample(answer) => {
                    asked = true;
                    waiting.extend(answer);
                }
                Command::Active(active) => pace.set_active(active, now()),
            }
        }
        if pace.take(now()) || asked {
            look(asked);
        }
        for answer in waiting {
            // Who waited may have given up.
            let _ = answer.send(());
        }
    }
}
