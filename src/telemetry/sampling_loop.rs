//! Loop of a sampling thread: acts at each tick and on request.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};

use super::ticker::Ticker;
use crate::domain::time::Nanos;

/// Command to a sampling thread. The thread ends when all senders are dropped.
#[derive(Debug)]
pub(super) enum Command {
    /// Takes a sample now, and replies when the sink has its events.
    Sample(Option<Sender<()>>),
    /// Starts or stops the ticks.
    Active(bool),
}

/// Calls `sample` at each tick and on request, until all senders of commands are dropped. The argument is `true` for
/// requests.
pub(super) fn run_loop(
    inbox: &Receiver<Command>,
    ticker: &mut Ticker,
    now: impl Fn() -> Nanos,
    mut sample: impl FnMut(bool),
) {
    loop {
        let received = match ticker.wait(now()) {
            None => inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some(wait) => inbox.recv_timeout(wait),
        };
        let first = match received {
            Ok(command) => Some(command),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        let mut requested = false;
        let mut waiting = Vec::new();
        // Merge requests that waited behind a slow sample into one.
        for command in first.into_iter().chain(inbox.try_iter()) {
            match command {
                Command::Sample(reply) => {
                    requested = true;
                    waiting.extend(reply);
                }
                Command::Active(active) => ticker.set_active(active, now()),
            }
        }
        if ticker.take(now()) || requested {
            sample(requested);
        }
        for reply in waiting {
            // The reply fails if the caller has stopped waiting.
            let _ = reply.send(());
        }
    }
}
