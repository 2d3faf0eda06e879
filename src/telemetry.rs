//! Floor 2: the GPUs, on a thread of their own.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::gpu::GpuEvent;
use crate::domain::time::Nanos;

/// How to sample.
#[derive(Clone, Debug)]
pub struct SamplerConfig {
    /// Time between two samples.
    pub interval: Duration,
    /// The driver's library, where it is not in its usual place.
    pub lib_path: Option<PathBuf>,
}

/// The sampler's thread, seen from outside. Dropping it tells the thread to stop and does not wait for it.
#[derive(Debug)]
pub struct Sampler {}

impl Sampler {
    /// Takes a sample now, out of turn.
    pub fn sample_now(&self) {}

    /// Ticks from now on, or sleeps.
    pub fn set_active(&self, _active: bool) {}

    /// Takes a sample out of turn and returns when it was taken, or after `limit`: a driver may hang.
    pub fn sample_and_wait(&self, _limit: Duration) {}
}

/// Starts the sampler. `now` is the run's clock; `sink` gets every event, from the sampler's thread.
pub fn start(
    _config: SamplerConfig,
    _now: impl Fn() -> Nanos + Send + 'static,
    _sink: impl Fn(GpuEvent) + Send + 'static,
) -> Sampler {
    Sampler {}
}
