//! The run's clock on the engine's threads.

use std::time::Instant;

use crate::domain::time::Nanos;

/// The run's clock, which counts from the run's start.
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
