//! Judges a probe of a search: compares the confidence intervals of its figures with the thresholds.

use std::borrow::Borrow;

use super::ProbeVerdict;
use crate::domain::attempt::AttemptRecord;
use crate::domain::interval::{Interval, mean_half_width, wilson_interval};
use crate::domain::order_statistics::percentile_interval;
use crate::domain::probability::{binomial_at_least, binomial_at_most, student_two_sided};
use crate::domain::slo::{RequestVerdict, RunFigure, Slo, Stat, Subject, judge_request};
use crate::domain::statistics::percentile;

/// Maximum number of looks at a running probe, each of which judges the requests so far. Each look needs twice as many
/// requests as the one before.
pub const LOOKS: u32 = 4;
/// Probability of a wrong verdict on one side of a threshold, over all looks.
const TAIL: f64 = 0.025;
/// Part of this probability that each look before the first regular one may use. There are fewer than ten such early
/// looks.
const EARLY_SHARE: f64 = 0.1;
/// Minimum requests to pass a threshold that no single request may miss, such as a maximum.
const MIN_WITHOUT_MISS: usize = 100;
/// Minimum number of values of a mean, so that the mean is nearly normally distributed.
const MIN_OF_MEAN: usize = 30;

/// Probability of a wrong verdict on one side of a threshold at each look. Dividing by the number of looks bounds the
/// probability over all of them (Bonferroni).
fn level() -> f64 {
    TAIL / f64::from(LOOKS)
}

/// Reason why a search cannot judge a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SearchThresholdError(&'static str);

/// Checks that a search can judge a threshold: its figure must have a confidence interval, and the threshold must
/// become harder to meet under more load.
///
/// # Errors
///
/// If the figure is a rate of the run, or the threshold becomes easier to meet under more load.
pub fn check_threshold(slo: &Slo) -> Result<(), SearchThresholdError> {
    let is_upper = slo.comparison.is_upper_bound();
    match slo.subject {
        Subject::Run(
            RunFigure::Throughput
            | RunFigure::ItemRate
            | RunFigure::InputRate
            | RunFigure::RequestRate
            | RunFigure::Goodput,
        ) => Err(SearchThresholdError(
            "--find cannot judge a rate of the run; use a figure of single requests, like ttft_p95<500ms",
        )),
        Subject::Requests(_, Stat::Max) if !is_upper => {
            Err(SearchThresholdError("--find needs an upper bound of a maximum"))
        }
        Subject::Requests(_, Stat::Min) if is_upper => {
            Err(SearchThresholdError("--find needs a lower bound of a minimum"))
        }
        Subject::Run(RunFigure::ErrorRate) if !is_upper => {
            Err(SearchThresholdError("--find needs an upper bound of the error rate"))
        }
        Subject::Run(RunFigure::GoodShare | RunFigure::PassRate) if is_upper => {
            Err(SearchThresholdError("--find needs a lower bound of a share"))
        }
        Subject::Requests(..) | Subject::Run(_) => Ok(()),
    }
}

/// Figure of a threshold in a probe, and its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProbeFigure {
    /// Value of the figure, in the unit of the threshold; `None` without a request that has it.
    pub value: Option<f64>,
    /// 95% interval of the value; `None` if there are too few requests.
    pub interval: Option<Interval>,
    /// Requests that were judged.
    pub requests: usize,
    /// Verdict on this threshold.
    pub verdict: ProbeVerdict,
    /// Whether the estimate meets the threshold.
    pub meets: bool,
}

/// Judges the steady requests of a probe by each threshold. A failed request misses every threshold on requests.
pub fn judge(slos: &[Slo], records: &[impl Borrow<AttemptRecord>]) -> Vec<ProbeFigure> {
    slos.iter().map(|slo| judge_by(slo, slos, records)).collect()
}

/// Returns the verdict on all thresholds, and whether all estimates meet them. A probe passes if it passes every
/// threshold, and fails if it fails one.
pub fn overall(figures: &[ProbeFigure]) -> (ProbeVerdict, bool) {
    let is = |verdict| move |figure: &ProbeFigure| figure.verdict == verdict;
    let verdict = if figures.iter().any(is(ProbeVerdict::Fail)) {
        ProbeVerdict::Fail
    } else if !figures.is_empty() && figures.iter().all(is(ProbeVerdict::Pass)) {
        ProbeVerdict::Pass
    } else {
        ProbeVerdict::Undecided
    };
    (verdict, figures.iter().all(|figure| figure.meets))
}

/// Returns whether a threshold is missed so clearly that the probe can end early, although few requests have ended.
pub fn fails_clearly(slos: &[Slo], records: &[impl Borrow<AttemptRecord>]) -> bool {
    let is_missed = |slo: &Slo| {
        let allowed = allowed_misses(slo).filter(|share| *share > 0.0)?;
        let judged: Vec<bool> = records.iter().filter_map(|record| misses(slo, slos, record.borrow())).collect();
        let missed = judged.iter().filter(|missed| **missed).count();
        let p = binomial_at_least(missed, judged.len(), allowed);
        Some(p <= EARLY_SHARE * level() / slos.len().max(1) as f64)
    };
    slos.iter().any(|slo| is_missed(slo) == Some(true))
}

/// Minimum number of requests with which a probe can pass, if all of them meet the thresholds.
pub fn least_requests(slos: &[Slo]) -> usize {
    let least = |slo: &Slo| match allowed_misses(slo) {
        None => MIN_OF_MEAN,
        Some(share) if share <= 0.0 => MIN_WITHOUT_MISS,
        Some(share) if share >= 1.0 => 1,
        Some(share) => (level().ln() / (1.0 - share).ln()).ceil() as usize,
    };
    slos.iter().map(least).max().unwrap_or(1)
}

