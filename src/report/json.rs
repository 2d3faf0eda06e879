//! Export as one JSON document, `results.json`. An unknown value is `null`; a missing figure is never 0.

mod attempt;
mod depth;
mod find;
mod gpu;
mod lines;
mod load;
mod models;
mod race;
mod run;
mod runs;
mod shards;
mod spread;
mod summary;
mod text;
mod workload;

use serde::Serialize;
use serde::ser::{SerializeSeq, Serializer};
use std::io::{self, Write};

use self::attempt::AttemptJson;
pub(super) use self::lines::write as write_lines;
use self::run::{Run, run};
use self::summary::{SummaryJson, summary_json};
pub(super) use self::text::pretty;
use self::text::write_pretty;
use super::case::{CaseView, cases_in, reported_numbers};
use super::cost::Cost;
use super::gate_result::GateResult;
use super::host::HostReport;
use super::model::{Environment, Report};
use super::server_figures::ServerFigures;
use super::summary::Summary;
use crate::domain::calibration::Calibration;
use crate::domain::diagnosis::{OBSERVER_STALLED, SENT_LATE};
use crate::domain::session::CaseState;

/// Version of the schema. Added keys keep the version; it rises if a key is removed or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Writes a report as JSON to `to`.
///
/// # Errors
///
/// Returns the error of `to`.
pub fn write(report: &Report, to: &mut dyn Write) -> io::Result<()> {
    write_pretty(&Document::new(report, report.summary()), to)
}

/// Renders a report as JSON.
#[cfg(any(test, fuzzing))]
pub fn render(report: &Report) -> String {
    pretty(&Document::new(report, report.summary()))
}

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    tool: Tool,
    run: Run<'a>,
    target: Target<'a>,
    environment: &'a Environment,
    gpu: Option<gpu::GpuJson<'a>>,
    gpu_unavailable: Option<&'a str>,
    host: Option<&'a HostReport>,
    host_unavailable: Option<&'a str>,
    server_metrics: Option<ServerFigures>,
    server_metrics_unavailable: Option<String>,
    cases: Vec<Case<'a>>,
    summary: SummaryJson<'a>,
    sweep: Vec<load::StageJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stages: Vec<load::LoadStageJson>,
    /// Result of a search for the largest load; only present with `--find`.
    #[serde(skip_serializing_if = "Option::is_none")]
    find: Option<find::FindJson>,
    /// Result of a race; only present with `tokscope race`.
    #[serde(skip_serializing_if = "Option::is_none")]
    race: Option<race::RaceJson>,
    /// Spread between and within repeated runs; only present with `--runs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<runs::RunsJson>,
    /// Price of the work at its load; only present with `--usd-per-hour`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    /// Result of a regression gate; only present with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateJson<'a>>,
    /// Workload of the run; only present if the run does not send the cases of its suite.
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<workload::WorkloadJson<'a>>,
    /// Conversations by how they ended. This key and `turns` are only present in runs with conversations.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversations: Option<workload::ConversationsJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turns: Vec<workload::TurnJson>,
    /// Figures by context depth; only present in runs that measure depths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depth: Vec<depth::DepthJson>,
    /// Figures by model; only present in runs that mix models.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<models::ModelJson>,
    /// The shards of a merged run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shards: Vec<shards::ShardJson<'a>>,
    observer: Observer<'a>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Target<'a> {
    url: &'a str,
    api: &'static str,
    model: Option<&'a str>,
    server: Server<'a>,
    /// Whether the certificate was verified; `null` without TLS.
    tls_verified: Option<bool>,
    proxy: Option<&'a str>,
}

#[derive(Serialize)]
struct Server<'a> {
    kind: Option<&'a str>,
    version: Option<&'a str>,
}

#[derive(Serialize)]
struct Case<'a> {
    name: &'a str,
    model: Option<&'a str>,
    max_tokens: u32,
    /// Reason why the case has no complete answer: status of its last attempt, or a word for a case that was not run. Only
    /// present without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_measured: Option<&'static str>,
    attempts: Attempts<'a>,
}

/// Attempts of a case. They are converted one at a time while they are written, because a long run has 100,000.
struct Attempts<'a> {
    report: &'a Report,
    of: &'a CaseState,
}

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reported = reported_numbers(self.of);
        let mut all = serializer.serialize_seq(None)?;
        for attempt in &self.of.attempts {
            let Some(record) = attempt.record() else { continue };
            let is_reported = reported.contains(&attempt.number);
            all.serialize_element(&AttemptJson::new(self.report, attempt, is_reported, &record))?;
        }
        all.end()
    }
}

