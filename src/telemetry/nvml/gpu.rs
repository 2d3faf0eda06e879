//! One GPU of the driver, whole or a slice.

use std::time::Duration;

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use super::error::{is_lost, words};
use super::memory::Memory;
use super::processes::Processes;
use super::sensors::{Sensors, watts};
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::text::sanitise_line;
use crate::domain::time::Nanos;
use crate::telemetry::source::{GpuUsers, SampleError};

/// How often the processes are summed up where that is the only figure of the memory: the list is the driver's dearest call.
const SUM_EVERY: Duration = Duration::from_secs(1);
/// Why neither a slice nor the whole of it tells a load.
const NO_LOAD_OF_SLICES: &str = "the driver tells no load of a GPU that is shared out in slices (MIG)";

/// Where the driver hands a GPU out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// At that index.
    Whole(u32),
    /// A slice of the GPU at that index, in a slot of it. Slots may be empty.
    Slice { of: u32, slot: u32 },
}

pub(super) struct Gpu<'a> {
    pub(super) info: GpuInfo,
    place: Place,
    /// `None` until the driver hands it out.
    opened: Option<Opened<'a>>,
}

struct Opened<'a> {
    device: Device<'a>,
    /// In slices.
    is_shared_out: bool,
    memory: Memory,
    sensors: Sensors,
    processes: Processes,
    /// Of [`Memory::Unified`]: when the processes were summed up, and to what.
    sum: Option<(Nanos, Option<u64>)>,
}

pub(super) fn trouble(error: &NvmlError) -> SampleError {
    if is_lost(error) { SampleError::Lost(words(error)) } else { SampleError::Silent(words(error)) }
}

impl<'a> Gpu<'a> {
    pub(super) fn new(index: u32, place: Place) -> Self {
        let info =
            GpuInfo { index, model: "NVIDIA GPU".to_owned(), vendor: Some("NVIDIA".to_owned()), ..GpuInfo::default() };
        Self { info, place, opened: None }
    }

    /// The slice of a GPU that is shared out.
    pub(super) fn slice(index: u32, place: Place, whole: &GpuInfo) -> Self {
        let mut gpu = Self::new(index, place);
        gpu.info.memory_kind = MemoryKind::Slice;
        gpu.info.parent_uuid.clone_from(&whole.uuid);
        gpu.info.utilization_unknown_because = Some(NO_LOAD_OF_SLICES.to_owned());
        gpu
    }

    /// Takes the handle and reads what does not change. One that is open stays so.
    pub(super) fn open(&mut self, nvml: &'a Nvml, system_bytes: Option<u64>) -> Result<(), NvmlError> {
        if self.opened.is_some() {
            return Ok(());
        }
        let device = match self.place {
            Place::Whole(index) => nvml.device_by_index(index)?,
            Place::Slice { of, slot } => nvml.device_by_index(of)?.mig_device_by_index(slot)?,
        };
        let mut info = self.info.clone();
        match device.name() {
            Ok(name) => info.model = sanitise_line(&name),
            Err(error) if is_lost(&error) => return Err(error),
            Err(_) => {}
        }
        info.uuid = device.uuid().ok().map(|u| sanitise_line(&u));
        let mut is_shared_out = false;
        let (mut memory, sensors) = match self.place {
            Place::Slice { .. } => (Memory::default(), Sensors::OF_SLICE),
            Place::Whole(_) => {
                info.power_limit_w = device.enforced_power_limit().ok().map(watts);
                info.max_sm_clock_mhz = device.max_clock_info(Clock::SM).ok().map(f64::from);
                is_shared_out = device.mig_mode().is_ok_and(|mode| mode.current == 1);
                if is_shared_out {
                    info.utilization_unknown_because = Some(NO_LOAD_OF_SLICES.to_owned());
                    info.memory_unknown_because =
                        Some("it is shared out in slices (MIG), which tell theirs".to_owned());
                    (Memory::Unknown, Sensors::OF_SHARED_OUT)
                } else {
                    (Memory::default(), Sensors::ALL)
                }
            }
        };
        match memory.read(nvml, &device, &mut info, system_bytes) {
            Err(error) if is_lost(&error) => return Err(error),
            // What failed otherwise is asked again with the first sample.
            Ok(_) | Err(_) => {}
        }
        self.info = info;
        let processes = Processes::default();
        self.opened = Some(Opened { device, is_shared_out, memory, sensors, processes, sum: None });
        Ok(())
    }

    /// The slots in which there is a slice of it.
    pub(super) fn slots(&self) -> Vec<u32> {
        let Some(Opened { device, is_shared_out: true, .. }) = &self.opened else { return Vec::new() };
        let most = device.mig_device_count().unwrap_or(0);
        (0..most).filter(|slot| device.mig_device_by_index(*slot).is_ok()).collect()
    }

    /// Whether it is not for us to read, as the whole of a slice that a container was given.
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
            return Err(SampleError::Silent("it is not open".to_owned()));
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
                sample.memory_used_bytes = opened.sum_of_processes(at, &mut self.info).map_err(|e| trouble(&e))?;
                answered = sample.memory_used_bytes.is_some();
            }
            Ok(None) => {}
            Err(error) if is_lost(&error) => return Err(trouble(&error)),
            Err(error) => failure = Some(error),
        }
        let (sensed, failed) = opened.sensors.read(&opened.device, &mut sample).map_err(|e| trouble(&e))?;
        if answered || sensed {
            return Ok(sample);
        }
        let no_sensor = || SampleError::Silent("the driver has no sensor of this GPU".to_owned());
        Err(failed.or(failure).map_or_else(no_sensor, |e| trouble(&e)))
    }

    /// The processes on it; `None` where that is not told.
    pub(super) fn users(&mut self) -> Option<GpuUsers> {
        let uuid = self.info.uuid.clone()?;
        let Opened { device, processes, .. } = self.opened.as_mut()?;
        let pids = processes.list(device).ok()??.into_keys().collect();
        Some(GpuUsers { uuid, pids })
    }
}

impl Opened<'_> {
    /// What the processes have of the system's memory, bytes, as of a second ago at most; an error: the GPU is lost.
    fn sum_of_processes(&mut self, at: Nanos, info: &mut GpuInfo) -> Result<Option<u64>, NvmlError> {
        if let Some((taken, sum)) = self.sum
            && at.since(taken) < SUM_EVERY
        {
            return Ok(sum);
        }
        let sum = match self.processes.list(&self.device) {
            Ok(Some(list)) => list.values().try_fold(0_u64, |sum, bytes| sum.checked_add((*bytes)?)),
            Ok(None) => None,
            Err(error) if is_lost(&error) => return Err(error),
            // Not told this time: a gap.
            Err(_) => return Ok(None),
        };
        let why = "it uses the system's memory, and the driver does not tell how much its processes have";
        info.memory_unknown_because = sum.is_none().then(|| why.to_owned());
        self.sum = Some((at, sum));
        Ok(sum)
    }
}
