//! A group of repeated runs as JSON.

use serde::Serialize;

use crate::domain::interval::Interval;
use crate::domain::run_results::{Components, Drift, RunResult, SpreadOfRuns};
use crate::domain::time::RFC_3339_MILLIS;
use crate::report::model::Report;

/// Results of a group of runs.
#[derive(Serialize)]
pub struct RunsJson {
    /// Number of runs that were asked for.
    planned: usize,
    /// Runs that are over and have an answer.
    completed: usize,
    cool_down_s: f64,
    /// Figures that drift over the runs, one sentence each; `null` with fewer than five runs.
    drift: Option<Vec<String>>,
    each: Vec<RunJson>,
    figures: Vec<SpreadJson>,
}

#[derive(Serialize)]
struct RunJson {
    /// Number of the run, from 1; attempts name it as `run`.
    number: usize,
    started_at: String,
    finished_at: String,
    /// Measured requests, complete or failed.
    requests: usize,
    ok: usize,
}

/// Spread of a figure over the runs.
#[derive(Serialize)]
struct SpreadJson {
    key: String,
    unit: &'static str,
    /// Value in each run, in the order of `each`.
    values: Vec<f64>,
    mean: f64,
    /// 95% interval of the mean with the runs as units; `null` with fewer than three runs.
    ci95: Option<Interval>,
    /// Standard deviation of the values.
    std: f64,
    /// Standard deviation between runs beyond that which the spread within runs explains; `null` for figures other than means.
    between_runs_std: Option<f64>,
    /// Standard deviation of requests within a run, without differences between cases.
    within_run_std: Option<f64>,
    /// Share of the variance of a single request that comes from its run, 0 to 1.
    between_runs_share: Option<f64>,
    /// Test for a trend; `null` if the figure is not tested.
    trend: Option<TrendJson>,
}

#[derive(Serialize)]
struct TrendJson {
    per_run: f64,
    p_value: f64,
    drifts: bool,
}

impl RunsJson {
    /// Creates the results of a report; `None` for a single run.
    pub fn new(report: &Report) -> Option<Self> {
        let result = report.summary().runs.as_ref()?;
        let settings = report.session.suite.repeated_runs?;
        Some(Self {
            planned: result.planned,
            completed: result.runs.len(),
            cool_down_s: settings.cool_down.as_secs_f64(),
            drift: result.is_tested_for_drift().then(|| result.drifts().collect()),
            each: result.runs.iter().map(|run| RunJson::new(report, run)).collect(),
            figures: result.spreads.iter().map(SpreadJson::new).collect(),
        })
    }
}

impl RunJson {
    fn new(report: &Report, run: &RunResult) -> Self {
        let time = |at| report.wall_time(at).strftime(RFC_3339_MILLIS).to_string();
        Self {
            number: run.number,
            started_at: time(run.began),
            finished_at: time(run.ended),
            requests: run.figures.requests,
            ok: run.figures.ok,
        }
    }
}

impl SpreadJson {
    fn new(spread: &SpreadOfRuns) -> Self {
        let part = |get: fn(Components) -> f64| spread.components.map(get);
        let trend =
            |drift: Drift| TrendJson { per_run: drift.per_run, p_value: drift.p_value, drifts: drift.is_clear() };
        Self {
            key: spread.figure.key(),
            unit: spread.figure.unit(),
            values: spread.values.clone(),
            mean: spread.mean,
            ci95: spread.ci95(),
            std: spread.deviation,
            between_runs_std: part(|components| components.between_runs),
            within_run_std: part(|components| components.within_run),
            between_runs_share: part(|components| components.share_between_runs),
            trend: spread.drift.map(trend),
        }
    }
}
