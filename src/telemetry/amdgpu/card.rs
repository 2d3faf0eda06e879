//! One card, by its files. Each may be missing, or empty.

use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use super::names;
use super::text;
use crate::domain::gpu::{GpuInfo, GpuSample, MemoryKind};
use crate::domain::time::Nanos;
use crate::telemetry::source::SampleError;

const MICROWATTS: f64 = 1e6;
const MILLIDEGREES: f64 = 1e3;
const HERTZ_OF_MHZ: f64 = 1e6;

pub(super) struct Card {
    /// Where the bus has it is its unique name.
    pub(super) info: GpuInfo,
    device: PathBuf,
    /// What does not change was read, which takes a card that is awake.
    is_known: bool,
}

impl Card {
    /// Reads nothing but what the bus knows of it.
    pub(super) fn new(index: u32, device: PathBuf, ids: &Path) -> Self {
        let model = names::product_name(&device, ids);
        let vendor = Some("AMD".to_owned());
        let info = GpuInfo { index, uuid: names::slot(&device), model, vendor, ..GpuInfo::default() };
        let mut card = Self { info, device, is_known: false };
        if card.asleep().is_none() {
            card.learn();
        }
        card
    }

    fn number<T: FromStr>(&self, file: &str) -> Option<T> {
        text(&self.device.join(file))?.parse().ok()
    }

    /// The folder of its sensors. Its number changes from boot to boot.
    fn sensors(&self) -> Option<PathBuf> {
        fs::read_dir(self.device.join("hwmon")).ok()?.flatten().map(|entry| entry.path()).min()
    }

    /// Whether it sleeps, by what can be read without waking it: nearly all of its other files would.
    fn asleep(&self) -> Option<String> {
        let state = text(&self.device.join("power_state")).filter(|state| state.starts_with("D3"));
        let suspended = text(&self.device.join("power/runtime_status")).filter(|status| status == "suspended");
        state.or(suspended).map(|state| format!("it is asleep ({state}), and is not woken for this"))
    }

    fn learn(&mut self) {
        let sensors = self.sensors();
        // Only a GPU that is part of a processor has the voltage of its north bridge. Its memory is the machine's: some is set
        // apart for it, and the rest of what it may have is in the table of addresses that it shares.
        let is_part_of_processor = sensors.as_ref().is_some_and(|sensors| sensors.join("in1_label").exists());
        if is_part_of_processor {
            self.info.memory_kind = MemoryKind::Unified;
        }
        self.info.memory_total_bytes = self.memory("total");
        self.info.power_limit_w = sensors.as_ref().and_then(|s| sensor(s, "power1_cap")).map(|uw| uw / MICROWATTS);
        self.info.memory_unknown_because =
            self.memory("used").is_none().then(|| "the driver does not tell it".to_owned());
        self.info.utilization_unknown_because =
            self.number::<f64>("gpu_busy_percent").is_none().then(|| "the driver does not tell it".to_owned());
        self.is_known = true;
    }

    /// Bytes of memory, `total` or `used`.
    fn memory(&self, which: &str) -> Option<u64> {
        let own: Option<u64> = self.number(&format!("mem_info_vram_{which}"));
        match self.info.memory_kind {
            MemoryKind::Unified => own?.checked_add(self.number(&format!("mem_info_gtt_{which}"))?),
            MemoryKind::Dedicated | MemoryKind::Slice => own,
        }
    }

    pub(super) fn sample(&mut self, at: Nanos) -> Result<GpuSample, SampleError> {
        if !self.device.exists() {
            return Err(SampleError::Lost("the kernel has this GPU no more".to_owned()));
        }
        if let Some(why) = self.asleep() {
            return Err(SampleError::Silent(why));
        }
        if !self.is_known {
            self.learn();
        }
        let sensors = self.sensors();
        let read = |name: &str| sensors.as_deref().and_then(|folder| sensor(folder, name));
        let sample = GpuSample {
            at,
            index: self.info.index,
            memory_used_bytes: self.memory("used"),
            utilization_percent: self.number("gpu_busy_percent"),
            power_w: read("power1_average").or_else(|| read("power1_input")).map(|uw| uw / MICROWATTS),
            temperature_c: read("temp1_input").map(|millidegrees| millidegrees / MILLIDEGREES),
            sm_clock_mhz: read("freq1_input").map(|hertz| hertz / HERTZ_OF_MHZ),
            ..GpuSample::default()
        };
        let nothing = GpuSample { at, index: self.info.index, ..GpuSample::default() };
        if sample == nothing {
            Err(SampleError::Silent("the driver tells nothing of it".to_owned()))
        } else {
            Ok(sample)
        }
    }
}

fn sensor(folder: &Path, name: &str) -> Option<f64> {
    text(&folder.join(name))?.parse().ok()
}
