//! Sensors of a GPU other than its memory. A sensor that proves missing is not read again.

use nvml_wrapper::Device;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::error::NvmlError;

use super::error::{is_absent, is_lost};
use crate::domain::gpu::{GpuSample, Throttle};

/// Function that reads a sensor into a sample.
type Sensor = fn(&Device<'_>, &mut GpuSample) -> Result<(), NvmlError>;

/// All sensors. The load is the first.
const SENSORS: [Sensor; 6] = [
    |device, sample| device.utilization_rates().map(|u| sample.utilization_percent = Some(f64::from(u.gpu))),
    |device, sample| device.power_usage().map(|milliwatts| sample.power_w = Some(watts(milliwatts))),
    |device, sample| {
        device.temperature(TemperatureSensor::Gpu).map(|celsius| sample.temperature_c = Some(f64::from(celsius)))
    },
    |device, sample| device.clock_info(Clock::SM).map(|mhz| sample.sm_clock_mhz = Some(f64::from(mhz))),
    |device, sample| {
        device.total_energy_consumption().map(|millijoules| sample.energy_j = Some(millijoules as f64 / 1000.0))
    },
    |device, sample| device.current_throttle_reasons().map(|reasons| sample.throttle = Some(throttle(reasons))),
];

pub(super) fn watts(milliwatts: u32) -> f64 {
    f64::from(milliwatts) / 1000.0
}

/// Returns the reasons for reduced clocks. Ignores the bits for idle and display, which do not slow down work.
fn throttle(reasons: ThrottleReasons) -> Throttle {
    const KNOWN: [(ThrottleReasons, Throttle); 7] = [
        (ThrottleReasons::SW_POWER_CAP, Throttle::POWER_CAP),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, Throttle::SOFTWARE_THERMAL),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, Throttle::HARDWARE_THERMAL),
        (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, Throttle::POWER_BRAKE),
        (ThrottleReasons::HW_SLOWDOWN, Throttle::HARDWARE_SLOWDOWN),
        (ThrottleReasons::SYNC_BOOST, Throttle::SYNC_BOOST),
        (ThrottleReasons::APPLICATIONS_CLOCKS_SETTING, Throttle::CLOCKS_SET),
    ];
    let set = KNOWN.into_iter().filter(|(reason, _)| reasons.contains(*reason));
    set.fold(Throttle::default(), |all, (_, one)| all.union(one))
}

/// Sensors that a GPU is known or assumed to have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sensors {
    has: [bool; SENSORS.len()],
}

impl Sensors {
    /// All sensors, until a read proves one missing.
    pub(super) const ALL: Self = Self { has: [true; SENSORS.len()] };
    /// Sensors of a GPU partitioned with MIG. The driver does not report its load.
    pub(super) const PARTITIONED: Self = Self { has: [false, true, true, true, true, true] };
    /// Sensors of a slice. A slice has only a memory figure.
    pub(super) const SLICE: Self = Self { has: [false; SENSORS.len()] };

    /// Reads all sensors. Returns whether any responded, and the last failure. Fails if the GPU is lost.
    pub(super) fn read(
        &mut self,
        device: &Device<'_>,
        sample: &mut GpuSample,
    ) -> Result<(bool, Option<NvmlError>), NvmlError> {
        let (mut answered, mut failure) = (false, None);
        for (read, has) in SENSORS.iter().zip(&mut self.has).filter(|(_, has)| **has) {
            match read(device, sample) {
                Ok(()) => answered = true,
                Err(error) if is_absent(&error) => *has = false,
                Err(error) if is_lost(&error) => return Err(error),
                Err(error) => failure = Some(error),
            }
        }
        Ok((answered, failure))
    }
}
