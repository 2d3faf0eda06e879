//! A page of NVIDIA's DCGM exporter: the GPUs that it tells of, and what it says of them.
//!
//! The exporter prints a line for each figure of each GPU. Over the years it changed how it spells its labels, and what it
//! prints is chosen by a file of its own: nothing is taken for granted.

use std::collections::HashMap;

use super::prometheus::{Sample, samples};
use crate::domain::gpu::Throttle;
use crate::domain::text::sanitise_line;

/// Bytes of a MiB, the unit of its memory.
const MIB: f64 = 1_048_576.0;

/// What no GPU comes near to: such figures stand for none, as those do that DCGM keeps for what it does not know.
const MOST_MIB: f64 = 100_000_000.0;
const MOST_W: f64 = 100_000.0;
/// So much in a hundred years.
const MOST_MILLIJOULES: f64 = 3.2e17;
const MOST_C: f64 = 200.0;
const MOST_MHZ: f64 = 100_000.0;
/// Shares are measured, and may come out a little over the whole.
const MOST_SHARE: f64 = 1.01;
/// The reasons have no more bits.
const MOST_BITS: f64 = 4_294_967_295.0;

/// What its bits of reasons for lower clocks are; those that stand for no work are left out.
const REASONS: [(u64, Throttle); 7] = [
    (0x2, Throttle::CLOCKS_SET),
    (0x4, Throttle::POWER_CAP),
    (0x8, Throttle::HARDWARE_SLOWDOWN),
    (0x10, Throttle::SYNC_BOOST),
    (0x20, Throttle::SOFTWARE_THERMAL),
    (0x40, Throttle::HARDWARE_THERMAL),
    (0x80, Throttle::POWER_BRAKE),
];

/// A figure that is of use.
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
    /// The highest that it may be, in the exporter's unit; the least is 0.
    const fn most(self) -> f64 {
        match self {
            Self::MemoryUsed | Self::MemoryFree | Self::MemoryReserved | Self::MemoryTotal => MOST_MIB,
            Self::Utilization => 100.0,
            Self::EngineActive => MOST_SHARE,
            Self::Power | Self::PowerLimit => MOST_W,
            Self::Energy => MOST_MILLIJOULES,
            Self::Temperature => MOST_C,
            Self::SmClock | Self::MaxSmClock => MOST_MHZ,
            Self::Throttle => MOST_BITS,
        }
    }
}

/// How the exporter names it, without `DCGM_FI_`.
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

/// Which GPU of a page, or which slice of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// The machine, as it names itself.
    pub host: Option<String>,
    /// The GPU's unique name.
    pub uuid: Option<String>,
    /// Its place in that machine.
    pub gpu: Option<u32>,
    /// Of a slice (MIG): its number on that GPU.
    pub slice: Option<u32>,
}

/// What a page tells of a GPU or a slice. A figure that is missing is `None`, never 0.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// Which.
    pub key: Key,
    /// Marketing name; of a slice with its profile.
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

    /// Memory that the driver keeps for itself, bytes.
    pub fn memory_reserved_bytes(&self) -> Option<u64> {
        self.bytes(Figure::MemoryReserved)
    }

    /// All memory, bytes, and whether there is more than that, for what the driver keeps is not told.
    pub fn memory_total_bytes(&self) -> Option<(u64, bool)> {
        if let Some(total) = self.bytes(Figure::MemoryTotal) {
            return Some((total, false));
        }
        let told = self.bytes(Figure::MemoryFree)?.saturating_add(self.memory_used_bytes()?);
        let reserved = self.memory_reserved_bytes();
        Some((told.saturating_add(reserved.unwrap_or(0)), reserved.is_none()))
    }

    /// Load, percent. The driver's own is of no slice.
    pub fn utilization_percent(&self) -> Option<f64> {
        let own = self.get(Figure::Utilization).filter(|_| self.key.slice.is_none());
        own.or_else(|| self.get(Figure::EngineActive).map(|ratio| ratio.min(1.0) * 100.0))
    }

    /// A figure of the whole board, which says nothing of one slice.
    fn of_board(&self, figure: Figure) -> Option<f64> {
        self.get(figure).filter(|_| self.key.slice.is_none())
    }

    /// Board power, watts.
    pub fn power_w(&self) -> Option<f64> {
        self.of_board(Figure::Power)
    }

    /// Enforced power limit, watts.
    pub fn power_limit_w(&self) -> Option<f64> {
        self.of_board(Figure::PowerLimit)
    }

    /// Energy since the driver was loaded, joules.
    pub fn energy_j(&self) -> Option<f64> {
        self.of_board(Figure::Energy).map(|millijoules| millijoules / 1000.0)
    }

    /// Core temperature, degrees Celsius.
    pub fn temperature_c(&self) -> Option<f64> {
        self.of_board(Figure::Temperature)
    }

    /// Clock of the streaming multiprocessors, MHz.
    pub fn sm_clock_mhz(&self) -> Option<f64> {
        self.of_board(Figure::SmClock)
    }

    /// Their highest clock, MHz.
    pub fn max_sm_clock_mhz(&self) -> Option<f64> {
        self.of_board(Figure::MaxSmClock)
    }

    /// What slows it down.
    pub fn throttle(&self) -> Option<Throttle> {
        let bits = self.of_board(Figure::Throttle)? as u64;
        let set = REASONS.into_iter().filter(|(bit, _)| bits & bit != 0);
        Some(set.fold(Throttle::default(), |all, (_, reason)| all.union(reason)))
    }
}

