//! Parser for a page of NVIDIA's DCGM exporter, which lists GPUs with their figures.
//!
//! The exporter prints one line per figure and GPU. The spelling of labels changed over the years, and a configuration
//! file selects the figures. The parser therefore requires none of them.

use std::collections::HashMap;

use super::prometheus::{Sample, samples};
use crate::domain::gpu::Throttle;
use crate::domain::text::sanitise_line;

/// Bytes per MiB, the unit of memory figures.
const MIB: f64 = 1_048_576.0;

/// Upper bounds that no GPU reaches. Larger figures count as missing, as do the huge numbers that DCGM uses for unknown
/// values.
const MAX_MIB: f64 = 100_000_000.0;
const MAX_W: f64 = 100_000.0;
/// Energy of a GPU over about a hundred years.
const MAX_MILLIJOULES: f64 = 3.2e17;
const MAX_C: f64 = 200.0;
const MAX_MHZ: f64 = 100_000.0;
/// Activity ratios are measured and may slightly exceed 1.
const MAX_RATIO: f64 = 1.01;
/// The clock reasons have 32 bits.
const MAX_BITS: f64 = 4_294_967_295.0;

/// Bits of the clock reasons and their meanings. Bits that are set on an idle GPU are left out.
const REASONS: [(u64, Throttle); 7] = [
    (0x2, Throttle::CLOCKS_SET),
    (0x4, Throttle::POWER_CAP),
    (0x8, Throttle::HARDWARE_SLOWDOWN),
    (0x10, Throttle::SYNC_BOOST),
    (0x20, Throttle::SOFTWARE_THERMAL),
    (0x40, Throttle::HARDWARE_THERMAL),
    (0x80, Throttle::POWER_BRAKE),
];

/// A figure that tokscope uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Figure {
    MemoryUsed,
    MemoryFree,
    MemoryReserved,
    MemoryTotal,
    Utilization,
    EngineActive,
    Power,
    PowerLimit,
    Energy,
    Temperature,
    SmClock,
    MaxSmClock,
    Throttle,
}

impl Figure {
    /// Maximum plausible value in the exporter's unit. The minimum is 0.
    const fn max(self) -> f64 {
        match self {
            Self::MemoryUsed | Self::MemoryFree | Self::MemoryReserved | Self::MemoryTotal => MAX_MIB,
            Self::Utilization => 100.0,
            Self::EngineActive => MAX_RATIO,
            Self::Power | Self::PowerLimit => MAX_W,
            Self::Energy => MAX_MILLIJOULES,
            Self::Temperature => MAX_C,
            Self::SmClock | Self::MaxSmClock => MAX_MHZ,
            Self::Throttle => MAX_BITS,
        }
    }
}

/// Names used by the exporter, without the prefix `DCGM_FI_`.
const FIGURES: &[(&str, Figure)] = &[
    ("DEV_FB_USED", Figure::MemoryUsed),
    ("DEV_FB_FREE", Figure::MemoryFree),
    ("DEV_FB_RESERVED", Figure::MemoryReserved),
    ("DEV_FB_TOTAL", Figure::MemoryTotal),
    ("DEV_GPU_UTIL", Figure::Utilization),
    ("PROF_GR_ENGINE_ACTIVE", Figure::EngineActive),
    ("DEV_POWER_USAGE", Figure::Power),
    ("DEV_ENFORCED_POWER_LIMIT", Figure::PowerLimit),
    ("DEV_POWER_MGMT_LIMIT", Figure::PowerLimit),
    ("DEV_TOTAL_ENERGY_CONSUMPTION", Figure::Energy),
    ("DEV_GPU_TEMP", Figure::Temperature),
    ("DEV_SM_CLOCK", Figure::SmClock),
    ("DEV_MAX_SM_CLOCK", Figure::MaxSmClock),
    ("DEV_CLOCK_THROTTLE_REASONS", Figure::Throttle),
    ("DEV_CLOCKS_EVENT_REASONS", Figure::Throttle),
];

