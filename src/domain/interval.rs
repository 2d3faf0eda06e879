//! 95% confidence intervals of a mean, of a median, of a share, and of the difference of two shares.

use serde::Serialize;

/// A 95% confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Minimum degrees of freedom of an interval of the mean. With one, Student's t is 12.7: two values would give an
/// interval of nine times their deviation on each side. See the table in NIST/SEMATECH's e-Handbook, 1.3.6.7.2.
pub const MIN_FREEDOM: usize = 2;

/// Requirement for an interval of the mean, shown where the interval is missing.
pub const MEAN_NEEDS: &str = "an interval of the mean needs 3 repeats of a case, or 2 repeats of 2 cases";
/// Requirement for an interval of the median, shown where the interval is missing.
pub const MEDIAN_NEEDS: &str = "an interval of the median needs 6 values and repeats";
impl Interval {
    /// Returns the interval in another unit: both bounds times `factor`.
    #[must_use]
    pub fn scaled(self, factor: f64) -> Self {
        Self { low: self.low * factor, high: self.high * factor }
    }
}

/// Wilson's score interval of a share, from 0 to 1; `None` without a trial. The interval is also valid for few trials
/// and for shares of 0 and 1, where the normal approximation gives an interval without width. E. B. Wilson, J. Am.
/// Stat. Assoc. 22 (1927), 209.
pub fn wilson_interval(successes: usize, trials: usize) -> Option<Interval> {
    if trials == 0 {
        return None;
    }
    let (n, z2) = (trials as f64, Z_975 * Z_975);
    let share = successes as f64 / n;
    let middle = share + z2 / (2.0 * n);
    let half = Z_975 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let bound = |value: f64| (value / (1.0 + z2 / n)).clamp(0.0, 1.0);
    // Shares of 0 and 1 have exact bounds, where rounding errors would be visible.
    let low = if successes == 0 { 0.0 } else { bound(middle - half) };
    let high = if successes == trials { 1.0 } else { bound(middle + half) };
    Some(Interval { low, high })
}

/// Newcombe's interval of the difference of two independent shares, `to` − `from`, each given as successes and trials;
/// `None` without trials. It combines the two Wilson intervals: method 10 of R. G. Newcombe, Stat. Med. 17 (1998), 873.
pub fn newcombe_interval(from: (usize, usize), to: (usize, usize)) -> Option<Interval> {
    let share = |(successes, trials): (usize, usize)| successes as f64 / trials as f64;
    let (old, new) = (wilson_interval(from.0, from.1)?, wilson_interval(to.0, to.1)?);
    let (p, q) = (share(from), share(to));
    Some(Interval {
        low: (q - p - (q - new.low).hypot(old.high - p)).max(-1.0),
        high: (q - p + (new.high - q).hypot(p - old.low)).min(1.0),
    })
}

/// Half the width of Student's interval of the mean of all values: `t · s / √n`. Differences between groups (cases) are
/// not chance and do not widen the interval: `s` is the deviation within groups, and the degrees of freedom of `t` are
/// the number of values minus the number of groups. `None` below [`MIN_FREEDOM`].
pub fn mean_half_width<'a>(groups: impl IntoIterator<Item = &'a [f64]>) -> Option<f64> {
    half_width_with_freedom(groups).filter(|(_, freedom)| *freedom >= MIN_FREEDOM).map(|(half, _)| half)
}

/// Like [`mean_half_width`], but without a minimum of values. Also returns the degrees of freedom. `None` if no group
/// has two values.
pub fn half_width_with_freedom<'a>(groups: impl IntoIterator<Item = &'a [f64]>) -> Option<(f64, usize)> {
    let (mut n, mut freedom, mut squares) = (0, 0, 0.0);
    for group in groups.into_iter().filter(|g| !g.is_empty()) {
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        squares += group.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        n += group.len();
        freedom += group.len() - 1;
    }
    (freedom > 0).then(|| (t_975(freedom) * (squares / freedom as f64 / n as f64).sqrt(), freedom))
}

/// Distribution-free interval of a median between two order statistics: the narrowest symmetric one with at least 95%
/// confidence. `None` for fewer than six values.
pub fn median_interval(sorted: &[f64]) -> Option<Interval> {
    let rank = median_rank(sorted.len())?;
    Some(Interval { low: *sorted.get(rank - 1)?, high: *sorted.get(sorted.len() - rank)? })
}

/// Rank of the lower bound among `n` ascending values, from 1. The upper bound has the same rank in descending order.
fn median_rank(n: usize) -> Option<usize> {
    /// Number of values beyond which the normal approximation is used, because binomial terms become too small for a
    /// float.
    const MANY: usize = 1000;
    if n > MANY {
        let rank = (n as f64 - Z_975 * (n as f64).sqrt()) / 2.0;
        return Some(rank.floor() as usize);
    }
    // The rank is the largest r for which fewer than r heads in n tosses of a fair coin have a probability of at most
    // 2.5%.
    let mut term = 0.5_f64.powi(i32::try_from(n).ok()?);
    let (mut below, mut rank) = (term, 0);
    while below <= 0.025 {
        rank += 1;
        term *= (n + 1 - rank) as f64 / rank as f64;
        below += term;
    }
    (rank > 0).then_some(rank)
}

/// 97.5% quantile of the normal distribution.
const Z_975: f64 = 1.959_963_985;

/// 97.5% quantiles of Student's t for 1 to 30 degrees of freedom.
const T_975: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
    2.0452, 2.0423,
];

