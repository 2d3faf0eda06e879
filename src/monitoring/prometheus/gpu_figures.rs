//! Gauges of GPUs.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, PoisonError};

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::labels::GpuLabels;
use crate::domain::gpu::{GpuEvent, GpuSample};
use crate::domain::text::sanitise_line;

type GpuGauge = Family<GpuLabels, Gauge<f64, AtomicU64>>;

/// Latest figures of each GPU. A figure that the driver does not report has no sample.
#[derive(Default)]
pub struct GpuFigures {
    models: Mutex<BTreeMap<u32, String>>,
    utilization: GpuGauge,
    memory_used: GpuGauge,
    power: GpuGauge,
    temperature: GpuGauge,
}

impl GpuFigures {
    /// Registers the gauges.
    pub fn register(&self, registry: &mut Registry) {
        // The library's own unit would be `ratios`, against Prometheus' convention.
        let [ratio, watts] = ["ratio", "watts"].map(|unit| Unit::Other(unit.to_owned()));
        let gauges = [
            ("gpu_utilization", "Share of the time in which a kernel ran", ratio, &self.utilization),
            ("gpu_memory_used", "GPU memory in use", Unit::Bytes, &self.memory_used),
            ("gpu_power", "Board power of the GPU", watts, &self.power),
            ("gpu_temperature", "Core temperature of the GPU", Unit::Celsius, &self.temperature),
        ];
        for (name, help, unit, gauge) in gauges {
            registry.register_with_unit(name, help, unit, gauge.clone());
        }
    }

    /// Shows the figures of an event.
    pub fn note(&self, event: &GpuEvent) {
        match event {
            GpuEvent::Found { gpus, .. } => {
                let mut models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
                *models = gpus.iter().map(|gpu| (gpu.index, sanitise_line(&gpu.model))).collect();
            }
            GpuEvent::Sample(sample) => self.show(sample.index, sample),
            GpuEvent::Gap { index, .. } => self.show(*index, &GpuSample::default()),
            GpuEvent::Absent(_) | GpuEvent::Unchanged { .. } | GpuEvent::Scope(_) => {}
        }
    }

    fn show(&self, gpu: u32, sample: &GpuSample) {
        let models = self.models.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = GpuLabels { gpu, model: models.get(&gpu).cloned().unwrap_or_default() };
        let figures = [
            (&self.utilization, sample.utilization_percent.map(|percent| percent / 100.0)),
            (&self.memory_used, sample.memory_used_bytes.map(|bytes| bytes as f64)),
            (&self.power, sample.power_w),
            (&self.temperature, sample.temperature_c),
        ];
        for (gauge, figure) in figures {
            match figure {
                Some(figure) => drop(gauge.get_or_create(&labels).set(figure)),
                None => drop(gauge.remove(&labels)),
            }
        }
    }
}
