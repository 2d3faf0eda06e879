//! Exact confidence intervals of percentiles. Their bounds are two of the sorted values (order statistics).

use super::interval::Interval;
use super::probability::{binomial_at_least, binomial_at_most};

/// Maximum probability that a 95% interval lies entirely above the true percentile, and the same for below.
const TAIL: f64 = 0.025;

/// Distribution-free 95% interval of the percentile `p`, between 0 and 100, of ascending values.
///
/// The number of values up to the true percentile is binomial, for any distribution. The interval reaches from the
/// largest rank that exceeds it with a probability of at most 2.5% to the smallest rank that stays below it with at
/// most 2.5% (H. A. David and H. N. Nagaraja, Order Statistics, 3rd ed. 2003, section 7.1). `None` if there are too few
/// values: a median needs 6, p90 36, p95 72 and p99 368.
pub fn percentile_interval(sorted: &[f64], p: f64) -> Option<Interval> {
    let (low, high) = ranks(sorted.len(), p / 100.0)?;
    Some(Interval { low: *sorted.get(low - 1)?, high: *sorted.get(high - 1)? })
}

/// Ranks of both bounds among `n` values, from 1.
fn ranks(n: usize, share: f64) -> Option<(usize, usize)> {
    // The true percentile lies below rank r if fewer than r values do not exceed it.
    let low = first(n, |rank| binomial_at_most(rank, n, share) > TAIL);
    let high = first(n, |rank| binomial_at_least(rank, n, share) <= TAIL);
    (low >= 1 && high <= n).then_some((low, high))
}

/// Smallest number from 0 to `n` for which the condition holds, found by bisection; `n` + 1 if there is none. The
/// condition must be monotonic: once true, true for all larger numbers.
fn first(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (0, n + 1);
    while from < to {
        let middle = usize::midpoint(from, to);
        if holds(middle) {
            to = middle;
        } else {
            from = middle + 1;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::{numbers, reference};

    #[test]
    fn intervals_match_those_from_the_binomial_distribution_of_scipy() {
        let reference = reference();
        let latencies = numbers(&reference["latencies"]);
        for row in reference["percentile_intervals"].as_array().unwrap() {
            let (n, p) = (row["n"].as_u64().unwrap() as usize, row["p"].as_f64().unwrap());
            let mut values = latencies[..n].to_vec();
            values.sort_by(f64::total_cmp);
            let own = percentile_interval(&values, p).map_or_else(Vec::new, |ci| vec![ci.low, ci.high]);
            assert_eq!(own, numbers(&row["interval"]), "{row}");
        }
    }

    #[test]
    fn an_interval_needs_the_documented_number_of_values() {
        let values: Vec<f64> = (0..400).map(f64::from).collect();
        for (p, needed) in [(50.0, 6), (90.0, 36), (95.0, 72), (99.0, 368)] {
            assert!(percentile_interval(&values[..needed], p).is_some(), "{p}");
            assert_eq!(percentile_interval(&values[..needed - 1], p), None, "{p}");
        }
        assert_eq!(percentile_interval(&[], 50.0), None);
    }
}
