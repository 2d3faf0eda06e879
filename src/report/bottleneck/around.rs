//! Figures around a session that say something of its bottleneck.

use crate::report::host::HostReport;

/// What is known beside the session itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Around {
    /// Highest load of a GPU during the run, percent; `None` where none of those that are seen can have done the work.
    pub busiest_gpu_percent: Option<f64>,
    /// The reason that throttled a GPU longest, in words, and its share of the run, percent.
    pub gpu_throttled: Option<(&'static str, f64)>,
    /// How late tokscope's reading thread was at the 99th percentile, milliseconds.
    pub lag_p99_ms: Option<f64>,
    /// Share of a core that the reading thread took, percent, on average.
    pub engine_percent: Option<f64>,
    /// How busy all cores were on average, percent, of a machine that client and server share; `None` where they do not.
    pub shared_machine_percent: Option<f64>,
    /// Requests that waited by the server's own metrics, on average.
    pub server_waiting: Option<f64>,
}

impl Around {
    /// With what is known of this machine. `is_local`: the endpoint's address is its own.
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
