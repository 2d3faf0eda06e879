//! Ids of runs: `ts-`, the start in hexadecimal microseconds and, for a shard, its number.

use std::cmp::Ordering;

/// Prefix of all ids. Users may omit it.
pub const PREFIX: &str = "ts-";

/// Compares two ids by the start of their runs, newest first. A longer time is a later one.
pub fn newest_first(a: &str, b: &str) -> Ordering {
    let time = |id: &str| id.rfind('-').filter(|at| *at >= PREFIX.len()).unwrap_or(id.len());
    time(b).cmp(&time(a)).then_with(|| b.cmp(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_among_the_other_runs_in_the_order_of_their_starts() {
        let mut ids = ["ts-9f", "ts-1a0-12", "ts-1a1", "ts-1a0-3", "ts-1a0", "ts-ff-1"];
        ids.sort_by(|a, b| newest_first(a, b));
        assert_eq!(ids, ["ts-1a1", "ts-1a0-3", "ts-1a0-12", "ts-1a0", "ts-ff-1", "ts-9f"]);
    }
}
