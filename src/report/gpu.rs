//! What the GPUs did over a run, as a report tells it.

use crate::domain::energy::{Efficiency, Energy};
use crate::domain::gpu::{MemoryKind, SIMULATED_SOURCE};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::gpu_track::{FEWEST_SAMPLES, GpuTrack};
use crate::domain::session::Session;
use crate::domain::time::Nanos;

use super::output_tokens::output_tokens;

/// A GPU that generates is busier than this.
pub const IDLE_PERCENT: f64 = 5.0;

/// The GPUs of the endpoint, or of the machine that its address names, over the run.
#[derive(Clone, Debug)]
pub struct GpuReport {
    /// Where the figures come from, as the table of sources calls it.
    pub source: String,
    /// Whether they are the endpoint's.
    pub scope: GpuScope,
    /// Whether power and energy are those of a part of the processor's chip, not of boards.
    pub is_part_of_chip: bool,
    /// Driver version.
    pub driver: Option<String>,
    /// Time between two samples, milliseconds.
    pub sample_interval_ms: u64,
    /// Samples over all GPUs.
    pub samples: u64,
    /// Looks that gave none.
    pub missed: u64,
    /// The longest time of the run in which the driver said nothing, seconds; `None` while it kept to the interval.
    pub driver_silent_s: Option<f64>,
    /// In the driver's order.
    pub devices: Vec<GpuDeviceReport>,
    /// What the output tokens cost, or why that is not known.
    pub efficiency: Result<Efficiency, String>,
    /// Some of those tokens are an estimate.
    pub tokens_estimated: bool,
}

/// One GPU over the run. 1 MiB = 2^20 bytes.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GpuDeviceReport {
    pub index: u32,
    pub uuid: Option<String>,
    pub parent_uuid: Option<String>,
    /// The machine it is in, where that is another one.
    pub host: Option<String>,
    pub model: String,
    /// Samples of the run.
    pub samples: u64,
    /// The mean time between two, milliseconds, where others than this program set the pace.
    pub samples_apart_ms: Option<u64>,
    /// Whether it serves the endpoint; `None`: not known.
    pub serves: Option<bool>,
    pub memory_kind: MemoryKind,
    pub memory_total_mib: Option<f64>,
    /// There is more than that: what the driver keeps for itself is not told.
    pub memory_total_is_least: bool,
    pub memory_reserved_mib: Option<f64>,
    pub memory_used_start_mib: Option<f64>,
    pub memory_peak_mib: Option<f64>,
    /// Seconds from the run's begin to the peak.
    pub memory_peak_at_s: Option<f64>,
    /// Memory in use includes what the driver keeps for itself.
    pub memory_used_includes_reserved: bool,
    /// Memory in use is what all that runs on the machine has of its memory: what of it is the GPU's is not told.
    pub memory_used_is_machines: bool,
    /// Why there is no figure for its memory; `None` while there is one.
    pub memory_unknown_because: Option<String>,
    /// Why no peak is told though there are figures.
    pub memory_peak_unknown_because: Option<String>,
    pub utilization_mean_percent: Option<f64>,
    /// The highest load seen during the run.
    pub utilization_max_percent: Option<f64>,
    pub utilization_unknown_because: Option<String>,
    pub power_mean_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub power_limit_w: Option<f64>,
    /// Its energy during the run, or why there is no figure.
    pub energy: Result<Energy, String>,
    /// What held it down, by name and by words, with its share of the samples; `None` where it does not tell.
    pub throttled: Option<Vec<(&'static str, &'static str, f64)>>,
    /// Why it stopped answering, if it does not.
    pub lost: Option<String>,
    /// Seconds from the run's begin to the last time it was lost; it may have come back since.
    pub lost_at_s: Option<f64>,
}

impl GpuReport {
    /// Like [`Self::of`], of a run that may have been answered by the built-in simulator, which uses no real one.
    pub fn of_run(
        simulated: bool,
        is_local: bool,
        gpu: &GpuHistory,
        session: &Session,
        now: Nanos,
    ) -> Result<Self, String> {
        if simulated && gpu.source != SIMULATED_SOURCE {
            return Err("the simulator answered, which uses no GPU".to_owned());
        }
        Self::from_history(gpu, session, is_local, now)
    }

    /// Of a run as it stands at `now`; an error says why these GPUs tell nothing of it. `is_local`: the address names this
    /// machine by itself.
    pub fn from_history(gpu: &GpuHistory, session: &Session, is_local: bool, now: Nanos) -> Result<Self, String> {
        let scope = match &gpu.scope {
            Some(scope) => scope.clone(),
            None if is_local => {
                GpuScope::Unknown { why: "the endpoint's address is loopback, which a tunnel's is too".to_owned() }
            }
            None => GpuScope::ClientHost,
        };
        if scope == GpuScope::ClientHost {
            return Err(scope.words().to_owned());
        }
        if let Some(why) = &gpu.absent {
            return Err(why.clone());
        }
        if gpu.gpus.is_empty() {
            return Err(format!("the GPU driver gave no answer in {:.1} s", now.as_secs_f64()));
        }
        let devices: Vec<_> = gpu.gpus.iter().map(|track| device(track, gpu, &scope, session, now)).collect();
        let (output_tokens, tokens_estimated) =
            output_tokens(session).map_or((0, false), |(tokens, all_counted)| (tokens, !all_counted));
        Ok(Self {
            source: gpu.source.clone(),
            efficiency: efficiency(&devices, &scope, session, output_tokens),
            scope,
            is_part_of_chip: gpu.gpus.iter().any(|track| track.info.is_part_of_chip),
            driver: gpu.driver.clone(),
            sample_interval_ms: gpu.interval_ms,
            samples: gpu.samples,
            missed: gpu.missed,
            driver_silent_s: gpu.silence(now).map(|silence| silence.as_secs_f64()),
            devices,
            tokens_estimated,
        })
    }

