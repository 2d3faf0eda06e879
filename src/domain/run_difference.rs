//! Relative change of a figure between two groups of repeated runs.

use super::bootstrap::{Design, RelativeChange};
use super::hypothesis_test::{Estimate, welch};
use super::interval::{Interval, MIN_FREEDOM};

/// Computes the relative change from one group to another, from the figure of each run. The interval is that of Welch's test
/// of the logarithms, so it holds for the ratio of geometric means (B. L. Welch, Biometrika 34 (1947), 28; for ratios, J. M.
/// Bland and D. G. Altman, BMJ 312 (1996), 1079). `None` with fewer than three runs on either side, or without positive
/// figures.
pub fn relative_change_of_runs(from: &[f64], to: &[f64]) -> Option<RelativeChange> {
    let [before, after] = [from, to].map(logarithm);
    let (before, after) = (before?, after?);
    let test = welch(before, after)?;
    let share = |logarithm: f64| logarithm.exp_m1();
    Some(RelativeChange {
        from: before.mean.exp(),
        to: after.mean.exp(),
        share: share(test.difference),
        ci95: Interval { low: share(test.ci95.low), high: share(test.ci95.high) },
        design: Design::Runs,
        units: from.len().min(to.len()),
    })
}

/// Mean of the logarithms with its standard error.
fn logarithm(values: &[f64]) -> Option<Estimate> {
    let freedom = values.len().checked_sub(1).filter(|freedom| *freedom >= MIN_FREEDOM)?;
    if values.iter().any(|value| !(value.is_finite() && *value > 0.0)) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().map(|value| value.ln()).sum::<f64>() / n;
    let variance = values.iter().map(|value| (value.ln() - mean).powi(2)).sum::<f64>() / freedom as f64;
    Some(Estimate { mean, standard_error: (variance / n).sqrt(), freedom })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;

    #[test]
    fn the_change_is_a_ratio_and_its_interval_does_not_depend_on_the_unit() {
        let (from, to) = ([100.0, 101.0, 99.0], [110.0, 112.0, 108.0]);
        let change = relative_change_of_runs(&from, &to).unwrap();
        assert!((change.share - 0.1).abs() < 0.001 && change.design == Design::Runs && change.units == 3, "{change:?}");
        assert!(change.ci95.low > 0.05 && change.ci95.high < 0.15, "{change:?}");
        let seconds = relative_change_of_runs(&from.map(|v| v / 1000.0), &to.map(|v| v / 1000.0)).unwrap();
        assert!((seconds.ci95.low - change.ci95.low).abs() < 1e-12);
    }

    #[test]
    fn two_runs_or_a_figure_of_zero_give_no_interval() {
        assert_eq!(relative_change_of_runs(&[1.0, 2.0], &[1.0, 2.0, 3.0]), None);
        assert_eq!(relative_change_of_runs(&[1.0, 2.0, 0.0], &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn an_interval_covers_a_true_change_of_zero_in_about_95_of_100_groups() {
        let covers = |seed: u64| {
            let mut random = Random::for_index(17, seed);
            let mut group = || [(); 5].map(|()| 100.0 + 5.0 * random.normal());
            let change = relative_change_of_runs(&group(), &group()).unwrap();
            change.ci95.low <= 0.0 && 0.0 <= change.ci95.high
        };
        // 380 expected, with a standard deviation of 4.4.
        let n = (0..400).filter(|seed| covers(*seed)).count();
        assert!((365..=398).contains(&n), "{n}");
    }
}
