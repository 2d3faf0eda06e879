//! Distribution of prompt lengths. Gives exact percentiles without keeping a figure per row.

use std::collections::BTreeMap;

use crate::domain::statistics::percentile_by;

/// Lengths below this limit have one counter each. Longer ones are rare, because a file has room for only a few.
const COUNTERS: usize = 1 << 16;

/// Number of prompts with each length, characters.
#[derive(Debug, Default)]
pub struct Lengths {
    short: Vec<u64>,
    long: BTreeMap<u64, u64>,
    total: usize,
}

impl Lengths {
    /// Adds a length.
    pub fn add(&mut self, length: u64) {
        self.total += 1;
        match usize::try_from(length).ok().filter(|at| *at < COUNTERS) {
            Some(at) => {
                if at >= self.short.len() {
                    self.short.resize(at + 1, 0);
                }
                if let Some(count) = self.short.get_mut(at) {
                    *count += 1;
                }
            }
            None => *self.long.entry(length).or_default() += 1,
        }
    }

    /// Returns the percentile `p`, 0 to 100, as [`percentile_by`] defines it; `None` if there are no lengths.
    pub fn percentile(&self, p: f64) -> Option<f64> {
        (self.total > 0).then(|| percentile_by(self.total, p, |rank| self.at(rank as u64) as f64))
    }

    /// Returns the length at this rank in ascending order. Ranks count from 0.
    fn at(&self, rank: u64) -> u64 {
        let short = self.short.iter().enumerate().map(|(length, count)| (length as u64, *count));
        let long = self.long.iter().map(|(length, count)| (*length, *count));
        let mut below = 0;
        for (length, count) in short.chain(long) {
            below += count;
            if rank < below {
                return length;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::statistics::percentile;

    proptest! {
        #[test]
        fn percentiles_are_those_of_the_sorted_lengths(
            lengths in prop::collection::vec(prop_oneof![0_u64..50, 65_000_u64..66_000, 0..1_u64 << 32], 1..80),
            p in 0.0..100.0,
        ) {
            let mut counted = Lengths::default();
            for length in &lengths {
                counted.add(*length);
            }
            let mut sorted: Vec<f64> = lengths.iter().map(|length| *length as f64).collect();
            sorted.sort_by(f64::total_cmp);
            prop_assert_eq!(counted.percentile(p), Some(percentile(&sorted, p)));
        }
    }

    #[test]
    fn without_lengths_there_is_no_percentile() {
        assert_eq!(Lengths::default().percentile(50.0), None);
    }
}
