//! Starts that are not due yet. They wait on a thread of their own: a timer of the streams' runtime counts whole
//! milliseconds, which would all be found again in the TTFT.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use super::clock::EngineClock;
use super::helper::{self, Failed};
use crate::domain::live::EngineCommand;
use crate::domain::time::Nanos;

/// Starts the thread, which hands every command on to `deliver`: a start when it is due, the rest at once. It ends when the
/// sender is dropped, or when `deliver` says that nobody listens. `None` if there is no thread to be had.
pub fn start(
    clock: EngineClock,
    failed: Failed,
    deliver: impl Fn(EngineCommand) -> bool + Send + 'static,
) -> Option<Sender<EngineCommand>> {
    let (sender, inbox) = channel();
    helper::spawn("starts", failed, move || run(&inbox, move || clock.now(), deliver)).ok()?;
    Some(sender)
}

fn run(inbox: &Receiver<EngineCommand>, now: impl Fn() -> Nanos, deliver: impl Fn(EngineCommand) -> bool) {
    // Earliest first.
    let mut waiting: VecDeque<(Nanos, EngineCommand)> = VecDeque::new();
    loop {
        let woken = match waiting.front() {
            None => inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some((due, _)) => inbox.recv_timeout(due.since(now())),
        };
        let go_on = match woken {
            Ok(command) => take(&mut waiting, command, &deliver),
            Err(RecvTimeoutError::Timeout) => {
                let due = waiting.front().is_some_and(|(due, _)| *due <= now());
                due.then(|| waiting.pop_front()).flatten().is_none_or(|(_, command)| deliver(command))
            }
            Err(RecvTimeoutError::Disconnected) => false,
        };
        if !go_on {
            return;
        }
    }
}

fn take(
    waiting: &mut VecDeque<(Nanos, EngineCommand)>,
    command: EngineCommand,
    deliver: impl Fn(EngineCommand) -> bool,
) -> bool {
    match &command {
        EngineCommand::Start { due: Some(due), .. } => {
            let at = waiting.partition_point(|(other, _)| other <= due);
            waiting.insert(at, (*due, command));
            return true;
        }
        // Given up before it was due: started and given up at once it sends nothing, and leaves its record like any other.
        EngineCommand::Abort(id) => {
            let of_it = |c: &EngineCommand| matches!(c, EngineCommand::Start { id: other, .. } if other == id);
            let given_up = waiting.iter().position(|(_, c)| of_it(c)).and_then(|at| waiting.remove(at));
            if let Some((_, start)) = given_up
                && !deliver(start)
            {
                return false;
            }
        }
        _ => {}
    }
    deliver(command)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::sync::Arc;

    use super::*;
    use crate::domain::attempt::AttemptId;
    use crate::domain::testing::case;

    fn start(number: u32, due_ms: u64) -> EngineCommand {
        EngineCommand::Start {
            id: AttemptId { case: 0, number },
            case: Arc::new(case("c")),
            model: String::new(),
            warmup: false,
            due: Some(Nanos::from_millis(due_ms)),
            ready: None,
        }
    }

    fn describe(command: &EngineCommand) -> String {
        match command {
            EngineCommand::Start { id, .. } => format!("start {}", id.number),
            EngineCommand::Abort(id) => format!("abort {}", id.number),
            other => format!("{other:?}"),
        }
    }

    /// What is delivered of these, with a clock that is a second further at each look.
    fn delivered(commands: Vec<EngineCommand>) -> Vec<String> {
        let (sender, inbox) = channel();
        let count = commands.iter().filter(|c| matches!(c, EngineCommand::Start { .. })).count();
        for command in commands {
            sender.send(command).unwrap();
        }
        let (seconds, out) = (Cell::new(0), RefCell::new(Vec::new()));
        let now = || Nanos::from_millis(1000 * seconds.replace(seconds.get() + 1));
        run(&inbox, now, |command| {
            out.borrow_mut().push(describe(&command));
            out.borrow().iter().filter(|t| t.starts_with("start")).count() < count
        });
        out.into_inner()
    }

    #[test]
    fn a_panic_of_the_thread_is_told() {
        let (failed, mut told) = tokio::sync::mpsc::unbounded_channel();
        #[expect(clippy::disallowed_methods, reason = "the epoch of this test's run")]
        let clock = EngineClock::new(std::time::Instant::now());
        let starts = super::start(clock, failed, |_| panic!("as the test wants it")).unwrap();
        starts.send(EngineCommand::Abort(AttemptId::default())).unwrap();
        assert_eq!(told.blocking_recv().unwrap(), "an internal error in the thread 'starts'");
    }

    #[test]
    fn starts_leave_in_the_order_they_are_due() {
        assert_eq!(delivered(vec![start(1, 9), start(2, 3), start(3, 3)]), ["start 2", "start 3", "start 1"]);
    }

    #[test]
    fn what_is_given_up_early_starts_and_ends_at_once() {
        let abort = EngineCommand::Abort(AttemptId { case: 0, number: 1 });
        let hour = 3_600_000;
        assert_eq!(delivered(vec![start(1, hour), start(2, 0), abort]), ["start 1", "abort 1", "start 2"]);
    }
}
