//! The GPUs: a block each, and what they come to together.

use crate::domain::energy::EnergyMethod;
use crate::domain::gpu::MemoryKind;
use crate::domain::gpu_scope::GpuScope;
use crate::report::gpu::{GpuDeviceReport, GpuReport, IDLE_PERCENT};

use super::View;
use super::escape::{code, inline};
use super::numbers::mean_and_max;
use super::page::{Page, figure, with_unit};

/// What a field says without a figure.
const NOT_AVAILABLE: &str = "N/A";

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## GPU Information");
    let gpu = match &view.report.gpu {
        Ok(gpu) if !gpu.devices.is_empty() => gpu,
        other => {
            let why = other.as_ref().map_or_else(String::as_str, |_| "the driver lists no GPU");
            for name in ["Model", "Memory", "Driver", "Peak Memory"] {
                page.field(name, NOT_AVAILABLE);
            }
            page.line("");
            return page.block(&format!("No GPU figures: {}", code(why)));
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
        (None, Some(at)) => page.field("Lost", &format!("{at:.1} s into the run, and came back")),
        (None, None) => {}
    }
    page.line("");
}

/// What holds for all of them: the sum, what a token cost, whose they are, and what casts doubt on that.
fn together(gpu: &GpuReport, page: &mut Page) {
    let working: Vec<_> = gpu.working().collect();
    if working.len() > 1 {
        let which = if working.iter().all(|d| d.serves == Some(true)) { "that serve" } else { "listed" };
        let sum = |of: fn(&GpuDeviceReport) -> Option<f64>| {
            // The whole of slices has none of its own.
            let figures: Vec<f64> = working.iter().filter_map(|d| of(d)).collect();
            (!figures.is_empty()).then(|| figures.iter().sum::<f64>())
        };
        page.block(&format!(
            "**The {} GPUs {which} together**: {} of memory, {} in use at their peaks, {}.",
            working.len(),
            mib(sum(|d| d.memory_total_mib)),
            mib(sum(|d| d.memory_peak_mib)),
            gpu.energy_j().map_or_else(|| "energy not known".to_owned(), |j| format!("{j:.0} J")),
        ));
    }
    match &gpu.efficiency {
        Ok(cost) => page.block(&format!(
            "**Energy per output token**: {} J ({} output tokens per joule; {} J for {} tokens). {}, idle power included; no \
             processor, memory or power supply.",
            figure(Some(cost.joules_per_output_token()), 3, gpu.tokens_estimated),
            figure(Some(cost.output_tokens_per_joule()), 2, gpu.tokens_estimated),
            figure(Some(cost.joules), 0, false),
            figure(Some(cost.output_tokens as f64), 0, gpu.tokens_estimated),
            if gpu.is_part_of_chip { "The GPU's part of its chip only" } else { "GPU boards only" },
        )),
        Err(why) => page.block(&format!("**Energy per output token**: {NOT_AVAILABLE} ({})", code(why))),
    }
    let whose = match &gpu.scope {
        GpuScope::EndpointHost { .. } => "These are the endpoint's GPUs",
        GpuScope::ClientHost => "These are not the endpoint's GPUs",
        GpuScope::Unknown { .. } => "It is not known whether these are the endpoint's GPUs",
    };
    page.block(&format!("{whose}: {}", code(gpu.scope.explanation())));
    if let Some(seconds) = gpu.driver_silent_s {
        page.block(&format!(
            "The GPU driver was silent for {seconds:.1} s of the run, or tokscope stalled: what happened meanwhile is not in \
             these figures."
        ));
    }
    if gpu.were_idle() {
        let none = gpu.none_of_them().replacen('n', "N", 1);
        page.block(&format!(
            "{none} was more than {IDLE_PERCENT} % busy during the run: the endpoint's address may be a tunnel's, and the \
             work done elsewhere."
        ));
    }
}

/// Why there is no figure, in brackets.
fn because(why: Option<&str>) -> String {
    why.map_or_else(|| NOT_AVAILABLE.to_owned(), |why| format!("{NOT_AVAILABLE} ({})", code(why)))
}

fn memory(device: &GpuDeviceReport) -> String {
    let unified = if device.memory_kind == MemoryKind::Unified { " (the machine's own, shared)" } else { "" };
    match (&device.memory_total_mib, &device.memory_unknown_because) {
        (None, Some(why)) => because(Some(why)),
        (None, None) => NOT_AVAILABLE.to_owned(),
        (total, _) => format!("{}{}{unified}", if device.memory_total_is_least { "≥ " } else { "" }, mib(*total)),
    }
}

fn mib(value: Option<f64>) -> String {
    value.map_or_else(|| NOT_AVAILABLE.to_owned(), |v| format!("{v:.0} MiB"))
}

fn peak(device: &GpuDeviceReport) -> String {
    let Some(peak) = device.memory_peak_mib else {
        let why = device.memory_unknown_because.as_deref().or(device.memory_peak_unknown_because.as_deref()).map(code);
        let why = why.unwrap_or_else(|| "no sample of the memory in use during the run".to_owned());
        return format!("{NOT_AVAILABLE} ({why})");
    };
    let at = with_unit(device.memory_peak_at_s, 1, false, " s into the run");
    let start = device.memory_used_start_mib.map(|start| format!("{start:.0} MiB in use at its start"));
    let reserved = device.memory_used_includes_reserved.then(|| "incl. what the driver reserves".to_owned());
    let whose = if device.memory_used_is_machines { "of all that ran on the machine" } else { "sum of its processes" };
    let sum = (device.memory_kind == MemoryKind::Unified).then(|| whose.to_owned());
    let pace = device
        .samples_apart_ms
        .map(|apart| format!("from {} samples, {:.0} s apart", device.samples, apart as f64 / 1000.0));
    let notes: Vec<_> =
        device.memory_peak_at_s.map(|_| at).into_iter().chain(start).chain(pace).chain(reserved).chain(sum).collect();
    let notes = if notes.is_empty() { String::new() } else { format!(" ({})", notes.join("; ")) };
    format!("{peak:.0} MiB{notes}")
}

fn load(device: &GpuDeviceReport) -> String {
    match (device.utilization_mean_percent, device.utilization_max_percent) {
        (Some(mean), Some(max)) => mean_and_max(mean, max, " %"),
        _ => because(device.utilization_unknown_because.as_deref()),
    }
}

fn power(device: &GpuDeviceReport) -> String {
    let (Some(mean), Some(max)) = (device.power_mean_w, device.power_max_w) else { return NOT_AVAILABLE.to_owned() };
    let limit = device.power_limit_w.map_or_else(String::new, |limit| format!(" of {limit:.0} W"));
    format!("{}{limit}", mean_and_max(mean, max, " W"))
}

fn energy(device: &GpuDeviceReport) -> String {
    match &device.energy {
        Ok(energy) => {
            let how = match energy.method {
                EnergyMethod::Counter => "its own counter",
                EnergyMethod::Integrated => "from its power, sample by sample",
            };
            format!("{:.0} J ({how})", energy.joules)
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
                .map(|(_, words, share)| format!("{words} in {:.0} % of the samples", share * 100.0))
                .collect();
            all.join(", ")
        }
    }
}

#[cfg(test)]
mod tests;
