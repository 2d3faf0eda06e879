//! The clock of a run: monotonic time since the run's zero.

use std::time::{Duration, Instant};

use crate::domain::time::Nanos;

/// The clock of a run. A resumed run continues the clock of its first part.
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

    /// Starts a clock at `at`; `None` if the clock of this system does not reach back that far.
    pub fn start_at(at: Nanos) -> Option<Self> {
        Instant::now().checked_sub(Duration::from_nanos(at.0)).map(|epoch| Self { epoch })
    }

    /// Time since the run's zero.
    pub fn now(self) -> Nanos {
        Nanos::default().plus(Instant::now().saturating_duration_since(self.epoch))
    }

    /// The run's zero on the system's clock.
    pub const fn epoch(self) -> Instant {
        self.epoch
    }
}
