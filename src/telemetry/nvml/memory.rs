//! Asking for the memory. There are two queries, and their figures differ.

use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, Nvml};

use super::error::{is_absent, speaks_only_v1, words};
use crate::domain::gpu::GpuInfo;

/// How this GPU is asked. Chosen at the first answer and then kept, so that one run's figures mean one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Memory {
    #[default]
    Untried,
    V2,
    V1,
    /// It has no figure.
    Unknown,
}

/// All memory and what is in use, bytes.
#[derive(Clone, Copy, Debug)]
struct Reading {
    total: u64,
    used: u64,
}

impl Memory {
    /// Memory in use, bytes; `None`: there is no figure for it. What is learned by asking goes into `info`.
    pub(super) fn read(
        &mut self,
        nvml: &Nvml,
        device: &Device<'_>,
        info: &mut GpuInfo,
    ) -> Result<Option<u64>, NvmlError> {
        let reading = match *self {
            Self::Unknown => return Ok(None),
            Self::V2 => v2(device),
            Self::V1 => v1(nvml, device),
            Self::Untried => match v2(device) {
                Err(error) if speaks_only_v1(&error) => v1(nvml, device).inspect(|_| *self = Self::V1),
                other => other.inspect(|_| *self = Self::V2),
            },
        };
        let why = match reading {
            Ok(Reading { total: 0, .. }) => "this GPU has no memory of its own: it shares the system's".to_owned(),
            Ok(Reading { total, used }) => {
                info.memory_total_bytes = Some(total);
                info.memory_used_includes_reserved = *self == Self::V1;
                return Ok(Some(used));
            }
            Err(NvmlError::NotSupported) => {
                "the driver does not tell this GPU's memory: it may share the system's".to_owned()
            }
            Err(error) if is_absent(&error) => words(&error),
            Err(error) => return Err(error),
        };
        *self = Self::Unknown;
        info.memory_unknown_because = Some(why);
        Ok(None)
    }
}

/// In use without what the driver keeps for itself, as `nvidia-smi` shows it.
fn v2(device: &Device<'_>) -> Result<Reading, NvmlError> {
    device.memory_info().map(|m| Reading { total: m.total, used: m.used })
}

/// In use with what the driver keeps for itself: all that drivers before R510 tell, and some under WSL.
#[expect(unsafe_code, reason = "the wrapper has only the second version of this query")]
fn v1(nvml: &Nvml, device: &Device<'_>) -> Result<Reading, NvmlError> {
    let query = nvml_sym(nvml.lib().nvmlDeviceGetMemoryInfo.as_ref())?;
    // SAFETY: `query` is the library's own function, so `memory` has the type that its bindings give it: three integers,
    // for which zeros are values. The handle comes from `nvml`, which is open, and is not kept.
    let memory = unsafe {
        let mut memory = std::mem::zeroed();
        nvml_try(query(device.handle(), &raw mut memory))?;
        memory
    };
    Ok(Reading { total: memory.total, used: memory.used })
}
