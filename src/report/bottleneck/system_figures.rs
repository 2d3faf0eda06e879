//! Figures of the system around a session that may show its bottleneck: GPUs, host, tokscope's reader, server metrics.

use crate::domain::server_gauges::Meter;
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::report::model::Report;

/// Figures of GPUs, host, tokscope's reader and server metrics during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SystemFigures {
    /// Highest GPU load during the run, percent; `None` if none of the visible GPUs can have served the requests.
    pub busiest_gpu_percent: Option<f64>,
    /// Reason that throttled a GPU longest, in words, and its share of the run, percent.
    pub gpu_throttled: Option<(&'static str, f64)>,
    /// 99th percentile of the delay of tokscope's reading thread, milliseconds.
    pub lag_p99_ms: Option<f64>,
    /// Mean load of the reading thread, percent of one core.
    pub engine_percent: Option<f64>,
    /// Mean load of all cores, percent, if client and server share the machine; else `None`.
    pub shared_machine_percent: Option<f64>,
    /// Mean number of waiting requests, from the server's own metrics.
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

    /// Adds the figures of the host. `is_local`: the endpoint runs on the same host.
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