/// 97.5% quantile of Student's t for one or more degrees of freedom. Beyond the table, computed by Fisher's expansion.
pub fn t_975(freedom: usize) -> f64 {
    if let Some(&t) = T_975.get(freedom - 1) {
        return t;
    }
    let (z, v) = (Z_975, freedom as f64);
    let first = (z.powi(3) + z) / 4.0;
    let second = (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0;
    z + first / v + second / v.powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn student_quantiles_match_published_values() {
        for (freedom, published) in [
            (1, 12.706),
            (2, 4.303),
            (5, 2.571),
            (10, 2.228),
            (30, 2.042),
            (31, 2.040),
            (40, 2.021),
            (60, 2.000),
            (100, 1.984),
            (120, 1.980),
            (1_000, 1.962),
            (1_000_000, 1.960),
        ] {
            assert!((t_975(freedom) - published).abs() < 0.0006, "{freedom}: {}", t_975(freedom));
        }
        for freedom in 1..200 {
            assert!(t_975(freedom) > t_975(freedom + 1), "{freedom}");
        }
    }

    #[test]
    fn mean_intervals_match_values_computed_by_hand() {
        let half = |groups: &[&[f64]]| mean_half_width(groups.iter().copied());
        let close = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9);
        // Mean 12, s = 2.
        assert!(close(half(&[&[10.0, 12.0, 14.0]]), 4.3027 * 2.0 / 3.0_f64.sqrt()));
        // Two groups far apart, each with s = 2: four degrees of freedom, six values.
        let two = half(&[&[10.0, 12.0, 14.0], &[1010.0, 1012.0, 1014.0]]);
        assert!(close(two, 2.7764 * 2.0 / 6.0_f64.sqrt()));
        // A single value counts towards n but not towards the spread: s² = 8 / 2, four values.
        assert!(close(half(&[&[10.0, 12.0, 14.0], &[500.0]]), 4.3027 * 2.0 / 2.0));
        assert_eq!((half(&[&[1.0], &[2.0], &[]]), half(&[])), (None, None));
        assert_eq!(half(&[&[3.0, 3.0, 3.0]]), Some(0.0));
    }

    #[test]
    fn two_values_have_no_interval() {
        let half = |groups: &[&[f64]]| mean_half_width(groups.iter().copied());
        assert_eq!((half(&[&[1.0, 2.0]]), half(&[&[1.0, 2.0], &[5.0]])), (None, None));
        assert!(half(&[&[1.0, 2.0, 3.0]]).is_some() && half(&[&[1.0, 2.0], &[5.0, 6.0]]).is_some());
        // t = 12.7062 with one degree of freedom, s = √½, two values.
        let (half, freedom) = half_width_with_freedom([&[1.0, 2.0][..]]).unwrap();
        assert!((half - 12.7062 / 2.0).abs() < 1e-9 && freedom == 1);
    }

    fn rounded(interval: Option<Interval>) -> Option<[f64; 2]> {
        interval.map(|i| [i.low, i.high].map(|bound| (bound * 1e4).round() / 1e4))
    }

    #[test]
    fn intervals_of_shares_match_published_values() {
        // R. G. Newcombe, Stat. Med. 17 (1998), 857, table I, method 3.
        for (successes, trials, published) in [
            (81, 263, [0.2553, 0.3662]),
            (15, 148, [0.0624, 0.1605]),
            (0, 20, [0.0, 0.1611]),
            (1, 29, [0.0061, 0.1718]),
            (20, 20, [0.8389, 1.0]),
        ] {
            assert_eq!(rounded(wilson_interval(successes, trials)), Some(published), "{successes}/{trials}");
        }
        assert_eq!(wilson_interval(0, 0), None);
    }

    #[test]
    fn intervals_of_differences_match_published_values() {
        // R. G. Newcombe, Stat. Med. 17 (1998), 873, table II, method 10.
        for (to, from, published) in [
            ((56, 70), (48, 80), [0.0524, 0.3339]),
            ((9, 10), (3, 10), [0.1705, 0.8090]),
            ((6, 7), (2, 7), [0.0582, 0.8062]),
            ((5, 56), (0, 29), [-0.0381, 0.1926]),
            ((0, 10), (0, 20), [-0.1611, 0.2775]),
            ((0, 10), (0, 10), [-0.2775, 0.2775]),
            ((10, 10), (0, 20), [0.6791, 1.0]),
            ((10, 10), (0, 10), [0.6075, 1.0]),
        ] {
            assert_eq!(rounded(newcombe_interval(from, to)), Some(published), "{to:?} {from:?}");
        }
        assert_eq!(newcombe_interval((0, 0), (1, 1)), None);
    }

    #[test]
    fn median_ranks_match_published_values() {
        for (n, rank) in
            [(6, 1), (8, 1), (9, 2), (10, 2), (12, 3), (15, 4), (20, 6), (25, 8), (30, 10), (50, 18), (100, 40)]
        {
            assert_eq!(median_rank(n), Some(rank), "{n}");
        }
        for n in 0..6 {
            assert_eq!(median_rank(n), None, "{n}");
        }
    }

    #[test]
    fn the_normal_approximation_agrees_with_the_exact_ranks() {
        let (exact, normal) = (median_rank(1000).unwrap(), median_rank(1001).unwrap());
        assert!(exact.abs_diff(normal) <= 1, "{exact} {normal}");
        assert_eq!(median_rank(1_000_000), Some(499_020));
    }

    #[test]
    fn the_median_interval_ends_at_two_of_the_values() {
        let sorted: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(median_interval(&sorted), Some(Interval { low: 2.0, high: 9.0 }));
        assert_eq!(median_interval(&sorted[..5]), None);
    }
}
