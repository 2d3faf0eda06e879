//! Figures from outside the session that are evidence for its bottleneck.

use crate::report::host::HostReport;

/// Evidence from outside the session.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Around {
    /// Highest load of a GPU during the run, percent; `None` if no visible GPU can have served the run.
    pub busiest_gpu_percent: Option<f64>,
    /// Main reason for throttling of a GPU, in words, and its share of the run, percent.
    pub gpu_throttled: Option<(&'static str, f64)>,
    /// Lateness of tokscope's reading thread (p99), milliseconds.
    pub lag_p99_ms: Option<f64>,
    /// Average share of a core that the reading thread used, percent.
    pub engine_percent: Option<f64>,
    /// Average load of all cores of a machine that client and server share, percent; `None` if they do not share one.
    pub shared_machine_percent: Option<f64>,
    /// Average number of waiting requests that the server's metrics report.
    pub server_waiting: Option<f64>,
}

impl Around {
    /// Returns the evidence from this machine. `is_local` says that the endpoint's address is this machine.
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
