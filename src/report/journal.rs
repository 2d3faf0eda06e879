//! A run as it is kept while it happens: one JSON object a line, the first of which says what is run. What comes later
//! is only ever added.

mod line;
mod lines;
mod read;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::Environment;
use crate::domain::calibration::Calibration;
use crate::domain::live::ServerInfo;
use crate::domain::route::Route;
use crate::domain::session::Plan;
use crate::domain::suite::Suite;

pub use self::line::{attempt, end, gpu, header, state, throughput};
pub use self::read::{JournalError, Saved, read};

/// Rises when an older program could not read a newer journal; what is only added leaves it.
pub const VERSION: u32 = 1;

/// What is known when a run begins. Without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Begins every request id, and names the journal.
    pub id: String,
    /// The version of the program that ran.
    #[serde(default)]
    pub tool: String,
    /// Wall time of the run's clock at zero, with its zone.
    #[serde(with = "epoch")]
    pub epoch: jiff::ZonedDateTime,
    /// Base address of the endpoint.
    pub base_url: String,
    /// The address the requests went to.
    pub url: String,
    /// The API that was spoken there, as `--api` calls it.
    pub api: String,
    /// The run's model.
    pub model: String,
    /// What serves it.
    #[serde(default)]
    pub server: ServerInfo,
    /// The built-in simulator answered, no model.
    #[serde(default)]
    pub simulated: bool,
    /// The address names the machine that tokscope ran on.
    #[serde(default)]
    pub local: bool,
    /// What stood in between.
    #[serde(default)]
    pub route: Route,
    /// What is run.
    pub suite: Arc<Suite>,
    /// How much of it.
    pub plan: Plan,
    /// At these concurrencies in turn; empty without a sweep.
    #[serde(default)]
    pub sweep: Vec<usize>,
    /// The machine tokscope ran on.
    #[serde(default)]
    pub environment: Environment,
    /// The server's own gauges were read beside the run. They are not kept.
    #[serde(default)]
    pub gauges: bool,
    /// What the observer was found to add there.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

/// Wall time with zone as text; where this machine does not know the zone, its offset stays.
mod epoch {
    use jiff::ZonedDateTime;
    use jiff::fmt::strtime::{BrokenDownTime, parse};
    use jiff::tz::TimeZone;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(epoch: &ZonedDateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(epoch)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ZonedDateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().or_else(|e| {
            let without_zone = text.split('[').next().unwrap_or_default();
            let parsed = parse("%Y-%m-%dT%H:%M:%S%.f%:z", without_zone);
            let fixed =
                |p: BrokenDownTime| Some(p.to_timestamp().ok()?.to_zoned_datetime(TimeZone::fixed(p.offset()?)));
            parsed.ok().and_then(fixed).ok_or_else(|| de::Error::custom(e))
        })
    }
}

#[cfg(test)]
mod tests;
