//! Export as one JSON document, `results.json`. An unknown value is `null`; a missing figure is never 0.

mod attempt;
mod depth;
mod find;
mod gpu;
mod load;
mod models;
mod spread;
mod text;
mod workload;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};
use std::collections::{BTreeMap, HashSet};
use std::io::{self, Write};

use self::attempt::AttemptJson;
use self::spread::SpreadJson;
pub(super) use self::text::pretty;
use self::text::write_pretty;
use super::bottleneck::{Bottleneck, SystemFigures, bottleneck};
use super::case::{CaseView, cases_in};
use super::cost::Cost;
use super::fingerprint::digest;
use super::gate_result::GateResult;
use super::host::HostReport;
use super::model::{Environment, Report, Resumption};
use super::server_figures::ServerFigures;
use super::summary::Summary;
use crate::domain::calibration::Calibration;
use crate::domain::diagnosis::{OBSERVER_STALLED, SENT_LATE};
use crate::domain::media::MediaCount;
use crate::domain::metrics::{METRICS, Metric, SPEED};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::CaseState;
use crate::domain::time::RFC_3339_MILLIS;

/// Version of the schema. It rises if a key is removed or changes its meaning; additions keep it.
const SCHEMA_VERSION: u32 = 1;

/// Writes a report as JSON.
///
/// # Errors
///
/// `to` does not accept it.
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
    /// Price of the work at its load; only present with `--usd-per-hour`.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    /// Result of a regression gate; only present with `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    gate: Option<GateJson<'a>>,
    /// Requests other than the suite's cases; only present with a workload.
    #[serde(skip_serializing_if = "Option::is_none")]
    workload: Option<workload::WorkloadJson<'a>>,
    /// Only present in runs with conversations, as is `turns`.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversations: Option<workload::ConversationsJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    turns: Vec<workload::TurnJson>,
    /// Only present in runs that measure context depths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    depth: Vec<depth::DepthJson>,
    /// Figures by model; only present if the run mixes several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    models: Vec<models::ModelJson>,
    observer: Observer<'a>,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Run<'a> {
    id: &'a str,
    started_at: String,
    finished_at: Option<String>,
    suite: &'a str,
    /// Kind of work: `generation`, `embeddings` or `rerank`.
    task: &'static str,
    /// Reason why figures of generated tokens are `null`; only present if the API generates none.
    #[serde(skip_serializing_if = "Option::is_none")]
    no_token_figures: Option<&'static str>,
    /// Maximum requests in flight; `null` if only the rate decides.
    concurrency: Option<usize>,
    /// Largest number of requests that were in flight together.
    peak_in_flight: usize,
    repeat: u32,
    /// Measured requests in all; `null` if each case has `repeat` of them.
    requests: Option<u32>,
    /// Requests that the plan asks for, over all cases and stages; `null` if the time limits them.
    planned_requests: Option<usize>,
    /// Measured requests that ended, complete or failed, over all stages and reruns.
    measured_requests: usize,
    /// Complete answers that count, over all stages.
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
    /// Checksum of what the run sends and under which load; equal in runs that can be compared.
    requests_digest: String,
    duration_s: Option<f64>,
    /// Continuations with `tokscope resume`.
    resumed: Vec<ResumedJson<'a>>,
}

#[derive(Serialize)]
struct ResumedJson<'a> {
    stopped_at: String,
    resumed_at: String,
    tool_version: &'a str,
    hostname: &'a str,
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
    /// Why the case has no complete answer: the status of its last attempt, or a word for a request that was not sent; only
    /// present without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_measured: Option<&'static str>,
    attempts: Attempts<'a>,
}

/// Attempts, converted one by one while they are written: a long run has 100,000 of them.
struct Attempts<'a> {
    report: &'a Report,
    of: &'a CaseState,
}

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let stages = 0..=self.of.attempts.last().map_or(0, |a| a.stage);
        let reported: HashSet<u32> = stages.flat_map(|stage| self.of.reported_in(stage)).map(|a| a.number).collect();
        let mut all = serializer.serialize_seq(None)?;
        for attempt in &self.of.attempts {
            let Some(record) = attempt.record() else { continue };
            let is_reported = reported.contains(&attempt.number);
            all.serialize_element(&AttemptJson::new(self.report, attempt, is_reported, &record))?;
        }
        all.end()
    }
}

