//! Formats lists of attempts, and means with maxima.

use std::ops::RangeInclusive;

use crate::domain::quantity::plural;

/// Maximum number of ranges of consecutive numbers to list. Further numbers are only counted.
const MOST_RUNS: usize = 8;

/// Lists attempts: `attempt 3` or `attempts 1, 2, 5 to 750`. Numbers beyond the first ranges are only counted.
pub fn attempts(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut runs: Vec<RangeInclusive<u32>> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(number) => *last = *last.start()..=number,
            _ => runs.push(number..=number),
        }
    }
    let ends = |run: &RangeInclusive<u32>| match (*run.start(), *run.end()) {
        (one, other) if one == other => one.to_string(),
        (one, other) if other == one + 1 => format!("{one}, {other}"),
        (one, other) => format!("{one} to {other}"),
    };
    let count = |runs: &[RangeInclusive<u32>]| runs.iter().map(|r| r.clone().count()).sum::<usize>();
    let (first, others) = runs.split_at(runs.len().min(MOST_RUNS));
    let words = first.iter().map(ends).collect::<Vec<_>>().join(", ");
    let noun = plural(count(&runs), "attempt");
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", count(others)) };
    format!("{noun} {words}{more}")
}

/// Formats a mean and a maximum: `0.1% on average, 0.4% at most`. Both have the same number of decimals, so that the
/// mean never looks larger. Values under 10 have one decimal.
pub fn mean_and_max(mean: f64, max: f64, unit: &str) -> String {
    let digits = usize::from(max < 10.0);
    format!("{mean:.digits$}{unit} on average, {max:.digits$}{unit} at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_never_looks_larger_than_its_maximum() {
        assert_eq!(mean_and_max(0.1, 0.4, "%"), "0.1% on average, 0.4% at most");
        assert_eq!(mean_and_max(0.1, 0.1, ""), "0.1 on average, 0.1 at most");
        assert_eq!(mean_and_max(12.4, 97.6, "%"), "12% on average, 98% at most");
        assert_eq!(mean_and_max(9.96, 9.99, " W"), "10.0 W on average, 10.0 W at most");
        for (mean, max) in (0..2000).map(|i| f64::from(i) / 100.0).map(|max| (max * 0.999, max)) {
            let shown = mean_and_max(mean, max, "");
            let figure = |text: &str| text.trim().split(' ').next().unwrap().parse::<f64>().unwrap();
            let (mean, max) = shown.split_once(',').unwrap();
            assert!(figure(mean) <= figure(max), "{shown}");
        }
    }

    #[test]
    fn consecutive_numbers_become_ranges() {
        assert_eq!(attempts([3]), "attempt 3");
        assert_eq!(attempts([1, 2]), "attempts 1, 2");
        assert_eq!(attempts([1, 3, 4, 5, 9]), "attempts 1, 3 to 5, 9");
        assert_eq!(attempts(1..=750), "attempts 1 to 750");
        assert_eq!(attempts((1..=20).map(|n| n * 2)), "attempts 2, 4, 6, 8, 10, 12, 14, 16 and 12 more");
        assert_eq!(attempts([u32::MAX]), "attempt 4294967295");
    }
}
