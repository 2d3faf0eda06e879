//! GPU samples, GPU properties and sampler events.

use serde::{Deserialize, Serialize};

use super::gpu_scope::GpuScope;
use super::time::Nanos;

/// Name of the source of the simulated GPU: the only source of GPU figures in a run against the simulator, and unused
/// in all other runs.
pub const SIMULATED_SOURCE: &str = "simulated";

/// One sample of one GPU. A missing sensor is `None`, never 0.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GpuSample {
    /// Time on the run's clock.
    pub at: Nanos,
    /// Index in the driver's list.
    pub index: u32,
    /// Memory in use, bytes.
    pub memory_used_bytes: Option<u64>,
    /// Share of the last sensor window in which a kernel ran, percent.
    pub utilization_percent: Option<f64>,
    /// Board power, watts.
    pub power_w: Option<f64>,
    /// Core temperature, degrees Celsius.
    pub temperature_c: Option<f64>,
    /// Memory reserved by the driver, bytes.
    pub memory_reserved_bytes: Option<u64>,
    /// Clock of the streaming multiprocessors or shader engines, MHz.
    pub sm_clock_mhz: Option<f64>,
    /// Energy counter, joules. It starts before the run, so only differences are meaningful.
    pub energy_j: Option<f64>,
    /// Reasons for reduced clocks at this moment; `None` if the driver does not report them.
    pub throttle: Option<Throttle>,
}

/// A set of reasons for reduced GPU clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Throttle(u16);

impl Throttle {
    /// The driver enforces the power limit.
    pub const POWER_CAP: Self = Self(1);
    /// Software reduces the clocks because the GPU is too hot.
    pub const SOFTWARE_THERMAL: Self = Self(1 << 1);
    /// Hardware reduces the clocks because the GPU is too hot.
    pub const HARDWARE_THERMAL: Self = Self(1 << 2);
    /// Hardware reduces the clocks at the request of the power supply.
    pub const POWER_BRAKE: Self = Self(1 << 3);
    /// Hardware reduces the clocks, because of heat or power supply.
    pub const HARDWARE_SLOWDOWN: Self = Self(1 << 4);
    /// The GPU is limited to the clocks of the slowest GPU in its sync boost group.
    pub const SYNC_BOOST: Self = Self(1 << 5);
    /// A user set fixed clocks.
    pub const CLOCKS_SET: Self = Self(1 << 6);

    /// Each reason with its name in `results.json` and its label on the screen.
    pub const REASONS: [(Self, &'static str, &'static str); 7] = [
        (Self::POWER_CAP, "sw_power_cap", "power cap"),
        (Self::SOFTWARE_THERMAL, "sw_thermal_slowdown", "thermal"),
        (Self::HARDWARE_THERMAL, "hw_thermal_slowdown", "overheated"),
        (Self::POWER_BRAKE, "hw_power_brake_slowdown", "power brake"),
        (Self::HARDWARE_SLOWDOWN, "hw_slowdown", "hw slowdown"),
        (Self::SYNC_BOOST, "sync_boost", "sync boost"),
        (Self::CLOCKS_SET, "applications_clocks_setting", "clocks set"),
    ];

    /// Union of two sets.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the set has no reason.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether all reasons in `other` are in this set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Names of the reasons in `results.json`.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::REASONS.into_iter().filter(move |(reason, ..)| self.has(*reason)).map(|(_, name, _)| name)
    }

    /// Labels of the reasons on the screen.
    pub fn labels(self) -> impl Iterator<Item = &'static str> {
        Self::REASONS.into_iter().filter(move |(reason, ..)| self.has(*reason)).map(|(.., label)| label)
    }
}

/// Kind of GPU memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryKind {
    /// The GPU has its own memory.
    #[default]
    Dedicated,
    /// The GPU shares the memory of the machine with the CPU.
    Unified,
    /// The memory of a slice of a partitioned GPU (MIG).
    Slice,
}

impl MemoryKind {
    /// Name in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dedicated => "dedicated",
            Self::Unified => "unified",
            Self::Slice => "slice",
        }
    }
}

/// Properties of a GPU that do not change during a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct GpuInfo {
    /// Index in the driver's list; slices follow whole GPUs.
    pub index: u32,
    /// Unique name assigned by the driver.
    pub uuid: Option<String>,
    /// Marketing name.
    pub model: String,
    /// Vendor as it appears at the start of the model's name; short names omit it.
    pub vendor: Option<String>,
    /// Whether power and energy cover a part of the processor's chip instead of a board.
    pub is_part_of_chip: bool,
    /// Total memory, bytes.
    pub memory_total_bytes: Option<u64>,
    /// Whether the total memory is a lower bound, because the memory reserved by the driver is not reported.
    pub memory_total_is_least: bool,
    /// Reason why memory figures are not available; `None` if they are.
    pub memory_unknown_because: Option<String>,
    /// Whether memory in use includes the driver's reserved memory: older drivers report only the sum.
    pub memory_used_includes_reserved: bool,
    /// Whether memory in use covers the whole machine, because the GPU's part is not reported.
    pub memory_used_is_machines: bool,
    /// Reason why utilization is never available; `None` if samples may have it.
    pub utilization_unknown_because: Option<String>,
    /// Enforced power limit, watts.
    pub power_limit_w: Option<f64>,
    /// Kind of memory.
    pub memory_kind: MemoryKind,
    /// Maximum clock of the streaming multiprocessors or shader engines, MHz.
    pub max_sm_clock_mhz: Option<f64>,
    /// Name of the machine that has the GPU; `None` for this machine.
    pub host: Option<String>,
    /// Unique name of the GPU that this slice belongs to.
    pub parent_uuid: Option<String>,
}

/// Event from a GPU sampler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GpuEvent {
    /// List of GPUs. Sent at the start, and again when more is known about a GPU that did not answer then.
    Found {
        /// Name of the source of GPU figures.
        #[serde(default = "first_source")]
        source: String,
        /// Driver version.
        driver: Option<String>,
        /// GPUs in the driver's order.
        gpus: Vec<GpuInfo>,
        /// Time between two samples, milliseconds.
        interval_ms: u64,
    },
    /// No figures are available, with the reason.
    Absent(String),
    /// One sample of one GPU.
    Sample(GpuSample),
    /// One GPU could not be sampled.
    Gap {
        /// Time of the sample.
        at: Nanos,
        /// Index of the GPU.
        index: u32,
        /// Whether the GPU is gone rather than silent. The counters of a GPU that returns may have restarted.
        lost: bool,
        /// Reason why the GPU could not be sampled.
        reason: String,
    },
    /// The figures are the same as in the sample before, because the exporter has not read the GPU since.
    Unchanged {
        /// Time of the poll.
        at: Nanos,
        /// Index of the GPU.
        index: u32,
    },
    /// New knowledge about whether these GPUs belong to the endpoint.
    Scope(GpuScope),
}

/// Returns the source for journals that name none. They are of versions that had only NVML.
fn first_source() -> String {
    "nvml".to_owned()
}
