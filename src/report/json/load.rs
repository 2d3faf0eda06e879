//! Load in the JSON export: thresholds, goodput, failures by kind, sweep and stages.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::spread::SpreadJson;
use crate::domain::load_stage_results::{LoadStageResult, load_stage_results};
use crate::domain::load_stages::StageLoad;
use crate::domain::metrics::{ITL, LATENCY, QUEUE, TTFT};
use crate::domain::open_loop::OpenLoop;
use crate::domain::session::Session;
use crate::domain::slo::{RunFigure, Slo, Stat, Subject};
use crate::domain::statistics::Stats;
use crate::domain::steady_window::SteadyWindow;
use crate::domain::sweep::{Stage, knee, saturated_from_start, stages};
use crate::domain::tally::Tally;
use crate::report::run_totals::RunTotals;
use crate::report::sweep_table::SWEEP_COLUMNS;

/// Distribution of the request starts in an open loop.
#[derive(Serialize)]
pub struct ArrivalJson {
    process: &'static str,
    seed: u64,
    /// Shape parameter of gamma-distributed intervals.
    #[serde(skip_serializing_if = "Option::is_none")]
    burstiness: Option<f64>,
    /// Speed factor by which a trace is replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f64>,
}

impl ArrivalJson {
    /// Returns the distribution of the request starts of a run; `None` in a closed loop.
    pub fn from_session(session: &Session) -> Option<Self> {
        let traced = session.suite.workload.as_ref().filter(|workload| workload.source.replay_speed().is_some());
        let traced = traced.map(|workload| Self {
            process: "trace",
            seed: workload.seed,
            burstiness: None,
            speed: workload.source.replay_speed(),
        });
        let drawn = |OpenLoop { process, seed, .. }: OpenLoop| Self {
            process: process.as_str(),
            seed,
            burstiness: process.burstiness(),
            speed: None,
        };
        traced.or_else(|| session.plan.open_loop.map(drawn))
    }
}

#[derive(Serialize)]
pub struct SloJson<'a> {
    text: &'a str,
    name: String,
    stat: Option<&'static str>,
    comparison: &'static str,
    threshold: f64,
    unit: &'static str,
    value: Option<f64>,
    n: usize,
    /// Number of complete answers without a resolved figure, which the verdict ignores.
    unresolved: usize,
    /// Number of the `n` answers with a warm TTFT; 0 if the threshold is not about TTFT.
    warm: usize,
    /// Number of the `n` answers with an unknown state of the prefix cache, whose prompt may have been cached.
    cache_unknown: usize,
    /// Statistic that was compared instead of `stat`, if `n` is too small for `stat`.
    compared: Option<&'static str>,
    met: bool,
}

#[derive(Serialize)]
pub struct GoodputJson {
    good: usize,
    /// Number of requests that can be judged.
    of: usize,
    /// Number of complete answers that cannot be judged, because a figure with a threshold is unresolved.
    unresolved: usize,
    percent: Option<f64>,
    requests_per_s: Option<f64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// Steady part of a load, without ramp-up and drain.
#[derive(Serialize)]
pub struct SteadyJson {
    duration_s: f64,
    ramp_s: f64,
    drain_s: f64,
    requests: usize,
    ok: usize,
    request_throughput: f64,
    output_token_throughput: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_throughput: Option<f64>,
    time_to_first_token_p50_ms: Option<f64>,
    time_to_first_token_p95_ms: Option<f64>,
    inter_token_latency_p50_ms: Option<f64>,
    request_latency_p50_ms: Option<f64>,
    tokens_estimated: bool,
}

impl SteadyJson {
    fn new(window: &SteadyWindow) -> Self {
        let requests = &window.requests;
        Self {
            duration_s: window.seconds(),
            ramp_s: window.ramp_s,
            drain_s: window.drain_s,
            requests: requests.ended,
            ok: requests.ok,
            request_throughput: window.requests_per_s,
            output_token_throughput: (requests.items == 0).then_some(window.throughput_per_s),
            item_throughput: (requests.items > 0).then_some(window.throughput_per_s),
            time_to_first_token_p50_ms: requests.percentile(&TTFT, 50),
            time_to_first_token_p95_ms: requests.percentile(&TTFT, 95),
            inter_token_latency_p50_ms: requests.percentile(&ITL, 50),
            request_latency_p50_ms: requests.percentile(&LATENCY, 50),
            tokens_estimated: requests.estimated,
        }
    }
}

/// Keys of the summary about the load.
#[derive(Serialize)]
pub struct LoadJson<'a> {
    measured_requests: usize,
    /// Number of due requests that got no slot within the duration.
    not_started: usize,
    /// Whether the run ended early, because its queue only grew.
    #[serde(skip_serializing_if = "is_false")]
    stopped_saturated: bool,
    /// Number of failed requests by kind of error.
    errors: &'a BTreeMap<String, usize>,
    /// Time from the planned to the actual start of the requests; only in an open loop.
    dispatch_delay_ms: Option<SpreadJson>,
    /// Concurrency from which a sweep that does not scale is saturated; `null` if it scales, or without a sweep.
    saturated_from_concurrency: Option<usize>,
    /// Figures of the steady part of the load, without ramp-up and drain.
    #[serde(skip_serializing_if = "Option::is_none")]
    steady_state: Option<SteadyJson>,
    slo: Vec<SloJson<'a>>,
    slo_met: Option<bool>,
    goodput: Option<GoodputJson>,
}