/// Result of a regression gate.
#[derive(Serialize)]
struct GateJson<'a> {
    /// Whether the gate is advisory, because machine, server or suite differ.
    advisory: bool,
    /// Whether any rule shows a regression.
    regression: bool,
    #[serde(flatten)]
    result: &'a GateResult,
}

impl<'a> GateJson<'a> {
    fn new(result: &'a GateResult) -> Self {
        Self { advisory: result.is_advisory(), regression: result.has_regression(), result }
    }
}

#[derive(Serialize)]
struct Observer<'a> {
    engine_lag_ms: Lag,
    /// Delay that tokscope itself added to requests that were due and had a slot.
    dispatch_delay_ms: DispatchDelay,
    /// Number of reported attempts during which tokscope stalled; next, of those that it sent late.
    stalled_attempts: usize,
    late_attempts: usize,
    /// Share of the events with text that arrived in the same read as the event before.
    coalesced_event_share: Option<f64>,
    calibration: Option<&'a Calibration>,
}

#[derive(Serialize)]
struct Lag {
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
}

/// Spread of a delay. A percentile of too few values is `null`.
#[derive(Serialize)]
struct DispatchDelay {
    p50: Option<f64>,
    p99: Option<f64>,
    max: Option<f64>,
    n: usize,
}

impl<'a> Document<'a> {
    fn new(report: &'a Report, summary: &'a Summary) -> Self {
        let lag = report.lag;
        let (server_metrics, server_metrics_unavailable) = match ServerFigures::from_report(report) {
            Some(Ok(figures)) => (Some(figures), None),
            Some(Err(why)) => (None, Some(why)),
            None => (None, Some("not requested; pass --server-metrics".to_owned())),
        };
        Self {
            schema_version: SCHEMA_VERSION,
            tool: Tool { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") },
            run: run(report, summary),
            target: Target {
                url: &report.url,
                api: report.api,
                model: known(&report.model),
                server: Server { kind: report.server.kind.as_deref(), version: report.server.version.as_deref() },
                tls_verified: report.route.tls_verified,
                proxy: report.route.proxy.as_deref(),
            },
            environment: &report.environment,
            gpu: report.gpu.as_ref().ok().map(gpu::GpuJson::new),
            server_metrics,
            server_metrics_unavailable,
            host: report.host.as_ref().ok(),
            host_unavailable: report.host.as_ref().err().map(String::as_str),
            gpu_unavailable: report.gpu.as_ref().err().map(String::as_str),
            cases: case_list(report),
            summary: summary_json(summary, report),
            sweep: load::sweep(&report.session),
            stages: load::load_stages(&report.session),
            find: find::FindJson::from_session(&report.session),
            race: race::RaceJson::from_report(report),
            runs: runs::RunsJson::new(report),
            cost: report.cost(),
            gate: report.gate.as_deref().map(GateJson::new),
            workload: workload::WorkloadJson::new(report, summary),
            conversations: workload::ConversationsJson::new(report),
            turns: workload::turns(summary),
            depth: depth::depths(&report.session),
            models: models::models(&report.session),
            shards: shards::shards(&report.shards, &report.session),
            observer: Observer {
                engine_lag_ms: Lag { p50: lag.p50_ms, p99: lag.p99_ms, max: lag.max_ms },
                dispatch_delay_ms: DispatchDelay {
                    p50: summary.own_delay.and_then(|s| s.percentile(50)),
                    p99: summary.own_delay.and_then(|s| s.percentile(99)),
                    max: summary.own_delay.map(|s| s.stats.max),
                    n: summary.own_delay.map_or(0, |s| s.n),
                },
                stalled_attempts: summary.found_in(OBSERVER_STALLED),
                late_attempts: summary.found_in(SENT_LATE),
                coalesced_event_share: summary.coalesced_share(),
                calibration: report.calibration.as_ref(),
            },
        }
    }
}

/// Returns a name, or `None` if it is unknown.
fn known(name: &str) -> Option<&str> {
    (!name.is_empty()).then_some(name)
}

fn case_list<'a>(report: &'a Report) -> Vec<Case<'a>> {
    let case = |view: CaseView<'a>| Case {
        name: &view.spec.name,
        model: view.spec.model.as_deref().or(known(&report.model)),
        max_tokens: view.spec.max_tokens,
        not_measured: view.reported.is_empty().then(|| view.status()),
        attempts: Attempts { report, of: view.state },
    };
    cases_in(&report.session, report.summary().headline).into_iter().map(case).collect()
}

#[cfg(test)]
mod lines_tests;
#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
