//! What of two runs is set against what: the runs as a whole, or what both measured at the same concurrency.

use super::{Case, ComparedRun, Measured};

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

    /// Says which cases of both were measured in one of them alone.
    pub fn one_sided(&self) -> Option<String> {
        let is_measured = |case: &Case| case.figures.iter().any(Option::is_some);
        let in_b = |case: &&Case| {
            let other = self.b.cases.iter().find(|other| other.name == case.name);
            other.is_some_and(|other| is_measured(case) != is_measured(other))
        };
        let names: Vec<String> = self.a.cases.iter().filter(in_b).map(|case| format!("'{}'", case.name)).collect();
        let (were, first) = (if names.len() == 1 { "was" } else { "were" }, names.first()?);
        let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
        Some(format!("{first}{more} {were} measured in one of the runs only: the row of all cases is not judged"))
    }
}

/// Requests at once, and what they gave.
type Level<'a> = (u64, &'a Measured);

/// The concurrencies of which a side has figures by themselves: the stages of a sweep, else that of its closed loop.
fn levels(side: &ComparedRun) -> Vec<Level<'_>> {
    if side.is_sweep {
        return side.stages.iter().map(|stage| (stage.concurrency, &stage.measured)).collect();
    }
    let closed = side.plan.filter(|plan| plan.rate.is_none());
    closed.and_then(|plan| plan.concurrency).map(|n| (n, &side.whole)).into_iter().collect()
}

/// One pair a concurrency that both have, if one of them is a sweep; else the two as a whole.
pub fn pairs<'a>(a: &'a ComparedRun, b: &'a ComparedRun) -> Vec<Pair<'a>> {
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
pub fn warnings(a: &ComparedRun, b: &ComparedRun) -> Vec<String> {
    if !a.is_sweep && !b.is_sweep {
        return Vec::new();
    }
    let (of_a, of_b) = (levels(a), levels(b));
    if of_a.iter().any(|(n, _)| of_b.iter().any(|(m, _)| m == n)) {
        let alone = |letter: char, own: &[Level<'_>], other: &[Level<'_>]| {
            let alone = own.iter().filter(|(n, _)| !other.iter().any(|(m, _)| m == n));
            let alone: Vec<String> = alone.map(|(n, _)| n.to_string()).collect();
            let told = || format!("stages with answers only in {letter}, not compared: {} at once", alone.join(", "));
            (!alone.is_empty()).then(told)
        };
        return [alone('A', &of_a, &of_b), alone('B', &of_b, &of_a)].into_iter().flatten().collect();
    }
    let mut out = Vec::new();
    for (letter, side) in [('A', a), ('B', b)].into_iter().filter(|(_, side)| side.is_sweep && side.whole.answers > 0) {
        let last = side.plan.and_then(|plan| plan.concurrency).filter(|_| !side.stages.is_empty());
        out.push(match last {
            Some(n) => {
                let others = if side.stages.len() > 1 { "; no other is compared" } else { "" };
                format!("{letter}: a sweep: its figures are those of its last stage, {n} at once{others}")
            }
            None => format!(
                "{letter}: a sweep whose attempts name no stage: its figures are those of all its stages together"
            ),
        });
    }
    out
}
