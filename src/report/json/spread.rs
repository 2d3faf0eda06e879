//! A metric over all attempts as JSON.

use serde::Serialize;

use crate::domain::interval::Interval;
use crate::domain::statistics::Stats;
use crate::report::spread::Spread;
use crate::report::summary::CacheCounts;

/// Percentiles that too few figures stand for are `null`.
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
    /// Whole answers whose stream does not carry the figure.
    unresolved: usize,
    /// Of a TTFT: in how many the server's prefix cache was cold, warm, or in a state it did not tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_cache: Option<CacheCounts>,
    ci95: Ci95,
}

/// 95 % confidence intervals, `null` without repeats or with too few figures.
#[derive(Serialize)]
struct Ci95 {
    mean: Option<Interval>,
    mean_method: &'static str,
    median: Option<Interval>,
    median_method: &'static str,
}

impl SpreadJson {
    /// Statistics of `n` figures that every attempt has.
    pub fn of_stats(stats: Stats, n: usize) -> Self {
        Self::new(&Spread { n, stats, mean_half_width: None, median_ci95: None }, n)
    }

    /// The same with what it mixes.
    pub fn with_cache(self, cache: CacheCounts) -> Self {
        Self { prefix_cache: Some(cache), ..self }
    }

    /// The same with the answers whose stream does not carry the figure.
    pub fn with_unresolved(self, unresolved: usize) -> Self {
        Self { unresolved, ..self }
    }

    /// A spread of `all` attempts that ended, whole or failed.
    pub fn new(spread: &Spread, all: usize) -> Self {
        let stats = spread.stats;
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
                mean_method: "student_t_within_cases",
                median: spread.median_ci95,
                median_method: "order_statistics",
            },
        }
    }
}
