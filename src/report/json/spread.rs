//! Spread of a metric over all attempts in the JSON export.

use serde::Serialize;

use crate::domain::interval::{Interval, MEAN_NEEDS, MEDIAN_NEEDS};
use crate::domain::statistics::Stats;
use crate::report::spread::Spread;
use crate::report::summary::CacheCounts;

/// Reason for the missing median interval of a share.
const NO_MEDIAN: &str = "a share has no median";

/// Statistics of a metric. Percentiles of too few values are `null`.
#[derive(Serialize)]
pub struct SpreadJson {
    avg: f64,
    min: f64,
    max: f64,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    std: f64,
    n: usize,
    n_all: usize,
    /// Number of complete answers without a resolved value.
    unresolved: usize,
    /// Number of attempts by state of the server's prefix cache; only present for TTFT.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_cache: Option<CacheCounts>,
    ci95: Ci95,
}

/// 95% confidence intervals; `null` without repeats or with too few values.
#[derive(Serialize)]
struct Ci95 {
    mean: Option<Interval>,
    /// Reason for a missing interval of the mean.
    mean_unavailable: Option<&'static str>,
    mean_method: &'static str,
    median: Option<Interval>,
    median_unavailable: Option<&'static str>,
    median_method: &'static str,
    p90: Option<Interval>,
    p95: Option<Interval>,
    p99: Option<Interval>,
    percentile_method: &'static str,
}

impl SpreadJson {
    /// Creates the spread of a figure that all `n` attempts have.
    pub fn from_stats(stats: Stats, n: usize) -> Self {
        Self::new(&Spread::without_intervals(n, stats), n)
    }

    /// Adds the states of the prefix cache.
    pub fn with_cache(self, cache: CacheCounts) -> Self {
        Self { prefix_cache: Some(cache), ..self }
    }

    /// Adds the number of unresolved answers.
    pub fn with_unresolved(self, unresolved: usize) -> Self {
        Self { unresolved, ..self }
    }

    /// Creates the JSON form of a spread. `all`: number of attempts that ended, complete or failed.
    pub fn new(spread: &Spread, all: usize) -> Self {
        let stats = spread.stats;
        let [p90, p95, p99] = spread.tail_ci95;
        let median_needs = if spread.share_ci95.is_some() { NO_MEDIAN } else { MEDIAN_NEEDS };
        Self {
            avg: stats.avg,
            min: stats.min,
            max: stats.max,
            p50: spread.percentile(50),
            p90: spread.percentile(90),
            p95: spread.percentile(95),
            p99: spread.percentile(99),
            std: stats.std,
            n: spread.n,
            n_all: all,
            unresolved: 0,
            prefix_cache: None,
            ci95: Ci95 {
                mean: spread.mean_ci95(),
                mean_unavailable: spread.mean_ci95().is_none().then_some(MEAN_NEEDS),
                mean_method: if spread.share_ci95.is_some() { "wilson" } else { "student_t_within_cases" },
                median: spread.median_ci95,
                median_unavailable: spread.median_ci95.is_none().then_some(median_needs),
                median_method: "order_statistics",
                p90,
                p95,
                p99,
                percentile_method: "order_statistics",
            },
        }
    }
}
