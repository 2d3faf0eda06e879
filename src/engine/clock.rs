//! The run's clock on the engine's threads.

use std::time::Instant;

use crate::domain::time::Nanos;

/// Clock whose zero is the start of the run.
#[derive(Clone, Copy, Debug)]
pub struct EngineClock {
    epoch: Instant,
}

impl EngineClock {
    /// Creates a clock that counts from `epoch`.
    pub const fn new(epoch: Instant) -> Self {
        Self { epoch }
    }

    /// Current time.
    pub fn now(self) -> Nanos {
        let since = tokio::time::Instant::now().into_std().saturating_duration_since(self.epoch);
        Nanos::default().plus(since)
    }
}
