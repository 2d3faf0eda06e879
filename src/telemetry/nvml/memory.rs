//! Memory of a GPU. The driver has two queries with different meanings, and some GPUs have no memory of their own.

use std::path::Path;

use nvml_wrapper::error::{NvmlError, nvml_sym, nvml_try};
use nvml_wrapper::{Device, Nvml};

use super::error::{describe, is_absent, supports_only_v1};
use crate::domain::gpu::{GpuInfo, MemoryKind};

/// Query used for this GPU. The first answer decides, so that all figures of a run have the same meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum Memory {
    #[default]
    Untried,
    V2,
    V1,
    /// The GPU uses system memory; only the memory of its processes is known.
    Unified,
    /// The GPU has no memory figure.
    Unknown,
}

/// Total, used and reserved memory, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    total: u64,
    pub(super) used: u64,
    /// Memory reserved by the driver; `None` if `used` includes it.
    pub(super) reserved: Option<u64>,
}

/// Meaning of the driver's answer.
enum Answer {
    Own(Reading),
    SystemMemory,
    None(String),
}

impl Memory {
    /// Reads the memory; `None` if the GPU has no such figure. Updates `info` with what the driver's answer reveals.
    /// `system_bytes` is the machine's memory.
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
                Err(error) if supports_only_v1(&error) => v1(nvml, device).inspect(|_| *self = Self::V1),
                other => other.inspect(|_| *self = Self::V2),
            },
        };
        match interpret(reading, info, system_bytes)? {
            Answer::Own(reading) => {
                info.memory_total_bytes = Some(reading.total);
                info.memory_used_includes_reserved = *self == Self::V1;
                return Ok(Some(reading));
            }
            Answer::SystemMemory => {
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

/// Interprets the driver's answer. Drivers report a GPU without its own memory in three ways: not supported, a total of
/// 0, or a total close to the system's memory. None of these applies to a card that is known to have its own memory.
fn interpret(
    reading: Result<Reading, NvmlError>,
    info: &GpuInfo,
    system_bytes: Option<u64>,
) -> Result<Answer, NvmlError> {
    let may_share = info.memory_kind != MemoryKind::Slice && !is_discrete(&info.model);
    let is_system_memory = |total: u64| system_bytes.is_some_and(|all| total <= all && total >= all / 10 * 9);
    Ok(match reading {
        Ok(Reading { total: 0, .. }) | Err(NvmlError::NotSupported) if may_share => Answer::SystemMemory,
        Ok(reading) if may_share && is_system_memory(reading.total) => Answer::SystemMemory,
        Ok(Reading { total: 0, .. }) => Answer::None("the driver reports no memory for this GPU".to_owned()),
        Ok(reading) => Answer::Own(reading),
        Err(NvmlError::NotSupported) => Answer::None("not reported by the driver".to_owned()),
        Err(error) if is_absent(&error) => Answer::None(describe(&error)),
        Err(error) => return Err(error),
    })
}

/// Returns whether the model is a card with its own memory, like `GeForce`, `RTX`, `A100` or `L40S`, unlike `GB10` or
/// `Thor`.
fn is_discrete(model: &str) -> bool {
    const PRODUCT_LINES: [&str; 7] = ["GeForce", "Quadro", "RTX", "GTX", "TITAN", "Tesla", "GRID"];
    let is_data_centre = |word: &str| {
        let mut letters = word.chars();
        letters.next().is_some_and(|c| "ABHKLMPTV".contains(c)) && letters.next().is_some_and(|c| c.is_ascii_digit())
    };
    model.split([' ', '-']).any(|word| PRODUCT_LINES.contains(&word) || is_data_centre(word))
}

/// Returns the machine's total memory, bytes, from `/proc` at `root`.
pub(super) fn system_memory_bytes(root: &Path) -> Option<u64> {
    let text = std::fs::read_to_string(root.join("meminfo")).ok()?;
    let kib: u64 =
        text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// Reads used memory without the driver's reservation, as `nvidia-smi` shows it.
fn v2(device: &Device<'_>) -> Result<Reading, NvmlError> {
    device.memory_info().map(|m| Reading { total: m.total, used: m.used, reserved: Some(m.reserved) })
}

/// Reads used memory including the driver's reservation. Drivers before R510, and some under WSL, support only this
/// query.
#[expect(unsafe_code, reason = "the wrapper has only the second version of this query")]
fn v1(nvml: &Nvml, device: &Device<'_>) -> Result<Reading, NvmlError> {
    let query = nvml_sym(nvml.lib().nvmlDeviceGetMemoryInfo.as_ref())?;
    // SAFETY: `query` is the library's own function, so `memory` has the type that its bindings declare: three
    // integers, for which zeros are valid. The handle comes from `nvml`, which is open, and is not stored.
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
    fn discrete_cards_are_recognised_by_name() {
        for card in ["NVIDIA GeForce RTX 4090", "NVIDIA A100-SXM4-40GB", "Tesla T4", "NVIDIA L40S", "NVIDIA H100 PCIe"]
        {
            assert!(is_discrete(card), "{card}");
        }
        for chip in ["NVIDIA GB10", "NVIDIA Thor", "Orin (nvgpu)", "NVIDIA GPU", ""] {
            assert!(!is_discrete(chip), "{chip}");
        }
    }

    #[test]
    fn system_memory_is_converted_from_kibibytes() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(system_memory_bytes(root.path()), None);
        std::fs::write(root.path().join("meminfo"), "MemTotal:       125513340 kB\nMemFree: 1 kB\n").unwrap();
        assert_eq!(system_memory_bytes(root.path()), Some(125_513_340 * 1024));
    }
}
