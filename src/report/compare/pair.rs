//! What of two runs is set against what: the runs as a whole, or what both measured at the same concurrency.

use super::{Measured, Side};

/// Two that are compared.
#[derive(Debug)]
pub struct Pair<'a> {
    /// Requests at once in both; `None`: the runs as a whole.
    pub concurrency: Option<u64>,
    pub a: &'a Measured,
    pub b: &'a Measured,
}

impl Pair<'_> {
    /// What stands before a note on it.
    pub fn prefix(&self) -> String {
        self.concurrency.map_or_else(String::new, |n| format!("{n} at once: "))
    }
}

/// The concurrencies of which a side has figures by themselves: the stages of a sweep, else that of its closed loop.
fn levels(side: &Side) -> Vec<(u64, &Measured)> {
    if side.is_sweep {
        return side.stages.iter().map(|stage| (stage.concurrency, &stage.measured)).collect();
    }
    let closed = side.plan.filter(|plan| plan.rate.is_none());
    closed.and_then(|plan| plan.concurrency).map(|n| (n, &side.whole)).into_iter().collect()
}

/// One pair a concurrency that both have, if one of them is a sweep; else the two as a whole.
pub fn pairs<'a>(a: &'a Side, b: &'a Side) -> Vec<Pair<'a>> {
    let mut out = Vec::new();
    if a.is_sweep || b.is_sweep {
        let of_b = levels(b);
        for (concurrency, a) in levels(a) {
            let found = of_b.iter().find(|(n, _)| *n == concurrency);
            out.extend(found.map(|(_, b)| Pair { concurrency: Some(concurrency), a, b }));
        }
    }
    if out.is_empty() {
        out.push(Pair { concurrency: None, a: &a.whole, b: &b.whole });
    }
    out
}

/// The stages that stand alone, and what the figures of a sweep are of where none has its like.
pub fn warnings(a: &Side, b: &Side) -> Vec<String> {
    if !a.is_sweep && !b.is_sweep {
        return Vec::new();
    }
    let (of_a, of_b) = (levels(a), levels(b));
    let mut out = Vec::new();
    if !of_a.is_empty() && !of_b.is_empty() {
        for (letter, own, other) in [('A', &of_a, &of_b), ('B', &of_b, &of_a)] {
            let alone = own.iter().filter(|(n, _)| !other.iter().any(|(m, _)| m == n));
            let alone: Vec<String> = alone.map(|(n, _)| n.to_string()).collect();
            if !alone.is_empty() {
                out.push(format!("stages with answers only in {letter}, not compared: {} at once", alone.join(", ")));
            }
        }
    }
    if of_a.iter().any(|(n, _)| of_b.iter().any(|(m, _)| m == n)) {
        return out;
    }
    for (letter, side) in [('A', a), ('B', b)].into_iter().filter(|(_, side)| side.is_sweep && side.whole.answers > 0) {
        let last = side.plan.and_then(|plan| plan.concurrency).filter(|_| !side.stages.is_empty());
        out.push(match last {
            Some(n) => format!("{letter}: a sweep: its figures are those of its last stage, {n} at once"),
            None => format!(
                "{letter}: a sweep whose attempts name no stage: its figures are those of all its stages together"
            ),
        });
    }
    out
}