    /// The highest load of one of those that may have done the work, percent.
    pub fn busiest_percent(&self) -> Option<f64> {
        self.working().filter_map(|d| d.utilization_max_percent).reduce(f64::max)
    }

    /// The reason that throttled one of those that may have done the work longest, in words, and its share of the run,
    /// percent.
    pub fn longest_throttle(&self) -> Option<(&'static str, f64)> {
        // Clocks that the user set, and those of GPUs in step, are no limit of the machine.
        const SET: [&str; 2] = ["applications_clocks_setting", "sync_boost"];
        let all =
            self.working().filter_map(|d| d.throttled.as_ref()).flatten().filter(|(name, ..)| !SET.contains(name));
        let longest = all.max_by(|a, b| a.2.total_cmp(&b.2))?;
        Some((longest.1, longest.2 * 100.0))
    }

    /// Whether all that tell their load were idle, of those that serve where that is known: then the work is likely to
    /// have been done elsewhere.
    pub fn were_idle(&self) -> bool {
        self.busiest_percent().is_some_and(|percent| percent < IDLE_PERCENT)
    }

    /// Who was idle then: `no GPU that serves the endpoint`.
    pub const fn none_of_them(&self) -> &'static str {
        match self.scope {
            GpuScope::EndpointHost { .. } => "no GPU that serves the endpoint",
            GpuScope::ClientHost | GpuScope::Unknown { .. } => "no GPU of this machine",
        }
    }

    /// The GPUs that serve; all, where it is not known which.
    pub fn working(&self) -> impl Iterator<Item = &GpuDeviceReport> {
        self.devices.iter().filter(|d| d.serves != Some(false))
    }

    /// The energy of those, joules; `None` where one of them has no figure.
    pub fn energy_j(&self) -> Option<f64> {
        self.working().map(|d| d.energy.as_ref().ok().map(|e| e.joules)).sum()
    }
}

fn device(track: &GpuTrack, gpu: &GpuHistory, scope: &GpuScope, session: &Session, now: Nanos) -> GpuDeviceReport {
    let began = session.began.unwrap_or_default();
    let into_run = |at: Nanos| at.since(began).as_secs_f64();
    let info = &track.info;
    let too_few = too_few(track);
    let energy = if gpu.shares_its_energy(track) {
        Err("it is told of all slices together (MIG)".to_owned())
    } else {
        too_few.clone().map_or_else(|| track.energy.energy(gpu.ran(now)), Err)
    };
    let peak = track.peak_mib.filter(|_| too_few.is_none());
    let keeps_own_pace = info.host.is_some();
    GpuDeviceReport {
        index: info.index,
        uuid: info.uuid.clone(),
        parent_uuid: info.parent_uuid.clone(),
        host: info.host.clone(),
        model: info.model.clone(),
        samples: track.taken.count,
        samples_apart_ms: track.taken.apart().filter(|_| keeps_own_pace).map(|apart| apart.as_millis() as u64),
        serves: scope.serves(info.uuid.as_deref()),
        memory_kind: info.memory_kind,
        memory_total_mib: track.memory_total_mib(),
        memory_total_is_least: info.memory_total_is_least,
        memory_reserved_mib: track.memory_reserved_mib,
        memory_used_start_mib: track.used_at_start_mib,
        memory_peak_mib: peak.map(|(peak, _)| peak),
        memory_peak_at_s: peak.map(|(_, at)| into_run(at)),
        memory_used_includes_reserved: info.memory_used_includes_reserved,
        memory_used_is_machines: info.memory_used_is_machines,
        memory_unknown_because: info.memory_unknown_because.clone(),
        memory_peak_unknown_because: too_few,
        utilization_mean_percent: track.load.mean(),
        utilization_max_percent: track.load.max(),
        utilization_unknown_because: info.utilization_unknown_because.clone(),
        power_mean_w: track.power.mean(),
        power_max_w: track.power.max(),
        power_limit_w: info.power_limit_w,
        energy,
        throttled: track.throttled.shares(),
        lost: track.lost.clone(),
        lost_at_s: track.lost_at.map(into_run),
    }
}

/// Why nothing of a whole run is told of a GPU that another machine reads out at its own pace, if that has told too little.
fn too_few(track: &GpuTrack) -> Option<String> {
    let taken = &track.taken;
    if track.info.host.is_none() || taken.count >= FEWEST_SAMPLES {
        return None;
    }
    let samples = match taken.count {
        0 => "no new sample".to_owned(),
        1 => "1 sample".to_owned(),
        n => format!("{n} samples"),
    };
    let same = match taken.unchanged {
        0 => String::new(),
        n => format!(", and {n} looks found the page as it was"),
    };
    Some(format!("the exporter gave {samples} in the run{same}: it takes {FEWEST_SAMPLES}"))
}

fn efficiency(
    devices: &[GpuDeviceReport],
    scope: &GpuScope,
    session: &Session,
    output_tokens: u64,
) -> Result<Efficiency, String> {
    if !matches!(scope, GpuScope::EndpointHost { .. }) {
        return Err(format!("it is not known which GPUs serve the endpoint: {}", scope.words()));
    }
    if session.in_flight() > 0 {
        return Err("the tokens of what is in flight are not counted yet".to_owned());
    }
    let serving: Vec<_> = devices.iter().filter(|d| d.serves == Some(true)).map(|d| d.energy.clone()).collect();
    Efficiency::from_gpus(&serving, output_tokens)
}

#[cfg(test)]
mod tests;
