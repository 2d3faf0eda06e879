//! One GPU of the driver, either whole or a MIG slice.

use std::time::Duration;

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::error::{describe, is_lost};
use super::memory::Memory;
use super::processes::Processes;
use super::sensors::{Sensors, watts};
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::telemetry::source::{GpuUsers, SampleError};

/// Minimum interval between two sums over the processes' memory, for GPUs without another memory figure. Listing
/// processes is the driver's most expensive call.
const SUM_INTERVAL: Duration = Duration::from_secs(1);
/// Reason why neither a slice nor its whole GPU reports a load.
const NO_LOAD_WITH_MIG: &str = "the driver reports no load for a GPU partitioned with MIG";

/// Location of a GPU in the driver.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// The GPU at this index.
    Whole(u32),
    /// The slice in a slot of the GPU at index `parent`. Slots may be empty.
    Slice { parent: u32, slot: u32 },
}

pub(super) struct Gpu<'a> {
    pub(super) info: GpuInfo,
    place: Place,
    /// Handle and state of the GPU; `None` until opening it succeeds.
    opened: Option<Opened<'a>>,
}

struct Opened<'a> {
    device: Device<'a>,
    /// Whether the GPU is partitioned into MIG slices.
    is_partitioned: bool,
    memory: Memory,
    sensors: Sensors,
    processes: Processes,
    /// Time and result of the last sum over the processes, for [`Memory::Unified`].
    sum: Option<(Nanos, Option<u64>)>,
}

pub(super) fn to_sample_error(error: &NvmlError) -> SampleError {
    if is_lost(error) { SampleError::Lost(describe(error)) } else { SampleError::Silent(describe(error)) }
}

impl<'a> Gpu<'a> {
    pub(super) fn new(index: u32, place: Place) -> Self {
        let info =
            GpuInfo { index, model: "NVIDIA GPU".to_owned(), vendor: Some("NVIDIA".to_owned()), ..GpuInfo::default() };
        Self { info, place, opened: None }
    }

    /// Creates a slice of a partitioned GPU.
    pub(super) fn slice(index: u32, place: Place, whole: &GpuInfo) -> Self {
        let mut gpu = Self::new(index, place);
        gpu.info.memory_kind = MemoryKind::Slice;
        gpu.info.parent_uuid.clone_from(&whole.uuid);
        gpu.info.utilization_unknown_because = Some(NO_LOAD_WITH_MIG.to_owned());
        gpu
    }

    /// Opens the GPU and reads its fixed properties. Does nothing if it is already open.
    pub(super) fn open(&mut self, nvml: &'a Nvml, system_bytes: Option<u64>) -> Result<(), NvmlError> {
        if self.opened.is_some() {
            return Ok(());
        }
        let device = match self.place {
            Place::Whole(index) => nvml.device_by_index(index)?,
            Place::Slice { parent, slot } => nvml.device_by_index(parent)?.mig_device_by_index(slot)?,
        };
        let mut info = self.info.clone();
        match device.name() {
            Ok(name) => info.model = sanitise_line(&name),
            Err(error) if is_lost(&error) => return Err(error),
            Err(_) => {}
        }
        info.uuid = device.uuid().ok().map(|u| sanitise_line(&u));
        let mut is_partitioned = false;
        let (mut memory, sensors) = match self.place {
            Place::Slice { .. } => (Memory::default(), Sensors::SLICE),
            Place::Whole(_) => {
                info.power_limit_w = device.enforced_power_limit().ok().map(watts);
                info.max_sm_clock_mhz = device.max_clock_info(Clock::SM).ok().map(f64::from);
                is_partitioned = device.mig_mode().is_ok_and(|mode| mode.current == 1);
                if is_partitioned {
                    info.utilization_unknown_because = Some(NO_LOAD_WITH_MIG.to_owned());
                    info.memory_unknown_because =
                        Some("the GPU is partitioned with MIG; its slices report their own memory".to_owned());
                    (Memory::Unknown, Sensors::PARTITIONED)
                } else {
                    (Memory::default(), Sensors::ALL)
                }
            }
        };
        match memory.read(nvml, &device, &mut info, system_bytes) {
            Err(error) if is_lost(&error) => return Err(error),
            // The first sample tries again after other failures.
            Ok(_) | Err(_) => {}
        }
        self.info = info;
        let processes = Processes::default();
        self.opened = Some(Opened { device, is_partitioned, memory, sensors, processes, sum: None });
        Ok(())
    }

