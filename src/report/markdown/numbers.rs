//! Which attempts: their numbers in words.

use std::ops::RangeInclusive;

/// More runs of numbers than that are counted.
const MOST: usize = 8;

/// `attempt 3`, `attempts 1, 2, 5 to 750`; of many that do not follow one another the first, and how many more.
pub fn attempts(numbers: impl IntoIterator<Item = u32>) -> String {
    let mut runs: Vec<RangeInclusive<u32>> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(number) => *last = *last.start()..=number,
            _ => runs.push(number..=number),
        }
    }
    let told = |run: &RangeInclusive<u32>| match (*run.start(), *run.end()) {
        (one, other) if one == other => one.to_string(),
        (one, other) if other == one + 1 => format!("{one}, {other}"),
        (one, other) => format!("{one} to {other}"),
    };
    let count = |runs: &[RangeInclusive<u32>]| runs.iter().map(|r| r.clone().count()).sum::<usize>();
    let (first, others) = runs.split_at(runs.len().min(MOST));
    let words = first.iter().map(told).collect::<Vec<_>>().join(", ");
    let noun = if count(&runs) == 1 { "attempt" } else { "attempts" };
    let more = if others.is_empty() { String::new() } else { format!(" and {} more", count(others)) };
    format!("{noun} {words}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_follow_one_another_are_told_by_their_ends() {
        assert_eq!(attempts([3]), "attempt 3");
        assert_eq!(attempts([1, 2]), "attempts 1, 2");
        assert_eq!(attempts([1, 3, 4, 5, 9]), "attempts 1, 3 to 5, 9");
        assert_eq!(attempts(1..=750), "attempts 1 to 750");
        assert_eq!(attempts((1..=20).map(|n| n * 2)), "attempts 2, 4, 6, 8, 10, 12, 14, 16 and 12 more");
        assert_eq!(attempts([u32::MAX]), "attempt 4294967295");
    }
}
