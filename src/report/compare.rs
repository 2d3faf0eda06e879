//! Compares two runs.

mod document;
mod pair;
mod percentiles;
mod row;
mod side;
mod significance;
mod text;
mod verdict;

use std::collections::HashMap;
use std::sync::LazyLock;

pub use self::document::{json, markdown};
use self::pair::{Pair, pairs};
pub use self::percentiles::PercentileRow;
pub use self::row::{Judgement, Row};
pub use self::side::{
    Case, ComparedRun, ComparedWorkload, Figure, Figures, Measured, ModelSide, Plan, Stage, Turn, ascending, cluster,
    fingerprint_text,
};
pub use self::text::{NO_VERDICT, about, cells, percentile_cells, says_something, text, throughput};
pub use self::verdict::verdict;
use crate::domain::metrics::{METRICS, Metric};
use crate::domain::quantity::count;

/// A metric that is compared.
#[derive(Clone, Copy, Debug)]
pub struct Compared {
    /// Entry in the table of metrics.
    pub metric: &'static Metric,
    /// Heading of the table, with the unit.
    pub label: &'static str,
    /// Decimal places.
    pub digits: usize,
}

/// All compared metrics, in the order of their rank.
pub static COMPARED: LazyLock<Vec<Compared>> = LazyLock::new(|| {
    let mut all: Vec<_> = METRICS.iter().filter_map(|m| Some((*m, m.compared.as_ref()?))).collect();
    all.sort_by_key(|(_, shown)| shown.rank);
    all.into_iter().map(|(metric, shown)| Compared { metric, label: shown.label, digits: shown.digits }).collect()
});

/// Comparison of one metric: a row per case, those of run A first, then a row over all cases. If two sweeps are
/// compared, each stage has these rows.
#[derive(Debug)]
pub struct Block {
    /// Metric of all rows.
    pub compared: Compared,
    /// Rows, at least one.
    pub rows: Vec<Row>,
}

/// Two runs side by side.
#[derive(Debug)]
pub struct Comparison {
    /// First run, the base of the differences.
    pub a: ComparedRun,
    /// Second run.
    pub b: ComparedRun,
    /// Whether each row compares one concurrency that both runs measured.
    pub is_by_stage: bool,
    /// Concurrency that the verdict, the chart and the figures of each run describe: the highest that both runs
    /// measured. `None` if whole runs are compared.
    pub focus: Option<u64>,
    /// Throughput of both runs, one row per compared stage, or one row for whole runs.
    pub throughput: Vec<ThroughputRow>,
    /// One block per metric that at least one run has.
    pub blocks: Vec<Block>,
    /// One block per metric, with a row for each turn that both runs have; empty unless both runs have conversations.
    pub turns: Vec<Block>,
    /// One block per metric, with a row for each model that both runs mix; empty unless both runs mix models.
    pub models: Vec<Block>,
    /// Percentiles of both runs over all cases, by stage and then by metric.
    pub percentiles: Vec<PercentileRow>,
    /// Reasons why the runs are not fully comparable, one sentence each.
    pub warnings: Vec<String>,
}

impl Comparison {
    /// Compares two runs. If either is a sweep, compares the stages whose concurrency both runs measured.
    pub fn new(a: ComparedRun, b: ComparedRun) -> Self {
        let pairs = pairs(&a, &b);
        let block = |(place, &compared): (usize, &Compared)| {
            let rows: Vec<Row> = pairs.iter().flat_map(|pair| rows(pair, place)).collect();
            rows.iter().any(|r| r.a.is_some() || r.b.is_some()).then_some(Block { compared, rows })
        };
        let blocks = COMPARED.iter().enumerate().filter_map(block).collect();
        let warnings = warnings(&a, &b, &pairs);
        let percentiles = percentiles::rows(&pairs);
        let is_by_stage = pairs.iter().any(|pair| pair.concurrency.is_some());
        let focus = pairs.iter().filter_map(|pair| pair.concurrency).max();
        let throughput = |pair: &Pair<'_>| ThroughputRow {
            concurrency: pair.concurrency,
            a: pair.throughput[0],
            b: pair.throughput[1],
        };
        let throughput = pairs.iter().map(throughput).collect();
        let turns = turn_blocks(&a.turns, &b.turns);
        let models = model_blocks(&a.models, &b.models);
        Self { a, b, is_by_stage, focus, throughput, blocks, turns, models, percentiles, warnings }
    }

    /// Returns the measurements that the chart shows: those at [`Self::focus`], or of the whole runs.
    pub fn focused(&self) -> [&Measured; 2] {
        let find = |side: &'_ ComparedRun| side.stages.iter().position(|stage| Some(stage.concurrency) == self.focus);
        [&self.a, &self.b].map(|side| {
            let at = find(side).filter(|_| self.focus.is_some());
            at.and_then(|at| side.stages.get(at)).map_or(&side.whole, |stage| &stage.measured)
        })
    }

    /// Returns the throughput of both runs at [`Self::focus`], or of the whole runs.
    pub fn focused_throughput(&self) -> [Option<f64>; 2] {
        let row = self.throughput.iter().find(|row| row.concurrency == self.focus);
        row.map_or([None; 2], |row| [row.a, row.b])
    }
}

