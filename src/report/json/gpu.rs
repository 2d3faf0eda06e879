//! GPUs in the JSON export.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::energy::Efficiency;
use crate::report::gpu::{GpuDeviceReport, GpuReport};
use crate::report::model::Report;

#[derive(Serialize)]
pub struct GpuJson<'a> {
    source: &'a str,
    scope: &'static str,
    scope_evidence: Cow<'a, str>,
    driver_version: Option<&'a str>,
    sample_interval_ms: u64,
    samples: u64,
    missed: u64,
    driver_silent_s: Option<f64>,
    devices: Vec<GpuDevice<'a>>,
}

#[derive(Serialize)]
struct GpuDevice<'a> {
    index: u32,
    uuid: Option<&'a str>,
    parent_uuid: Option<&'a str>,
    /// Name of the exporter's host; `null` for this machine.
    host: Option<&'a str>,
    model: &'a str,
    samples: u64,
    /// Mean time between the exporter's samples, milliseconds; `null` if tokscope sets the interval.
    samples_apart_ms: Option<u64>,
    /// Whether the GPU serves the endpoint; `null` if unknown.
    serves: Option<bool>,
    memory_kind: &'static str,
    memory_total_mib: Option<f64>,
    memory_total_is_least: bool,
    memory_reserved_mib: Option<f64>,
    memory_used_start_mib: Option<f64>,
    memory_used_peak_mib: Option<f64>,
    memory_peak_at_s: Option<f64>,
    memory_used_includes_reserved: bool,
    memory_used_is_machines: bool,
    memory_unknown_because: Option<&'a str>,
    memory_peak_unknown_because: Option<&'a str>,
    utilization_mean_percent: Option<f64>,
    utilization_max_percent: Option<f64>,
    utilization_unknown_because: Option<&'a str>,
    power_mean_w: Option<f64>,
    power_max_w: Option<f64>,
    power_limit_w: Option<f64>,
    energy_j: Option<f64>,
    energy_method: Option<&'static str>,
    energy_unknown_because: Option<&'a str>,
    /// Throttling reasons that occurred; `null` if the GPU reports none.
    throttled: Option<Vec<&'static str>>,
    /// Share of the samples by throttling reason, among samples that report throttling.
    throttled_share: Option<BTreeMap<&'static str, f64>>,
    lost: Option<&'a str>,
    lost_at_s: Option<f64>,
}

impl<'a> GpuJson<'a> {
    pub fn new(gpu: &'a GpuReport) -> Self {
        let words = gpu.scope.explanation();
        let evidence = if gpu.were_idle() {
            format!("{words}; but {} was busy, so another machine may serve the model", gpu.none_of_them()).into()
        } else {
            words.into()
        };
        Self {
            source: &gpu.source,
            scope: gpu.scope.as_str(),
            scope_evidence: evidence,
            driver_version: gpu.driver.as_deref(),
            sample_interval_ms: gpu.sample_interval_ms,
            samples: gpu.samples,
            missed: gpu.missed,
            driver_silent_s: gpu.driver_silent_s,
            devices: gpu.devices.iter().map(device).collect(),
        }
    }
}

fn device(device: &GpuDeviceReport) -> GpuDevice<'_> {
    let energy = device.energy.as_ref();
    let throttled = device.throttled.as_ref();
    GpuDevice {
        index: device.index,
        uuid: device.uuid.as_deref(),
        parent_uuid: device.parent_uuid.as_deref(),
        host: device.host.as_deref(),
        model: &device.model,
        samples: device.samples,
        samples_apart_ms: device.samples_apart_ms,
        serves: device.serves,
        memory_kind: device.memory_kind.as_str(),
        memory_total_mib: device.memory_total_mib,
        memory_total_is_least: device.memory_total_is_least,
        memory_reserved_mib: device.memory_reserved_mib,
        memory_used_start_mib: device.memory_used_start_mib,
        memory_used_peak_mib: device.memory_peak_mib,
        memory_peak_at_s: device.memory_peak_at_s,
        memory_used_includes_reserved: device.memory_used_includes_reserved,
        memory_used_is_machines: device.memory_used_is_machines,
        memory_unknown_because: device.memory_unknown_because.as_deref(),
        memory_peak_unknown_because: device.memory_peak_unknown_because.as_deref(),
        utilization_mean_percent: device.utilization_mean_percent,
        utilization_max_percent: device.utilization_max_percent,
        utilization_unknown_because: device.utilization_unknown_because.as_deref(),
        power_mean_w: device.power_mean_w,
        power_max_w: device.power_max_w,
        power_limit_w: device.power_limit_w,
        energy_j: energy.ok().map(|e| e.joules),
        energy_method: energy.ok().map(|e| e.method.as_str()),
        energy_unknown_because: energy.err().map(String::as_str),
        throttled: throttled.map(|all| all.iter().map(|(name, ..)| *name).collect()),
        throttled_share: throttled.map(|all| all.iter().map(|(name, _, share)| (*name, *share)).collect()),
        lost: device.lost.as_deref(),
        lost_at_s: device.lost_at_s,
    }
}

/// Energy per output token.
#[derive(Serialize)]
pub struct EfficiencyJson<'a> {
    output_tokens_per_joule: Option<f64>,
    joules_per_output_token: Option<f64>,
    efficiency_unknown_because: Option<&'a str>,
}

impl<'a> EfficiencyJson<'a> {
    pub fn from_report(report: &'a Report) -> Self {
        let cost = report.gpu.as_ref().and_then(|gpu| gpu.efficiency.as_ref());
        Self {
            output_tokens_per_joule: cost.ok().map(Efficiency::output_tokens_per_joule),
            joules_per_output_token: cost.ok().map(Efficiency::joules_per_output_token),
            efficiency_unknown_because: cost.err().map(String::as_str),
        }
    }
}
