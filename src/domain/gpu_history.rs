//! What the run keeps of the GPUs.

use super::gpu::GpuEvent;

/// Interim.
#[derive(Clone, Debug, Default)]
pub struct GpuHistory {}

impl GpuHistory {
    /// Takes an event.
    pub fn apply(&mut self, _event: GpuEvent) {}
}
