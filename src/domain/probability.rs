//! Probabilities of the binomial distribution and of Student's t.

use statrs::distribution::{ContinuousCDF, StudentsT};
use statrs::function::beta::beta_reg;

/// Probability of at most `successes` in `trials`, each with the probability `p` between 0 and 1: the regularised
/// incomplete beta function I₁₋ₚ(n − k, k + 1).
pub fn binomial_at_most(successes: usize, trials: usize, p: f64) -> f64 {
    if successes >= trials || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    beta_reg((trials - successes) as f64, successes as f64 + 1.0, 1.0 - p)
}

/// Probability of at least `successes` in `trials`, each with the probability `p`.
pub fn binomial_at_least(successes: usize, trials: usize, p: f64) -> f64 {
    match successes.checked_sub(1) {
        None => 1.0,
        Some(_) if successes > trials || p <= 0.0 => 0.0,
        Some(_) if p >= 1.0 => 1.0,
        // Iₚ(k, n − k + 1), because 1 − I loses precision for small probabilities.
        Some(fewer) => beta_reg(successes as f64, (trials - fewer) as f64, p),
    }
}

/// Probability that Student's t with this many degrees of freedom lies at least as far from 0 as `t`, on either side.
/// 1 without a degree of freedom.
pub fn student_two_sided(t: f64, freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(1.0, |student| (2.0 * student.cdf(-t.abs())).min(1.0))
}

/// 97.5% quantile of Student's t with this many degrees of freedom, which need not be whole. Infinite without any.
pub fn student_quantile_975(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::INFINITY, |student| student.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::testing::reference;

    #[test]
    fn probabilities_match_those_of_scipy() {
        let reference = reference();
        for row in reference["binomial"].as_array().unwrap() {
            let number = |key: &str| row[key].as_f64().unwrap();
            let (k, n, p) = (number("k") as usize, number("n") as usize, number("p"));
            for (own, key) in [(binomial_at_most(k, n, p), "at_most"), (binomial_at_least(k, n, p), "at_least")] {
                assert!((own - number(key)).abs() < 1e-10, "{row}: {own}");
            }
        }
        for row in reference["student"].as_array().unwrap() {
            let number = |key: &str| row[key].as_f64().unwrap();
            let freedom = number("freedom");
            assert!((student_two_sided(number("t"), freedom) - number("two_sided")).abs() < 1e-9, "{row}");
            assert!((student_quantile_975(freedom) - number("quantile_975")).abs() < 1e-6, "{row}");
        }
    }

    #[test]
    fn certain_events_are_certain() {
        assert!((binomial_at_most(3, 3, 0.5) - 1.0).abs() < f64::EPSILON);
        assert!((binomial_at_least(0, 3, 0.5) - 1.0).abs() < f64::EPSILON);
        assert!(binomial_at_least(4, 3, 0.5).abs() < f64::EPSILON);
        assert!(
            (binomial_at_most(0, 3, 0.0) - 1.0).abs() < f64::EPSILON
                && binomial_at_most(2, 3, 1.0).abs() < f64::EPSILON
        );
        assert!(student_quantile_975(0.0).is_infinite());
    }
}
