//! Processes on a GPU. The driver has two queries; older drivers support only one.

use std::collections::BTreeMap;

use nvml_wrapper::Device;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;

use super::error::is_absent;

/// Query used for this GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Processes {
    #[default]
    Untried,
    V3,
    V2,
    /// The driver does not report processes.
    Unknown,
}

impl Processes {
    /// Lists each process once with its memory on the GPU, bytes, if known. Returns `None` if the driver does not
    /// report processes.
    pub(super) fn list(&mut self, device: &Device<'_>) -> Result<Option<BTreeMap<u32, Option<u64>>>, NvmlError> {
        let compute = match *self {
            Self::Unknown => return Ok(None),
            Self::V3 => device.running_compute_processes(),
            Self::V2 => device.running_compute_processes_v2(),
            Self::Untried => match device.running_compute_processes() {
                Err(NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound) => {
                    device.running_compute_processes_v2().inspect(|_| *self = Self::V2)
                }
                other => other.inspect(|_| *self = Self::V3),
            },
        };
        let compute = match compute {
            Ok(list) => list,
            Err(error) if is_absent(&error) => {
                *self = Self::Unknown;
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let graphics = if *self == Self::V2 {
            device.running_graphics_processes_v2()
        } else {
            device.running_graphics_processes()
        };
        let mut all = BTreeMap::new();
        // A slice has no list of graphics processes. A process that computes and draws is in both lists, each time with
        // its total memory.
        for ProcessInfo { pid, used_gpu_memory, .. } in compute.into_iter().chain(graphics.unwrap_or_default()) {
            let bytes = match used_gpu_memory {
                UsedGpuMemory::Used(bytes) => Some(bytes),
                UsedGpuMemory::Unavailable => None,
            };
            let known: &mut Option<u64> = all.entry(pid).or_default();
            *known = (*known).max(bytes);
        }
        Ok(Some(all))
    }
}