impl<'a> LoadJson<'a> {
    /// Judges the thresholds. In a sweep, `tally` describes one stage, and so do `slo` and `goodput`; `slo_met` is whether
    /// any stage meets all thresholds. In a search, `slo_met` is whether any load passed.
    pub fn new(tally: &'a Tally, totals: &'a RunTotals, session: &'a Session) -> Self {
        let slos = session.slos();
        let queue = tally.stats(&QUEUE).map(|stats| (tally.count(&QUEUE), stats));
        Self {
            measured_requests: totals.measured_requests,
            not_started: session.not_started,
            stopped_saturated: session.saturated_at().is_some(),
            errors: &totals.errors,
            dispatch_delay_ms: queue.map(|(n, stats): (usize, Stats)| SpreadJson::from_stats(stats, n)),
            saturated_from_concurrency: saturated_from_start(&stages(session)).map(|found| found.concurrency),
            steady_state: SteadyWindow::from_session(session).as_ref().map(SteadyJson::new),
            slo: slos.iter().map(|slo| judged(slo, tally)).collect(),
            slo_met: (!slos.is_empty()).then(|| {
                let any_stage = || stages(session).iter().any(|s| s.slo_met == Some(true));
                let passed = session.search().map(|search| search.outcome().last_pass.is_some());
                let met = || if session.sweep.is_empty() { tally.meets(slos) } else { any_stage() };
                passed.unwrap_or_else(met)
            }),
            goodput: tally.good.map(|good| GoodputJson {
                good,
                of: tally.judged(),
                unresolved: tally.unjudged,
                percent: tally.run_figure(RunFigure::GoodShare),
                requests_per_s: tally.run_figure(RunFigure::Goodput),
            }),
        }
    }
}

fn judged<'a>(slo: &'a Slo, tally: &Tally) -> SloJson<'a> {
    let verdict = slo.judge(tally);
    let stat = match slo.subject {
        Subject::Requests(_, stat) => Some(stat.as_str()),
        Subject::Run(_) => None,
    };
    SloJson {
        text: &slo.text,
        name: slo.name(),
        stat,
        comparison: slo.comparison.as_str(),
        threshold: slo.threshold,
        unit: slo.unit().as_str(),
        value: verdict.value,
        n: verdict.n,
        unresolved: verdict.unresolved,
        warm: verdict.doubts.warm,
        cache_unknown: verdict.doubts.unknown,
        compared: verdict.stand_in.map(Stat::as_str),
        met: verdict.met,
    }
}

#[derive(Serialize)]
pub struct StageJson {
    concurrency: usize,
    requests: usize,
    ok: usize,
    /// Number of complete answers with a warm TTFT.
    warm: usize,
    /// Number of complete answers with an unknown state of the prefix cache.
    cache_unknown: usize,
    #[serde(flatten)]
    figures: Figures,
    /// Number of complete answers with checks; next, of those that pass all of them.
    checked: usize,
    passed: usize,
    /// Number of complete answers without a resolved TTFT.
    unresolved_first_token: usize,
    /// Number of complete answers without a resolved decode speed.
    unresolved_inter_token: usize,
    tokens_estimated: bool,
    slo_met: Option<bool>,
    knee: bool,
}

/// Writes the figures of a stage, one key per column of the sweep table.
struct Figures(Stage);

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(SWEEP_COLUMNS.iter().map(|column| (column.key, (column.get)(&self.0))))
    }
}

/// Results of one stage of `--stages`.
#[derive(Serialize)]
pub struct LoadStageJson {
    load: String,
    /// Unit of the load: `concurrency` or `rate`.
    kind: &'static str,
    from: f64,
    to: f64,
    duration_s: f64,
    requests: usize,
    ok: usize,
    #[serde(flatten)]
    figures: Figures,
    tokens_estimated: bool,
    slo_met: Option<bool>,
}

/// Returns the stages of `--stages` that have begun; empty without any.
pub fn load_stages(session: &Session) -> Vec<LoadStageJson> {
    let json = |LoadStageResult { stage, figures }: LoadStageResult| {
        let (kind, from, to) = match stage.load {
            StageLoad::Concurrency { from, to } => ("concurrency", f64::from(from), f64::from(to)),
            StageLoad::Rate { from_per_s, to_per_s } => ("rate", from_per_s, to_per_s),
        };
        LoadStageJson {
            load: stage.load.to_string(),
            kind,
            from,
            to,
            duration_s: stage.time.as_secs_f64(),
            requests: figures.requests,
            ok: figures.ok,
            tokens_estimated: figures.estimated,
            slo_met: figures.slo_met,
            figures: Figures(figures),
        }
    };
    load_stage_results(session).into_iter().map(json).collect()
}

/// Returns the stages of the sweep; empty without one.
pub fn sweep(session: &Session) -> Vec<StageJson> {
    let stages = stages(session);
    let knee = knee(&stages);
    let json = |(at, s): (usize, &Stage)| StageJson {
        concurrency: s.concurrency,
        requests: s.requests,
        ok: s.ok,
        warm: s.doubts.warm,
        cache_unknown: s.doubts.unknown,
        figures: Figures(s.clone()),
        checked: s.pass_rate.checked,
        passed: s.pass_rate.passed,
        unresolved_first_token: s.unresolved_first_token,
        unresolved_inter_token: s.unresolved_inter_token,
        tokens_estimated: s.estimated,
        slo_met: s.slo_met,
        knee: knee == Some(at),
    };
    stages.iter().enumerate().map(json).collect()
}
