//! GPU figures of a run for reports.

use crate::domain::energy::{Efficiency, Energy};
use crate::domain::gpu::{MemoryKind, SIMULATED_SOURCE};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::gpu_scope::GpuScope;
use crate::domain::gpu_track::{FEWEST_SAMPLES, GpuTrack};
use crate::domain::session::Session;
use crate::domain::time::Nanos;

use super::output_tokens::output_tokens;

/// Maximum load of an idle GPU, percent.
pub const IDLE_PERCENT: f64 = 5.0;

/// Figures over a run of the GPUs at the endpoint, or of the machine at the endpoint's address.
#[derive(Clone, Debug)]
pub struct GpuReport {
    /// Name of the source in the table of GPU sources.
    pub source: String,
    /// Whether and how the GPUs are known to serve the endpoint.
    pub scope: GpuScope,
    /// Whether power and energy cover the GPU within a chip instead of a whole board.
    pub is_part_of_chip: bool,
    /// Driver version.
    pub driver: Option<String>,
    /// Time between two samples, milliseconds.
    pub sample_interval_ms: u64,
    /// Number of samples over all GPUs.
    pub samples: u64,
    /// Number of failed samples.
    pub missed: u64,
    /// Longest time without an answer of the driver, seconds; `None` if it kept to the interval.
    pub driver_silent_s: Option<f64>,
    /// All GPUs in the driver's order.
    pub devices: Vec<GpuDeviceReport>,
    /// Energy per output token, or the reason why it is unknown.
    pub efficiency: Result<Efficiency, String>,
    /// Whether any of the token counts is an estimate.
    pub tokens_estimated: bool,
}

/// Figures of one GPU over a run. 1 MiB is 2^20 bytes.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub struct GpuDeviceReport {
    pub index: u32,
    pub uuid: Option<String>,
    pub parent_uuid: Option<String>,
    /// Name of the machine, if the GPU is in another one.
    pub host: Option<String>,
    pub model: String,
    /// Number of samples during the run.
    pub samples: u64,
    /// Mean time between two samples, milliseconds. Only present if another program sets the interval.
    pub samples_apart_ms: Option<u64>,
    /// Whether the GPU serves the endpoint; `None` if unknown.
    pub serves: Option<bool>,
    pub memory_kind: MemoryKind,
    pub memory_total_mib: Option<f64>,
    /// Whether the total is only a lower bound, because the driver does not report its reserved memory.
    pub memory_total_is_least: bool,
    pub memory_reserved_mib: Option<f64>,
    pub memory_used_start_mib: Option<f64>,
    pub memory_peak_mib: Option<f64>,
    /// Time from the start of the run to the peak, seconds.
    pub memory_peak_at_s: Option<f64>,
    /// Whether the memory in use includes the driver's reserved memory.
    pub memory_used_includes_reserved: bool,
    /// Whether the memory in use is that of all programs on the machine, because the GPU's own share is not reported.
    pub memory_used_is_machines: bool,
    /// Reason for a missing memory figure; `None` if there is one.
    pub memory_unknown_because: Option<String>,
    /// Reason for a missing peak although there are memory figures.
    pub memory_peak_unknown_because: Option<String>,
    pub utilization_mean_percent: Option<f64>,
    /// Highest load during the run, percent.
    pub utilization_max_percent: Option<f64>,
    pub utilization_unknown_because: Option<String>,
    pub power_mean_w: Option<f64>,
    pub power_max_w: Option<f64>,
    pub power_limit_w: Option<f64>,
    /// Energy during the run, or the reason why it is unknown.
    pub energy: Result<Energy, String>,
    /// Throttling reasons: name, description, and share of the samples. `None` if not reported.
    pub throttled: Option<Vec<(&'static str, &'static str, f64)>>,
    /// Reason why the GPU stopped answering; `None` while it answers.
    pub lost: Option<String>,
    /// Time from the start of the run to the last loss of the GPU, seconds. The GPU may have come back since.
    pub lost_at_s: Option<f64>,
}

impl GpuReport {
    /// Returns the same as [`Self::from_history`], but reports no GPUs if the built-in simulator answered.
    pub fn of_run(
        simulated: bool,
        is_local: bool,
        gpu: &GpuHistory,
        session: &Session,
        now: Nanos,
    ) -> Result<Self, String> {
        if simulated && gpu.source != SIMULATED_SOURCE {
            return Err("the built-in simulator uses no GPU".to_owned());
        }
        Self::from_history(gpu, session, is_local, now)
    }

