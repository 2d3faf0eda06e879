//! Pairs measurements for a comparison: two whole runs, or two stages at the same concurrency.

use super::{Case, ComparedRun, Measured};

/// Measurements of two runs to compare.
#[derive(Debug)]
pub struct Pair<'a> {
    /// Concurrency of both stages; `None` for whole runs.
    pub concurrency: Option<u64>,
    pub a: &'a Measured,
    pub b: &'a Measured,
    /// Throughput of each run, tok/s.
    pub throughput: [Option<f64>; 2],
}

impl Pair<'_> {
    /// Returns the start of a note about this pair, such as its concurrency; empty for whole runs.
    pub fn prefix(&self) -> String {
        self.concurrency.map_or_else(String::new, |n| format!("concurrency {n}: "))
    }

    /// Names cases of both suites that only one of the two measurements has.
    pub fn one_sided(&self) -> Option<String> {
        let is_measured = |case: &Case| case.figures.iter().any(Option::is_some);
        let of_b = self.b.by_name();
        let in_b = |case: &&Case| {
            let other = of_b.get(case.name.as_str());
            other.is_some_and(|other| is_measured(case) != is_measured(other))
        };
        let names: Vec<String> = self.a.cases.iter().filter(in_b).map(|case| format!("'{}'", case.name)).collect();
        let (were, first) = (if names.len() == 1 { "was" } else { "were" }, names.first()?);
        let more = if names.len() > 1 { format!(" and {} more", names.len() - 1) } else { String::new() };
        Some(format!("{first}{more} {were} measured in only one run, so the row of all cases is not judged"))
    }
}

/// One concurrency of a run: its measurements and throughput.
type Level<'a> = (u64, &'a Measured, Option<f64>);

/// Returns the concurrencies that a run has separate figures for: the stages of a sweep, or the single one of a closed
/// loop.
fn levels(side: &ComparedRun) -> Vec<Level<'_>> {
    if side.is_sweep {
        return side.stages.iter().map(|stage| (stage.concurrency, &stage.measured, stage.throughput)).collect();
    }
    let closed = side.plan.filter(|plan| plan.rate.is_none());
    closed.and_then(|plan| plan.concurrency).map(|n| (n, &side.whole, side.throughput)).into_iter().collect()
}

/// Returns a pair for each concurrency that both runs measured if either is a sweep; otherwise one pair of whole runs.
pub fn pairs<'a>(a: &'a ComparedRun, b: &'a ComparedRun) -> Vec<Pair<'a>> {
    let mut out = Vec::new();
    if a.is_sweep || b.is_sweep {
        let of_b = levels(b);
        for (concurrency, a, throughput) in levels(a) {
            let found = of_b.iter().find(|(n, ..)| *n == concurrency);
            out.extend(found.map(|(_, b, other)| Pair {
                concurrency: Some(concurrency),
                a,
                b,
                throughput: [throughput, *other],
            }));
        }
    }
    if out.is_empty() {
        out.push(Pair { concurrency: None, a: &a.whole, b: &b.whole, throughput: [a.throughput, b.throughput] });
    }
    out
}

/// Names concurrencies that only one run measured. If no stage can be compared, explains which figures of a sweep are
/// used.
pub fn warnings(a: &ComparedRun, b: &ComparedRun) -> Vec<String> {
    if !a.is_sweep && !b.is_sweep {
        return Vec::new();
    }
    let (of_a, of_b) = (levels(a), levels(b));
    if of_a.iter().any(|(n, ..)| of_b.iter().any(|(m, ..)| m == n)) {
        let alone = |letter: char, own: &[Level<'_>], other: &[Level<'_>]| {
            let alone = own.iter().filter(|(n, ..)| !other.iter().any(|(m, ..)| m == n));
            let alone: Vec<String> = alone.map(|(n, ..)| n.to_string()).collect();
            let warning =
                || format!("not compared, because only {letter} has answers there: concurrency {}", alone.join(", "));
            (!alone.is_empty()).then(warning)
        };
        return [alone('A', &of_a, &of_b), alone('B', &of_b, &of_a)].into_iter().flatten().collect();
    }
    let mut out = Vec::new();
    for (letter, side) in [('A', a), ('B', b)].into_iter().filter(|(_, side)| side.is_sweep && side.whole.answers > 0) {
        out.push(match side.stage.filter(|_| !side.stages.is_empty()) {
            Some(n) => {
                let others = if side.stages.len() > 1 { "; no other stage is compared" } else { "" };
                format!("{letter} is a sweep: its figures are those of its best stage, concurrency {n}{others}")
            }
            None => {
                format!("{letter} is a sweep whose attempts do not name their stages: its figures cover all stages")
            }
        });
    }
    out
}
