//! Hypothesis tests for the difference of two means, and the correction for multiple tests.

use super::interval::Interval;
use super::probability::{student_quantile_975, student_two_sided};

/// Level of significance of all tests.
pub const LEVEL: f64 = 0.05;

/// A mean with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean.
    pub mean: f64,
    /// Standard error of the mean.
    pub standard_error: f64,
    /// Degrees of freedom of the standard error.
    pub freedom: usize,
}

/// Result of a test for a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DifferenceTest {
    /// Difference of the means, second minus first.
    pub difference: f64,
    /// 95% interval of the difference.
    pub ci95: Interval,
    /// Probability of a difference at least this large by chance, two-sided.
    pub p_value: f64,
    /// Whether the values were compared in pairs.
    pub is_paired: bool,
}

impl DifferenceTest {
    fn new(difference: f64, standard_error: f64, freedom: f64, is_paired: bool) -> Self {
        let half = student_quantile_975(freedom) * standard_error;
        let p_value = if standard_error > 0.0 {
            student_two_sided(difference / standard_error, freedom)
        } else if difference.abs() > 0.0 {
            0.0
        } else {
            1.0
        };
        Self { difference, ci95: Interval { low: difference - half, high: difference + half }, p_value, is_paired }
    }
}

/// Welch's test of two independent means whose variances may differ, with the degrees of freedom of Satterthwaite
/// (B. L. Welch, Biometrika 34 (1947), 28). `None` if either mean has no degree of freedom.
pub fn welch(from: Estimate, to: Estimate) -> Option<DifferenceTest> {
    if from.freedom == 0 || to.freedom == 0 {
        return None;
    }
    let [a, b] = [from, to].map(|mean| mean.standard_error.powi(2));
    let parts = a * a / from.freedom as f64 + b * b / to.freedom as f64;
    let freedom = if parts > 0.0 { (a + b).powi(2) / parts } else { (from.freedom + to.freedom) as f64 };
    Some(DifferenceTest::new(to.mean - from.mean, (a + b).sqrt(), freedom, false))
}

/// Student's test of paired values, each pair as first and second (Student, Biometrika 6 (1908), 1). `None` below two
/// pairs.
pub fn paired(pairs: &[(f64, f64)]) -> Option<DifferenceTest> {
    let n = pairs.len() as f64;
    if pairs.len() < 2 {
        return None;
    }
    let mean = pairs.iter().map(|(a, b)| b - a).sum::<f64>() / n;
    let variance = pairs.iter().map(|(a, b)| (b - a - mean).powi(2)).sum::<f64>() / (n - 1.0);
    Some(DifferenceTest::new(mean, (variance / n).sqrt(), n - 1.0, true))
}

/// Corrects the p-values of several tests by Holm's method, so that the probability of any false finding among them
/// stays below the level (S. Holm, Scand. J. Stat. 6 (1979), 65). The tests need not be independent.
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (rank, at) in order.into_iter().enumerate() {
        let tests_left = (p_values.len() - rank) as f64;
        largest = largest.max((tests_left * p_values[at]).min(1.0));
        adjusted[at] = largest;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::domain::testing::{numbers, reference};

    fn estimate(values: &[f64]) -> Estimate {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
        Estimate { mean, standard_error: (variance / n).sqrt(), freedom: values.len() - 1 }
    }

    #[track_caller]
    fn matches(test: DifferenceTest, reference: &Value) {
        let interval = numbers(&reference["interval"]);
        assert!((test.p_value - reference["p_value"].as_f64().unwrap()).abs() < 1e-8, "{test:?}");
        assert!((test.ci95.low - interval[0]).abs() < 1e-6 && (test.ci95.high - interval[1]).abs() < 1e-6, "{test:?}");
    }

    #[test]
    fn tests_of_means_match_those_of_scipy() {
        let reference = reference();
        let [from, to] = ["from", "to"].map(|side| estimate(&numbers(&reference["welch"][side])));
        matches(welch(from, to).unwrap(), &reference["welch"]);
        let pairs = reference["paired"]["pairs"].as_array().unwrap().iter().map(numbers);
        let pairs: Vec<(f64, f64)> = pairs.map(|pair| (pair[0], pair[1])).collect();
        matches(paired(&pairs).unwrap(), &reference["paired"]);
    }

    #[test]
    fn corrected_p_values_match_the_definition() {
        let reference = reference();
        let corrected = holm(&numbers(&reference["holm"]["p_values"]));
        for (own, expected) in corrected.iter().zip(numbers(&reference["holm"]["adjusted"])) {
            assert!((own - expected).abs() < 1e-12, "{corrected:?}");
        }
        assert!(holm(&[]).is_empty());
    }

    #[test]
    fn values_without_a_spread_differ_for_certain_or_not_at_all() {
        let exact = |mean| Estimate { mean, standard_error: 0.0, freedom: 3 };
        assert!((welch(exact(1.0), exact(1.0)).unwrap().p_value - 1.0).abs() < f64::EPSILON);
        assert!(welch(exact(1.0), exact(2.0)).unwrap().p_value.abs() < f64::EPSILON);
        assert_eq!(welch(exact(1.0), Estimate { freedom: 0, ..exact(2.0) }), None);
        assert_eq!(paired(&[(1.0, 2.0)]), None);
    }
}
