//! NVIDIA GPUs, read through the driver's library (NVML), which is loaded at run time.

mod error;
mod gpu;
mod memory;
mod processes;
mod sensors;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::ffi::{OsStr, OsString};

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;

use self::gpu::{Gpu, Place, to_sample_error};
use super::SamplerConfig;
use super::source::{GpuSource, GpuUsers, SampleError, WithSource};
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Name of this source.
pub(super) const NAME: &str = "nvml";

/// Names and paths to try for the library. The loader's search path comes first; the paths of NixOS and WSL are not on
/// it.
const LIBRARIES: &[&str] = if cfg!(windows) {
    &["nvml.dll"]
} else {
    &["libnvidia-ml.so.1", "/run/opengl-driver/lib/libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"]
};

/// Loads the library, passes the opened source to `then`, and shuts the library down.
pub(super) fn open(config: &SamplerConfig, then: WithSource<'_>) -> Result<(), String> {
    let nvml = load(config.lib_path.as_ref().map(|p| p.as_os_str()))?;
    let driver = nvml.sys_driver_version().ok().map(|v| sanitise_line(&v));
    let count = nvml.device_count().map_err(|e| error::describe_start(&e))?;
    let system_bytes = memory::system_memory_bytes(&config.proc_root);
    let (mut gpus, mut slices) = (Vec::new(), Vec::new());
    let mut denied = None;
    for index in 0..count {
        let mut gpu = Gpu::new(index, Place::Whole(index));
        if let Err(error @ NvmlError::NoPermission) = gpu.open(&nvml, system_bytes) {
            // Show no GPUs of other users' jobs, which the driver also counts.
            denied = Some(error);
            continue;
        }
        // Keep a GPU that failed to open for any other reason: a lost GPU may come back.
        let slots = gpu.slots();
        slices.extend(slots.iter().map(|&slot| (Place::Slice { parent: index, slot }, gpu.info.clone())));
        // In a container that was given a slice, the whole GPU is not readable; leave it out.
        if slots.is_empty() || !gpu.is_forbidden() {
            gpus.push(gpu);
        }
    }
    for (index, (place, whole)) in (count..).zip(slices) {
        let mut slice = Gpu::slice(index, place, &whole);
        // If a slice fails to open, its first sample tries again.
        drop(slice.open(&nvml, system_bytes));
        gpus.push(slice);
    }
    if gpus.is_empty() {
        return Err(denied.map_or_else(|| "the NVIDIA driver reports no GPU".to_owned(), |e| error::describe_start(&e)));
    }
    then(&mut NvmlSource { nvml: &nvml, driver, gpus, system_bytes });
    Ok(())
}

/// Loads the library. Boxed because the struct holds 12 KB of function pointers.
fn load(lib_path: Option<&OsStr>) -> Result<Box<Nvml>, String> {
    let paths = lib_path.map_or_else(|| LIBRARIES.iter().map(OsString::from).collect(), |p| vec![p.to_owned()]);
    for path in &paths {
        match Nvml::builder().lib_path(path).init() {
            Ok(nvml) => return Ok(Box::new(nvml)),
            Err(error) if error::is_not_found(&error, path) => {}
            Err(error) => return Err(error::describe_start(&error)),
        }
    }
    let usual = paths.first().map_or_else(String::new, |p| p.to_string_lossy().into_owned());
    Err(sanitise_line(&format!("{usual} not found: no NVIDIA driver on this machine")))
}

struct NvmlSource<'a> {
    nvml: &'a Nvml,
    driver: Option<String>,
    gpus: Vec<Gpu<'a>>,
    system_bytes: Option<u64>,
}

impl GpuSource for NvmlSource<'_> {
    fn name(&self) -> &'static str {
        NAME
    }

    fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.iter().map(|g| g.info.clone()).collect()
    }

    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, SampleError> {
        let Some(gpu) = self.gpus.get_mut(position) else {
            return Err(SampleError::Lost("no such GPU".to_owned()));
        };
        gpu.open(self.nvml, self.system_bytes).map_err(|e| to_sample_error(&e))?;
        gpu.sample(self.nvml, at, self.system_bytes)
    }

    fn users(&mut self) -> Result<Vec<GpuUsers>, String> {
        let all: Vec<_> = self.gpus.iter_mut().filter_map(Gpu::users).collect();
        if all.is_empty() { Err("the driver does not report which processes use the GPUs".to_owned()) } else { Ok(all) }
    }
}
