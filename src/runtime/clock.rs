//! Clock of a run: monotonic time since the start of the run.

use std::time::{Duration, Instant};

use crate::domain::time::Nanos;

/// Clock of a run. A resumed run continues the clock of its first part.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the run's clock")]
impl Clock {
    /// Starts a clock at zero.
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// Starts a clock at `at`. Returns `None` if the system's clock does not reach back that far.
    pub fn start_at(at: Nanos) -> Option<Self> {
        Instant::now().checked_sub(Duration::from_nanos(at.0)).map(|epoch| Self { epoch })
    }

    /// Returns the current time on the run's clock.
    pub fn now(self) -> Nanos {
        Nanos::default().plus(Instant::now().saturating_duration_since(self.epoch))
    }

    /// Returns the system's time at which the run's clock was zero.
    pub const fn epoch(self) -> Instant {
        self.epoch
    }
}
