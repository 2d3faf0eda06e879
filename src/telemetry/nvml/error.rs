//! Classifies the library's errors and describes them for the user.

use std::ffi::OsStr;

use nvml_wrapper::error::NvmlError;

use crate::domain::text::sanitise_line;

/// Error codes for which the wrapper has no names.
const ARGUMENT_VERSION_MISMATCH: u32 = 25;
const GPU_NOT_FOUND: u32 = 28;

/// Returns whether the GPU lacks this sensor, or reading it is forbidden. Repeating the call would not help.
pub(super) fn is_absent(error: &NvmlError) -> bool {
    use NvmlError::{FailedToLoadSymbol, FunctionNotFound, NoPermission, NotSupported};
    matches!(error, NotSupported | FailedToLoadSymbol(_) | FunctionNotFound | NoPermission)
}

/// Returns whether the GPU is gone until it is reset or repaired.
pub(super) fn is_lost(error: &NvmlError) -> bool {
    use NvmlError::{GpuLost, ResetRequired, UnexpectedVariant};
    matches!(error, GpuLost | ResetRequired | UnexpectedVariant(GPU_NOT_FOUND))
}

/// Returns whether the driver lacks the second version of a query. Drivers before R510 lack the function; under WSL
/// they return "unknown".
pub(super) fn supports_only_v1(error: &NvmlError) -> bool {
    use NvmlError::{FailedToLoadSymbol, FunctionNotFound, UnexpectedVariant, Unknown};
    matches!(error, FailedToLoadSymbol(_) | FunctionNotFound | Unknown | UnexpectedVariant(ARGUMENT_VERSION_MISMATCH))
}

/// Returns whether the loader found no such file. Failing to load an existing file is a different problem.
pub(super) fn is_not_found(error: &NvmlError, path: &OsStr) -> bool {
    let NvmlError::LibloadingError(error) = error else { return false };
    let text = error.to_string();
    cfg!(windows) || text.contains("No such file") && text.contains(&*path.to_string_lossy())
}

/// Describes why the library cannot be used.
pub(super) fn describe_start(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(error) => {
            format!("the NVIDIA driver's library cannot be loaded: {}", sanitise_line(&error.to_string()))
        }
        NvmlError::FailedToLoadSymbol(_) => "the library found is not the NVIDIA driver's".to_owned(),
        NvmlError::DriverNotLoaded => "the NVIDIA driver is installed but not loaded".to_owned(),
        NvmlError::LibRmVersionMismatch => {
            "the NVIDIA driver was updated while the old version is loaded; reboot to read the GPUs".to_owned()
        }
        NvmlError::NoPermission => "no permission to use the NVIDIA driver".to_owned(),
        NvmlError::OperatingSystem => "the operating system blocks the NVIDIA driver for this process".to_owned(),
        other => format!("the NVIDIA driver failed to initialise: {}", sanitise_line(&other.to_string())),
    }
}

/// Describes why a GPU has no figures.
pub(super) fn describe(error: &NvmlError) -> String {
    match error {
        NvmlError::GpuLost => "the GPU fell off the bus".to_owned(),
        NvmlError::ResetRequired => "the GPU must be reset".to_owned(),
        NvmlError::UnexpectedVariant(GPU_NOT_FOUND) => "the GPU is gone".to_owned(),
        NvmlError::NoPermission => "no permission to read this GPU".to_owned(),
        NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => {
            "the driver is too old to report this".to_owned()
        }
        other => format!("the driver does not answer: {}", sanitise_line(&other.to_string())),
    }
}
