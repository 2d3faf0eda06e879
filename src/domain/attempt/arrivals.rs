//! Arrivals as they are kept: nanoseconds from one to the next, and the lengths of runs that have something in common.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Arrival, TextKind};
use crate::domain::time::Nanos;

/// Exact: what was written is read again to the nanosecond.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    /// The first since the run's zero, then each since the one before.
    ns: Vec<i64>,
    /// So many of reasoning, then of the answer, then of reasoning again, …
    kinds: Vec<usize>,
    /// So many with a read of their own, then in the read before, …
    coalesced: Vec<usize>,
}

pub(super) fn serialize<S: Serializer>(arrivals: &[Arrival], serializer: S) -> Result<S::Ok, S::Error> {
    let mut before = 0_u64;
    let delta = |a: &Arrival| {
        let delta = a.at.0.wrapping_sub(before).cast_signed();
        before = a.at.0;
        delta
    };
    let kept = Kept {
        ns: arrivals.iter().map(delta).collect(),
        kinds: runs(arrivals.iter().map(|a| a.kind == TextKind::Answer)),
        coalesced: runs(arrivals.iter().map(|a| a.coalesced)),
    };
    kept.serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arrival>, D::Error> {
    let kept = Kept::deserialize(deserializer)?;
    let count = kept.ns.len();
    let unlike = || de::Error::custom("arrivals whose parts are of different lengths");
    let is_answer = flags(&kept.kinds, count).ok_or_else(unlike)?;
    let is_coalesced = flags(&kept.coalesced, count).ok_or_else(unlike)?;
    let mut at = 0_u64;
    let arrival = |((delta, answer), coalesced): ((i64, bool), bool)| {
        at = at.wrapping_add(delta.cast_unsigned());
        let kind = if answer { TextKind::Answer } else { TextKind::Reasoning };
        Arrival { at: Nanos(at), kind, coalesced }
    };
    Ok(kept.ns.into_iter().zip(is_answer).zip(is_coalesced).map(arrival).collect())
}

/// Lengths of the runs of `false`, `true`, `false`, … in turn.
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

/// What [`runs`] was made from; `None` unless there are exactly `count`: so much memory and no more.
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
    fn runs_are_lengths_in_turn() {
        assert_eq!(runs([false, false, true, false].into_iter()), [2, 1, 1]);
        assert_eq!(runs([true, true].into_iter()), [0, 2]);
        assert_eq!(runs(std::iter::empty()), [0; 0]);
        assert_eq!(flags(&[2, 1], 4), None);
        assert_eq!(flags(&[2, usize::MAX], 4), None);
    }

    proptest! {
        #[test]
        fn runs_and_back(wanted in prop::collection::vec(any::<bool>(), 0..50)) {
            prop_assert_eq!(flags(&runs(wanted.iter().copied()), wanted.len()), Some(wanted));
        }
    }
}
