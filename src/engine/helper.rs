//! Threads beside the engine's own: without them it would stand still, so that a panic in one is its end as well.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::mpsc::UnboundedSender;

/// Where a thread tells that it failed, and why.
pub type Failed = UnboundedSender<String>;

/// Starts a thread of this name.
pub fn spawn(name: &'static str, failed: Failed, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let run = move || {
        if catch_unwind(AssertUnwindSafe(body)).is_err() {
            // An engine that is gone needs it no longer.
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
    fn a_panic_is_told_and_an_end_in_order_is_not() {
        let (failed, mut told) = unbounded_channel();
        spawn("odd", failed.clone(), || panic!("as the test wants it")).unwrap();
        assert_eq!(told.blocking_recv().unwrap(), "an internal error in the thread 'odd'");
        spawn("even", failed, || {}).unwrap();
        // The last sender is gone with the thread.
        assert_eq!(told.blocking_recv(), None);
    }
}
