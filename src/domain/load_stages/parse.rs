//! Stages as users write them.

use std::str::FromStr;
use std::time::Duration;

use super::{LoadStage, LoadStages, StageLoad};
use crate::domain::serde_text::serde_as_text;
use crate::domain::think_spec::parse_duration;

/// Forms of stages, for errors and help.
pub const STAGE_FORMS: &str =
    "4:60s,16:60s (requests in flight) or 5/s:60s,10/s:2m (rate); ramps: 1..16:60s, 1/s..10/s:60s";
/// Maximum number of stages.
const MAX_STAGES: usize = 1000;
/// Minimum duration of a stage.
const MIN_TIME: Duration = Duration::from_millis(100);
/// Maximum requests in flight.
pub const MAX_CONCURRENCY: u32 = 65_536;
/// Minimum starts per second. The higher end of a stage must reach this rate, because slower stages send almost
/// nothing.
pub const MIN_RATE_PER_S: f64 = 0.001;
/// Maximum starts per second.
pub const MAX_RATE_PER_S: f64 = 100_000.0;

/// Reason why a text is not a list of stages, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}; use {STAGE_FORMS}")]
pub struct InvalidStages(pub(super) String);

impl FromStr for LoadStages {
    type Err = InvalidStages;

    fn from_str(text: &str) -> Result<Self, InvalidStages> {
        let stages = text.split(',').map(|part| stage(part.trim())).collect::<Result<Vec<_>, _>>();
        let stages = stages.map_err(InvalidStages)?;
        if stages.len() > MAX_STAGES {
            return Err(InvalidStages(format!("{} stages are more than {MAX_STAGES}", stages.len())));
        }
        let rates = stages.iter().filter(|stage| matches!(stage.load, StageLoad::Rate { .. })).count();
        if rates != 0 && rates != stages.len() {
            return Err(InvalidStages("some stages set a rate and others a concurrency".to_owned()));
        }
        Ok(Self(stages.into()))
    }
}

serde_as_text!(LoadStages);

fn stage(text: &str) -> Result<LoadStage, String> {
    let (load, time) = text.split_once(':').ok_or_else(|| format!("the stage '{text}' has no time"))?;
    let (from, to) = load.split_once("..").unwrap_or((load, load));
    let time = parse_duration(time.trim())?;
    if time < MIN_TIME {
        return Err(format!("the stage '{text}' is shorter than {} ms", MIN_TIME.as_millis()));
    }
    let load = match (from.trim().strip_suffix("/s"), to.trim().strip_suffix("/s")) {
        (Some(from), Some(to)) => rates(from, to)?,
        (None, None) => StageLoad::Concurrency { from: concurrency(from)?, to: concurrency(to)? },
        _ => return Err(format!("the ramp '{load}' lacks '/s' at one end")),
    };
    Ok(LoadStage { load, time })
}

fn concurrency(text: &str) -> Result<u32, String> {
    let number = text.trim().parse().ok().filter(|n| (1..=MAX_CONCURRENCY).contains(n));
    number.ok_or_else(|| format!("'{}' is not a concurrency from 1 to {MAX_CONCURRENCY}", text.trim()))
}

fn rates(from: &str, to: &str) -> Result<StageLoad, String> {
    let rate = |text: &str| {
        let number = text.trim().parse::<f64>().ok().filter(|n| (0.0..=MAX_RATE_PER_S).contains(n));
        number.ok_or_else(|| format!("'{}/s' is not a rate from 0/s to {MAX_RATE_PER_S}/s", text.trim()))
    };
    let (from_per_s, to_per_s) = (rate(from)?, rate(to)?);
    if from_per_s.max(to_per_s) < MIN_RATE_PER_S {
        return Err(format!("a stage at {to_per_s}/s sends no requests"));
    }
    Ok(StageLoad::Rate { from_per_s, to_per_s })
}
