//! What the library's errors mean, and how to say it to people.

use std::ffi::OsStr;

use nvml_wrapper::error::NvmlError;

use crate::domain::text::sanitise_line;

/// Codes that the wrapper has no names for.
const ARGUMENT_VERSION_MISMATCH: u32 = 25;
const GPU_NOT_FOUND: u32 = 28;

/// The GPU has no such sensor, or we may not read it: asking again gives the same.
pub(super) fn is_absent(error: &NvmlError) -> bool {
    use NvmlError::{FailedToLoadSymbol, FunctionNotFound, NoPermission, NotSupported};
    matches!(error, NotSupported | FailedToLoadSymbol(_) | FunctionNotFound | NoPermission)
}

/// The GPU is gone until somebody brings it back.
pub(super) fn is_lost(error: &NvmlError) -> bool {
    use NvmlError::{GpuLost, ResetRequired, UnexpectedVariant};
    matches!(error, GpuLost | ResetRequired | UnexpectedVariant(GPU_NOT_FOUND))
}

/// What drivers answer to a second version that they do not know: no such function before R510, "unknown" under WSL.
pub(super) fn speaks_only_v1(error: &NvmlError) -> bool {
    use NvmlError::{FailedToLoadSymbol, FunctionNotFound, UnexpectedVariant, Unknown};
    matches!(error, FailedToLoadSymbol(_) | FunctionNotFound | Unknown | UnexpectedVariant(ARGUMENT_VERSION_MISMATCH))
}

/// The loader found no such file; one that it found and could not load is another matter.
pub(super) fn is_not_found(error: &NvmlError, path: &OsStr) -> bool {
    let NvmlError::LibloadingError(error) = error else { return false };
    let text = error.to_string();
    cfg!(windows) || text.contains("No such file") && text.contains(&*path.to_string_lossy())
}

/// Why the library is of no use.
pub(super) fn at_start(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(error) => {
            format!("the NVIDIA driver's library cannot be loaded: {}", sanitise_line(&error.to_string()))
        }
        NvmlError::FailedToLoadSymbol(_) => "the library found is not the NVIDIA driver's".to_owned(),
        NvmlError::DriverNotLoaded => "the NVIDIA driver is installed but not loaded".to_owned(),
        NvmlError::LibRmVersionMismatch => {
            "the NVIDIA driver was updated while its older version runs: reboot to read the GPUs".to_owned()
        }
        NvmlError::NoPermission => "no permission to use the NVIDIA driver".to_owned(),
        NvmlError::OperatingSystem => "the operating system blocks the NVIDIA driver for this process".to_owned(),
        other => format!("the NVIDIA driver does not start: {}", sanitise_line(&other.to_string())),
    }
}

/// Why a GPU gives no figure.
pub(super) fn words(error: &NvmlError) -> String {
    match error {
        NvmlError::GpuLost => "the GPU fell off the bus".to_owned(),
        NvmlError::ResetRequired => "the GPU must be reset".to_owned(),
        NvmlError::UnexpectedVariant(GPU_NOT_FOUND) => "the GPU is gone".to_owned(),
        NvmlError::NoPermission => "no permission to read it".to_owned(),
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => "the driver is too old to tell".to_owned(),
        other => format!("the driver does not answer: {}", sanitise_line(&other.to_string())),
    }
}
