//! What a report is made from.

use crate::domain::calibration::Calibration;
use crate::domain::live::{EngineLag, ServerInfo};
use crate::domain::route::Route;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::Session;
use crate::domain::time::Nanos;

use serde::{Deserialize, Serialize};

use super::gpu::GpuReport;
use super::host::HostReport;

/// The API that goes without saying.
pub const USUAL_API: &str = "chat";

/// A run, whole or partial, with all that stands around it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Suite, plan, cases, attempts.
    pub session: Session,
    /// Wall time of the run's clock at zero.
    pub epoch: jiff::ZonedDateTime,
    /// Where it was gone on with after the program had ended, in order.
    pub resumed: Vec<Resumption>,
    /// Address the requests went to, without secrets, `/chat/completions` or the like included.
    pub url: String,
    /// The API that was spoken there, as `--api` calls it.
    pub api: &'static str,
    /// The run's model.
    pub model: String,
    /// What serves it.
    pub server: ServerInfo,
    /// The built-in simulator answered, no model.
    pub simulated: bool,
    /// What stood in between.
    pub route: Route,
    /// The version of the program that began it.
    pub tool: String,
    /// Begins every request id.
    pub run_id: String,
    /// The machine tokscope ran on.
    pub environment: Environment,
    /// GPU figures, or why there are none.
    pub gpu: Result<GpuReport, String>,
    /// What the server said of itself; `None` where it was not asked.
    pub gauges: Option<GaugeHistory>,
    /// The machine tokscope ran on, during the run, or why that is not known.
    pub host: Result<HostReport, String>,
    /// The endpoint's address is that machine's.
    pub local: bool,
    /// The observer's own part.
    pub lag: EngineLag,
    /// What it was found to add on this machine, if that was measured.
    pub calibration: Option<Calibration>,
    /// When the report was made, on the run's clock.
    pub finished_at: Nanos,
}

impl Report {
    /// The wall time of a point on the run's clock.
    pub fn wall_time(&self, at: Nanos) -> jiff::ZonedDateTime {
        // Saturates: a clock that ran past the year 9999 is no reason to lose a report.
        let resumed = self.resumed.iter().rev().find(|r| at >= r.at);
        resumed.map_or(&self.epoch, |r| &r.epoch).saturating_add(std::time::Duration::from_nanos(at.0))
    }

    /// When the first request went out, or the run's clock began.
    pub fn started_at(&self) -> jiff::ZonedDateTime {
        self.wall_time(self.session.began.unwrap_or_default())
    }

    /// How long the run was going, in seconds.
    pub fn duration_s(&self) -> Option<f64> {
        self.session.running_for(self.finished_at).map(|time| time.as_secs_f64())
    }
}

/// A run that was gone on with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Resumption {
    /// Where it had stopped, on the run's clock.
    pub stopped_at: Nanos,
    /// Where it goes on: nothing of before is later.
    pub at: Nanos,
    /// Wall time of the run's clock at zero, as it counts from then on.
    #[serde(with = "super::epoch")]
    pub epoch: jiff::ZonedDateTime,
    /// The version of the program that goes on.
    #[serde(default)]
    pub tool: String,
    /// The machine it runs on.
    #[serde(default)]
    pub environment: Environment,
}

/// The machine tokscope ran on; what could not be found is `None`.
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
