//! Whole runs that are repeated (`--runs`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Maximum number of runs of a group.
pub const MAX_RUNS: u16 = 100;

/// Settings of a group of runs. Each run does everything that a single run does: warm-ups, all cases and repeats, or the
/// whole duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatedRuns {
    /// Number of runs, from 2 to [`MAX_RUNS`].
    pub count: u16,
    /// Time between the end of a run and the start of the next.
    pub cool_down: Duration,
}
