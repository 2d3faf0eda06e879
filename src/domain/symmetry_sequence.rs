//! Confidence sequence of the centre of a symmetric distribution. The interval holds at every number of values at once, so a
//! race may look at it after each block and stop whenever it likes.
//!
//! If y = x − μ is symmetric about zero, 1 + c · tanh(λy) has the expectation 1, for every distribution. With c = 1 this is
//! exp(λy) / cosh(λy), the e-test of Fisher's type in Vovk and Wang (2024). With c = ½ an outlier costs little. Products over
//! independent values, and means of such products over several λ and c, are martingales. By Ville's inequality they ever reach
//! 1/α with a probability of at most α. The sequence holds the centres that no such mean has rejected. It assumes neither a
//! variance nor a normal distribution.

use std::f64::consts::LN_2;
use std::ops::RangeInclusive;

/// Exponents of the factors λ, which are powers of two: from 1/4 for values that differ by several units, to 1,024 for values
/// that differ by a thousandth.
const EXPONENTS: RangeInclusive<i32> = -2..=10;
/// Error of an end of the interval.
const TOLERANCE: f64 = 1e-7;
/// Maximum doublings while an end of the interval is bracketed.
const MAX_DOUBLINGS: usize = 60;
/// Maximum steps towards an end of the interval.
const MAX_SECANTS: usize = 200;
/// Power above which 1 + exp(power) is exp(power) in double precision.
const LARGE: f64 = 40.0;
/// Products of factors from which their logarithm is taken, far from the smallest and the largest number.
const TINY: f64 = 1e-200;
const HUGE: f64 = 1e200;

/// Returns the interval of the centre of these values at the error rate `alpha`, shared equally between its two ends.
/// `None` while there are too few values: two ends at a total of 5% need 7.
pub fn centre_interval(values: &[f64], alpha: f64) -> Option<(f64, f64)> {
    let low = lower_end(values, alpha / 2.0)?;
    let mirrored: Vec<f64> = values.iter().map(|x| -x).collect();
    let high = -lower_end(&mirrored, alpha / 2.0)?;
    // Only values far from symmetric reject every centre. The hull then claims nothing that one of the ends denies.
    Some((low.min(high), low.max(high)))
}

/// Largest centre that the values reject as too small at the error rate `alpha`.
fn lower_end(values: &[f64], alpha: f64) -> Option<f64> {
    let threshold = -alpha.ln();
    // The evidence against a very small centre tends to 2 to the power of the number of values.
    if values.iter().any(|x| !x.is_finite()) || values.len() as f64 * LN_2 <= threshold {
        return None;
    }
    let excess = |centre: f64| log_evidence(values, centre) - threshold;
    let mut accepted = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut rejected = values.iter().copied().fold(f64::INFINITY, f64::min);
    let mut step = (accepted - rejected).max(TOLERANCE);
    let mut left = excess(rejected);
    for _ in 0..MAX_DOUBLINGS {
        if left >= 0.0 {
            break;
        }
        (accepted, rejected) = (rejected, rejected - step);
        step *= 2.0;
        left = excess(rejected);
    }
    let mut right = excess(accepted);
    // The method of Illinois: a secant that halves the value of an end that stays.
    for _ in 0..MAX_SECANTS {
        if accepted - rejected <= TOLERANCE {
            break;
        }
        let secant = rejected + (accepted - rejected) * left / (left - right);
        // Half the tolerance from either end, so that the far end moves too.
        let centre = secant.clamp(rejected + TOLERANCE / 2.0, accepted - TOLERANCE / 2.0);
        let found = excess(centre);
        if found >= 0.0 {
            (rejected, left, right) = (centre, found, right / 2.0);
        } else {
            (accepted, right, left) = (centre, found, left / 2.0);
        }
    }
    (left >= 0.0).then_some(rejected)
}

/// Logarithm of the evidence that the centre is larger than `centre`: the mean over all λ and c of the products of
/// 1 + c · tanh(λy), with y = x − centre. For c = 1 the factor is 2 / (1 + e), with e = exp(−2λy), and for c = ½ it is
/// (1.5 + e / 2) / (1 + e).
fn log_evidence(values: &[f64], centre: f64) -> f64 {
    let of_factor = |exponent: i32| {
        let twice = 2.0 * 2.0_f64.powi(exponent);
        let (mut whole, mut half) = (Product::default(), Product::default());
        for x in values {
            let power = -twice * (x - centre);
            if power > LARGE {
                whole.log += LN_2 - power;
                half.multiply(0.5);
            } else {
                let e = power.exp();
                whole.multiply(2.0 / (1.0 + e));
                half.multiply((1.5 + 0.5 * e) / (1.0 + e));
            }
        }
        [whole.log(), half.log()]
    };
    let logs: Vec<f64> = EXPONENTS.flat_map(of_factor).collect();
    let largest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mean = logs.iter().map(|log| (log - largest).exp()).sum::<f64>() / logs.len() as f64;
    largest + mean.ln()
}