#[derive(Serialize)]
struct SummaryJson<'a> {
    /// Concurrency of the sweep's stage that rates and metrics describe; only present in a sweep.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage_concurrency: Option<usize>,
    #[serde(flatten)]
    spreads: Spreads<'a>,
    ok: usize,
    failed: usize,
    attempts: usize,
    failed_attempts: usize,
    cold_attempts: usize,
    cached_attempts: usize,
    unknown_cache_attempts: usize,
    time_to_first_token_ms_cold: Option<SpreadJson>,
    time_to_first_token_ms_warm: Option<SpreadJson>,
    /// Images and audio of the reported attempts; only present if there were any.
    #[serde(skip_serializing_if = "Option::is_none")]
    media: Option<MediaJson>,
    tokenizer_attempts: usize,
    estimated_attempts: usize,
    /// Reported attempts with checks, and those that pass all of them.
    checked_attempts: usize,
    passed_attempts: usize,
    total_output_tokens: Option<u64>,
    total_time_s: Option<f64>,
    busy_time_s: Option<f64>,
    output_token_throughput: Option<f64>,
    /// Items and prompt tokens of answers that are not text; only present for them, like their throughput.
    #[serde(skip_serializing_if = "Option::is_none")]
    total_items: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_throughput: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_token_throughput: Option<f64>,
    request_throughput: Option<f64>,
    #[serde(flatten)]
    energy: gpu::EfficiencyJson<'a>,
    rating: Option<&'static str>,
    /// Reason for a missing rating, or the number of answers it does not cover.
    rating_note: Option<String>,
    /// Bottleneck of the run, the same as in report and dashboard; `None` while nothing is measured.
    bottleneck: Option<BottleneckJson>,
    /// Number of complete answers without a resolved figure, by the key of the figure.
    unresolved: BTreeMap<&'static str, usize>,
    findings: Vec<FindingCount>,
    #[serde(flatten)]
    load: Option<load::LoadJson<'a>>,
}

/// Result of a regression gate.
#[derive(Serialize)]
struct GateJson<'a> {
    /// Whether the gate only advises, because machine, server or suite differ.
    advisory: bool,
    /// Whether some rule shows a regression.
    regression: bool,
    #[serde(flatten)]
    result: &'a GateResult,
}

impl<'a> GateJson<'a> {
    fn new(result: &'a GateResult) -> Self {
        Self { advisory: result.is_advisory(), regression: result.has_regression(), result }
    }
}

/// Images and audio of the reported attempts.
#[derive(Serialize)]
struct MediaJson {
    /// Attempts with images or audio.
    attempts: usize,
    #[serde(flatten)]
    count: MediaCount,
}

/// A finding and the number of attempts that have it.
#[derive(Serialize)]
struct FindingCount {
    key: &'static str,
    attempts: usize,
}

/// Key of the spread of the attempts' `output_token_throughput` in the summary. That name itself is taken there: other
/// benchmarks use it for the throughput of the whole run.
const SPEED_SPREAD: &str = "output_token_throughput_per_request";

fn summary_key(metric: &Metric) -> &'static str {
    if *metric == SPEED { SPEED_SPREAD } else { metric.key }
}

/// One entry for each metric of the table.
struct Spreads<'a>(&'a Summary);

impl Serialize for Spreads<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(METRICS.len()))?;
        for metric in METRICS {
            let key = summary_key(metric);
            let all = self.0.measured;
            let unresolved = self.0.unresolved(metric);
            let spread = self.0.spread(metric);
            let spread = spread.map(|spread| SpreadJson::new(&spread, all).with_unresolved(unresolved));
            // A mean of warm and cold TTFTs must be recognisable: a warm TTFT measures the cache.
            let mixes = metric.is_first_token;
            map.serialize_entry(key, &if mixes { spread.map(|s| s.with_cache(self.0.cache)) } else { spread })?;
        }
        map.end()
    }
}

