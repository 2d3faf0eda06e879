//! Processes on a GPU. If the caller's buffer is too small, the library returns the required size.

use std::ffi::c_uint;

use super::{Device, INSUFFICIENT_SIZE, SUCCESS, device_call};

#[repr(C)]
pub struct ProcessInfo {
    pid: c_uint,
    bytes: u64,
    gpu_instance: c_uint,
    compute_instance: c_uint,
}

fn processes(function: &str, device: Device, kind: char, count: *mut c_uint, to: *mut ProcessInfo) -> c_uint {
    device_call(function, device, |gpu| {
        let list = gpu.state.trace.processes(gpu.device_id, kind, gpu.at);
        // SAFETY: by NVML's contract, `count` is valid and is the number of records that `to` holds.
        unsafe {
            let room = count.replace(list.len().try_into().unwrap_or(c_uint::MAX));
            if list.len() > room as usize || to.is_null() && !list.is_empty() {
                return INSUFFICIENT_SIZE;
            }
            for (i, p) in list.iter().enumerate() {
                let bytes = p.bytes.unwrap_or(u64::MAX);
                to.add(i).write(ProcessInfo { pid: p.pid, bytes, gpu_instance: u32::MAX, compute_instance: u32::MAX });
            }
        }
        SUCCESS
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    to: *mut ProcessInfo,
) -> c_uint {
    processes("nvmlDeviceGetComputeRunningProcesses_v3", device, 'C', count, to)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetComputeRunningProcesses_v2(
    device: Device,
    count: *mut c_uint,
    to: *mut ProcessInfo,
) -> c_uint {
    processes("nvmlDeviceGetComputeRunningProcesses_v2", device, 'C', count, to)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetGraphicsRunningProcesses_v3(
    device: Device,
    count: *mut c_uint,
    to: *mut ProcessInfo,
) -> c_uint {
    processes("nvmlDeviceGetGraphicsRunningProcesses_v3", device, 'G', count, to)
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn nvmlDeviceGetGraphicsRunningProcesses_v2(
    device: Device,
    count: *mut c_uint,
    to: *mut ProcessInfo,
) -> c_uint {
    processes("nvmlDeviceGetGraphicsRunningProcesses_v2", device, 'G', count, to)
}
