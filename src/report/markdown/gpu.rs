//! Section about GPUs: one block per GPU, then totals.

use crate::domain::energy::EnergyMethod;
use crate::domain::gpu::MemoryKind;
use crate::domain::gpu_scope::GpuScope;
use crate::report::gpu::{GpuDeviceReport, GpuReport, IDLE_PERCENT};

use super::View;
use super::escape::{code, inline};
use super::figures::{figure, grouped, tokens, with_unit};
use super::numbers::mean_and_max;
use super::page::Page;

/// Text in place of a missing figure.
const NOT_AVAILABLE: &str = "N/A";

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## GPU Information");
    let gpu = match &view.report.gpu {
        Ok(gpu) if !gpu.devices.is_empty() => gpu,
        other => {
            let why = other.as_ref().map_or_else(String::as_str, |_| "the driver lists no GPU");
            return page.block(&format!("No GPU figures: {}.", inline(why.trim_end_matches('.'))));
        }
    };
    let driver = gpu.driver.as_deref().map_or_else(|| NOT_AVAILABLE.to_owned(), inline);
    for device in &gpu.devices {
        if gpu.devices.len() > 1 {
            page.block(&format!("### GPU {}", device.index));
        }
        block(device, &driver, page);
    }
    together(gpu, page);
}

fn block(device: &GpuDeviceReport, driver: &str, page: &mut Page) {
    page.field("Model", &inline(&device.model));
    if let Some(host) = &device.host {
        page.field("Host", &inline(host));
    }
    page.field("Memory", &memory(device));
    page.field("Driver", driver);
    page.field("Peak Memory", &peak(device));
    if let Some(parent) = &device.parent_uuid {
        page.field("Slice Of", &code(parent));
    }
    if let Some(serves) = device.serves {
        page.field("Serves The Endpoint", if serves { "yes" } else { "no" });
    }
    page.field("Load", &load(device));
    page.field("Power", &power(device));
    page.field("Energy", &energy(device));
    page.field("Throttled", &throttled(device));
    match (&device.lost, device.lost_at_s) {
        (Some(why), Some(at)) => page.field("Lost", &format!("{at:.1} s into the run: {}", code(why))),
        (Some(why), None) => page.field("Lost", &code(why)),
        (None, Some(at)) => page.field("Lost", &format!("{at:.1} s into the run, then available again")),
        (None, None) => {}
    }
    page.line("");
}

/// Writes totals of all GPUs, energy per token, evidence that they serve the endpoint, and doubts about that evidence.
fn together(gpu: &GpuReport, page: &mut Page) {
    let working: Vec<_> = gpu.working().collect();
    if working.len() > 1 {
        let which = if working.iter().all(|d| d.serves == Some(true)) { "that serve" } else { "listed" };
        let sum = |of: fn(&GpuDeviceReport) -> Option<f64>| {
            // A GPU partitioned into slices has no figures of its own.
            let figures: Vec<f64> = working.iter().filter_map(|d| of(d)).collect();
            (!figures.is_empty()).then(|| figures.iter().sum::<f64>())
        };
        page.block(&format!(
            "**Total of the {} GPUs {which}**: {} memory, {} in use at their peaks, {}.",
            working.len(),
            mib(sum(|d| d.memory_total_mib)),
            mib(sum(|d| d.memory_peak_mib)),
            gpu.energy_j().map_or_else(|| "energy not available".to_owned(), |j| format!("{} J", grouped(j))),
        ));
    }
    match &gpu.efficiency {
        Ok(cost) => page.block(&format!(
            "**Energy per output token**: {} J ({} output tokens per joule; {} J for {} tokens). {}, including idle power; \
             without CPU, system memory and power supply.",
            figure(Some(cost.joules_per_output_token()), 3, gpu.tokens_estimated),
            figure(Some(cost.output_tokens_per_joule()), 2, gpu.tokens_estimated),
            grouped(cost.joules),
            tokens(Some(cost.output_tokens as f64), gpu.tokens_estimated),
            if gpu.is_part_of_chip { "The GPU's part of its chip" } else { "GPU boards" },
        )),
        Err(why) => page.block(&format!("**Energy per output token**: {NOT_AVAILABLE} ({}).", inline(why))),
    }
    let whose = match &gpu.scope {
        GpuScope::EndpointHost { .. } => "These GPUs serve the endpoint",
        GpuScope::ClientHost => "These GPUs do not serve the endpoint",
        GpuScope::Unknown { .. } => "tokscope cannot tell whether these GPUs serve the endpoint",
    };
    page.block(&format!("{whose}: {}.", inline(gpu.scope.explanation())));
    if let Some(seconds) = gpu.driver_silent_s {
        page.block(&format!(
            "The GPU driver did not answer for {seconds:.1} s of the run, or tokscope stalled. The figures exclude that time."
        ));
    }
    if gpu.were_idle() {
        let none = gpu.none_of_them().replacen('n', "N", 1);
        page.block(&format!(
            "{none} was more than {IDLE_PERCENT}% busy during the run. The endpoint's address may be that of a tunnel, and the \
             GPUs on another machine."
        ));
    }
}

