//! Builds the report of a run, live or saved.

use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::live::EngineLag;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::Session;
use crate::domain::time::Nanos;
use crate::protocol::api::by_name;
use crate::report::gpu::GpuReport;
use crate::report::host::HostReport;
use crate::report::journal::{RunHeader, Saved};
use crate::report::model::{Report, Resumption};
use crate::report::summary::SummaryCell;

/// Measurements of a run up to `finished_at`.
#[derive(Debug)]
pub struct Measurements<'a> {
    /// Cases and attempts.
    pub session: Session,
    /// Sentences about facts of the workload that became known during the run.
    pub workload_notes: Vec<String>,
    /// Times at which the run was resumed, and the machine of each time.
    pub resumed: Vec<Resumption>,
    /// GPUs during the run.
    pub gpu: &'a GpuHistory,
    /// The server's metrics; `None` if they were not read.
    pub gauges: Option<GaugeHistory>,
    /// Load of the machine that runs tokscope.
    pub host: &'a HostHistory,
    /// Lag of the engine's thread.
    pub lag: EngineLag,
    /// Time of the report, on the run's clock.
    pub finished_at: Nanos,
}

/// Builds a report from a run and its measurements.
pub fn report(run: RunHeader, measured: Measurements<'_>) -> Report {
    let Measurements { session, workload_notes, resumed, gpu, gauges, host, lag, finished_at } = measured;
    Report {
        gpu: GpuReport::of_run(run.simulated, run.local, gpu, &session, finished_at),
        host: HostReport::from_history(host),
        gauges,
        session,
        workload_notes,
        resumed,
        lag,
        finished_at,
        summary: SummaryCell::default(),
        epoch: run.epoch,
        url: run.url,
        api: by_name(&run.api).map_or("unknown", |api| api.name),
        model: run.model,
        server: run.server,
        simulated: run.simulated,
        local: run.local,
        route: run.route,
        tool: run.tool,
        command_line: run.command_line,
        run_id: run.id,
        shards: run.shards,
        environment: run.environment,
        calibration: run.calibration,
        gate: None,
    }
}

/// Builds the report of a saved run: the same report that the run would have made at its end.
pub fn report_from_saved(saved: Saved) -> Report {
    let Saved { run, session, workload_notes, resumed, gpu, gauges, host, lag, last_at, .. } = saved;
    let (gpu, host, finished_at) = (&gpu, &host, last_at);
    report(run, Measurements { session, workload_notes, resumed, gpu, gauges, host, lag, finished_at })
}
