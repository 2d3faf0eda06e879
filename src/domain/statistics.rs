//! Exact statistics over a set of values.

use serde::{Deserialize, Serialize};

/// Mean, spread and percentiles of a set of values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub struct Stats {
    pub avg: f64,
    pub min: f64,
    pub max: f64,
    pub p50: f64,
    pub p90: f64,
    pub p95: f64,
    pub p99: f64,
    /// Population standard deviation.
    pub std: f64,
}

impl Stats {
    /// Statistics of `values`; `None` if there are none.
    pub fn from_values(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().filter(|v| v.is_finite()).collect();
        if sorted.is_empty() {
            return None;
        }
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len() as f64;
        let avg = sorted.iter().sum::<f64>() / n;
        let variance = sorted.iter().map(|v| (v - avg).powi(2)).sum::<f64>() / n;
        Some(Self {
            avg,
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            p50: percentile(&sorted, 50.0),
            p90: percentile(&sorted, 90.0),
            p95: percentile(&sorted, 95.0),
            p99: percentile(&sorted, 99.0),
            std: variance.sqrt(),
        })
    }
}

/// The percentile `p` (0 to 100) of values in ascending order, interpolated linearly between the two nearest ranks:
/// rank `p/100 · (n − 1)`, counted from 0 (Hyndman and Fan's type 7, the default of `NumPy`). `sorted` must not be
/// empty.
pub fn percentile(sorted: &[f64], p: f64) -> f64 {
    percentile_by(sorted.len(), p, |index| sorted[index])
}

/// The same percentile of `length` values, at least one, that `at` returns by index.
pub fn percentile_by(length: usize, p: f64, at: impl Fn(usize) -> f64) -> f64 {
    let rank = p.clamp(0.0, 100.0) / 100.0 * (length - 1) as f64;
    let (below, above) = (at(rank.floor() as usize), at(rank.ceil() as usize));
    below + (above - below) * (rank - rank.floor())
}

/// Median of the finite values; `None` without any. Takes linear time.
pub fn median(figures: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.into_iter().filter(|v| v.is_finite()).collect();
    if figures.is_empty() {
        return None;
    }
    let middle = figures.len() / 2;
    let is_even = figures.len().is_multiple_of(2);
    let (below, upper, _) = figures.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().filter(|_| is_even).max_by(f64::total_cmp).unwrap_or(*upper);
    Some(lower + (*upper - lower) * 0.5)
}

/// Returns whether `n` values are enough for percentile `p` to differ from the maximum: 1 / (1 − p/100), so 10 for p90,
/// 20 for p95 and 100 for p99. One value is enough for a median.
pub const fn enough_for(n: usize, p: u32) -> bool {
    n > 0 && (p <= 50 || n * 100_usize.saturating_sub(p as usize) >= 100)
}

/// Minimum number of values for which [`enough_for`] is true.
pub const fn needed_for(p: u32) -> usize {
    if p <= 50 { 1 } else { 100_usize.div_ceil(if p < 100 { 100 - p as usize } else { 1 }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_50th_percentile() {
        assert_eq!((median([]), median([f64::NAN])), (None, None));
        for n in 1..40_u32 {
            // Every value once, shuffled.
            let figures: Vec<f64> = (0..n).map(|i| f64::from(i * 41 % n).powi(2)).collect();
            let mut sorted = figures.clone();
            sorted.sort_by(f64::total_cmp);
            assert_eq!(median(figures), Some(percentile(&sorted, 50.0)), "{n}");
        }
        assert_eq!(median([3.0, f64::INFINITY, 1.0, 2.0]), Some(2.0));
    }

    #[test]
    fn percentiles_interpolate_between_ranks() {
        assert!((percentile(&[7.0], 99.0) - 7.0).abs() < 1e-12);
        assert!((percentile(&[1.0, 2.0], 50.0) - 1.5).abs() < 1e-12);
        let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
        assert!((percentile(&hundred, 0.0) - 1.0).abs() < 1e-12);
        assert!((percentile(&hundred, 90.0) - 90.1).abs() < 1e-9);
        assert!((percentile(&hundred, 100.0) - 100.0).abs() < 1e-12);
    }

    #[test]
    fn percentiles_need_a_minimum_number_of_values() {
        for (p, needed) in [(50, 1), (90, 10), (95, 20), (99, 100)] {
            assert_eq!(needed_for(p), needed);
            assert!(enough_for(needed, p) && !enough_for(needed - 1, p), "{p}");
        }
    }

    #[test]
    fn an_empty_set_has_no_statistics() {
        assert_eq!(Stats::from_values([]), None);
        assert_eq!(Stats::from_values([f64::NAN]), None);
    }

    #[test]
    fn spread_is_the_population_standard_deviation() {
        let s = Stats::from_values([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert!((s.avg - 5.0).abs() < 1e-12 && (s.std - 2.0).abs() < 1e-12);
    }
}
