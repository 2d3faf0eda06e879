//! Stored form of arrivals: nanoseconds between arrivals, and run lengths of their flags.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Arrival, TextKind};
use crate::domain::time::Nanos;

/// Arrivals stored column by column, without loss: reading returns the same nanoseconds.
#[derive(Default, Serialize, Deserialize)]
struct ArrivalColumns {
    /// Time from the start of the run to the first arrival, then from each arrival to the next, nanoseconds.
    ns: Vec<i64>,
    /// Lengths of the runs of equal kinds: number of reasoning events, then of answer events, then of reasoning events
    /// again, …
    kinds: Vec<usize>,
    /// Lengths of the runs of equal flags: number of events that begin a socket read, then of events that share the
    /// read of the event before, …
    coalesced: Vec<usize>,
}

pub(super) fn serialize<S: Serializer>(arrivals: &[Arrival], serializer: S) -> Result<S::Ok, S::Error> {
    let mut previous = 0_u64;
    let delta = |a: &Arrival| {
        let delta = a.at.0.wrapping_sub(previous).cast_signed();
        previous = a.at.0;
        delta
    };
    let columns = ArrivalColumns {
        ns: arrivals.iter().map(delta).collect(),
        kinds: runs(arrivals.iter().map(|a| a.kind == TextKind::Answer)),
        coalesced: runs(arrivals.iter().map(|a| a.coalesced)),
    };
    columns.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arrival>, D::Error> {
    let columns = ArrivalColumns::deserialize(deserializer)?;
    let count = columns.ns.len();
    let length_mismatch = || de::Error::custom("the columns of the arrivals have different lengths");
    let is_answer = flags(&columns.kinds, count).ok_or_else(length_mismatch)?;
    let is_coalesced = flags(&columns.coalesced, count).ok_or_else(length_mismatch)?;
    let mut at = 0_u64;
    let arrival = |((delta, answer), coalesced): ((i64, bool), bool)| {
        at = at.wrapping_add(delta.cast_unsigned());
        let kind = if answer { TextKind::Answer } else { TextKind::Reasoning };
        Arrival { at: Nanos(at), kind, coalesced }
    };
    Ok(columns.ns.into_iter().zip(is_answer).zip(is_coalesced).map(arrival).collect())
}

/// Lengths of the runs of equal flags, starting with `false`.
fn runs(flags: impl Iterator<Item = bool>) -> Vec<usize> {
    let (mut runs, mut current) = (Vec::new(), false);
    for flag in flags {
        if runs.is_empty() || flag != current {
            if runs.is_empty() && flag {
                runs.push(0);
            }
            runs.push(0);
            current = flag;
        }
        if let Some(last) = runs.last_mut() {
            *last += 1;
        }
    }
    runs
}

/// Inverse of [`runs`]; `None` unless the lengths add up to `count`, which bounds the memory used.
fn flags(runs: &[usize], count: usize) -> Option<Vec<bool>> {
    let mut flags = Vec::with_capacity(count);
    for (i, length) in runs.iter().enumerate() {
        if *length > count - flags.len() {
            return None;
        }
        flags.resize(flags.len() + length, i % 2 == 1);
    }
    (flags.len() == count).then_some(flags)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn run_lengths_alternate_starting_with_false() {
        assert_eq!(runs([false, false, true, false].into_iter()), [2, 1, 1]);
        assert_eq!(runs([true, true].into_iter()), [0, 2]);
        assert_eq!(runs(std::iter::empty()), [0; 0]);
        assert_eq!(flags(&[2, 1], 4), None);
        assert_eq!(flags(&[2, usize::MAX], 4), None);
    }

    proptest! {
        #[test]
        fn run_lengths_round_trip(original in prop::collection::vec(any::<bool>(), 0..50)) {
            prop_assert_eq!(flags(&runs(original.iter().copied()), original.len()), Some(original));
        }
    }
}
