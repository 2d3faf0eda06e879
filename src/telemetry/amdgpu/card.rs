//! One card, read from its files. Each file may be missing or empty.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::names;
use super::text;
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::time::Nanos;
use crate::telemetry::source::SampleError;

const MICROWATTS_PER_W: f64 = 1e6;
const MILLIDEGREES_PER_C: f64 = 1e3;
const HERTZ_PER_MHZ: f64 = 1e6;

pub(super) struct Card {
    /// Fixed properties of the card. The PCI slot serves as its UUID.
    pub(super) info: GpuInfo,
    device: PathBuf,
    /// Whether the fixed properties were read, which requires the card to be awake.
    is_info_read: bool,
}

impl Card {
    /// Creates a card from its PCI data. Reads further properties only if the card is awake.
    pub(super) fn new(index: u32, device: PathBuf, ids: &Path) -> Self {
        let model = names::product_name(&device, ids);
        let vendor = Some("AMD".to_owned());
        let info = GpuInfo { index, uuid: names::slot(&device), model, vendor, ..GpuInfo::default() };
        let mut card = Self { info, device, is_info_read: false };
        if card.sleep_reason().is_none() {
            card.read_info();
        }
        card
    }

    fn number<T: FromStr>(&self, file: &str) -> Option<T> {
        text(&self.device.join(file))?.parse().ok()
    }

    /// Returns the folder of the card's sensors. Its number changes from boot to boot.
    fn sensors(&self) -> Option<PathBuf> {
        fs::read_dir(self.device.join("hwmon")).ok()?.flatten().map(|entry| entry.path()).min()
    }

    /// Returns the reason not to read the card if it is asleep. Reads only files that do not wake the card.
    fn sleep_reason(&self) -> Option<String> {
        let state = text(&self.device.join("power_state")).filter(|state| state.starts_with("D3"));
        let suspended = text(&self.device.join("power/runtime_status")).filter(|status| status == "suspended");
        state.or(suspended).map(|state| format!("the GPU is asleep ({state}); tokscope does not wake it"))
    }

    fn read_info(&mut self) {
        let sensors = self.sensors();
        // Only integrated GPUs have a sensor for the north bridge's voltage. They share the machine's memory: part of
        // it is reserved as VRAM, and the GTT covers the rest.
        let is_integrated = sensors.as_ref().is_some_and(|sensors| sensors.join("in1_label").exists());
        if is_integrated {
            self.info.memory_kind = MemoryKind::Unified;
        }
        self.info.memory_total_bytes = self.memory("total");
        self.info.power_limit_w =
            sensors.as_ref().and_then(|s| sensor(s, "power1_cap")).map(|uw| uw / MICROWATTS_PER_W);
        self.info.memory_unknown_because =
            self.memory("used").is_none().then(|| "not reported by the driver".to_owned());
        self.info.utilization_unknown_because =
            self.number::<f64>("gpu_busy_percent").is_none().then(|| "not reported by the driver".to_owned());
        self.is_info_read = true;
    }

    /// Returns `total` or `used` memory, bytes.
    fn memory(&self, which: &str) -> Option<u64> {
        let own: Option<u64> = self.number(&format!("mem_info_vram_{which}"));
        match self.info.memory_kind {
            MemoryKind::Unified => own?.checked_add(self.number(&format!("mem_info_gtt_{which}"))?),
            MemoryKind::Dedicated | MemoryKind::Slice => own,
        }
    }

    pub(super) fn sample(&mut self, at: Nanos) -> Result<GpuSample, SampleError> {
        if !self.device.exists() {
            return Err(SampleError::Lost("the GPU was removed from the system".to_owned()));
        }
        if let Some(why) = self.sleep_reason() {
            return Err(SampleError::Silent(why));
        }
        if !self.is_info_read {
            self.read_info();
        }
        let sensors = self.sensors();
        let read = |name: &str| sensors.as_deref().and_then(|folder| sensor(folder, name));
        let sample = GpuSample {
            at,
            index: self.info.index,
            memory_used_bytes: self.memory("used"),
            utilization_percent: self.number("gpu_busy_percent"),
            power_w: read("power1_average").or_else(|| read("power1_input")).map(|uw| uw / MICROWATTS_PER_W),
            temperature_c: read("temp1_input").map(|millidegrees| millidegrees / MILLIDEGREES_PER_C),
            sm_clock_mhz: read("freq1_input").map(|hertz| hertz / HERTZ_PER_MHZ),
            ..GpuSample::default()
        };
        let empty = GpuSample { at, index: self.info.index, ..GpuSample::default() };
        if sample == empty {
            Err(SampleError::Silent("the driver reports no figures for this GPU".to_owned()))
        } else {
            Ok(sample)
        }
    }
}

fn sensor(folder: &Path, name: &str) -> Option<f64> {
    text(&folder.join(name))?.parse().ok()
}
