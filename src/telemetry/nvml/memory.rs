//! Asking for the memory. There are two queries, and their figures differ; and some GPUs have no memory of their own.

use std::path::Path;

use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, Nvml};

use super::error::{is_absent, speaks_only_v1, words};
use crate::domain::gpu::{GpuInfo, MemoryKind};

/// How this GPU is asked. Chosen at the first answer and then kept, so that one run's figures mean one thing.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Memory {
    #[default]
    Untried,
    V2,
    V1,
    /// It uses the system's: what its processes have of it is all there is to know.
    Unified,
    /// It has no figure.
    Unknown,
}

/// All memory, what is in use and what the driver keeps for itself, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    total: u64,
    pub(super) used: u64,
    /// `None`: it is part of what is in use.
    pub(super) reserved: Option<u64>,
}

/// What a GPU's answer says of its memory.
enum Answer {
    Own(Reading),
    Systems,
    None(String),
}

impl Memory {
    /// What is in use; `None`: there is no such figure. What is learned by asking goes into `info`. `system_bytes` is the
    /// memory of the machine.
    pub(super) fn read(
        &mut self,
        nvml: &Nvml,
        device: &Device<'_>,
        info: &mut GpuInfo,
        system_bytes: Option<u64>,
    ) -> Result<Option<Reading>, NvmlError> {
        let reading = match *self {
            Self::Unified | Self::Unknown => return Ok(None),
            Self::V2 => v2(device),
            Self::V1 => v1(nvml, device),
            Self::Untried => match v2(device) {
                Err(error) if speaks_only_v1(&error) => v1(nvml, device).inspect(|_| *self = Self::V1),
                other => other.inspect(|_| *self = Self::V2),
            },
        };
        match judge(reading, info, system_bytes)? {
            Answer::Own(reading) => {
                info.memory_total_bytes = Some(reading.total);
                info.memory_used_includes_reserved = *self == Self::V1;
                return Ok(Some(reading));
            }
            Answer::Systems => {
                *self = Self::Unified;
                info.memory_kind = MemoryKind::Unified;
                info.memory_total_bytes = system_bytes;
            }
            Answer::None(why) => {
                *self = Self::Unknown;
                info.memory_unknown_because = Some(why);
            }
        }
        Ok(None)
    }
}

/// What the answer means. Drivers say in three ways that a GPU has no memory of its own: that they cannot tell, that it is
/// none, and that it is the system's. Of a card that is known to have its own none of them is believed.
fn judge(reading: Result<Reading, NvmlError>, info: &GpuInfo, system_bytes: Option<u64>) -> Result<Answer, NvmlError> {
    let may_share = info.memory_kind != MemoryKind::Slice && !is_discrete(&info.model);
    let is_systems = |total: u64| system_bytes.is_some_and(|all| total <= all && total >= all / 10 * 9);
    Ok(match reading {
        Ok(Reading { total: 0, .. }) | Err(NvmlError::NotSupported) if may_share => Answer::Systems,
        Ok(reading) if may_share && is_systems(reading.total) => Answer::Systems,
        Ok(Reading { total: 0, .. }) => Answer::None("the driver says that it has none".to_owned()),
        Ok(reading) => Answer::Own(reading),
        Err(NvmlError::NotSupported) => Answer::None("the driver does not tell it".to_owned()),
        Err(error) if is_absent(&error) => Answer::None(words(&error)),
        Err(error) => return Err(error),
    })
}

/// Whether the name is that of a card with memory of its own: `GeForce`, `RTX`, `A100`, `L40S`; not `GB10`, `Thor`.
fn is_discrete(model: &str) -> bool {
    const LINES: [&str; 7] = ["GeForce", "Quadro", "RTX", "GTX", "TITAN", "Tesla", "GRID"];
    let is_data_centre = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| "ABHKLMPTV".contains(c)) && letters.next().is_some_and(|c| c.is_ascii_digit())
    };
    model.split([' ', '-']).any(|word| LINES.contains(&word) || is_data_centre(word))
}

/// The machine's memory, bytes, where `/proc` is at `root`.
pub(super) fn of_system(root: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(root.join("meminfo")).ok()?;
    let kib: u64 =
        text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// In use without what the driver keeps for itself, as `nvidia-smi` shows it.
fn v2(device: &Device<'_>) -> Result<Reading, NvmlError> {
    device.memory_info().map(|m| Reading { total: m.total, used: m.used, reserved: Some(m.reserved) })
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
    Ok(Reading { total: memory.total, used: memory.used, reserved: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_known_by_its_name() {
        for card in ["NVIDIA GeForce RTX 4090", "NVIDIA A100-SXM4-40GB", "Tesla T4", "NVIDIA L40S", "NVIDIA H100 PCIe"]
        {
            assert!(is_discrete(card), "{card}");
        }
        for chip in ["NVIDIA GB10", "NVIDIA Thor", "Orin (nvgpu)", "NVIDIA GPU", ""] {
            assert!(!is_discrete(chip), "{chip}");
        }
    }

    #[test]
    fn the_systems_memory_is_in_kibibytes() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(of_system(root.path()), None);
        std::fs::write(root.path().join("meminfo"), "MemTotal:       125513340 kB\nMemFree: 1 kB\n").unwrap();
        assert_eq!(of_system(root.path()), Some(125_513_340 * 1024));
    }
}
