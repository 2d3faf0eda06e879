//! Run and its settings in the JSON export.

use serde::Serialize;

use super::load;
use crate::domain::time::RFC_3339_MILLIS;
use crate::report::fingerprint::digest;
use crate::report::model::{Report, Resumption};
use crate::report::summary::Summary;

#[derive(Serialize)]
pub(super) struct Run<'a> {
    id: &'a str,
    started_at: String,
    finished_at: Option<String>,
    suite: &'a str,
    /// Kind of work: `generation`, `embeddings` or `rerank`.
    task: &'static str,
    /// Reason why figures of generated tokens are `null`; only present if the API generates none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_token_figures: Option<&'static str>,
    /// Maximum requests in flight; `null` if only the rate limits them.
    concurrency: Option<usize>,
    /// Largest number of requests in flight at the same time.
    peak_in_flight: usize,
    repeat: u32,
    /// Total number of measured requests (`--requests`); `null` if each case has `repeat` of them.
    requests: Option<u32>,
    /// Number of planned requests over all cases and stages; `null` if only the time limits them.
    planned_requests: Option<usize>,
    /// Number of measured requests that completed or failed, over all stages, reruns included.
    measured_requests: usize,
    /// Number of complete answers that count, over all stages.
    successful_requests: usize,
    warmup: u32,
    /// Whether prompts were sent unchanged instead of unique.
    warm: bool,
    /// Requests per second; `null` in a closed loop.
    rate: Option<f64>,
    arrival: Option<load::ArrivalJson>,
    duration_limit_s: Option<f64>,
    simulated: bool,
    partial: bool,
    /// Checksum of the requests and the load. Runs that can be compared have the same one.
    requests_digest: String,
    duration_s: Option<f64>,
    /// Resumptions with `tokscope resume`.
    resumed: Vec<ResumedJson<'a>>,
}

#[derive(Serialize)]
struct ResumedJson<'a> {
    stopped_at: String,
    resumed_at: String,
    tool_version: &'a str,
    hostname: &'a str,
}

fn resumed(report: &Report) -> Vec<ResumedJson<'_>> {
    let time = |at| report.wall_time(at).strftime(RFC_3339_MILLIS).to_string();
    let mut out = Vec::new();
    for Resumption { stopped_at, at, tool, environment, .. } in &report.resumed {
        let (stopped_at, resumed_at) = (time(*stopped_at), time(*at));
        out.push(ResumedJson { stopped_at, resumed_at, tool_version: tool, hostname: &environment.hostname });
    }
    out
}

pub(super) fn run<'a>(report: &'a Report, summary: &Summary) -> Run<'a> {
    let session = &report.session;
    let time = |at: jiff::ZonedDateTime| at.strftime(RFC_3339_MILLIS).to_string();
    let finished = session.last_ended.filter(|_| !session.is_active());
    Run {
        resumed: resumed(report),
        id: &report.run_id,
        started_at: time(report.started_at()),
        finished_at: finished.map(|at| time(report.wall_time(at))),
        suite: &session.suite.name,
        task: session.suite.task.as_str(),
        no_token_figures: session.suite.task.no_token_figures(),
        concurrency: session.plan.limit(),
        peak_in_flight: summary.peak_in_flight,
        repeat: session.plan.repeat,
        requests: session.plan.requests,
        planned_requests: session.requests_planned(),
        measured_requests: session.requests_measured(),
        successful_requests: session.requests_answered(),
        warmup: session.plan.warmup,
        warm: session.plan.warm,
        rate: session.plan.open_loop.map(|open| open.rate_per_s),
        arrival: load::ArrivalJson::from_session(session),
        duration_limit_s: session.plan.duration.map(|d| d.as_secs_f64()),
        simulated: report.simulated,
        partial: summary.partial,
        requests_digest: digest(session),
        duration_s: report.duration_s(),
    }
}