/// Returns `N/A` with the reason, if known.
fn because(why: Option<&str>) -> String {
    why.map_or_else(|| NOT_AVAILABLE.to_owned(), |why| format!("{NOT_AVAILABLE} ({})", inline(why)))
}

fn memory(device: &GpuDeviceReport) -> String {
    let unified = if device.memory_kind == MemoryKind::Unified { " (shared with the CPU)" } else { "" };
    match (&device.memory_total_mib, &device.memory_unknown_because) {
        (None, Some(why)) => because(Some(why)),
        (None, None) => NOT_AVAILABLE.to_owned(),
        (total, _) => format!("{}{}{unified}", if device.memory_total_is_least { "≥ " } else { "" }, mib(*total)),
    }
}

fn mib(value: Option<f64>) -> String {
    value.map_or_else(|| NOT_AVAILABLE.to_owned(), |v| format!("{} MiB", grouped(v)))
}

fn peak(device: &GpuDeviceReport) -> String {
    let Some(peak) = device.memory_peak_mib else {
        let why =
            device.memory_unknown_because.as_deref().or(device.memory_peak_unknown_because.as_deref()).map(inline);
        let why = why.unwrap_or_else(|| "no sample during the run".to_owned());
        return format!("{NOT_AVAILABLE} ({why})");
    };
    let at = with_unit(device.memory_peak_at_s, 1, false, " s into the run");
    let start = device.memory_used_start_mib.map(|start| format!("{} MiB in use at its start", grouped(start)));
    let reserved = device.memory_used_includes_reserved.then(|| "including memory that the driver reserves".to_owned());
    let whose = if device.memory_used_is_machines { "all programs on the machine" } else { "sum of its processes" };
    let sum = (device.memory_kind == MemoryKind::Unified).then(|| whose.to_owned());
    let pace = device
        .samples_apart_ms
        .map(|apart| format!("from {} samples, {:.0} s apart", device.samples, apart as f64 / 1000.0));
    let notes: Vec<_> =
        device.memory_peak_at_s.map(|_| at).into_iter().chain(start).chain(pace).chain(reserved).chain(sum).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("{} MiB{notes}", grouped(peak))
}

fn load(device: &GpuDeviceReport) -> String {
    match (device.utilization_mean_percent, device.utilization_max_percent) {
        (Some(mean), Some(max)) => mean_and_max(mean, max, "%"),
        _ => because(device.utilization_unknown_because.as_deref()),
    }
}

fn power(device: &GpuDeviceReport) -> String {
    let (Some(mean), Some(max)) = (device.power_mean_w, device.power_max_w) else { return NOT_AVAILABLE.to_owned() };
    let limit = device.power_limit_w.map_or_else(String::new, |limit| format!(", limit {limit:.0} W"));
    format!("{}{limit}", mean_and_max(mean, max, " W"))
}

fn energy(device: &GpuDeviceReport) -> String {
    match &device.energy {
        Ok(energy) => {
            let how = match energy.method {
                EnergyMethod::Counter => "energy counter",
                EnergyMethod::Integrated => "integrated from power samples",
            };
            format!("{} J ({how})", grouped(energy.joules))
        }
        Err(why) => because(Some(why)),
    }
}

fn throttled(device: &GpuDeviceReport) -> String {
    match device.throttled.as_deref() {
        None => NOT_AVAILABLE.to_owned(),
        Some([]) => "no".to_owned(),
        Some(all) => {
            let all: Vec<_> = all
                .iter()
                .map(|(_, words, share)| format!("{words} in {:.0}% of the samples", share * 100.0))
                .collect();
            all.join(", ")
        }
    }
}

#[cfg(test)]
mod tests;
