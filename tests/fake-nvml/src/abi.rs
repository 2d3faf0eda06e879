//! C functions of the library, with the pitfalls of the real one.
#![allow(non_snake_case, missing_docs, clippy::missing_safety_doc, reason = "the names and the contract are NVIDIA's")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::sync::PoisonError;
use std::sync::atomic::Ordering::SeqCst;

use crate::state::State;
use crate::trace::DeviceId;

mod mig;
mod processes;

type Device = *mut c_void;

const SUCCESS: c_uint = 0;
const UNINITIALIZED: c_uint = 1;
const INVALID_ARGUMENT: c_uint = 2;
const NOT_SUPPORTED: c_uint = 3;
const NOT_FOUND: c_uint = 6;
const INSUFFICIENT_SIZE: c_uint = 7;
const GPU_IS_LOST: c_uint = 15;
const ARGUMENT_VERSION_MISMATCH: c_uint = 25;
const UNKNOWN: c_uint = 999;

/// `NVML_STRUCT_VERSION(Memory, 2)`.
const MEMORY_V2_VERSION: c_uint = 0x0200_0028;
/// Only sensor that `nvmlDeviceGetTemperature` supports.
const TEMPERATURE_GPU: c_uint = 0;
/// Clock of the streaming multiprocessors, the only clock in traces.
const CLOCK_SM: c_uint = 1;

#[repr(C)]
pub struct Memory {
    total: u64,
    free: u64,
    used: u64,
}

#[repr(C)]
pub struct MemoryV2 {
    version: c_uint,
    total: u64,
    reserved: u64,
    free: u64,
    used: u64,
}

#[repr(C)]
pub struct Utilization {
    gpu: c_uint,
    memory: c_uint,
}

/// A GPU or slice at a point in time.
struct Gpu {
    state: &'static State,
    device_id: DeviceId,
    at: u64,
}

impl Gpu {
    fn number(&self, key: &str) -> Option<u64> {
        self.state.trace.number(self.device_id, key, self.at)
    }

    fn text(&self, key: &str) -> Option<&str> {
        self.state.trace.text(self.device_id, key, self.at)
    }

    /// Total, reserved, used and free memory, bytes.
    fn memory(&self) -> Option<[u64; 4]> {
        let (total, used) = (self.number("total")?, self.number("used")?);
        let reserved = self.number("reserved").unwrap_or(0);
        Some([total, reserved, used, total.saturating_sub(reserved + used)])
    }
}