#[derive(Serialize)]
struct Observer<'a> {
    engine_lag_ms: Lag,
    /// Delay by tokscope of requests that were due and had a slot.
    dispatch_delay_ms: DispatchDelay,
    /// Reported attempts during which tokscope stalled, or that it sent late.
    stalled_attempts: usize,
    late_attempts: usize,
    /// Share of the events with text that arrived in the same read as the one before.
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
            cost: report.cost(),
            gate: report.gate.as_deref().map(GateJson::new),
            workload: workload::WorkloadJson::new(report, summary),
            conversations: workload::ConversationsJson::new(report),
            turns: workload::turns(summary),
            depth: depth::depths(&report.session),
            models: models::models(&report.session),
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

fn resumed(report: &Report) -> Vec<ResumedJson<'_>> {
    let time = |at| report.wall_time(at).strftime(RFC_3339_MILLIS).to_string();
    let mut out = Vec::new();
    for Resumption { stopped_at, at, tool, environment, .. } in &report.resumed {
        let (stopped_at, resumed_at) = (time(*stopped_at), time(*at));
        out.push(ResumedJson { stopped_at, resumed_at, tool_version: tool, hostname: &environment.hostname });
    }
    out
}

fn run<'a>(report: &'a Report, summary: &Summary) -> Run<'a> {
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

/// A bottleneck: its cause, and the figures that show it.
#[derive(Serialize)]
struct BottleneckJson {
    cause: &'static str,
    evidence: String,
}

impl From<Bottleneck> for BottleneckJson {
    fn from(found: Bottleneck) -> Self {
        Self { cause: found.cause, evidence: found.evidence }
    }
}

fn media(summary: &Summary) -> Option<MediaJson> {
    let (count, attempts) = summary.media;
    (attempts > 0).then_some(MediaJson { attempts, count })
}

fn summary_json<'a>(summary: &'a Summary, report: &'a Report) -> SummaryJson<'a> {
    let totals = &summary.totals;
    let (measured, is_text) = (totals.attempts > 0, report.session.suite.task.generates());
    let ttft = |state| {
        let found = summary.ttft_by_cache().iter().find(|(s, _)| *s == state);
        found.map(|(_, spread)| SpreadJson::new(spread, summary.measured))
    };
    SummaryJson {
        stage_concurrency: summary.stage,
        spreads: Spreads(summary),
        ok: totals.ok,
        failed: totals.failed,
        attempts: totals.attempts,
        failed_attempts: totals.failed_attempts,
        cold_attempts: totals.cache.cold,
        cached_attempts: totals.cache.warm,
        unknown_cache_attempts: totals.cache.unknown,
        time_to_first_token_ms_cold: ttft(PrefixCache::Cold),
        time_to_first_token_ms_warm: ttft(PrefixCache::Warm),
        media: media(summary),
        tokenizer_attempts: totals.tokenizer_attempts,
        estimated_attempts: totals.estimated_attempts,
        checked_attempts: totals.pass_rate.checked,
        passed_attempts: totals.pass_rate.passed,
        total_output_tokens: (measured && is_text).then_some(totals.output_tokens),
        total_items: summary.total_items,
        total_input_tokens: summary.total_input_tokens,
        item_throughput: summary.item_throughput,
        input_token_throughput: summary.input_token_throughput,
        total_time_s: measured.then_some(totals.time_s),
        busy_time_s: measured.then_some(totals.busy_time_s),
        output_token_throughput: summary.output_token_throughput,
        request_throughput: summary.request_throughput,
        energy: gpu::EfficiencyJson::from_report(report),
        rating: summary.rating,
        rating_note: summary.rating_note(),
        bottleneck: bottleneck(&report.session, summary, SystemFigures::from_report(report)).map(BottleneckJson::from),
        unresolved: METRICS.iter().map(|m| (summary_key(m), summary.unresolved(m))).filter(|(_, n)| *n > 0).collect(),
        load: summary.tally.as_ref().map(|tally| load::LoadJson::new(tally, totals, &report.session)),
        findings: summary.findings.iter().map(|&(d, attempts)| FindingCount { key: d.key, attempts }).collect(),
    }
}

#[cfg(test)]
mod schema_tests;
#[cfg(test)]
mod tests;
