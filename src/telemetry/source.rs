//! Interface of a source of GPU figures.

use std::time::Duration;

use super::SamplerConfig;
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;

/// Reason why a GPU has no sample, for the user.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SampleError {
    /// The GPU is gone, perhaps for good, and is checked only rarely.
    Lost(String),
    /// The GPU did not answer this time.
    Silent(String),
    /// The figures are the same as before, so there is no new sample.
    Unchanged,
}

/// An opened source. Its calls may block for as long as the driver blocks.
pub(super) trait GpuSource {
    /// Name of the source on the command line and in reports.
    fn name(&self) -> &'static str;

    /// Minimum useful interval between two samples.
    fn min_interval(&self) -> Duration {
        Duration::ZERO
    }

    /// Prepares a sample of all GPUs. Called once before the calls of [`Self::sample`].
    fn prepare(&mut self, _at: Nanos) {}

    /// Version of the driver, if known.
    fn driver(&self) -> Option<&str>;

    /// GPUs in a fixed order. New ones are appended, and none is ever removed.
    fn gpus(&self) -> Vec<GpuInfo>;

    /// Samples the GPU at this position of [`Self::gpus`]. For a lost GPU this costs one driver call.
    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError>;

    /// Reason why there are no GPUs, if this is the case.
    fn absent(&self) -> Option<String> {
        None
    }

    /// Whether the GPUs serve the endpoint, if the source can know this.
    fn scope(&self) -> Option<GpuScope> {
        None
    }

    /// Processes on each GPU that reports them. The error is a reason for the user.
    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        Err("the source does not report which processes use the GPUs".to_owned())
    }
}

/// Processes on one GPU.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux reports which process listens on a port"))]
pub(super) struct GpuUsers {
    /// UUID of the GPU.
    pub(super) uuid: String,
    /// Process IDs as the driver reports them, which are those outside of all containers.
    pub(super) pids: Vec<u32>,
}

/// Callback that receives an opened source.
pub(super) type WithSource<'a> = &'a mut dyn FnMut(&mut dyn GpuSource);

/// Opens a source, passes it to the callback, and closes it. A callback is needed because the source borrows from its
/// library. The error is a reason for the user.
pub(super) type Open = fn(&SamplerConfig, WithSource<'_>) -> Result<(), String>;
