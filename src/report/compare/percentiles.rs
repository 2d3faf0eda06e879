//! Percentiles of two runs, with the interval of their change.

use super::pair::Pair;
use super::{COMPARED, Compared};
use crate::domain::bootstrap::{RelativeChange, Statistic, relative_change};
use crate::domain::interval::Interval;
use crate::domain::metrics::Unit;
use crate::domain::order_statistics::percentile_interval;
use crate::domain::statistics::{enough_for, percentile};

/// Percentiles that are compared.
const PERCENTILES: [u32; 3] = [50, 95, 99];
/// Random seed of the bootstrap, fixed so that a comparison always gives the same result.
pub(super) const SEED: u64 = 1;

/// A percentile of one run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentileFigure {
    /// Value, in the unit of the metric.
    pub value: f64,
    /// Number of attempts with a value.
    pub n: usize,
    /// Exact 95% interval between order statistics; `None` if there are too few values.
    pub ci95: Option<Interval>,
}

/// A percentile of both runs, over all cases.
#[derive(Clone, Copy, Debug)]
pub struct PercentileRow {
    /// Concurrency of the stage; `None` for whole runs.
    pub concurrency: Option<u64>,
    /// Metric of the percentile.
    pub compared: Compared,
    /// Percentile, 0 to 100.
    pub percent: u32,
    /// Percentile of the first run.
    pub a: PercentileFigure,
    /// Percentile of the second run.
    pub b: PercentileFigure,
    /// Relative change with its interval; `None` with too few values, cases or conversations.
    pub change: Option<RelativeChange>,
}

/// Compares the percentiles of all times. Omits percentiles for which either run has too few values.
pub(super) fn rows(pairs: &[Pair<'_>]) -> Vec<PercentileRow> {
    let times = || COMPARED.iter().enumerate().filter(|(_, c)| c.metric.unit == Unit::Milliseconds);
    let all = pairs.iter().flat_map(|pair| times().flat_map(move |time| PERCENTILES.map(|p| (pair, time, p))));
    all.filter_map(|(pair, (place, compared), percent)| row(pair, place, *compared, percent)).collect()
}

fn row(pair: &Pair<'_>, place: usize, compared: Compared, percent: u32) -> Option<PercentileRow> {
    let figure = |sorted: &[f64]| {
        let p = f64::from(percent);
        let ci95 = percentile_interval(sorted, p);
        // With a single value, every percentile equals the mean.
        let is_enough = sorted.len() > 1 && enough_for(sorted.len(), percent);
        is_enough.then(|| PercentileFigure { value: percentile(sorted, p), n: sorted.len(), ci95 })
    };
    let (a, b) = (figure(pair.a.values.get(place)?)?, figure(pair.b.values.get(place)?)?);
    let observations = pair.a.observations.get(place).zip(pair.b.observations.get(place));
    let change = observations.and_then(|(a, b)| relative_change(a, b, Statistic::Percentile(percent), SEED));
    Some(PercentileRow { concurrency: pair.concurrency, compared, percent, a, b, change })
}