/// The GPUs of a page, by host, GPU and slice; none where it is no page of this exporter.
pub fn read(page: &str) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    let mut places: HashMap<Key, usize> = HashMap::new();
    for sample in samples(page) {
        let Some(figure) = figure(sample.name) else { continue };
        let key = key(&sample);
        if key.uuid.is_none() && key.gpu.is_none() {
            continue;
        }
        let place = *places.entry(key.clone()).or_insert_with(|| {
            readings.push(Reading { key, model: None, driver: None, figures: HashMap::new() });
            readings.len() - 1
        });
        let Some(reading) = readings.get_mut(place) else { continue };
        if reading.model.is_none() {
            reading.model = model(&sample);
        }
        if reading.driver.is_none() {
            reading.driver = text(&sample, &["DCGM_FI_DRIVER_VERSION", "driver_version"]);
        }
        // A sensor that does not answer is told as NaN. The same GPU stands there once for each container that has it.
        if (0.0..=figure.most()).contains(&sample.value) {
            reading.figures.insert(figure, sample.value);
        }
    }
    readings.sort_by(|a, b| {
        let place = |r: &Reading| (r.key.host.clone(), r.key.gpu, r.key.uuid.clone(), r.key.slice);
        place(a).cmp(&place(b))
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
    fn every_figure_of_a_page_arrives_in_its_unit() {
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
        assert_eq!(first.throttle(), Some(Throttle::POWER_CAP), "and idle, which is no reason");
        assert_eq!(second.memory_used_bytes(), Some(4 * MIB));
        assert_eq!(second.temperature_c(), None, "what a GPU does not support is left out");
        assert_eq!(second.throttle(), Some(Throttle::default()));
    }

    #[test]
    fn old_spellings_are_read() {
        let [gpu] = &read(OLD)[..] else { panic!("one GPU") };
        assert_eq!((gpu.key.host.as_deref(), gpu.key.uuid.as_deref()), (Some("node-1"), Some("GPU-old")));
        // It told no reserved memory then.
        assert_eq!(gpu.memory_total_bytes(), Some((16_160 * MIB, true)));
        assert_eq!(gpu.energy_j(), Some(8500.0));
        assert_eq!((gpu.utilization_percent(), gpu.driver.as_deref()), (Some(25.0), None));
    }

    #[test]
    fn slices_are_kept_apart_and_pay_for_no_board() {
        let all = read(MIG);
        let keys: Vec<_> = all.iter().map(|r| r.key.slice).collect();
        assert_eq!(keys, [Some(1), Some(7)]);
        assert_eq!(all[0].model.as_deref(), Some("NVIDIA H100 80GB HBM3 3g.40gb"));
        let used: Vec<_> = all.iter().map(|r| r.memory_used_bytes().map(|b| b / MIB)).collect();
        assert_eq!(used, [Some(30_000), Some(9216)]);
        assert!(all.iter().all(|r| r.power_w().is_none() && r.energy_j().is_none()), "{all:?}");
        assert_eq!(all[0].utilization_percent(), Some(62.5), "by the engine, not the board's own");
    }

    #[test]
    fn what_others_make_of_a_page_is_read() {
        // A collector on the way adds `_total`, and tells what it lost as NaN.
        let page = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION_total{gpu=\"0\"} 8500\nDCGM_FI_DEV_GPU_TEMP{gpu=\"0\"} NaN\n";
        let [gpu] = &read(page)[..] else { panic!("one GPU") };
        assert_eq!((gpu.energy_j(), gpu.temperature_c()), (Some(8.5), None));
    }

    #[test]
    fn what_stands_for_no_figure_is_none() {
        // What DCGM keeps where it knows nothing, as whole and as broken numbers, and what no sensor can mean.
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
    fn another_page_has_none() {
        assert_eq!(read("vllm:num_requests_running 1\nDCGM_FI_DEV_FB_USED 5\n<html>"), []);
        let named = r#"DCGM_FI_DEV_FB_USED{gpu="0",UUID="G"} 5"#;
        assert_eq!(read(named).len(), 1);
    }
}