/// Throughput of two whole runs, or of one stage that both runs measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ThroughputRow {
    /// Concurrency of the stage; `None` for whole runs.
    pub concurrency: Option<u64>,
    /// Throughput of A, tok/s.
    pub a: Option<f64>,
    /// Throughput of B, tok/s.
    pub b: Option<f64>,
}

impl ThroughputRow {
    /// Returns the difference B − A in percent of A.
    pub fn difference_percent(&self) -> Option<f64> {
        let (a, b) = self.a.zip(self.b)?;
        (a > 0.0).then(|| (b - a) / a * 100.0)
    }
}

/// Name of a turn or model that both runs have, with the figures of both runs.
type NamedPair<'a> = (String, &'a Figures, &'a Figures);

/// Compares the models that both runs have.
fn model_blocks(a: &[ModelSide], b: &[ModelSide]) -> Vec<Block> {
    let pair = |a: &'_ ModelSide| b.iter().find(|b| b.name == a.name).map(|b| &b.figures);
    named_blocks(&a.iter().filter_map(|a| Some((a.name.clone(), &a.figures, pair(a)?))).collect::<Vec<_>>())
}

/// Compares the turns that both runs have.
fn turn_blocks(a: &[Turn], b: &[Turn]) -> Vec<Block> {
    let pair = |a: &'_ Turn| b.iter().find(|b| b.number == a.number).map(|b| &b.figures);
    named_blocks(
        &a.iter().filter_map(|a| Some((format!("turn {}", a.number), &a.figures, pair(a)?))).collect::<Vec<_>>(),
    )
}

fn named_blocks(pairs: &[NamedPair<'_>]) -> Vec<Block> {
    let block = |(place, &compared): (usize, &Compared)| {
        let figure = |figures: &Figures| figures.get(place).copied().flatten();
        let row = |(name, a, b): &NamedPair<'_>| Row {
            is_share: compared.metric.is_share(),
            case: Some(name.clone()),
            ..Row::new(figure(a), figure(b))
        };
        let mut rows: Vec<Row> = pairs.iter().map(row).collect();
        significance::correct(&mut rows);
        rows.iter().any(|r| r.a.is_some() || r.b.is_some()).then_some(Block { compared, rows })
    };
    COMPARED.iter().enumerate().filter_map(block).collect()
}

/// Returns a row for each case of either run, then a row over all cases.
fn rows(pair: &Pair<'_>, place: usize) -> Vec<Row> {
    let &Pair { concurrency, a, b, .. } = pair;
    let names = a.cases.iter().map(|c| &c.name);
    let (in_a, in_b) = (a.by_name(), b.by_name());
    let only_b = b.cases.iter().map(|c| &c.name).filter(|name| !in_a.contains_key(name.as_str()));
    let names: Vec<&String> = names.chain(only_b).collect();
    let is_share = COMPARED.get(place).is_some_and(|compared| compared.metric.is_share());
    let figure = |figures: &Figures| figures.get(place).copied().flatten();
    let of_case = |side: &HashMap<&str, &Case>, name: &str| side.get(name).and_then(|case| figure(&case.figures));
    let case = |name: &&String| {
        let row = Row::new(of_case(&in_a, name), of_case(&in_b, name));
        let test = significance::paired_test(a, b, place, Some(name.as_str())).or(row.test);
        Row { concurrency, case: Some((*name).clone()), is_share, test, ..row }
    };
    // A case that failed in one run has no figure there, so the totals cover different cases.
    let is_of_same = names.iter().all(|name| of_case(&in_a, name).is_some() == of_case(&in_b, name).is_some());
    let whole = Row { concurrency, is_of_same, is_share, ..Row::new(figure(&a.total), figure(&b.total)) };
    let whole = Row { test: significance::paired_test(a, b, place, None).or(whole.test), ..whole };
    let mut rows: Vec<Row> = names.iter().map(case).collect();
    significance::correct(&mut rows);
    rows.push(whole);
    rows
}

