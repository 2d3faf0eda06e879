//! What a source of GPU figures is.

use std::time::Duration;

use super::SamplerConfig;
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::gpu_scope::GpuScope;
use crate::domain::time::Nanos;

/// A look at a GPU that gave no sample, and why, in words for people.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SampleError {
    /// It is gone, perhaps for good: not worth asking at every turn.
    Lost(String),
    /// It did not answer this time.
    Silent(String),
    /// It answers as before: there is nothing new to be sampled.
    Unchanged,
}

/// An open source. Its calls may block for as long as the driver likes.
pub(super) trait GpuSource {
    /// Its name in the table of sources.
    fn name(&self) -> &'static str;

    /// The shortest time between two looks that is of any use.
    fn shortest_interval(&self) -> Duration {
        Duration::ZERO
    }

    /// Called before all GPUs are sampled one by one.
    fn begin_look(&mut self, _at: Nanos) {}

    /// Driver version.
    fn driver(&self) -> Option<&str>;

    /// The GPUs there are, always in the same order: more may follow at the end, none goes.
    fn gpus(&self) -> Vec<GpuInfo>;

    /// Looks at the GPU at that position of [`Self::gpus`]. While it is lost, a look costs one call of the driver.
    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError>;

    /// Why there is no GPU yet, while there is none.
    fn absent(&self) -> Option<String> {
        None
    }

    /// Whose the GPUs are, where the source knows that by itself.
    fn scope(&self) -> Option<GpuScope> {
        None
    }

    /// The processes on each GPU that tells them. An error says why there is no such list, in words for people.
    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        Err("it is not told which processes use the GPUs".to_owned())
    }
}

/// The processes on a GPU.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux tells who listens on a port"))]
pub(super) struct GpuUsers {
    /// The GPU's unique name.
    pub(super) uuid: String,
    /// As the driver numbers them: outside of all containers.
    pub(super) pids: Vec<u32>,
}

/// What is done with an open source.
pub(super) type Use<'a> = &'a mut dyn FnMut(&mut dyn GpuSource);

/// Opens a source, lends it out, and closes it: its handles borrow from its library, so both live on one stack. An error
/// says why there is none, in words for people.
pub(super) type Open = fn(&SamplerConfig, Use<'_>) -> Result<(), String>;
