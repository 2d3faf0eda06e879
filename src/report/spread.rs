//! Statistics of a metric over several attempts.

use std::borrow::Borrow;

use crate::domain::attempt::AttemptRecord;
use crate::domain::interval::{Interval, MIN_FREEDOM, mean_half_width, median_interval, wilson_interval};
use crate::domain::metrics::Metric;
use crate::domain::order_statistics::percentile_interval;
use crate::domain::statistics::{Stats, enough_for};

/// Percentiles in [`Spread::tail_ci95`].
pub const TAIL_PERCENTS: [u32; 3] = [90, 95, 99];

/// Statistics of a metric, with the number of values and confidence intervals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Number of attempts with a value.
    pub n: usize,
    /// Statistics over the values.
    pub stats: Stats,
    /// Number of values beyond the first of each case.
    pub repeats: usize,
    /// Half the width of the mean's 95% interval; `None` with fewer than [`MIN_FREEDOM`] repeats.
    pub mean_half_width: Option<f64>,
    /// 95% interval of the median; `None` if the mean has no interval, or with fewer than six values.
    pub median_ci95: Option<Interval>,
    /// Exact 95% intervals of p90, p95 and p99 between order statistics; `None` with too few values.
    pub tail_ci95: [Option<Interval>; 3],
    /// Wilson's 95% interval of a share, percent; `None` for other metrics.
    pub share_ci95: Option<Interval>,
}

impl Spread {
    /// Creates the spread of `n` values without intervals.
    pub const fn without_intervals(n: usize, stats: Stats) -> Self {
        Self { n, stats, repeats: 0, mean_half_width: None, median_ci95: None, tail_ci95: [None; 3], share_ci95: None }
    }

    /// Computes the spread of a metric over these attempts; `None` if none of them has a value.
    pub fn over(metric: &Metric, attempts: impl IntoIterator<Item: Borrow<AttemptRecord>>) -> Option<Self> {
        let figure = |r: &AttemptRecord| Some((r.id.case, (metric.get)(r)?));
        Self::of_metric(metric, attempts.into_iter().filter_map(|r| figure(r.borrow())).collect())
    }

    /// Computes the spread of a metric's values, each with the index of its case; `None` without values.
    pub fn of_metric(metric: &Metric, of_cases: Vec<(usize, f64)>) -> Option<Self> {
        let spread = Self::from_values(of_cases)?;
        if !metric.is_share() {
            return Some(spread);
        }
        let passed = (spread.stats.avg * spread.n as f64 / 100.0).round() as usize;
        let share_ci95 = wilson_interval(passed, spread.n).map(|interval| interval.scaled(100.0));
        Some(Self { mean_half_width: None, median_ci95: None, tail_ci95: [None; 3], share_ci95, ..spread })
    }

    /// Computes the spread of values, each with the index of its case; `None` without values.
    pub fn from_values(mut of_cases: Vec<(usize, f64)>) -> Option<Self> {
        of_cases.retain(|(_, figure)| figure.is_finite());
        of_cases.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        let mut values: Vec<f64> = of_cases.iter().map(|f| f.1).collect();
        let mut rest = values.as_slice();
        let groups = of_cases.chunk_by(|a, b| a.0 == b.0).map(|case| {
            let (group, after) = rest.split_at(case.len());
            rest = after;
            group
        });
        let groups: Vec<&[f64]> = groups.collect();
        let repeats = values.len() - groups.len();
        let mean_half_width = mean_half_width(groups);
        values.sort_by(f64::total_cmp);
        let median_ci95 = mean_half_width.and_then(|_| median_interval(&values));
        let tail_ci95 = TAIL_PERCENTS.map(|p| percentile_interval(&values, p.into()));
        Some(Self {
            n: values.len(),
            stats: Stats::from_values(values)?,
            repeats,
            mean_half_width,
            median_ci95,
            tail_ci95,
            share_ci95: None,
        })
    }

    /// Returns whether there are repeats, but too few for an interval of the mean.
    pub const fn has_too_few_repeats(&self) -> bool {
        self.repeats > 0 && self.repeats < MIN_FREEDOM
    }

    /// Returns the 95% interval of the mean; `None` with too few repeats. A share has an interval from its first value.
    pub fn mean_ci95(&self) -> Option<Interval> {
        if self.share_ci95.is_some() {
            return self.share_ci95;
        }
        let half = self.mean_half_width?;
        Some(Interval { low: self.stats.avg - half, high: self.stats.avg + half })
    }

    /// Returns a percentile; `None` with fewer than 1 / (1 − p/100) values, where it would only be the maximum.
    pub fn percentile(&self, p: u32) -> Option<f64> {
        let value = match p {
            50 => self.stats.p50,
            90 => self.stats.p90,
            95 => self.stats.p95,
            99 => self.stats.p99,
            _ => return None,
        };
        enough_for(self.n, p).then_some(value)
    }
}