/// Lists differences in the settings of two runs that make their figures hard to compare.
fn warnings(a: &ComparedRun, b: &ComparedRun, pairs: &[Pair<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    for (side, letter) in [(a, 'A'), (b, 'B')] {
        if side.simulated {
            out.push(format!("{letter} is SIMULATED: its figures come from the built-in simulator, not from a model"));
        }
        if side.partial {
            out.push(format!("{letter} is partial: some requested attempts were not measured"));
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
    let difference = |what: &str, a: &Option<String>, b: &Option<String>| {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        (a != b).then(|| format!("the {what} differs: '{a}' and '{b}'"))
    };
    out.extend(difference("model", &a.model, &b.model));
    out.extend(difference("suite", &a.suite, &b.suite));
    out.extend(ComparedWorkload::differences(a.workload.as_ref(), b.workload.as_ref()));
    out.extend(different_checks(a, b));
    if let Some((a, b)) = a.load_stages.as_ref().zip(b.load_stages.as_ref()).filter(|(a, b)| a != b) {
        let [a, b] = [a, b].map(|stages| if stages.is_empty() { "none" } else { stages });
        out.push(format!("the stages of the load differ: {a} and {b}"));
    }
    let missing = |from: &ComparedRun, other: &ComparedRun| {
        let known = other.whole.by_name();
        from.whole.cases.iter().filter(|case| !known.contains_key(case.name.as_str())).count()
    };
    match (missing(a, b), missing(b, a)) {
        (0, 0) => {}
        (of_a, of_b) => out.push(format!(
            "the cases differ: {of_a} only in A, {of_b} only in B; the rows of all cases cover different cases"
        )),
    }
    out.extend(pairs.iter().filter_map(|pair| Some(format!("{}{}", pair.prefix(), pair.one_sided()?))));
    let stages = [a.stage, b.stage];
    if let Some((a, b)) = a.plan.zip(b.plan) {
        let number = |n: Option<u64>| n.map_or_else(|| "no limit".to_owned(), |n| n.to_string());
        let seconds = |n: Option<f64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let cache = |warm| if warm { "unchanged (--warm)" } else { "unique" }.to_owned();
        let concurrency = |plan: Plan, stage: Option<u64>| {
            let is_by_stage = pairs.iter().any(|pair| pair.concurrency.is_some());
            if is_by_stage { String::new() } else { number(stage.or(plan.concurrency)) }
        };
        for (what, a, b) in [
            ("concurrency", concurrency(a, stages[0]), concurrency(b, stages[1])),
            ("rate in requests per second", seconds(a.rate), seconds(b.rate)),
            ("duration in seconds", seconds(a.duration_s), seconds(b.duration_s)),
            ("handling of prompts", cache(a.warm), cache(b.warm)),
        ] {
            if a != b {
                out.push(format!("the {what} differs: {a} and {b}"));
            }
        }
    }
    out
}

/// Names cases whose checks differ between the runs. `None` if there are none, or if a run's checks are unknown.
fn different_checks(a: &ComparedRun, b: &ComparedRun) -> Option<String> {
    let (a, b) = (a.checks.as_ref()?, b.checks.as_ref()?);
    let differing = a.iter().filter(|(name, checks)| b.get(*name).is_some_and(|other| other != *checks)).count();
    let cases = count(differing, "case");
    (differing > 0).then(|| format!("the checks of {cases} differ, so the pass rates measure different things"))
}

#[cfg(test)]
mod tests;
