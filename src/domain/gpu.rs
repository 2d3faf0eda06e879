//! GPU samples and what a run keeps of them.

use serde::{Deserialize, Serialize};

use super::gpu_scope::GpuScope;
use super::time::Nanos;

/// Name of the source of the simulated GPU. No other source has figures in a simulated run, and it has none in any other.
pub const SIMULATED_SOURCE: &str = "simulated";

/// One look at one GPU. A sensor that is missing is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuSample {
    /// On the run's clock.
    pub at: Nanos,
    /// Position in the driver's list.
    pub index: u32,
    /// Memory in use, bytes.
    pub memory_used_bytes: Option<u64>,
    /// Share of the last sensor window in which a kernel ran, percent.
    pub utilization_percent: Option<f64>,
    /// Board power, watts.
    pub power_w: Option<f64>,
    /// Core temperature, degrees Celsius.
    pub temperature_c: Option<f64>,
    /// Memory that the driver keeps for itself, bytes.
    pub memory_reserved_bytes: Option<u64>,
    /// Clock of the streaming multiprocessors or shader engines, MHz.
    pub sm_clock_mhz: Option<f64>,
    /// Energy since some moment before the run, joules: only differences mean something.
    pub energy_j: Option<f64>,
    /// What slows it down now; `None` where it does not tell.
    pub throttle: Option<Throttle>,
}

/// What holds a GPU's clocks down: a set of reasons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Throttle(u16);

impl Throttle {
    /// The driver holds it at its power limit.
    pub const POWER_CAP: Self = Self(1);
    /// Software slows it down as it is too hot.
    pub const SOFTWARE_THERMAL: Self = Self(1 << 1);
    /// Hardware slows it down as it is too hot.
    pub const HARDWARE_THERMAL: Self = Self(1 << 2);
    /// Hardware slows it down as its supply asks for it.
    pub const POWER_BRAKE: Self = Self(1 << 3);
    /// Hardware slows it down, for heat or supply.
    pub const HARDWARE_SLOWDOWN: Self = Self(1 << 4);
    /// It follows the slowest of its group.
    pub const SYNC_BOOST: Self = Self(1 << 5);
    /// Someone set its clocks.
    pub const CLOCKS_SET: Self = Self(1 << 6);

    /// Each reason: its name in `results.json`, and the words on the screen.
    pub const REASONS: [(Self, &'static str, &'static str); 7] = [
        (Self::POWER_CAP, "sw_power_cap", "power cap"),
        (Self::SOFTWARE_THERMAL, "sw_thermal_slowdown", "thermal"),
        (Self::HARDWARE_THERMAL, "hw_thermal_slowdown", "overheated"),
        (Self::POWER_BRAKE, "hw_power_brake_slowdown", "power brake"),
        (Self::HARDWARE_SLOWDOWN, "hw_slowdown", "hw slowdown"),
        (Self::SYNC_BOOST, "sync_boost", "sync boost"),
        (Self::CLOCKS_SET, "applications_clocks_setting", "clocks set"),
    ];

    /// Both sets together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Nothing holds it down.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of `other` are in it.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names in `results.json` of what is in it.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::REASONS.into_iter().filter(move |(reason, ..)| self.has(*reason)).map(|(_, name, _)| name)
    }

    /// The words of what is in it.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        Self::REASONS.into_iter().filter(move |(reason, ..)| self.has(*reason)).map(|(.., words)| words)
    }
}

/// What a GPU's memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// Its own.
    #[default]
    Dedicated,
    /// The machine's, shared with the processor.
    Unified,
    /// A slice of a GPU that is shared out (MIG).
    Slice,
}

impl MemoryKind {
    /// Its name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Unified => "unified",
            Self::Slice => "slice",
        }
    }
}

/// What does not change while a run lasts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct GpuInfo {
    /// Position in the driver's list; slices follow the whole ones.
    pub index: u32,
    /// The driver's unique name of it.
    pub uuid: Option<String>,
    /// Marketing name.
    pub model: String,
    /// Vendor as it stands at the start of the model's name; a short name drops it.
    pub vendor: Option<String>,
    /// Whether power and energy are those of a part of the processor's chip, not of a board.
    pub is_part_of_chip: bool,
    /// All memory, bytes.
    pub memory_total_bytes: Option<u64>,
    /// There is more of it than that: what the driver keeps for itself is not told.
    pub memory_total_is_least: bool,
    /// Why there is no figure for its memory; `None` while there is one.
    pub memory_unknown_because: Option<String>,
    /// Memory in use includes what the driver keeps for itself: an older driver tells only the sum.
    pub memory_used_includes_reserved: bool,
    /// Memory in use is what all that runs on the machine has of its memory: what of it is the GPU's is not told.
    pub memory_used_is_machines: bool,
    /// Why its load is not told; `None` while it may be.
    pub utilization_unknown_because: Option<String>,
    /// Enforced power limit, watts.
    pub power_limit_w: Option<f64>,
    /// What its memory is.
    pub memory_kind: MemoryKind,
    /// The highest clock of the streaming multiprocessors or shader engines, MHz.
    pub max_sm_clock_mhz: Option<f64>,
    /// The machine it is in, where that is another one.
    pub host: Option<String>,
    /// The GPU that it is a slice of: its unique name.
    pub parent_uuid: Option<String>,
}

/// What the sampler says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuEvent {
    /// The GPUs there are. Told at the start, and again when more is known of one that did not answer then.
    Found {
        /// The source's name in the table of sources.
        #[serde(default = "first_source")]
        source: String,
        /// Driver version.
        driver: Option<String>,
        /// In the driver's order.
        gpus: Vec<GpuInfo>,
        /// Time between two samples, milliseconds.
        interval_ms: u64,
    },
    /// There is no figure to be had, and why.
    Absent(String),
    /// One sample of one GPU.
    Sample(GpuSample),
    /// This GPU gave no sample at that time, and why.
    Gap {
        /// When.
        at: Nanos,
        /// Which.
        index: u32,
        /// It is gone, not only silent: what it counts may begin anew.
        lost: bool,
        /// Why.
        reason: String,
    },
    /// This GPU's figures are those of the sample before: whoever reads them out has not done so since.
    Unchanged {
        /// When that was seen.
        at: Nanos,
        /// Which.
        index: u32,
    },
    /// Whether these GPUs are the endpoint's, as far as is known now.
    Scope(GpuScope),
}

/// The source that told nobody its name, when it was the only one.
fn first_source() -> String {
    "nvml".to_owned()
}
