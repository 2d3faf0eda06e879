//! Holds scheduled starts until they are due, on a separate thread. Timers of the engine's runtime have a resolution of
//! a millisecond, which would add to every TTFT.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

use super::clock::EngineClock;
use super::helper::{self, Failed};
use crate::domain::live::EngineCommand;
use crate::domain::time::Nanos;

/// Starts the thread, which passes starts to `deliver` when they are due, and other commands at once. The thread ends
/// when the sender is dropped or `deliver` returns false. Returns `None` if the thread cannot be started.
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
    // Starts in the order in which they are due.
    let mut waiting: VecDeque<(Nanos, EngineCommand)> = VecDeque::new();
    loop {
        let woken = match waiting.front() {
            None => inbox.recv().map_err(|_gone| RecvTimeoutError::Disconnected),
            Some((due, _)) => inbox.recv_timeout(due.since(now())),
        };
        let continues = match woken {
            Ok(command) => take(&mut waiting, command, &deliver),
            Err(RecvTimeoutError::Timeout) => {
                let due = waiting.front().is_some_and(|(due, _)| *due <= now());
                due.then(|| waiting.pop_front()).flatten().is_none_or(|(_, command)| deliver(command))
            }
            Err(RecvTimeoutError::Disconnected) => false,
        };
        if !continues {
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
        // Deliver the start before its abort: the attempt sends nothing, but leaves a record.
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
    use crate::domain::request_lengths::RequestLengths;
    use crate::domain::testing::case;

    fn start(number: u32, due_ms: u64) -> EngineCommand {
        EngineCommand::Start {
            lengths: RequestLengths::default(),
            row: None,
            turn: None,
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

    /// Returns the commands in the order of delivery. The clock advances by a second at each reading.
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
    fn a_panic_of_the_thread_is_reported() {
        let (failed, mut failures) = tokio::sync::mpsc::unbounded_channel();
        #[expect(clippy::disallowed_methods, reason = "the epoch of this test's run")]
        let clock = EngineClock::new(std::time::Instant::now());
        let starts = super::start(clock, failed, |_| panic!("as the test wants it")).unwrap();
        starts.send(EngineCommand::Abort(AttemptId::default())).unwrap();
        assert_eq!(failures.blocking_recv().unwrap(), "an internal error in the thread 'starts'");
    }

    #[test]
    fn starts_leave_in_the_order_they_are_due() {
        assert_eq!(delivered(vec![start(1, 9), start(2, 3), start(3, 3)]), ["start 2", "start 3", "start 1"]);
    }

    #[test]
    fn a_start_that_is_aborted_early_starts_and_ends_at_once() {
        let abort = EngineCommand::Abort(AttemptId { case: 0, number: 1 });
        let hour = 3_600_000;
        assert_eq!(delivered(vec![start(1, hour), start(2, 0), abort]), ["start 1", "abort 1", "start 2"]);
    }
}
