//! A run as it is saved while it happens: one JSON object a line. The first line says what is run, the others what happened,
//! each once. Lines are only ever added.

mod line;
mod lines;
mod read;
mod summary;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::Environment;
use crate::domain::calibration::Calibration;
use crate::domain::live::ServerInfo;
use crate::domain::route::Route;
use crate::domain::session::Plan;
use crate::domain::suite::Suite;

pub use self::line::{end, event, header, lag, resumption, telemetry, throughput};
pub use self::lines::LONGEST as LONGEST_LINE;
pub use self::read::{JournalError, Saved, read};
pub use self::summary::{BriefSuite, JournalSummary, JournalSummaryHeader, read_brief};

/// Rises when a program of one version could not read the journals of the other; what is only added leaves it.
pub const VERSION: u32 = 2;

/// What is known when a run begins. Without secrets.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the journal by itself")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// Begins every request id, and names the journal.
    pub id: String,
    /// The version of the program that ran.
    #[serde(default)]
    pub tool: String,
    /// Command line that started the run, without secrets; `None` in journals that do not hold it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_line: Option<String>,
    /// Wall time of the run's clock at zero, with its zone.
    #[serde(with = "super::epoch")]
    pub epoch: jiff::ZonedDateTime,
    /// Base address of the endpoint.
    pub base_url: String,
    /// The address the requests went to.
    pub url: String,
    /// What may be secret was left out of it: user name, password, query.
    #[serde(default)]
    pub url_cut: bool,
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
    /// So often a request was sent again that was refused for now.
    #[serde(default)]
    pub retries: u32,
    /// The machine tokscope ran on.
    #[serde(default)]
    pub environment: Environment,
    /// The server's own gauges were read beside the run.
    #[serde(default)]
    pub gauges: bool,
    /// What the observer was found to add there.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

#[cfg(test)]
mod tests;
