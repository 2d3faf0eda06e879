//! Endpoint for Prometheus: live figures of the run in the `OpenMetrics` text format.

mod address;
mod figures;
mod gpu_figures;
mod labels;
mod server;
#[cfg(test)]
mod tests;
mod throughput;

use std::net::TcpListener;
use std::sync::Arc;

use self::figures::Figures;
use super::RunIdentity;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::gpu::GpuEvent;
use crate::domain::live::LiveSnapshot;
use crate::domain::time::Nanos;

pub use self::address::{BindError, bind};
#[cfg(any(test, fuzzing))]
pub use self::server::oracle;

/// Returns the time and the engine's latest live view. Any thread may call it.
pub type LiveView = Box<dyn Fn() -> (Nanos, Arc<LiveSnapshot>) + Send + Sync>;

/// Load of the run at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CurrentLoad {
    /// Number of the stage of a sweep, of `--stages` or of a search, from 1.
    pub stage: usize,
    /// Maximum requests in flight; `None` if only the rate decides.
    pub concurrency: Option<usize>,
    /// Measured requests that the plan asks for; `None` if the time limits them.
    pub planned_requests: Option<usize>,
}

/// A running endpoint. It ends with the program.
pub struct PrometheusEndpoint {
    figures: Arc<Figures>,
}

impl PrometheusEndpoint {
    /// Starts to serve on `listener`, in a thread of its own.
    ///
    /// # Errors
    ///
    /// The thread or its runtime cannot be created.
    pub fn start(listener: TcpListener, run: &RunIdentity, live: LiveView) -> std::io::Result<Self> {
        let figures = Arc::new(Figures::new(run, live));
        server::start(listener, Arc::clone(&figures))?;
        Ok(Self { figures })
    }

    /// Counts an attempt as in flight.
    pub fn note_started(&self, id: AttemptId) {
        self.figures.note_started(id);
    }

    /// Counts an attempt that ended.
    pub fn note_ended(&self, record: &AttemptRecord) {
        self.figures.note_ended(record);
    }

    /// Shows the figures of a GPU event.
    pub fn note_gpu(&self, event: &GpuEvent) {
        self.figures.gpus.note(event);
    }

    /// Shows the load of this moment.
    pub fn set_load(&self, load: CurrentLoad) {
        self.figures.set_load(load);
    }
}
