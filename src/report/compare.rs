//! Compares two runs.

mod document;
mod pair;
mod row;
mod side;
mod text;
mod verdict;

use std::sync::LazyLock;

pub use self::document::{json, markdown};
use self::pair::{Pair, pairs};
pub use self::row::{Judgement, Row};
pub use self::side::{Case, ComparedRun, Figure, Figures, Measured, Plan, Stage, ascending};
pub use self::text::{NO_VERDICT, about, cells, says_something, text, throughput};
pub use self::verdict::verdict;
use crate::domain::metrics::{METRICS, Metric};

/// A metric that is compared.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Row in the table of metrics.
    pub metric: &'static Metric,
    /// Heading with the unit.
    pub label: &'static str,
    /// Decimal places.
    pub digits: usize,
}

/// All metrics that are compared, in the order of their rank.
pub static COMPARED: LazyLock<Vec<Compared>> = LazyLock::new(|| {
    let mut all: Vec<_> = METRICS.iter().filter_map(|m| Some((*m, m.compared.as_ref()?))).collect();
    all.sort_by_key(|(_, shown)| shown.rank);
    all.into_iter().map(|(metric, shown)| Compared { metric, label: shown.label, digits: shown.digits }).collect()
});

/// A metric of both runs: its cases, those of A first, then all of them; of two sweeps so for each stage.
#[derive(Debug)]
pub struct Block {
    /// Metric of all its rows.
    pub compared: Compared,
    /// At least one.
    pub rows: Vec<Row>,
}

/// Two runs side by side.
#[derive(Debug)]
pub struct Comparison {
    /// The first: the base of the differences.
    pub a: ComparedRun,
    /// The second.
    pub b: ComparedRun,
    /// The rows stand for single concurrencies, each of which both have.
    pub is_by_stage: bool,
    /// A metric each; what neither has is left out.
    pub blocks: Vec<Block>,
    /// What makes the two less than comparable, for people.
    pub warnings: Vec<String>,
}

impl Comparison {
    /// Of two runs: where one is a sweep, stage by stage if both have one at the same concurrency.
    pub fn new(a: ComparedRun, b: ComparedRun) -> Self {
        let pairs = pairs(&a, &b);
        let block = |(place, &compared): (usize, &Compared)| {
            let rows: Vec<Row> = pairs.iter().flat_map(|pair| rows(pair, place)).collect();
            rows.iter().any(|r| r.a.is_some() || r.b.is_some()).then_some(Block { compared, rows })
        };
        let blocks = COMPARED.iter().enumerate().filter_map(block).collect();
        let warnings = warnings(&a, &b, &pairs);
        let is_by_stage = pairs.iter().any(|pair| pair.concurrency.is_some());
        Self { a, b, is_by_stage, blocks, warnings }
    }
}

/// The cases of both, then all of them.
fn rows(pair: &Pair<'_>, place: usize) -> Vec<Row> {
    let &Pair { concurrency, a, b } = pair;
    let names = a.cases.iter().map(|c| &c.name);
    let only_b = b.cases.iter().map(|c| &c.name).filter(|n| !a.cases.iter().any(|c| c.name == **n));
    let names: Vec<&String> = names.chain(only_b).collect();
    let figure = |figures: &Figures| figures.get(place).copied().flatten();
    let of_case =
        |side: &Measured, name: &str| side.cases.iter().find(|c| c.name == name).and_then(|c| figure(&c.figures));
    let case = |name: &&String| Row {
        concurrency,
        case: Some((*name).clone()),
        a: of_case(a, name),
        b: of_case(b, name),
        is_of_same: true,
    };
    // A case that failed in one of them is missing there.
    let is_of_same = names.iter().all(|name| of_case(a, name).is_some() == of_case(b, name).is_some());
    let whole = Row { concurrency, case: None, a: figure(&a.total), b: figure(&b.total), is_of_same };
    names.iter().map(case).chain([whole]).collect()
}

/// What is different beside the figures.
fn warnings(a: &ComparedRun, b: &ComparedRun, pairs: &[Pair<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    for (side, letter) in [(a, 'A'), (b, 'B')] {
        if side.simulated {
            out.push(format!("{letter} is SIMULATED: its figures come from the built-in simulator, not from a model"));
        }
        if side.partial {
            out.push(format!("{letter} is partial: not all that was asked for was measured"));
        }
        let mut notes = side.notes.clone();
        for pair in pairs {
            let measured = if letter == 'A' { pair.a } else { pair.b };
            let of_pair = measured.cache_note().into_iter().chain(measured.unresolved_note());
            notes.extend(of_pair.map(|note| format!("{}{note}", pair.prefix())));
        }
        out.extend(notes.iter().map(|note| format!("{letter}: {note}")));
    }
    out.extend(pair::warnings(a, b));
    let words = |what: &str, a: &Option<String>, b: &Option<String>| {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        (a != b).then(|| format!("the {what} differs: '{a}' and '{b}'"))
    };
    out.extend(words("model", &a.model, &b.model));
    out.extend(words("suite", &a.suite, &b.suite));
    let missing = |from: &ComparedRun, other: &ComparedRun| {
        from.whole.cases.iter().filter(|c| !other.whole.cases.iter().any(|o| o.name == c.name)).count()
    };
    match (missing(a, b), missing(b, a)) {
        (0, 0) => {}
        (of_a, of_b) => out.push(format!(
            "the cases differ: {of_a} only in A, {of_b} only in B; the rows of all cases rest on different ones"
        )),
    }
    out.extend(pairs.iter().filter_map(|pair| Some(format!("{}{}", pair.prefix(), pair.one_sided()?))));
    if let Some((a, b)) = a.plan.zip(b.plan) {
        let number = |n: Option<u64>| n.map_or_else(|| "no limit".to_owned(), |n| n.to_string());
        let seconds = |n: Option<f64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let cache = |warm| if warm { "as they are" } else { "made unique" }.to_owned();
        let at_once = |plan: Plan| {
            let is_told = pairs.iter().any(|pair| pair.concurrency.is_some());
            if is_told { String::new() } else { number(plan.concurrency) }
        };
        for (what, a, b) in [
            ("concurrency", at_once(a), at_once(b)),
            ("rate, requests per second,", seconds(a.rate), seconds(b.rate)),
            ("duration, seconds,", seconds(a.duration_s), seconds(b.duration_s)),
            ("way the prompts went out", cache(a.warm), cache(b.warm)),
        ] {
            if a != b {
                out.push(format!("the {what} differs: {a} and {b}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests;