    /// Reports the GPUs of a run up to `now`. `is_local`: whether the endpoint's URL names this machine.
    ///
    /// # Errors
    ///
    /// Returns a sentence with the reason why there are no GPU figures.
    pub fn from_history(gpu: &GpuHistory, session: &Session, is_local: bool, now: Nanos) -> Result<Self, String> {
        let scope = match &gpu.scope {
            Some(scope) => scope.clone(),
            None if is_local => {
                GpuScope::Unknown { why: "the endpoint's address is loopback, but a tunnel may start there".to_owned() }
            }
            None => GpuScope::ClientHost,
        };
        if scope == GpuScope::ClientHost {
            return Err(scope.explanation().to_owned());
        }
        if let Some(why) = &gpu.absent {
            return Err(why.clone());
        }
        if gpu.gpus.is_empty() {
            return Err(format!("the GPU driver did not answer for {:.1} s", now.as_secs_f64()));
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

    /// Returns the highest load of any GPU that may have served the run, percent.
    pub fn busiest_percent(&self) -> Option<f64> {
        self.working().filter_map(|d| d.utilization_max_percent).reduce(f64::max)
    }

    /// Returns the throttling reason that lasted longest on a GPU that may have served the run, with its share of the
    /// run in percent.
    pub fn longest_throttle(&self) -> Option<(&'static str, f64)> {
        // These reasons come from the user's settings and from synchronised GPUs, not from a limit of the machine.
        const SET: [&str; 2] = ["applications_clocks_setting", "sync_boost"];
        let all =
            self.working().filter_map(|d| d.throttled.as_ref()).flatten().filter(|(name, ..)| !SET.contains(name));
        let longest = all.max_by(|a, b| a.2.total_cmp(&b.2))?;
        Some((longest.1, longest.2 * 100.0))
    }

    /// Returns whether all GPUs with a known load were idle, which suggests that another machine served the run. If the
    /// serving GPUs are known, only they count.
    pub fn were_idle(&self) -> bool {
        self.busiest_percent().is_some_and(|percent| percent < IDLE_PERCENT)
    }

    /// Returns the subject of a sentence about idle GPUs: `no GPU that serves the endpoint`.
    pub const fn none_of_them(&self) -> &'static str {
        match self.scope {
            GpuScope::EndpointHost { .. } => "no GPU that serves the endpoint",
            GpuScope::ClientHost | GpuScope::Unknown { .. } => "no GPU of this machine",
        }
    }

    /// Returns the GPUs that serve the endpoint, or all GPUs if that is unknown.
    pub fn working(&self) -> impl Iterator<Item = &GpuDeviceReport> {
        self.devices.iter().filter(|d| d.serves != Some(false))
    }

    /// Returns the energy of all serving GPUs, joules; `None` if it is unknown for any of them.
    pub fn energy_j(&self) -> Option<f64> {
        self.working().map(|d| d.energy.as_ref().ok().map(|e| e.joules)).sum()
    }
}

fn device(track: &GpuTrack, gpu: &GpuHistory, scope: &GpuScope, session: &Session, now: Nanos) -> GpuDeviceReport {
    let began = session.began.unwrap_or_default();
    let into_run = |at: Nanos| at.since(began).as_secs_f64();
    let info = &track.info;
    let too_few = too_few(track);
    let energy = if gpu.shares_energy_counter(track) {
        Err("the driver reports one figure for all MIG slices".to_owned())
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
        samples_apart_ms: track.taken.mean_interval().filter(|_| keeps_own_pace).map(|apart| apart.as_millis() as u64),
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

/// Returns the reason for missing figures if another machine's exporter gave too few samples of this GPU.
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
        n => format!(", and {n} reads found the page unchanged"),
    };
    Some(format!("the exporter gave {samples} during the run{same}; energy and peaks need {FEWEST_SAMPLES}"))
}

fn efficiency(
    devices: &[GpuDeviceReport],
    scope: &GpuScope,
    session: &Session,
    output_tokens: u64,
) -> Result<Efficiency, String> {
    if !matches!(scope, GpuScope::EndpointHost { .. }) {
        return Err(format!("it is not known which GPUs serve the endpoint: {}", scope.explanation()));
    }
    if session.in_flight() > 0 {
        return Err("the tokens of requests in flight are not counted yet".to_owned());
    }
    let serving: Vec<_> = devices.iter().filter(|d| d.serves == Some(true)).map(|d| d.energy.clone()).collect();
    Efficiency::from_gpus(&serving, output_tokens)
}

#[cfg(test)]
mod tests;
