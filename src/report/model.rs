//! Data of a report.

use crate::domain::calibration::Calibration;
use crate::domain::live::{EngineLag, ServerInfo};
use crate::domain::route::Route;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::Session;
use crate::domain::time::Nanos;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::cost::Cost;
use super::gate_result::GateResult;
use super::gpu::GpuReport;
use super::host::HostReport;
use super::shards::ShardRun;
use super::summary::{Summary, SummaryCell};

/// Default API. Reports name only other APIs.
pub const USUAL_API: &str = "chat";

/// A complete or partial run with all data of its report.
#[derive(Clone, Debug)]
pub struct Report {
    /// Session with suite, plan, cases and attempts.
    pub session: Session,
    /// Sentences about the workload, such as how prompt lengths were fitted.
    pub workload_notes: Vec<String>,
    /// Wall time of the run's clock at zero.
    pub epoch: jiff::ZonedDateTime,
    /// Resumptions of the run, in order.
    pub resumed: Vec<Resumption>,
    /// URL of the requests without secrets, including the path, such as `/chat/completions`.
    pub url: String,
    /// API of the endpoint, as a value of `--api`.
    pub api: &'static str,
    /// Name of the model.
    pub model: String,
    /// Software that serves the model.
    pub server: ServerInfo,
    /// Endpoint of side B of a race; `None` for other runs.
    pub rival: Option<Rival>,
    /// Whether the built-in simulator answered instead of a model.
    pub simulated: bool,
    /// Proxy and TLS on the way to the endpoint.
    pub route: Route,
    /// Version of tokscope that started the run.
    pub tool: String,
    /// Command line that started the run, without secrets; `None` if unknown.
    pub command_line: Option<String>,
    /// ID of the run. Every request ID begins with it.
    pub run_id: String,
    /// The shards that the run was merged from; empty for other runs.
    pub shards: Vec<ShardRun>,
    /// Machine on which tokscope ran.
    pub environment: Environment,
    /// GPU figures, or the reason why there are none.
    pub gpu: Result<GpuReport, String>,
    /// Metrics that the server reported; `None` if they were not read.
    pub gauges: Option<GaugeHistory>,
    /// Load of tokscope's machine during the run, or the reason why it is unknown.
    pub host: Result<HostReport, String>,
    /// Whether the endpoint's address names tokscope's machine.
    pub local: bool,
    /// Delay of tokscope's reading thread.
    pub lag: EngineLag,
    /// Error of tokscope on this machine, if it was calibrated.
    pub calibration: Option<Calibration>,
    /// Result of a regression gate, if the run had one.
    pub gate: Option<Arc<GateResult>>,
    /// Time of the report on the run's clock.
    pub finished_at: Nanos,
    /// Summary of [`Self::session`], computed on first use.
    pub summary: SummaryCell,
}

/// Endpoint of side B of a race, beside its URL.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// Model of side B.
    pub model: String,
    /// Software that serves it.
    #[serde(default)]
    pub server: ServerInfo,
    /// Proxy and TLS on the way to it.
    #[serde(default)]
    pub route: Route,
}

impl Report {
    /// Returns the summary of the run.
    pub fn summary(&self) -> &Summary {
        self.summary.get(&self.session)
    }

    /// Returns the price of the work; `None` without a price or a throughput.
    pub fn cost(&self) -> Option<Cost> {
        Cost::new(&self.session, self.summary(), self.gpu.as_ref().map_err(String::as_str))
    }

    /// Converts a time on the run's clock to wall time.
    pub fn wall_time(&self, at: Nanos) -> jiff::ZonedDateTime {
        // Saturate instead of failing: a clock past the year 9999 must not lose the report.
        let resumed = self.resumed.iter().rev().find(|r| at >= r.at);
        resumed.map_or(&self.epoch, |r| &r.epoch).saturating_add(std::time::Duration::from_nanos(at.0))
    }

    /// Returns the wall time of the first request. If nothing was sent, returns the wall time of the clock's start.
    pub fn started_at(&self) -> jiff::ZonedDateTime {
        self.wall_time(self.session.began.unwrap_or_default())
    }

    /// Returns the duration of the run, seconds.
    pub fn duration_s(&self) -> Option<f64> {
        self.session.running_for(self.finished_at).map(|time| time.as_secs_f64())
    }
}

/// A resumption of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resumption {
    /// Time on the run's clock when the run had stopped.
    pub stopped_at: Nanos,
    /// Time on the run's clock when the run was resumed. Earlier events have earlier times.
    pub at: Nanos,
    /// Wall time at zero of the run's clock, valid from this resumption on.
    #[serde(with = "super::epoch")]
    pub epoch: jiff::ZonedDateTime,
    /// Version of tokscope that resumed the run.
    #[serde(default)]
    pub tool: String,
    /// Machine that resumed the run.
    #[serde(default)]
    pub environment: Environment,
}

/// Facts about tokscope's machine; `None` for facts that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Environment {
    pub hostname: String,
    pub os: String,
    pub cpu: Option<String>,
    pub cores: usize,
    pub memory_mib: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{report, sample_session};
    use crate::domain::time::Nanos;

    #[test]
    fn times_are_counted_from_the_first_request() {
        let r = report(sample_session());
        assert_eq!(r.started_at().strftime("%H:%M:%S%.3f%:z").to_string(), "21:49:41.400+01:00");
        // Ten answers take 58.672 s, and each ends a millisecond after its last token.
        assert!((r.duration_s().unwrap() - 58.682).abs() < 1e-9);
        assert!(r.wall_time(Nanos(u64::MAX)) > r.started_at());
    }
}
