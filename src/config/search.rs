//! Settings of a search for the largest load.

use std::time::Duration;

use super::ConfigError;
use crate::cli::{MAX_CONCURRENCY, RunArgs};
use crate::domain::load_search::{LoadSearch, SearchVariable, check_threshold};
use crate::domain::slo::Slo;
use crate::domain::text::sanitise_line;

/// Default maximum time of a probe.
pub(super) const PROBE_TIME: Duration = Duration::from_secs(60);
/// Default time between two probes, seconds.
const COOL_DOWN_S: f64 = 2.0;

/// Returns the search that the options ask for; `None` without one.
pub(super) fn settings(args: &RunArgs) -> Result<Option<LoadSearch>, ConfigError> {
    let (Some(variable), Some(max)) = (args.find, args.max) else { return Ok(None) };
    let cool_down = Duration::try_from_secs_f64(args.cool_down.unwrap_or(COOL_DOWN_S));
    let cool_down = cool_down.map_err(|e| ConfigError(format!("--cool-down: {e}")))?;
    Ok(Some(match variable {
        SearchVariable::Concurrency if args.concurrency.is_some() => {
            return Err(ConfigError("--find concurrency sets the concurrency; remove --concurrency".to_owned()));
        }
        SearchVariable::Concurrency if max.fract() > 0.0 || !(1.0..=f64::from(MAX_CONCURRENCY)).contains(&max) => {
            return Err(ConfigError(format!(
                "--max {max}: a concurrency is a whole number from 1 to {MAX_CONCURRENCY}"
            )));
        }
        SearchVariable::Concurrency => LoadSearch::concurrency(max as u32, cool_down),
        SearchVariable::Rate => LoadSearch::rate(max, cool_down),
    }))
}

/// Checks that the search has thresholds that it can judge.
pub(super) fn check(find: Option<&LoadSearch>, slos: &[Slo]) -> Result<(), ConfigError> {
    if find.is_none() {
        return Ok(());
    }
    if slos.is_empty() {
        return Err(ConfigError("--find needs a threshold to meet; add one, like --slo 'ttft_p95<500ms'".to_owned()));
    }
    for slo in slos {
        check_threshold(slo).map_err(|why| ConfigError(format!("threshold '{}': {why}", sanitise_line(&slo.text))))?;
    }
    Ok(())
}
