//! Figures of GPUs, host, reading thread and server metrics that may show the bottleneck of a run.

use crate::domain::server_gauges::Meter;
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::report::model::Report;

/// Means and maxima over the run; `None` for unknown figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SystemFigures {
    /// Highest load of a GPU that may have served the requests, percent.
    pub busiest_gpu_percent: Option<f64>,
    /// Throttling reason that lasted longest on any GPU, as text, and its share of the run, percent.
    pub gpu_throttled: Option<(&'static str, f64)>,
    /// Delay of tokscope's reading thread (p99), milliseconds.
    pub lag_p99_ms: Option<f64>,
    /// Mean load of tokscope's reading thread, percent of one core.
    pub engine_percent: Option<f64>,
    /// Mean load of all cores, percent; only known if client and server share the machine.
    pub shared_machine_percent: Option<f64>,
    /// Mean number of requests waiting in the server, according to its metrics.
    pub server_waiting: Option<f64>,
}

impl SystemFigures {
    /// Takes the figures from a report.
    pub fn from_report(report: &Report) -> Self {
        let gpu = report.gpu.as_ref().ok();
        let figures = Self {
            busiest_gpu_percent: gpu.and_then(GpuReport::busiest_percent),
            gpu_throttled: gpu.and_then(GpuReport::longest_throttle),
            lag_p99_ms: report.lag.p99_ms,
            server_waiting: report.gauges.as_ref().and_then(|gauges| gauges.mean(Meter::Waiting)),
            ..Self::default()
        };
        figures.with_host(report.host.as_ref().ok(), report.local)
    }

    /// Adds the figures of the host. `is_local`: whether the endpoint runs on the same host.
    #[must_use]
    pub fn with_host(self, host: Option<&HostReport>, is_local: bool) -> Self {
        let busy = host.and_then(|h| h.cpu_busy_percent).filter(|_| is_local);
        Self {
            engine_percent: host.and_then(|h| h.own_engine_percent).map(|l| l.avg),
            shared_machine_percent: busy.map(|l| l.avg),
            ..self
        }
    }
}
