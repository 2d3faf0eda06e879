//! GPUs partitioned with MIG. The number of slots is the maximum; some are empty.

use std::ffi::c_uint;

use super::{Device, INVALID_ARGUMENT, NOT_FOUND, NOT_SUPPORTED, SUCCESS, answer, device_call, handle};
use crate::trace::DeviceId;

/// Number of slots of a GPU, as on an A100.
const SLOTS: c_uint = 7;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigMode(device: Device, current: *mut c_uint, pending: *mut c_uint) -> c_uint {
    device_call("nvmlDeviceGetMigMode", device, |gpu| {
        let mode = gpu.number("migmode").and_then(|n| n.try_into().ok());
        match answer(current, mode) {
            SUCCESS => answer(pending, mode),
            error => error,
        }
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMaxMigDeviceCount(device: Device, count: *mut c_uint) -> c_uint {
    device_call("nvmlDeviceGetMaxMigDeviceCount", device, |gpu| answer(count, gpu.number("migmode").map(|_| SLOTS)))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetMigDeviceHandleByIndex(
    device: Device,
    slot: c_uint,
    slice: *mut Device,
) -> c_uint {
    device_call("nvmlDeviceGetMigDeviceHandleByIndex", device, |gpu| {
        let device_id = DeviceId { gpu: gpu.device_id.gpu, slot: Some(slot) };
        match gpu.number("migmode") {
            Some(1) if slot >= SLOTS => INVALID_ARGUMENT,
            Some(1) if gpu.state.trace.has(device_id) => answer(slice, Some(handle(device_id))),
            Some(1) => NOT_FOUND,
            _ => NOT_SUPPORTED,
        }
    })
}
