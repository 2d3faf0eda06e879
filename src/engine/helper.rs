//! Helper threads of the engine. The engine cannot work without them, so a panic in one ends the engine.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc::UnboundedSender;

/// Channel on which a thread reports its failure.
pub type Failed = UnboundedSender<String>;

/// Starts a thread with this name. Reports a panic in the thread on `failed`.
pub fn spawn(name: &'static str, failed: Failed, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let run = move || {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            // Sending fails only if the engine has ended; then no report is needed.
            drop(failed.send(format!("an internal error in the thread '{name}'")));
        }
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    #[test]
    fn a_panic_is_reported_and_a_regular_end_is_not() {
        let (failed, mut failures) = unbounded_channel();
        spawn("odd", failed.clone(), || panic!("as the test wants it")).unwrap();
        assert_eq!(failures.blocking_recv().unwrap(), "an internal error in the thread 'odd'");
        spawn("even", failed, || {}).unwrap();
        // The last sender is dropped when the thread ends.
        assert_eq!(failures.blocking_recv(), None);
    }
}