/// Share of the requests that may miss the threshold, 0 to 1. For example, `ttft_p95` allows 0.05. `None` for a mean.
fn allowed_misses(slo: &Slo) -> Option<f64> {
    let share = slo.threshold / 100.0;
    Some(match slo.subject {
        Subject::Requests(_, Stat::Avg) => return None,
        Subject::Requests(_, Stat::Max | Stat::Min) => 0.0,
        Subject::Requests(_, stat) => {
            let below = f64::from(stat.percent()) / 100.0;
            if slo.comparison.is_upper_bound() { 1.0 - below } else { below }
        }
        Subject::Run(RunFigure::ErrorRate) => share,
        Subject::Run(_) => 1.0 - share,
    })
}

/// Returns whether a request misses a threshold; `None` if the threshold does not apply to the request.
fn misses(slo: &Slo, slos: &[Slo], record: &AttemptRecord) -> Option<bool> {
    match slo.subject {
        Subject::Requests(..) if !record.is_ok() => Some(true),
        Subject::Requests(metric, _) => {
            let value = (metric.get)(record).filter(|value| value.is_finite())?;
            Some(!slo.comparison.holds(value, slo.threshold))
        }
        Subject::Run(RunFigure::PassRate) => record.passes().filter(|_| record.is_ok()).map(|passes| !passes),
        Subject::Run(RunFigure::ErrorRate) => Some(!record.is_ok()),
        Subject::Run(_) => match judge_request(record, slos)? {
            RequestVerdict::Kept => Some(false),
            RequestVerdict::Missed => Some(true),
            RequestVerdict::Unresolved => None,
        },
    }
}

fn judge_by(slo: &Slo, slos: &[Slo], records: &[impl Borrow<AttemptRecord>]) -> ProbeFigure {
    let values = || {
        let Subject::Requests(metric, _) = slo.subject else { return Vec::new() };
        let complete = records.iter().map(Borrow::borrow).filter(|record| record.is_ok());
        let mut values: Vec<f64> = complete.filter_map(|r| (metric.get)(r)).filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let Some(allowed) = allowed_misses(slo) else { return judge_mean(slo, slos.len(), &values()) };
    let judged: Vec<bool> = records.iter().filter_map(|record| misses(slo, slos, record.borrow())).collect();
    let (missed, requests) = (judged.iter().filter(|missed| **missed).count(), judged.len());
    let verdict = judge_share(missed, requests, allowed, slos.len());
    let meets = requests > 0 && missed as f64 <= allowed * requests as f64;
    let (value, interval) = match slo.subject {
        Subject::Requests(_, stat) => {
            let values = values();
            let percent = match stat {
                Stat::Max => 100.0,
                Stat::Min => 0.0,
                stat => f64::from(stat.percent()),
            };
            let value = (!values.is_empty()).then(|| percentile(&values, percent));
            (value, percentile_interval(&values, percent))
        }
        Subject::Run(figure) => {
            let counted = if figure == RunFigure::ErrorRate { missed } else { requests - missed };
            let value = (requests > 0).then(|| 100.0 * counted as f64 / requests as f64);
            (value, wilson_interval(counted, requests).map(|interval| interval.scaled(100.0)))
        }
    };
    ProbeFigure { value, interval, requests, verdict, meets }
}

/// Judges a share of misses by exact binomial tests. As one missed threshold of several fails a probe, the level for
/// failing is divided by the number of thresholds, too.
fn judge_share(missed: usize, requests: usize, allowed: f64, thresholds: usize) -> ProbeVerdict {
    if allowed <= 0.0 {
        return match missed {
            0 if requests >= MIN_WITHOUT_MISS => ProbeVerdict::Pass,
            0 => ProbeVerdict::Undecided,
            _ => ProbeVerdict::Fail,
        };
    }
    if requests > 0 && binomial_at_most(missed, requests, allowed) <= level() || allowed >= 1.0 {
        ProbeVerdict::Pass
    } else if binomial_at_least(missed, requests, allowed) <= level() / thresholds.max(1) as f64 {
        ProbeVerdict::Fail
    } else {
        ProbeVerdict::Undecided
    }
}

/// Judges a mean by Student's test against the threshold.
fn judge_mean(slo: &Slo, thresholds: usize, values: &[f64]) -> ProbeFigure {
    let requests = values.len();
    let mean = values.iter().sum::<f64>() / requests.max(1) as f64;
    let value = (requests > 0).then_some(mean);
    let meets = requests > 0 && slo.comparison.holds(mean, slo.threshold);
    let interval = mean_half_width([values]).map(|half| Interval { low: mean - half, high: mean + half });
    let verdict = if requests < MIN_OF_MEAN {
        ProbeVerdict::Undecided
    } else {
        let freedom = (requests - 1) as f64;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / freedom;
        let error = (variance / requests as f64).sqrt();
        let p = if error > 0.0 { student_two_sided((mean - slo.threshold) / error, freedom) / 2.0 } else { 0.0 };
        match meets {
            true if p <= level() => ProbeVerdict::Pass,
            false if p <= level() / thresholds.max(1) as f64 => ProbeVerdict::Fail,
            _ => ProbeVerdict::Undecided,
        }
    };
    ProbeFigure { value, interval, requests, verdict, meets }
}
