//! Test for a trend over repeated measurements: the exact test of Mann and Kendall, with the slope of Theil and Sen.

use super::statistics::median;

/// Minimum number of values: with four, even a steady rise has a p-value of 8.3%.
pub const MIN_VALUES: usize = 5;

/// Trend of values in the order of their measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// Change from one value to the next: the median of the slopes between all pairs (P. K. Sen, J. Am. Stat. Assoc. 63
    /// (1968), 1379).
    pub slope: f64,
    /// Probability of an order that rises or falls at least as steadily if no trend exists, two-sided.
    pub p_value: f64,
}

/// Tests values for a trend (H. B. Mann, Econometrica 13 (1945), 245; M. G. Kendall, Biometrika 30 (1938), 81). Needs no
/// normal distribution, only that the values could have come in any order. Equal values count as neither rise nor fall,
/// which makes the test conservative. `None` below [`MIN_VALUES`].
pub fn trend(values: &[f64]) -> Option<Trend> {
    let n = values.len();
    if n < MIN_VALUES || values.iter().any(|value| !value.is_finite()) {
        return None;
    }
    let pairs = || (0..n).flat_map(|j| (0..j).map(move |i| (i, j)));
    let slope = median(pairs().map(|(i, j)| (values[j] - values[i]) / (j - i) as f64))?;
    let rises = pairs().filter(|&(i, j)| values[j] > values[i]).count();
    let falls = pairs().filter(|&(i, j)| values[j] < values[i]).count();
    // With s = rises − falls and m pairs, an order is at least as steady if its falls are at most (m − |s|) / 2.
    let most_falls = (n * (n - 1) / 2 - rises.abs_diff(falls)) / 2;
    let tail: f64 = falls_of_random_orders(n).iter().take(most_falls + 1).sum();
    Some(Trend { slope, p_value: (2.0 * tail).min(1.0) })
}

/// Probability of each number of falling pairs in a random order of `n` values, from 0 falling pairs on. The k-th value
/// adds 0 to k − 1 falling pairs, each equally likely.
fn falls_of_random_orders(n: usize) -> Vec<f64> {
    let mut probabilities = vec![1.0];
    for k in 2..=n {
        let mut next = vec![0.0; probabilities.len() + k - 1];
        for (falls, probability) in probabilities.iter().enumerate() {
            next.iter_mut().skip(falls).take(k).for_each(|sum| *sum += probability / k as f64);
        }
        probabilities = next;
    }
    probabilities
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::Random;
    use crate::domain::testing::{numbers, reference};

    #[test]
    fn trends_match_those_of_scipy() {
        let reference = reference();
        for row in reference["trend"].as_array().unwrap() {
            let own = trend(&numbers(&row["values"])).unwrap();
            assert!((own.p_value - row["p_value"].as_f64().unwrap()).abs() < 1e-10, "{row} {own:?}");
            assert!((own.slope - row["slope"].as_f64().unwrap()).abs() < 1e-10, "{row} {own:?}");
        }
    }

    #[test]
    fn five_values_that_only_rise_or_fall_are_a_trend() {
        let rise = trend(&[1.0, 2.0, 4.0, 8.0, 16.0]).unwrap();
        let fall = trend(&[16.0, 8.0, 4.0, 2.0, 1.0]).unwrap();
        for found in [rise, fall] {
            assert!((found.p_value - 2.0 / 120.0).abs() < 1e-12, "{found:?}");
        }
        assert!(rise.slope > 0.0 && fall.slope < 0.0);
    }

    #[test]
    fn equal_values_and_too_few_values_show_no_trend() {
        assert!(trend(&[3.0; 8]).unwrap().p_value > 0.99);
        assert_eq!((trend(&[1.0, 2.0, 3.0, 4.0]), trend(&[])), (None, None));
        assert_eq!(trend(&[1.0, f64::NAN, 3.0, 4.0, 5.0]), None);
    }

    #[test]
    fn random_orders_show_a_trend_in_at_most_5_of_100_cases() {
        let shows_trend = |seed: u64| {
            let mut random = Random::for_index(3, seed);
            trend(&[(); 10].map(|()| random.normal())).unwrap().p_value < 0.05
        };
        // At most 50 expected, with a standard deviation of 7.
        let found = (0..1000).filter(|seed| shows_trend(*seed)).count();
        assert!(found <= 71, "{found}");
    }
}