/// Identity of a GPU on a page, or of a MIG slice of one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Host name as the exporter reports it.
    pub host: Option<String>,
    /// UUID of the GPU.
    pub uuid: Option<String>,
    /// Index of the GPU on its host.
    pub gpu: Option<u32>,
    /// MIG instance ID on the GPU; `None` for a whole GPU.
    pub slice: Option<u32>,
}

/// Figures of one GPU or MIG slice. A missing figure is `None`, never 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Identity of the GPU or slice.
    pub key: Key,
    /// Marketing name, followed by the profile for a MIG slice.
    pub model: Option<String>,
    /// Driver version.
    pub driver: Option<String>,
    figures: HashMap<Figure, f64>,
}

impl Reading {
    fn get(&self, figure: Figure) -> Option<f64> {
        self.figures.get(&figure).copied()
    }

    fn bytes(&self, figure: Figure) -> Option<u64> {
        self.get(figure).map(|mib| (mib * MIB) as u64)
    }

    /// Memory in use, bytes.
    pub fn memory_used_bytes(&self) -> Option<u64> {
        self.bytes(Figure::MemoryUsed)
    }

    /// Memory reserved by the driver, bytes.
    pub fn memory_reserved_bytes(&self) -> Option<u64> {
        self.bytes(Figure::MemoryReserved)
    }

    /// Total memory in bytes. The flag is true if the real total is larger, because the exporter does not report the
    /// memory that the driver reserves.
    pub fn memory_total_bytes(&self) -> Option<(u64, bool)> {
        if let Some(total) = self.bytes(Figure::MemoryTotal) {
            return Some((total, false));
        }
        let reported = self.bytes(Figure::MemoryFree)?.saturating_add(self.memory_used_bytes()?);
        let reserved = self.memory_reserved_bytes();
        Some((reported.saturating_add(reserved.unwrap_or(0)), reserved.is_none()))
    }

    /// Load, percent. The driver's utilization covers the whole GPU, so a slice reports the activity of its engine
    /// instead.
    pub fn utilization_percent(&self) -> Option<f64> {
        let driver = self.get(Figure::Utilization).filter(|_| self.key.slice.is_none());
        driver.or_else(|| self.get(Figure::EngineActive).map(|ratio| ratio.min(1.0) * 100.0))
    }

    /// Returns a figure that describes the whole board; `None` for a slice.
    fn board_figure(&self, figure: Figure) -> Option<f64> {
        self.get(figure).filter(|_| self.key.slice.is_none())
    }

    /// Board power, watts.
    pub fn power_w(&self) -> Option<f64> {
        self.board_figure(Figure::Power)
    }

    /// Enforced power limit, watts.
    pub fn power_limit_w(&self) -> Option<f64> {
        self.board_figure(Figure::PowerLimit)
    }

    /// Energy since the driver was loaded, joules.
    pub fn energy_j(&self) -> Option<f64> {
        self.board_figure(Figure::Energy).map(|millijoules| millijoules / 1000.0)
    }

    /// Core temperature, °C.
    pub fn temperature_c(&self) -> Option<f64> {
        self.board_figure(Figure::Temperature)
    }

    /// Clock of the streaming multiprocessors, MHz.
    pub fn sm_clock_mhz(&self) -> Option<f64> {
        self.board_figure(Figure::SmClock)
    }

    /// Maximum clock of the streaming multiprocessors, MHz.
    pub fn max_sm_clock_mhz(&self) -> Option<f64> {
        self.board_figure(Figure::MaxSmClock)
    }

    /// Reasons for reduced clocks.
    pub fn throttle(&self) -> Option<Throttle> {
        let bits = self.board_figure(Figure::Throttle)? as u64;
        let set = REASONS.into_iter().filter(|(bit, _)| bits & bit != 0);
        Some(set.fold(Throttle::default(), |all, (_, reason)| all.union(reason)))
    }
}

