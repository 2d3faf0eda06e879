//! Distribution of the engine thread's lag over a run, in bounded memory.

use crate::domain::live::EngineLag;

/// Smallest lag to distinguish, milliseconds.
const LEAST_MS: f64 = 0.001;
/// Ratio between adjacent buckets. Percentiles are exact to half a step, which is 1%.
const STEP: f64 = 1.02;
/// Number of buckets. The last one starts at about five hours.
const BUCKETS: usize = 1200;

/// Histogram with logarithmic buckets. The maximum is exact; percentiles (nearest rank) are exact to 1%.
#[derive(Debug)]
pub struct Lags {
    counts: Vec<u64>,
    total: u64,
    max_ms: f64,
}

impl Default for Lags {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0, max_ms: 0.0 }
    }
}

impl Lags {
    /// Adds a lag in milliseconds.
    pub fn note(&mut self, ms: f64) {
        let steps = (ms / LEAST_MS).ln() / STEP.ln();
        // The logarithm is negative below the smallest lag, and not a number for a negative lag.
        let bucket = if steps > 0.0 { steps as usize + 1 } else { 0 };
        if let Some(count) = self.counts.get_mut(bucket.min(BUCKETS - 1)) {
            *count += 1;
        }
        self.total += 1;
        self.max_ms = self.max_ms.max(ms);
    }

    /// Returns median, p99 and maximum; empty if no lag was recorded.
    pub fn summary(&self) -> EngineLag {
        if self.total == 0 {
            return EngineLag::default();
        }
        EngineLag { p50_ms: self.percentile(50), p99_ms: self.percentile(99), max_ms: Some(self.max_ms) }
    }

    fn percentile(&self, percent: u64) -> Option<f64> {
        let rank = (self.total * percent).div_ceil(100).max(1);
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= rank
        })?;
        let middle = LEAST_MS * STEP.powf(bucket as f64 - 0.5);
        Some(middle.min(self.max_ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::percentile;

    #[test]
    fn percentiles_of_a_long_run_are_exact_to_one_per_cent_and_the_maximum_is_exact() {
        let mut lags = Lags::default();
        assert_eq!(lags.summary(), EngineLag::default());
        // Lags from 0.01 to 9 ms, and the largest at the end.
        let mut all: Vec<f64> = (0..200_000).map(|i| 0.01 + f64::from(i * 7 % 9000) / 1000.0).collect();
        all.push(1234.5);
        for ms in &all {
            lags.note(*ms);
        }
        all.sort_by(f64::total_cmp);
        let summary = lags.summary();
        for (is, percent) in [(summary.p50_ms, 50.0), (summary.p99_ms, 99.0)] {
            let exact = percentile(&all, percent);
            assert!((is.unwrap() / exact - 1.0).abs() < 0.011, "{is:?} for {exact}");
        }
        assert_eq!(summary.max_ms, Some(1234.5));
    }

    #[test]
    fn tiny_and_huge_lags_count() {
        let mut lags = Lags::default();
        lags.note(0.0);
        assert_eq!(lags.summary(), EngineLag { p50_ms: Some(0.0), p99_ms: Some(0.0), max_ms: Some(0.0) });
        lags.note(1e12);
        assert_eq!(lags.summary().max_ms, Some(1e12));
        assert!(lags.summary().p99_ms.unwrap() > 1e7);
    }
}
