//! Division of a run among several processes that do not talk to each other. Each process computes its own part from its
//! number alone, and the parts add up to the whole run.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::random::mix;

/// Maximum number of shards: more processes than any cluster starts for one benchmark.
pub const MAX_SHARDS: u64 = 65_536;

/// One of several processes that share a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Number of this shard, from 0.
    pub index: u64,
    /// Number of shards.
    pub count: u64,
}

/// Reason why a text is not a shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidShard {
    /// The text does not have the form `i/N`.
    #[error("write it as i/N with numbers from 0, like 0/4 for the first of four shards")]
    NoPair,
    /// The shard does not exist.
    #[error("shards are numbered from 0, so the last of {0} is {last}/{0}", last = .0 - 1)]
    NoSuchShard(u64),
    /// The number of shards is 0 or too large.
    #[error("the number of shards is between 1 and {MAX_SHARDS}")]
    BadCount,
}

impl Shard {
    /// The only shard of a run that is not divided.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Creates shard `index` of `count`.
    ///
    /// # Errors
    ///
    /// If the number of shards is not between 1 and [`MAX_SHARDS`], or this shard does not exist.
    pub const fn new(index: u64, count: u64) -> Result<Self, InvalidShard> {
        match () {
            () if count == 0 || count > MAX_SHARDS => Err(InvalidShard::BadCount),
            () if index >= count => Err(InvalidShard::NoSuchShard(count)),
            () => Ok(Self { index, count }),
        }
    }

    /// Whether the run is not divided.
    pub const fn is_whole(self) -> bool {
        self.count == 1
    }

    /// This shard's part of `total`: the quotient, and one more for as many of the first shards as remain.
    pub const fn part_of(self, total: u64) -> u64 {
        total / self.count + (self.index < total % self.count) as u64
    }

    /// Sum of the parts of `total` that the shards before this one have.
    pub const fn parts_before(self, total: u64) -> u64 {
        let remainder = total % self.count;
        let extra = if self.index < remainder { self.index } else { remainder };
        total / self.count * self.index + extra
    }

    /// This shard's part of the attempts of a case. The shard that gets one more moves on from case to case, so that
    /// many cases with one attempt each are divided evenly.
    pub const fn attempts_of_case(self, case: usize, attempts: u32) -> u32 {
        let turned = (self.index + self.count - case as u64 % self.count) % self.count;
        Self { index: turned, ..self }.part_of(attempts as u64) as u32
    }

    /// Returns whether this shard sends a row, if the rows go to the shards in turn.
    pub const fn has_row(self, row: u32) -> bool {
        row as u64 % self.count == self.index
    }

    /// Seed for random numbers that must differ between the shards. The whole run and the first shard keep `seed`.
    pub const fn seed(self, seed: u64) -> u64 {
        if self.index == 0 { seed } else { seed ^ mix(self.index) }
    }
}

impl FromStr for Shard {
    type Err = InvalidShard;

    fn from_str(text: &str) -> Result<Self, InvalidShard> {
        let (index, count) = text.split_once('/').ok_or(InvalidShard::NoPair)?;
        let number = |digits: &str| digits.trim().parse::<u64>().map_err(|_not_a_number| InvalidShard::NoPair);
        Self::new(number(index)?, number(count)?)
    }
}

/// Writes `0/4`, as `--shard` reads it.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shards(count: u64) -> impl Iterator<Item = Shard> {
        (0..count).map(move |index| Shard { index, count })
    }

    #[test]
    fn a_shard_is_read_as_it_is_written() {
        let shard: Shard = "3/4".parse().unwrap();
        assert_eq!((shard, shard.to_string()), (Shard { index: 3, count: 4 }, "3/4".to_owned()));
        let why = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert_eq!(why("4/4"), "shards are numbered from 0, so the last of 4 is 3/4");
        assert!(why("0/0").contains("between 1 and 65536") && why("0/65537").contains("between 1 and 65536"));
        for text in ["", "4", "1/", "/4", "-1/4", "1/4/4", "a/b", "1.5/4"] {
            assert!(why(text).starts_with("write it as i/N"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_and_differ_by_one_at_most(total in 0_u64..1_000_000, count in 1_u64..500) {
            let parts: Vec<u64> = shards(count).map(|shard| shard.part_of(total)).collect();
            prop_assert_eq!(parts.iter().sum::<u64>(), total);
            prop_assert!(parts.is_sorted_by(|a, b| a >= b) && parts[0] - parts[parts.len() - 1] <= 1);
            let before = shards(count).map(|shard| shard.parts_before(total));
            let expected = parts.iter().scan(0, |sum, part| { *sum += part; Some(*sum - part) });
            prop_assert!(before.eq(expected));
        }

        #[test]
        fn the_attempts_of_each_case_add_up(attempts in 0_u32..1000, cases in 1_usize..60, count in 1_u64..60) {
            for case in 0..cases {
                let sum: u32 = shards(count).map(|shard| shard.attempts_of_case(case, attempts)).sum();
                prop_assert_eq!(sum, attempts);
            }
            // Cases in a full turn of the shards give all shards the same.
            let turns = cases / count as usize * count as usize;
            let of_shard = |shard: Shard| (0..turns).map(|case| shard.attempts_of_case(case, attempts)).sum::<u32>();
            let sums: Vec<u32> = shards(count).map(of_shard).collect();
            prop_assert!(sums.iter().all(|sum| *sum == sums[0]), "{:?}", sums);
        }
    }
}