/// Reads the GPUs of a page, sorted by host, GPU and slice. Returns no GPUs if the page is not from this exporter.
pub fn read(page: &str) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    let mut indices: HashMap<Key, usize> = HashMap::new();
    for sample in samples(page) {
        let Some(figure) = figure(sample.name) else { continue };
        let key = key(&sample);
        if key.uuid.is_none() && key.gpu.is_none() {
            continue;
        }
        let index = *indices.entry(key.clone()).or_insert_with(|| {
            readings.push(Reading { key, model: None, driver: None, figures: HashMap::new() });
            readings.len() - 1
        });
        let Some(reading) = readings.get_mut(index) else { continue };
        if reading.model.is_none() {
            reading.model = model(&sample);
        }
        if reading.driver.is_none() {
            reading.driver = text(&sample, &["DCGM_FI_DRIVER_VERSION", "driver_version"]);
        }
        // Skip the NaN that the exporter prints for a sensor that does not respond. A GPU may repeat: the exporter
        // prints it again for each container that uses it.
        if (0.0..=figure.max()).contains(&sample.value) {
            reading.figures.insert(figure, sample.value);
        }
    }
    readings.sort_by(|a, b| {
        let sort_key = |r: &Reading| (r.key.host.clone(), r.key.gpu, r.key.uuid.clone(), r.key.slice);
        sort_key(a).cmp(&sort_key(b))
    });
    readings
}

fn figure(name: &str) -> Option<Figure> {
    let name = name.strip_prefix("DCGM_FI_")?;
    let name = name.strip_suffix("_total").unwrap_or(name);
    FIGURES.iter().find(|(known, _)| *known == name).map(|(_, figure)| *figure)
}

fn key(sample: &Sample<'_>) -> Key {
    let number = |label: &str| sample.label(label)?.trim().parse().ok();
    Key {
        host: text(sample, &["hostname", "Hostname"]),
        uuid: text(sample, &["UUID", "uuid"]),
        gpu: number("gpu"),
        slice: number("GPU_I_ID"),
    }
}

fn model(sample: &Sample<'_>) -> Option<String> {
    let name = text(sample, &["modelName", "model_name"])?;
    let profile = text(sample, &["GPU_I_PROFILE"]);
    Some(profile.map_or_else(|| name.clone(), |profile| format!("{name} {profile}")))
}

