//! Journal of a run, written while the run is in progress. Each line is a JSON object; the first is the header, and the
//! others are events. Lines are only appended.

mod compact;
mod line;
mod lines;
pub mod merge;
mod read;
mod summary;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::model::Environment;
use super::shards::{ShardRun, WholeRun};
use crate::domain::calibration::Calibration;
use crate::domain::live::ServerInfo;
use crate::domain::route::Route;
use crate::domain::session::Plan;
use crate::domain::suite::Suite;

pub use self::line::{end, event, figures, header, lag, resumption, telemetry, throughput, workload_note};
pub use self::lines::LONGEST as LONGEST_LINE;
pub use self::read::{JournalError, Saved, read, read_in_progress};
pub use self::summary::{BriefSuite, BriefWorkload, JournalSummary, JournalSummaryHeader, read_brief};

/// Version of the format. Added keys keep the version; it rises only if older and newer versions of tokscope could no
/// longer read each other's journals.
pub const VERSION: u32 = 2;

/// Header of a journal: the run and its settings, without secrets.
#[expect(clippy::struct_excessive_bools, reason = "each is a field of the journal by itself")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunHeader {
    /// ID of the run. The journal's file name and every request ID begin with it.
    pub id: String,
    /// Version of tokscope that measured the run.
    #[serde(default)]
    pub tool: String,
    /// Command line that started the run, without secrets; `None` in older journals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_line: Option<String>,
    /// Wall time, with zone, at zero of the run's clock.
    #[serde(with = "super::epoch")]
    pub epoch: jiff::ZonedDateTime,
    /// Base URL of the endpoint.
    pub base_url: String,
    /// URL of the requests: the base URL with the API's path.
    pub url: String,
    /// Whether a user name, password or query was removed from the URLs.
    #[serde(default)]
    pub url_cut: bool,
    /// API of the endpoint, as a value of `--api`.
    pub api: String,
    /// Name of the model.
    pub model: String,
    /// Software that serves the model.
    #[serde(default)]
    pub server: ServerInfo,
    /// Whether the built-in simulator answered instead of a model.
    #[serde(default)]
    pub simulated: bool,
    /// Whether the URL names the machine on which tokscope ran.
    #[serde(default)]
    pub local: bool,
    /// Proxy and TLS between tokscope and the server.
    #[serde(default)]
    pub route: Route,
    /// Suite with all cases of the run.
    pub suite: Arc<Suite>,
    /// Number of attempts and load settings.
    pub plan: Plan,
    /// Concurrencies of a sweep in order; empty without a sweep.
    #[serde(default)]
    pub sweep: Vec<usize>,
    /// Load of all shards; `None` unless this run is one shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whole: Option<Box<WholeRun>>,
    /// The shards that a merged run consists of; empty for other runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<ShardRun>,
    /// Maximum retries of a request (`--retries`).
    #[serde(default)]
    pub retries: u32,
    /// Machine that tokscope ran on.
    #[serde(default)]
    pub environment: Environment,
    /// Whether the run read the server's metrics.
    #[serde(default)]
    pub gauges: bool,
    /// Measurement error of tokscope on this machine, from `tokscope calibrate`.
    #[serde(default)]
    pub calibration: Option<Calibration>,
}

#[cfg(test)]
mod tests;
