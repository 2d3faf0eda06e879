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
use super::summary::{Summary, SummaryCell};

/// Default API, which reports do not name.
pub const USUAL_API: &str = "chat";

/// A run, complete or partial, and everything that a report says about it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Suite, plan, cases, attempts.
    pub session: Session,
    /// Sentences about the workload that the run learned, such as how prompt lengths were fitted.
    pub workload_notes: Vec<String>,
    /// Wall time of the run's clock at zero.
    pub epoch: jiff::ZonedDateTime,
    /// Resumptions after the program had ended, in order.
    pub resumed: Vec<Resumption>,
    /// Address the requests went to, without secrets, `/chat/completions` or the like included.
    pub url: String,
    /// API of the endpoint, as `--api` names it.
    pub api: &'static str,
    /// The run's model.
    pub model: String,
    /// Software that serves the model.
    pub server: ServerInfo,
    /// Whether the built-in simulator answered instead of a model.
    pub simulated: bool,
    /// Proxy and TLS on the way to the endpoint.
    pub route: Route,
    /// Version of the program that started the run.
    pub tool: String,
    /// Command line that started the run, without secrets; `None` if it is not known.
    pub command_line: Option<String>,
    /// Identifier of the run; every request id begins with it.
    pub run_id: String,
    /// The machine tokscope ran on.
    pub environment: Environment,
    /// GPU figures, or why there are none.
    pub gpu: Result<GpuReport, String>,
    /// Metrics that the server reported; `None` if they were not read.
    pub gauges: Option<GaugeHistory>,
    /// Load of the client's machine during the run, or why it is not known.
    pub host: Result<HostReport, String>,
    /// Whether the endpoint's address is that of the client's machine.
    pub local: bool,
    /// Delay of the thread that reads the streams.
    pub lag: EngineLag,
    /// Error of tokscope on this machine, if it was calibrated.
    pub calibration: Option<Calibration>,
    /// Result of a regression gate, if the run had one.
    pub gate: Option<Arc<GateResult>>,
    /// When the report was made, on the run's clock.
    pub finished_at: Nanos,
    /// Summary of [`Self::session`], once it was needed.
    pub summary: SummaryCell,
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

    /// Returns the wall time of a point on the run's clock.
    pub fn wall_time(&self, at: Nanos) -> jiff::ZonedDateTime {
        // Saturates, so that a clock past the year 9999 does not lose the report.
        let resumed = self.resumed.iter().rev().find(|r| at >= r.at);
        resumed.map_or(&self.epoch, |r| &r.epoch).saturating_add(std::time::Duration::from_nanos(at.0))
    }

    /// Returns the wall time of the first request, or of the clock's start if nothing was sent.
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
    /// When the run had stopped, on the run's clock.
    pub stopped_at: Nanos,
    /// When the run was resumed, on the run's clock. Nothing before it is later.
    pub at: Nanos,
    /// Wall time of the run's clock at zero, from the resumption on.
    #[serde(with = "super::epoch")]
    pub epoch: jiff::ZonedDateTime,
    /// Version of the program that resumed the run.
    #[serde(default)]
    pub tool: String,
    /// The machine that resumed the run.
    #[serde(default)]
    pub environment: Environment,
}

/// The machine of tokscope; `None` for facts that could not be read.
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
        // Ten answers, 58.672 s, each over a millisecond after its last token.
        assert!((r.duration_s().unwrap() - 58.682).abs() < 1e-9);
        assert!(r.wall_time(Nanos(u64::MAX)) > r.started_at());
    }
}
