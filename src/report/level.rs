//! Mean and maximum of a value over a run.

use serde::Serialize;

/// Mean and maximum of a sampled value over a run, in the unit of the value.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Level {
    /// Mean over the run.
    pub avg: f64,
    /// Maximum over the run.
    pub max: f64,
}
