//! What a report is made from, and the formats it can have.

use std::path::Path;

use crate::domain::live::{EngineLag, ServerInfo};
use crate::domain::session::Session;
use crate::domain::time::Nanos;

/// A run, whole or partial, with all that stands around it.
#[derive(Clone, Debug)]
pub struct Report {
    /// Suite, plan, cases, attempts.
    pub session: Session,
    /// Wall time of the run's clock at zero.
    pub epoch: jiff::ZonedDateTime,
    /// Address the requests went to, without secrets, `/chat/completions` included.
    pub url: String,
    /// The run's model.
    pub model: String,
    /// What serves it.
    pub server: ServerInfo,
    /// The built-in simulator answered, no model.
    pub simulated: bool,
    /// Begins every request id.
    pub run_id: String,
    /// The machine tokscope ran on.
    pub environment: Environment,
    /// GPU figures, or why there are none.
    pub gpu: Result<GpuReport, String>,
    /// The observer's own part.
    pub lag: EngineLag,
    /// When the report was made, on the run's clock.
    pub finished_at: Nanos,
}

/// The machine tokscope ran on; what could not be found is `None`.
#[derive(Clone, Debug, Default, serde::Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Environment {
    pub hostname: String,
    pub os: String,
    pub cpu: Option<String>,
    pub cores: usize,
    pub memory_mib: Option<u64>,
}

/// The GPUs over the run.
#[derive(Clone, Debug, Default)]
pub struct GpuReport {
    /// Where the figures come from: `nvml`.
    pub source: String,
    /// Driver version.
    pub driver: Option<String>,
    /// Time between two samples, milliseconds.
    pub sample_interval_ms: u64,
    /// Samples over all GPUs.
    pub samples: u64,
    /// Looks that gave none.
    pub missed: u64,
    /// In the driver's order.
    pub devices: Vec<GpuDeviceReport>,
}

/// One GPU over the run. 1 MiB = 2^20 bytes.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GpuDeviceReport {
    pub index: u32,
    pub uuid: Option<String>,
    pub model: String,
    pub memory_total_mib: Option<f64>,
    pub memory_used_start_mib: Option<f64>,
    pub memory_peak_mib: Option<f64>,
    /// Seconds from the run's begin to the peak.
    pub memory_peak_at_s: Option<f64>,
    /// Why it stopped answering, if it did.
    pub lost: Option<String>,
}

/// A format a report can have.
#[derive(Debug)]
pub struct Exporter {
    /// Short stable name.
    pub id: &'static str,
    /// Extension of its files, without the dot.
    pub extension: &'static str,
    /// For the menu.
    pub label: &'static str,
    /// The text.
    pub render: fn(&Report) -> String,
}

/// All formats; the first is what `e` writes.
pub const EXPORTERS: &[Exporter] = &[];

/// The format that a file's extension asks for.
pub fn exporter_for_path(path: &Path) -> Option<&'static Exporter> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    EXPORTERS.iter().find(|e| e.extension == extension)
}
