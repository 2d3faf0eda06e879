//! Settings of repeated runs.

use std::time::Duration;

use super::ConfigError;
use crate::cli::RunArgs;
use crate::domain::repeated_runs::RepeatedRuns;

/// Time between two probes or two runs, unless the user names another, seconds.
const COOL_DOWN_S: f64 = 2.0;

/// Returns the group of runs that the options ask for; `None` for a single run.
pub(super) fn settings(args: &RunArgs) -> Result<Option<RepeatedRuns>, ConfigError> {
    let Some(count) = args.runs.filter(|count| *count > 1) else { return Ok(None) };
    Ok(Some(RepeatedRuns { count, cool_down: cool_down(args)? }))
}

/// Returns the time between two probes or two runs.
pub(super) fn cool_down(args: &RunArgs) -> Result<Duration, ConfigError> {
    let cool_down = Duration::try_from_secs_f64(args.cool_down.unwrap_or(COOL_DOWN_S));
    cool_down.map_err(|e| ConfigError(format!("--cool-down: {e}")))
}
