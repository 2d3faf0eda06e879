//! GPU samples and what a run keeps of them.

use super::time::Nanos;

/// One look at one GPU. A sensor that is missing is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuSample {
    /// On the run's clock.
    pub at: Nanos,
    /// Position in the driver's list.
    pub index: u32,
    /// Memory in use, bytes.
    pub memory_used_bytes: Option<u64>,
    /// Share of the last sensor window in which a kernel ran, percent.
    pub utilization_percent: Option<f64>,
    /// Board power, watts.
    pub power_w: Option<f64>,
    /// Core temperature, degrees Celsius.
    pub temperature_c: Option<f64>,
}

/// What does not change while a run lasts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpuInfo {
    /// Position in the driver's list.
    pub index: u32,
    /// The driver's unique name of it.
    pub uuid: Option<String>,
    /// Marketing name.
    pub model: String,
    /// All memory, bytes.
    pub memory_total_bytes: Option<u64>,
    /// Why there is no figure for its memory; `None` while there is one.
    pub memory_unknown_because: Option<String>,
    /// Memory in use includes what the driver keeps for itself: an older driver tells only the sum.
    pub memory_used_includes_reserved: bool,
    /// Enforced power limit, watts.
    pub power_limit_w: Option<f64>,
}

/// What the sampler says.
#[derive(Clone, Debug, PartialEq)]
pub enum GpuEvent {
    /// The GPUs there are. Told at the start, and again when more is known of one that did not answer then.
    Found {
        /// Driver version.
        driver: Option<String>,
        /// In the driver's order.
        gpus: Vec<GpuInfo>,
        /// Time between two samples, milliseconds.
        interval_ms: u64,
    },
    /// There is no figure to be had, and why.
    Absent(String),
    /// One sample of one GPU.
    Sample(GpuSample),
    /// This GPU gave no sample at that time, and why.
    Gap {
        /// When.
        at: Nanos,
        /// Which.
        index: u32,
        /// Why.
        reason: String,
    },
}