    /// Returns the slots of this GPU that contain a slice.
    pub(super) fn slots(&self) -> Vec<u32> {
        let Some(Opened { device, is_partitioned: true, .. }) = &self.opened else { return Vec::new() };
        let slot_count = device.mig_device_count().unwrap_or(0);
        (0..slot_count).filter(|slot| device.mig_device_by_index(*slot).is_ok()).collect()
    }

    /// Returns whether reading the GPU is forbidden, like the whole GPU in a container that was given a slice.
    pub(super) fn is_forbidden(&self) -> bool {
        self.opened.as_ref().is_some_and(|o| matches!(o.device.memory_info(), Err(NvmlError::NoPermission)))
    }

    pub(super) fn sample(
        &mut self,
        nvml: &Nvml,
        at: Nanos,
        system_bytes: Option<u64>,
    ) -> Result<GpuSample, SampleError> {
        let mut sample = GpuSample { at, index: self.info.index, ..GpuSample::default() };
        let Some(opened) = &mut self.opened else {
            return Err(SampleError::Silent("the GPU is not open".to_owned()));
        };
        let mut answered = false;
        let mut failure = None;
        match opened.memory.read(nvml, &opened.device, &mut self.info, system_bytes) {
            Ok(Some(reading)) => {
                answered = true;
                sample.memory_used_bytes = Some(reading.used);
                sample.memory_reserved_bytes = reading.reserved;
            }
            Ok(None) if opened.memory == Memory::Unified => {
                sample.memory_used_bytes =
                    opened.sum_of_processes(at, &mut self.info).map_err(|e| to_sample_error(&e))?;
                answered = sample.memory_used_bytes.is_some();
            }
            Ok(None) => {}
            Err(error) if is_lost(&error) => return Err(to_sample_error(&error)),
            Err(error) => failure = Some(error),
        }
        let (sensed, failed) = opened.sensors.read(&opened.device, &mut sample).map_err(|e| to_sample_error(&e))?;
        if answered || sensed {
            return Ok(sample);
        }
        let no_sensor = || SampleError::Silent("the driver reports no sensor of this GPU".to_owned());
        Err(failed.or(failure).map_or_else(no_sensor, |e| to_sample_error(&e)))
    }

    /// Returns the processes on the GPU; `None` if the driver does not report them.
    pub(super) fn users(&mut self) -> Option<GpuUsers> {
        let uuid = self.info.uuid.clone()?;
        let Opened { device, processes, .. } = self.opened.as_mut()?;
        let pids = processes.list(device).ok()??.into_keys().collect();
        Some(GpuUsers { uuid, pids })
    }
}

impl Opened<'_> {
    /// Returns the system memory used by the GPU's processes, bytes. The figure is at most a second old. Fails if the
    /// GPU is lost.
    fn sum_of_processes(&mut self, at: Nanos, info: &mut GpuInfo) -> Result<Option<u64>, NvmlError> {
        if let Some((taken, sum)) = self.sum
            && at.since(taken) < SUM_INTERVAL
        {
            return Ok(sum);
        }
        let sum = match self.processes.list(&self.device) {
            Ok(Some(list)) => list.values().try_fold(0_u64, |sum, bytes| sum.checked_add((*bytes)?)),
            Ok(None) => None,
            Err(error) if is_lost(&error) => return Err(error),
            // After a temporary failure, this sample has no figure.
            Err(_) => return Ok(None),
        };
        let why = "the GPU uses system memory, and the driver does not report how much its processes use";
        info.memory_unknown_because = sum.is_none().then(|| why.to_owned());
        self.sum = Some((at, sum));
        Ok(sum)
    }
}
