//! 95 % confidence intervals of a mean and of a median.

use serde::Serialize;

/// Where the true figure lies in 95 of 100 such samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Interval {
    pub low: f64,
    pub high: f64,
}

/// Half the width of Student's interval of the mean of all figures: `t · s / √n`. What differs from group to group (a
/// case from another) is no chance and widens nothing: `s` is the deviation within the groups, and `t` has as many
/// degrees of freedom as there are figures beyond one a group. `None` where no group has two.
pub fn mean_half_width<'a>(groups: impl IntoIterator<Item = &'a [f64]>) -> Option<f64> {
    let (mut n, mut freedom, mut squares) = (0, 0, 0.0);
    for group in groups.into_iter().filter(|g| !g.is_empty()) {
        let mean = group.iter().sum::<f64>() / group.len() as f64;
        squares += group.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
        n += group.len();
        freedom += group.len() - 1;
    }
    (freedom > 0).then(|| student_t_975(freedom) * (squares / freedom as f64 / n as f64).sqrt())
}

/// The interval of a median between two order statistics, whatever the distribution: the narrowest symmetric one that
/// holds it with at least 95 %. `None` for fewer than six figures, which have none.
pub fn of_median(sorted: &[f64]) -> Option<Interval> {
    let rank = median_rank(sorted.len())?;
    Some(Interval { low: *sorted.get(rank - 1)?, high: *sorted.get(sorted.len() - rank)? })
}

/// The rank, counted from 1, of the lower end among `n`; the upper end has the same rank from above.
fn median_rank(n: usize) -> Option<usize> {
    /// From here on the binomial distribution is as good as normal, and its terms are too small for a number.
    const MANY: usize = 1000;
    if n > MANY {
        let rank = (n as f64 - Z_975 * (n as f64).sqrt()) / 2.0;
        return Some(rank.floor() as usize);
    }
    // The largest rank below which a fair coin thrown n times stays with at most 2.5 %.
    let mut term = 0.5_f64.powi(i32::try_from(n).ok()?);
    let (mut below, mut rank) = (term, 0);
    while below <= 0.025 {
        rank += 1;
        term *= (n + 1 - rank) as f64 / rank as f64;
        below += term;
    }
    (rank > 0).then_some(rank)
}

/// The normal distribution's 97.5 % quantile.
const Z_975: f64 = 1.959_963_985;

/// Student's 97.5 % quantiles for 1 to 30 degrees of freedom.
const T_975: [f64; 30] = [
    12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281, 2.2010, 2.1788, 2.1604, 2.1448,
    2.1314, 2.1199, 2.1098, 2.1009, 2.0930, 2.0860, 2.0796, 2.0739, 2.0687, 2.0639, 2.0595, 2.0555, 2.0518, 2.0484,
    2.0452, 2.0423,
];

/// Student's 97.5 % quantile for one or more degrees of freedom; beyond the table by Fisher's expansion.
fn student_t_975(freedom: usize) -> f64 {
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
    fn student_s_quantiles_are_the_published_ones() {
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
            assert!((student_t_975(freedom) - published).abs() < 0.0006, "{freedom}: {}", student_t_975(freedom));
        }
        for freedom in 1..200 {
            assert!(student_t_975(freedom) > student_t_975(freedom + 1), "{freedom}");
        }
    }

    #[test]
    fn the_mean_s_interval_by_hand() {
        let half = |groups: &[&[f64]]| mean_half_width(groups.iter().copied());
        let close = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9);
        // Mean 12, s = 2.
        assert!(close(half(&[&[10.0, 12.0, 14.0]]), 4.3027 * 2.0 / 3.0_f64.sqrt()));
        // Two groups that are far apart, each with s = 2: four degrees of freedom, six figures.
        let two = half(&[&[10.0, 12.0, 14.0], &[1010.0, 1012.0, 1014.0]]);
        assert!(close(two, 2.7764 * 2.0 / 6.0_f64.sqrt()));
        // One without a repeat is a figure, but says nothing of chance: s² = 8 / 2, four figures.
        assert!(close(half(&[&[10.0, 12.0, 14.0], &[500.0]]), 4.3027 * 2.0 / 2.0));
        assert_eq!((half(&[&[1.0], &[2.0], &[]]), half(&[])), (None, None));
        assert_eq!(half(&[&[3.0, 3.0]]), Some(0.0));
    }

    #[test]
    fn the_median_s_ranks_are_the_published_ones() {
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
    fn many_figures_take_the_normal_s_ranks_which_are_the_coin_s() {
        let (exact, normal) = (median_rank(1000).unwrap(), median_rank(1001).unwrap());
        assert!(exact.abs_diff(normal) <= 1, "{exact} {normal}");
        assert_eq!(median_rank(1_000_000), Some(499_020));
    }

    #[test]
    fn the_median_s_interval_is_of_the_figures_themselves() {
        let sorted: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(of_median(&sorted), Some(Interval { low: 2.0, high: 9.0 }));
        assert_eq!(of_median(&sorted[..5]), None);
    }
}