/// Handles a call without a device: counts it, delays it, fails it, and otherwise answers it.
fn call(function: &str, answer: impl FnOnce(&'static State) -> c_uint) -> c_uint {
    enter(function, false, |state, _| answer(state))
}

fn device_call(function: &str, device: Device, answer: impl FnOnce(&Gpu) -> c_uint) -> c_uint {
    enter(function, true, |state, at| match device_id(device) {
        Some(device_id) if device_id.gpu < state.trace.gpus => on_gpu(state, device_id, at, answer),
        _ => INVALID_ARGUMENT,
    })
}

/// Number of handles per GPU. The first is the GPU itself.
const SLOTS: usize = 1 << 8;

/// GPU or slice that a handle refers to. No handle is zero.
fn device_id(device: Device) -> Option<DeviceId> {
    let number = device.addr().checked_sub(1)?;
    let slot = u32::try_from(number % SLOTS).ok()?.checked_sub(1);
    Some(DeviceId { gpu: (number / SLOTS).try_into().ok()?, slot })
}

fn handle(device_id: DeviceId) -> Device {
    let slot = device_id.slot.map_or(0, |slot| slot as usize + 1);
    std::ptr::without_provenance_mut(device_id.gpu as usize * SLOTS + slot + 1)
}

/// A slice is lost together with its GPU.
fn on_gpu(state: &'static State, device_id: DeviceId, at: u64, answer: impl FnOnce(&Gpu) -> c_uint) -> c_uint {
    let whole = DeviceId { slot: None, ..device_id };
    if state.trace.number(whole, "lost", at) == Some(1) { GPU_IS_LOST } else { answer(&Gpu { state, device_id, at }) }
}

fn enter(function: &str, of_device: bool, answer: impl FnOnce(&'static State, u64) -> c_uint) -> c_uint {
    let Some(state) = State::get() else { return UNKNOWN };
    let at = state.count(function, of_device);
    if function != "nvmlInit_v2" && state.references.load(SeqCst) <= 0 {
        state.calls_uninitialised.fetch_add(1, SeqCst);
        return UNINITIALIZED;
    }
    if let Some(us) = state.trace.delay_us(function, of_device, at) {
        state.block(us);
    }
    state.trace.error(function, of_device, at).unwrap_or_else(|| answer(state, at))
}

/// Writes the value, or returns `NOT_SUPPORTED` without one.
fn answer<T>(to: *mut T, value: Option<T>) -> c_uint {
    match value {
        None => NOT_SUPPORTED,
        Some(_) if to.is_null() => INVALID_ARGUMENT,
        Some(value) => {
            // SAFETY: by NVML's contract, the caller's pointer is valid for a value of this type.
            unsafe { to.write(value) };
            SUCCESS
        }
    }
}

fn number(function: &str, device: Device, key: &str, to: *mut c_uint) -> c_uint {
    device_call(function, device, |gpu| answer(to, gpu.number(key).and_then(|n| n.try_into().ok())))
}

fn text(to: *mut c_char, length: c_uint, text: Option<&str>) -> c_uint {
    let Some(text) = text else { return NOT_SUPPORTED };
    if text.len() >= length as usize {
        return INSUFFICIENT_SIZE;
    }
    // SAFETY: by NVML's contract, the buffer holds `length` bytes. Text and NUL are not longer.
    unsafe {
        to.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), text.len());
        to.add(text.len()).write(0);
    }
    SUCCESS
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlInit_v2() -> c_uint {
    call("nvmlInit_v2", |state| {
        state.references.fetch_add(1, SeqCst);
        SUCCESS
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn nvmlShutdown() -> c_uint {
    call("nvmlShutdown", |state| {
        state.references.fetch_sub(1, SeqCst);
        SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetDriverVersion(version: *mut c_char, length: c_uint) -> c_uint {
    call("nvmlSystemGetDriverVersion", |state| text(version, length, state.trace.driver.as_deref()))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlSystemGetCudaDriverVersion(version: *mut c_int) -> c_uint {
    call("nvmlSystemGetCudaDriverVersion", |state| {
        answer(version, state.trace.cuda.and_then(|cuda| cuda.try_into().ok()))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCount_v2(count: *mut c_uint) -> c_uint {
    call("nvmlDeviceGetCount_v2", |state| answer(count, Some(state.trace.gpus)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetHandleByIndex_v2(index: c_uint, device: *mut Device) -> c_uint {
    enter("nvmlDeviceGetHandleByIndex_v2", true, |state, at| {
        if index >= state.trace.gpus {
            return INVALID_ARGUMENT;
        }
        let device_id = DeviceId { gpu: index, slot: None };
        on_gpu(state, device_id, at, |_| answer(device, Some(handle(device_id))))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetName(device: Device, name: *mut c_char, length: c_uint) -> c_uint {
    device_call("nvmlDeviceGetName", device, |gpu| text(name, length, gpu.text("name")))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUUID(device: Device, uuid: *mut c_char, length: c_uint) -> c_uint {
    device_call("nvmlDeviceGetUUID", device, |gpu| text(uuid, length, gpu.text("uuid")))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo(device: Device, memory: *mut Memory) -> c_uint {
    device_call("nvmlDeviceGetMemoryInfo", device, |gpu| {
        let reading = gpu.memory();
        answer(memory, reading.map(|[total, reserved, used, free]| Memory { total, free, used: used + reserved }))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMemoryInfo_v2(device: Device, memory: *mut MemoryV2) -> c_uint {
    device_call("nvmlDeviceGetMemoryInfo_v2", device, |gpu| {
        // SAFETY: by NVML's contract, the caller's structure is valid and its version is set.
        let version = unsafe { memory.as_ref() }.map(|m| m.version);
        if version != Some(MEMORY_V2_VERSION) {
            return ARGUMENT_VERSION_MISMATCH;
        }
        let reading = gpu.memory();
        let v2 = |[total, reserved, used, free]: [u64; 4]| MemoryV2 {
            version: MEMORY_V2_VERSION,
            total,
            reserved,
            free,
            used,
        };
        answer(memory, reading.map(v2))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetUtilizationRates(device: Device, rates: *mut Utilization) -> c_uint {
    device_call("nvmlDeviceGetUtilizationRates", device, |gpu| {
        let percent = gpu.number("util").and_then(|n| n.try_into().ok());
        answer(rates, percent.map(|percent| Utilization { gpu: percent, memory: 0 }))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTemperature(device: Device, sensor: c_uint, celsius: *mut c_uint) -> c_uint {
    if sensor != TEMPERATURE_GPU {
        return INVALID_ARGUMENT;
    }
    number("nvmlDeviceGetTemperature", device, "temp", celsius)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetPowerUsage(device: Device, milliwatts: *mut c_uint) -> c_uint {
    number("nvmlDeviceGetPowerUsage", device, "power", milliwatts)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetEnforcedPowerLimit(device: Device, milliwatts: *mut c_uint) -> c_uint {
    number("nvmlDeviceGetEnforcedPowerLimit", device, "plimit", milliwatts)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetClockInfo(device: Device, clock: c_uint, mhz: *mut c_uint) -> c_uint {
    number("nvmlDeviceGetClockInfo", device, if clock == CLOCK_SM { "smclock" } else { "" }, mhz)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxClockInfo(device: Device, clock: c_uint, mhz: *mut c_uint) -> c_uint {
    number("nvmlDeviceGetMaxClockInfo", device, if clock == CLOCK_SM { "maxsmclock" } else { "" }, mhz)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetTotalEnergyConsumption(device: Device, millijoules: *mut u64) -> c_uint {
    device_call("nvmlDeviceGetTotalEnergyConsumption", device, |gpu| {
        answer(millijoules, gpu.state.trace.energy_mj(gpu.device_id, gpu.at))
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetCurrentClocksThrottleReasons(device: Device, reasons: *mut u64) -> c_uint {
    device_call("nvmlDeviceGetCurrentClocksThrottleReasons", device, |gpu| answer(reasons, gpu.number("throttle")))
}

#[unsafe(no_mangle)]
pub extern "C" fn fake_nvml_advance_ms(by: u64) {
    if let Some(state) = State::get() {
        state.manual_ms.fetch_add(by, SeqCst);
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn fake_nvml_calls(function: *const c_char) -> u64 {
    // SAFETY: the caller passes a C string.
    let function = unsafe { CStr::from_ptr(function) }.to_string_lossy();
    State::get().map_or(0, |state| {
        let calls = state.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.get(&*function).copied().unwrap_or(0)
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn fake_nvml_references() -> i64 {
    State::get().map_or(0, |state| state.references.load(SeqCst))
}

#[unsafe(no_mangle)]
pub extern "C" fn fake_nvml_calls_uninitialised() -> u64 {
    State::get().map_or(0, |state| state.calls_uninitialised.load(SeqCst))
}

#[unsafe(no_mangle)]
pub extern "C" fn fake_nvml_release() {
    if let Some(state) = State::get() {
        state.release();
    }
}
