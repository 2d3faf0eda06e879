//! NVIDIA's driver library, loaded when the program runs.

mod error;
mod memory;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;

use std::ffi::{OsStr, OsString};

use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use self::error::{is_absent, is_lost, words};
use self::memory::Memory;
use super::SamplerConfig;
use super::source::{GpuSource, Trouble, Use};
use crate::domain::gpu::{GpuInfo, GpuSample};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;

/// Where the library is looked for: the loader's own search, then NixOS and WSL, which are not on it.
const LIBRARIES: &[&str] = if cfg!(windows) {
    &["nvml.dll"]
} else {
    &["libnvidia-ml.so.1", "/run/opengl-driver/lib/libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"]
};

/// How to read a sensor, and where its value goes.
struct Sensor {
    read: fn(&Device<'_>) -> Result<f64, NvmlError>,
    put: fn(&mut GpuSample, f64),
}

/// All sensors but the memory.
const SENSORS: [Sensor; 3] = [
    Sensor {
        read: |d| d.utilization_rates().map(|u| f64::from(u.gpu)),
        put: |s, percent| s.utilization_percent = Some(percent),
    },
    Sensor { read: |d| d.power_usage().map(watts), put: |s, watts| s.power_w = Some(watts) },
    Sensor {
        read: |d| d.temperature(TemperatureSensor::Gpu).map(f64::from),
        put: |s, celsius| s.temperature_c = Some(celsius),
    },
];

fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// Loads the library, lends its GPUs out, and shuts it down.
pub(super) fn open(config: &SamplerConfig, then: Use<'_>) -> Result<(), String> {
    let nvml = load(config.lib_path.as_ref().map(|p| p.as_os_str()))?;
    let driver = nvml.sys_driver_version().ok().map(|v| sanitise_line(&v));
    let count = nvml.device_count().map_err(|e| error::at_start(&e))?;
    let mut gpus = Vec::new();
    let mut denied = None;
    for index in 0..count {
        let mut gpu = Gpu { info: unknown(index), opened: None };
        match gpu.open(&nvml) {
            // The driver counts the GPUs of other people's jobs too; those are not ours to show.
            Err(error @ NvmlError::NoPermission) => denied = Some(error),
            // One that is lost now may come back.
            Ok(()) | Err(_) => gpus.push(gpu),
        }
    }
    if gpus.is_empty() {
        return Err(denied.map_or_else(|| "the NVIDIA driver sees no GPU".to_owned(), |e| error::at_start(&e)));
    }
    then(&mut Source { nvml: &nvml, driver, gpus });
    Ok(())
}

/// Boxed, for it is twelve kilobytes of function pointers.
fn load(lib_path: Option<&OsStr>) -> Result<Box<Nvml>, String> {
    let paths = lib_path.map_or_else(|| LIBRARIES.iter().map(OsString::from).collect(), |p| vec![p.to_owned()]);
    for path in &paths {
        match Nvml::builder().lib_path(path).init() {
            Ok(nvml) => return Ok(Box::new(nvml)),
            Err(error) if error::is_not_found(&error, path) => {}
            Err(error) => return Err(error::at_start(&error)),
        }
    }
    let usual = paths.first().map_or_else(String::new, |p| p.to_string_lossy().into_owned());
    Err(sanitise_line(&format!("{usual} not found: no NVIDIA driver on this machine")))
}

struct Source<'a> {
    nvml: &'a Nvml,
    driver: Option<String>,
    gpus: Vec<Gpu<'a>>,
}

impl GpuSource for Source<'_> {
    fn driver(&self) -> Option<&str> {
        self.driver.as_deref()
    }

    fn gpus(&self) -> Vec<GpuInfo> {
        self.gpus.iter().map(|g| g.info.clone()).collect()
    }

    fn sample(&mut self, position: usize, at: Nanos) -> Result<GpuSample, Trouble> {
        let Some(gpu) = self.gpus.get_mut(position) else {
            return Err(Trouble::Lost("there is no such GPU".to_owned()));
        };
        if gpu.opened.is_none() {
            gpu.open(self.nvml).map_err(|e| trouble(&e))?;
        }
        gpu.sample(self.nvml, at)
    }
}

struct Gpu<'a> {
    info: GpuInfo,
    /// `None` until the driver hands it out.
    opened: Option<Opened<'a>>,
}

struct Opened<'a> {
    device: Device<'a>,
    memory: Memory,
    /// Which of [`SENSORS`] it has, as far as is known.
    has: [bool; SENSORS.len()],
}

fn trouble(error: &NvmlError) -> Trouble {
    if is_lost(error) { Trouble::Lost(words(error)) } else { Trouble::Silent(words(error)) }
}

/// What is known of a GPU that has told nothing yet.
fn unknown(index: u32) -> GpuInfo {
    GpuInfo { index, model: "NVIDIA GPU".to_owned(), ..GpuInfo::default() }
}

impl<'a> Gpu<'a> {
    /// Takes the handle and reads what does not change.
    fn open(&mut self, nvml: &'a Nvml) -> Result<(), NvmlError> {
        let device = nvml.device_by_index(self.info.index)?;
        let mut info = unknown(self.info.index);
        match device.name() {
            Ok(name) => info.model = sanitise_line(&name),
            Err(error) if is_lost(&error) => return Err(error),
            Err(_) => {}
        }
        info.uuid = device.uuid().ok().map(|u| sanitise_line(&u));
        info.power_limit_w = device.enforced_power_limit().ok().map(watts);
        let mut memory = Memory::default();
        match memory.read(nvml, &device, &mut info) {
            Err(error) if is_lost(&error) => return Err(error),
            // What failed otherwise is asked again with the first sample.
            Ok(_) | Err(_) => {}
        }
        self.info = info;
        self.opened = Some(Opened { device, memory, has: [true; SENSORS.len()] });
        Ok(())
    }

    fn sample(&mut self, nvml: &Nvml, at: Nanos) -> Result<GpuSample, Trouble> {
        let mut sample = GpuSample { at, index: self.info.index, ..GpuSample::default() };
        let mut answered = false;
        let mut failure = None;
        let Some(Opened { device, memory, has }) = &mut self.opened else {
            return Err(Trouble::Silent("it is not open".to_owned()));
        };
        match memory.read(nvml, device, &mut self.info) {
            Ok(used_bytes) => {
                answered |= used_bytes.is_some();
                sample.memory_used_bytes = used_bytes;
            }
            Err(error) if is_lost(&error) => return Err(trouble(&error)),
            Err(error) => failure = Some(error),
        }
        for (sensor, has) in SENSORS.iter().zip(has).filter(|(_, has)| **has) {
            match (sensor.read)(device) {
                Ok(value) => {
                    answered = true;
                    (sensor.put)(&mut sample, value);
                }
                Err(error) if is_absent(&error) => *has = false,
                Err(error) if is_lost(&error) => return Err(trouble(&error)),
                Err(error) => failure = Some(error),
            }
        }
        if answered {
            return Ok(sample);
        }
        let no_sensor = || Trouble::Silent("the driver has no sensor of this GPU".to_owned());
        Err(failure.map_or_else(no_sensor, |e| trouble(&e)))
    }
}