fn text(sample: &Sample<'_>, labels: &[&str]) -> Option<String> {
    sample.any_label(labels).map(|value| sanitise_line(&value)).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEW: &str = include_str!("../../tests/data/dcgm/two-gpus.prom");
    const OLD: &str = include_str!("../../tests/data/dcgm/old-labels.prom");
    const MIG: &str = include_str!("../../tests/data/dcgm/mig.prom");
    const MIB: u64 = 1 << 20;

    #[test]
    fn every_figure_is_converted_to_its_unit() {
        let [first, second] = &read(NEW)[..] else { panic!("two GPUs") };
        assert_eq!(first.key.host.as_deref(), Some("node-7"));
        assert_eq!(first.key.uuid.as_deref(), Some("GPU-5c1f0e0a-7b1e-4c58-9b55-0d9f8a3f2b11"));
        assert_eq!(
            (first.model.as_deref(), first.driver.as_deref()),
            (Some("NVIDIA H100 80GB HBM3"), Some("550.144.03"))
        );
        assert_eq!(first.memory_used_bytes(), Some(71_680 * MIB));
        assert_eq!(first.memory_reserved_bytes(), Some(551 * MIB));
        assert_eq!(first.memory_total_bytes(), Some((81_559 * MIB, false)), "9328 free, 71680 used, 551 reserved");
        assert_eq!((first.utilization_percent(), first.power_w()), (Some(97.0), Some(612.4)));
        assert_eq!((first.energy_j(), first.temperature_c()), (Some(1_234_567.891), Some(63.0)));
        assert_eq!(first.sm_clock_mhz(), Some(1755.0));
        assert_eq!(first.throttle(), Some(Throttle::POWER_CAP), "the idle bit is ignored");
        assert_eq!(second.memory_used_bytes(), Some(4 * MIB));
        assert_eq!(second.temperature_c(), None, "an unsupported figure is missing");
        assert_eq!(second.throttle(), Some(Throttle::default()));
    }

    #[test]
    fn old_spellings_are_read() {
        let [gpu] = &read(OLD)[..] else { panic!("one GPU") };
        assert_eq!((gpu.key.host.as_deref(), gpu.key.uuid.as_deref()), (Some("node-1"), Some("GPU-old")));
        // Old exporters did not report reserved memory.
        assert_eq!(gpu.memory_total_bytes(), Some((16_160 * MIB, true)));
        assert_eq!(gpu.energy_j(), Some(8500.0));
        assert_eq!((gpu.utilization_percent(), gpu.driver.as_deref()), (Some(25.0), None));
    }

    #[test]
    fn slices_are_separate_and_report_no_board_figures() {
        let all = read(MIG);
        let keys: Vec<_> = all.iter().map(|r| r.key.slice).collect();
        assert_eq!(keys, [Some(1), Some(7)]);
        assert_eq!(all[0].model.as_deref(), Some("NVIDIA H100 80GB HBM3 3g.40gb"));
        let used: Vec<_> = all.iter().map(|r| r.memory_used_bytes().map(|b| b / MIB)).collect();
        assert_eq!(used, [Some(30_000), Some(9216)]);
        assert!(all.iter().all(|r| r.power_w().is_none() && r.energy_j().is_none()), "{all:?}");
        assert_eq!(all[0].utilization_percent(), Some(62.5), "from the engine, not from the board");
    }

    #[test]
    fn pages_changed_by_a_collector_are_read() {
        // A collector between the exporter and tokscope adds `_total`, and writes NaN for a lost value.
        let page = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total{gpu=\"0\"} 8500\nDCGM_FI_DEV_GPU_TEMP{gpu=\"0\"} NaN\n";
        let [gpu] = &read(page)[..] else { panic!("one GPU") };
        assert_eq!((gpu.energy_j(), gpu.temperature_c()), (Some(8.5), None));
    }

    #[test]
    fn placeholder_values_count_as_missing() {
        // Values with which DCGM marks unknown figures, as integers and floats, and values beyond any sensor's range.
        for (name, blank) in [
            ("FB_USED", "2147483632"),
            ("FB_TOTAL", "9223372036854775792"),
            ("GPU_UTIL", "101"),
            ("POWER_USAGE", "140737488355328"),
            ("TOTAL_ENERGY_CONSUMPTION", "9223372036854775792"),
            ("GPU_TEMP", "-1"),
            ("SM_CLOCK", "2147483632"),
            ("CLOCKS_EVENT_REASONS", "9223372036854775792"),
        ] {
            let [gpu] = &read(&format!("DCGM_FI_DEV_{name}{{gpu=\"0\"}} {blank}\n"))[..] else { panic!("one GPU") };
            assert_eq!(gpu.figures, HashMap::new(), "{name}");
        }
        let [gpu] = &read("DCGM_FI_PROF_GR_ENGINE_ACTIVE{gpu=\"0\"} 1.004\n")[..] else { panic!("one GPU") };
        assert_eq!(gpu.utilization_percent(), Some(100.0));
    }

    #[test]
    fn other_pages_yield_no_gpus() {
        assert_eq!(read("vllm:num_requests_running 1\nDCGM_FI_DEV_FB_USED 5\n<html>"), []);
        let named = r#"DCGM_FI_DEV_FB_USED{gpu="0",UUID="G"} 5"#;
        assert_eq!(read(named).len(), 1);
    }
}