/// A product of many factors. Takes a logarithm only now and then, which saves most of the time.
struct Product {
    log: f64,
    product: f64,
}

impl Default for Product {
    fn default() -> Self {
        Self { log: 0.0, product: 1.0 }
    }
}

impl Product {
    fn multiply(&mut self, factor: f64) {
        self.product *= factor;
        if !(TINY..HUGE).contains(&self.product) {
            self.log += self.product.ln();
            self.product = 1.0;
        }
    }

    fn log(&self) -> f64 {
        self.log + self.product.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;
    use crate::domain::testing::reference;

    #[test]
    fn intervals_are_those_that_scipy_computes() {
        let cases = &reference()["centre_intervals"];
        for case in cases.as_array().unwrap() {
            let values: Vec<f64> = case["values"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            let found = centre_interval(&values, case["alpha"].as_f64().unwrap());
            let wanted = case["interval"].as_array().map(|ends| (ends[0].as_f64().unwrap(), ends[1].as_f64().unwrap()));
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert!((found.0 - wanted.0).abs() < 1e-6 && (found.1 - wanted.1).abs() < 1e-6, "{found:?} {case}");
                }
                (found, wanted) => assert_eq!(found, wanted, "{case}"),
            }
        }
        assert!(cases.as_array().unwrap().len() >= 8);
    }

    #[test]
    fn shifted_and_mirrored_values_shift_and_mirror_the_interval() {
        let values: Vec<f64> = (0..30).map(|i| 0.01 * f64::from((i * 7) % 13)).collect();
        let (low, high) = centre_interval(&values, 0.05).unwrap();
        let shifted: Vec<f64> = values.iter().map(|x| x + 3.0).collect();
        let mirrored: Vec<f64> = values.iter().map(|x| -x).collect();
        let is_near = |a: (f64, f64), b: (f64, f64)| (a.0 - b.0).abs() < 1e-6 && (a.1 - b.1).abs() < 1e-6;
        assert!(is_near(centre_interval(&shifted, 0.05).unwrap(), (low + 3.0, high + 3.0)));
        assert!(is_near(centre_interval(&mirrored, 0.05).unwrap(), (-high, -low)));
        assert_eq!(centre_interval(&values[..6], 0.05), None);
        assert_eq!(centre_interval(&[f64::NAN; 30], 0.05), None);
    }

    /// Number of 200 sequences of 120 differences that reject their centre, zero, at any look.
    fn misses(mut draw: impl FnMut(&mut Random) -> f64) -> usize {
        let threshold = (2.0_f64 / 0.05).ln();
        let miss = |sequence: &u64| {
            let mut random = Random::for_index(31, *sequence);
            let values: Vec<f64> = (0..120).map(|_| draw(&mut random) - draw(&mut random)).collect();
            let mirrored: Vec<f64> = values.iter().map(|x| -x).collect();
            let mut looks = (6..=120).step_by(6);
            looks.any(|n| log_evidence(&values[..n], 0.0).max(log_evidence(&mirrored[..n], 0.0)) >= threshold)
        };
        (0..200).filter(miss).count()
    }

    #[test]
    fn however_often_one_looks_at_most_five_percent_of_the_sequences_miss() {
        // 5% of 200 are 10; the draws are fixed.
        let lognormal = misses(|random| 0.5 * random.normal());
        let exponential = misses(|random| -random.unit().ln());
        // Without a mean: the ratio of two normal numbers.
        let cauchy = misses(|random| random.normal() / random.normal());
        let rare_stall = misses(|random| if random.unit() < 0.05 { 3.0 } else { 0.01 * random.normal() });
        for (name, missed) in
            [("lognormal", lognormal), ("exp", exponential), ("cauchy", cauchy), ("stall", rare_stall)]
        {
            assert!(missed <= 10, "{name}: {missed}");
        }
    }
}
