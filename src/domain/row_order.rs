//! Order in which a run sends the rows of a data set: in file order, shuffled, or drawn with replacement. Shards of a
//! run divide the rows among them without communication.
//!
//! [`RowOrder::row_at`] computes each row from its position alone, so a shuffled order of a billion rows takes no
//! memory, and a resumed run continues where it stopped.

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use super::random::mix;
use super::shard::Shard;

/// Rounds of the Feistel network. Four make it pseudo-random on large domains (Luby and Rackoff, 1988); data sets of a
/// few rows need more.
const ROUNDS: u64 = 10;
/// Increment of `SplitMix64` between two outputs.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
/// Separates the keys of draws with replacement from those of permutations.
const REPLACE_KEY: u64 = 0x5265_706c_6163_6521;

/// Order in which rows are chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sample {
    /// In file order, from the start again after the last row.
    #[default]
    Ordered,
    /// Each row once in random order, then each row once in another random order, and so on.
    Shuffled,
    /// Each row drawn at random from all rows, so that rows may repeat.
    Replace,
}

impl Sample {
    /// Returns the order with this name on the command line and in a suite; `None` if there is none.
    pub fn by_name(name: &str) -> Option<Self> {
        let known = [("ordered", Self::Ordered), ("shuffled", Self::Shuffled), ("replace", Self::Replace)];
        known.into_iter().find(|(known, _)| *known == name).map(|(_, sample)| sample)
    }
}

/// Reason why no order of rows can be created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowOrderError {
    /// There are no rows.
    #[error("the data set has no rows")]
    NoRows,
    /// The shard does not exist.
    #[error("shard {index} does not exist; of {count} shards, the first has the number 0")]
    NoSuchShard {
        /// Number of the shard.
        index: u64,
        /// Number of shards.
        count: u64,
    },
    /// Some shards would have no row.
    #[error("{count} shards cannot share {rows} rows; use at most {rows} shards")]
    TooManyShards {
        /// Number of shards.
        count: u64,
        /// Number of rows.
        rows: u64,
    },
}

/// Order of the rows that one shard sends.
///
/// Shards divide `Ordered` and `Shuffled` rows into contiguous blocks of the order, whose sizes differ by one at most.
/// Each pass of a shard covers its whole block; together, the same pass of all shards covers each row exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOrder {
    rows: u64,
    sample: Sample,
    seed: u64,
    shard: Shard,
    /// Number of positions of the order that the shards divide.
    divided: u64,
}

impl RowOrder {
    /// Creates the order of a shard's rows. All shards of a run must use the same rows, sample and seed.
    ///
    /// # Errors
    ///
    /// If there are no rows, if the shard does not exist, or if there are more shards than rows.
    pub const fn new(rows: u64, sample: Sample, seed: u64, shard: Shard) -> Result<Self, RowOrderError> {
        let Shard { index, count } = shard;
        if rows == 0 {
            return Err(RowOrderError::NoRows);
        }
        if index >= count {
            return Err(RowOrderError::NoSuchShard { index, count });
        }
        if count > rows {
            return Err(RowOrderError::TooManyShards { count, rows });
        }
        Ok(Self { rows, sample, seed, shard, divided: rows })
    }

    /// Divides only the first `count` positions of the order among the shards.
    ///
    /// # Errors
    ///
    /// With more shards than positions.
    pub const fn first(self, count: u64) -> Result<Self, RowOrderError> {
        let divided = if count < self.rows { count } else { self.rows };
        if self.shard.count > divided {
            return Err(RowOrderError::TooManyShards { count: self.shard.count, rows: divided });
        }
        Ok(Self { divided, ..self })
    }

    /// Number of requests after which this shard has sent each row of its block once.
    pub const fn rows_per_pass(&self) -> u64 {
        self.block_start(self.shard.index + 1) - self.block_start(self.shard.index)
    }

    /// Row of this shard's request number `k`, counted from 0.
    pub fn row_at(&self, k: u64) -> u64 {
        let per_pass = self.rows_per_pass();
        let position = self.block_start(self.shard.index) + k % per_pass;
        match self.sample {
            Sample::Ordered => position,
            Sample::Shuffled => permute(position, self.rows, key(self.seed, k / per_pass)),
            Sample::Replace => draw(k, self.rows, key(self.seed ^ REPLACE_KEY, self.shard.index)),
        }
    }

    /// First position of a shard's block.
    const fn block_start(&self, shard: u64) -> u64 {
        Shard { index: shard, ..self.shard }.parts_before(self.divided)
    }
}

/// Derives the key of a stream of random numbers, such as a pass or a shard, from the seed.
const fn key(seed: u64, stream: u64) -> u64 {
    mix(mix(seed.wrapping_add(STEP)) ^ mix(stream.wrapping_add(STEP).wrapping_mul(STEP)))
}

/// Draws number `k` of a random sequence, below `rows`, by multiplication instead of a remainder (Lemire, 2019, "Fast
/// Random Integer Generation in an Interval"). The bias of the result is at most `rows` in 2^64.
const fn draw(k: u64, rows: u64, key: u64) -> u64 {
    let random = mix(key.wrapping_add(k.wrapping_add(1).wrapping_mul(STEP)));
    ((random as u128 * rows as u128) >> 64) as u64
}

/// Returns the number at `position` of a pseudo-random permutation of the numbers below `rows`.
///
/// A balanced Feistel network permutes the smallest power of four that has room for `rows`. Results beyond `rows` go
/// through the network again (cycle walking), on average at most three times. Both methods are described in Black and
/// Rogaway, 2002, "Ciphers with Arbitrary Finite Domains".
fn permute(position: u64, rows: u64, key: u64) -> u64 {
    let bits = u64::BITS - (rows - 1).leading_zeros();
    let half = bits.div_ceil(2).max(1);
    let mut number = position;
    loop {
        number = feistel(number, half, key);
        if number < rows {
            return number;
        }
    }
}

/// Permutes the numbers of `2 * half` bits.
const fn feistel(number: u64, half: u32, key: u64) -> u64 {
    let mask = (1_u64 << half) - 1;
    let (mut left, mut right) = (number >> half, number & mask);
    let mut round = 0;
    while round < ROUNDS {
        let round_key = mix(key.wrapping_add((round + 1).wrapping_mul(STEP)));
        let scrambled = mix(right.wrapping_add(round_key));
        (left, right) = (right, left ^ (scrambled & mask));
        round += 1;
    }
    (left << half) | right
}
