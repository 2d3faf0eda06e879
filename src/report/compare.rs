//! Two runs side by side.

mod document;
mod text;

pub use self::document::{json, markdown};
pub use self::text::text;
use super::case::cases;
use super::model::Report;
use super::spread::Spread;
use super::summary::Summary;
use crate::domain::metrics::metric;
use crate::domain::session::Session;

/// A metric that is compared.
#[derive(Debug)]
pub struct Compared {
    /// Its key in the metrics' table.
    pub key: &'static str,
    /// For people, with its unit.
    pub label: &'static str,
    /// Digits after the point.
    pub digits: usize,
    /// What is good of it.
    pub good: Good,
    /// Rests on the number of output tokens: an estimate where that is one.
    pub counts_tokens: bool,
}

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Good {
    /// The lower.
    Low,
    /// The higher.
    High,
    /// Neither.
    Neither,
}

const fn row(key: &'static str, label: &'static str, digits: usize, good: Good, counts_tokens: bool) -> Compared {
    Compared { key, label, digits, good, counts_tokens }
}

/// All that is compared, in this order.
pub const COMPARED: [Compared; 5] = [
    row("time_to_first_token_ms", "TTFT, ms", 0, Good::Low, false),
    row("inter_token_latency_ms", "Inter-token latency, ms", 2, Good::Low, true),
    row("output_token_throughput", "Speed, tok/s", 1, Good::High, true),
    row("output_sequence_length", "Output tokens", 0, Good::Neither, true),
    row("request_latency_ms", "Latency, ms", 0, Good::Low, false),
];

/// A figure of a case or of a run: the mean of so many attempts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// In the unit of its metric.
    pub mean: f64,
    /// Attempts that have it.
    pub n: usize,
    /// Half the width of the mean's 95 % interval; `None` without repeats.
    pub half_width: Option<f64>,
    /// It rests on an estimate of the tokens.
    pub estimated: bool,
}

/// Its figures in the order of [`COMPARED`].
pub type Figures = [Option<Figure>; COMPARED.len()];

/// A case of one run.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Case {
    pub name: String,
    pub figures: Figures,
}

/// How much was run; what is not known is `None`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Plan {
    pub concurrency: Option<u64>,
    pub repeat: Option<u64>,
    pub rate: Option<f64>,
    pub duration_s: Option<f64>,
    pub warm: bool,
}

/// One of two runs. What is not known is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Side {
    /// What it is called: an id, or the name of its file.
    pub name: String,
    /// Where it comes from, for people.
    pub kind: &'static str,
    /// When it began, as it was told.
    pub started_at: Option<String>,
    /// The model asked.
    pub model: Option<String>,
    /// Where.
    pub url: Option<String>,
    /// The suite's name.
    pub suite: Option<String>,
    /// The simulator answered, no model.
    pub simulated: bool,
    /// Something that was to be measured is missing.
    pub partial: bool,
    /// How much was run.
    pub plan: Option<Plan>,
    /// Over all its attempts.
    pub total: Figures,
    /// In its suite's order.
    pub cases: Vec<Case>,
    /// What must be known to read its figures.
    pub notes: Vec<String>,
}

impl Side {
    /// A run as it would be reported.
    pub fn of(report: &Report) -> Self {
        let session = &report.session;
        let summary = Summary::of(session);
        let views = cases(session);
        let figure = |spread: Option<Spread>, estimated: bool| {
            let s = spread?;
            Some(Figure { mean: s.stats.avg, n: s.n, half_width: s.mean_half_width, estimated })
        };
        let figures = |spread: &dyn Fn(&str) -> Option<Spread>, estimated: bool| {
            COMPARED.each_ref().map(|c| figure(spread(c.key), estimated && c.counts_tokens))
        };
        let case = |view: &super::case::CaseView<'_>| Case {
            name: view.spec.name.clone(),
            figures: figures(&|key| view.spread(metric(key)?), view.is_estimated()),
        };
        Self {
            name: report.run_id.clone(),
            kind: "saved run",
            started_at: Some(report.started_at().strftime("%Y-%m-%d %H:%M:%S").to_string()),
            model: Some(report.model.clone()),
            url: Some(report.url.clone()),
            suite: Some(session.suite.name.clone()),
            simulated: report.simulated,
            partial: summary.partial,
            plan: Some(plan(session)),
            total: figures(&|key| summary.spread(key), summary.estimated),
            cases: views.iter().map(case).collect(),
            notes: cache_note(summary.cache.warm, summary.attempts).into_iter().collect(),
        }
    }
}

/// A warm TTFT says how fast the cache is: it is not averaged with cold ones unmarked.
pub(super) fn cache_note(warm: usize, all: usize) -> Option<String> {
    (warm > 0)
        .then(|| format!("{warm} of {all} answers came out of the server's prefix cache: their TTFT is no cold one"))
}

fn plan(session: &Session) -> Plan {
    let plan = &session.plan;
    Plan {
        concurrency: plan.limit().map(|n| n as u64),
        repeat: Some(plan.repeat.into()),
        rate: plan.open_loop.map(|open| open.rate_per_s),
        duration_s: plan.duration.map(|d| d.as_secs_f64()),
        warm: plan.warm,
    }
}

/// What can be said of two figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judgement {
    /// The 95 % intervals do not meet: B is better.
    Better,
    /// They do not meet: B is worse.
    Worse,
    /// They do not meet, and neither is better.
    Differs,
    /// The intervals meet.
    NoDifferenceShown,
    /// One has no interval: nothing can be said of chance.
    TooFew,
}

impl Judgement {
    /// In words; the empty one says nothing.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Better => "better",
            Self::Worse => "worse",
            Self::Differs => "differs",
            Self::NoDifferenceShown => "no difference shown",
            Self::TooFew => "",
        }
    }
}

/// Two figures side by side.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case; `None` is the run as a whole.
    pub case: Option<String>,
    /// Of the first run.
    pub a: Option<Figure>,
    /// Of the second.
    pub b: Option<Figure>,
    /// Both rest on the same cases.
    pub is_of_same: bool,
}

impl Row {
    /// By how much B lies above A, in percent of A.
    pub fn difference_percent(&self) -> Option<f64> {
        let (a, b) = (self.a?.mean, self.b?.mean);
        (a > 0.0).then(|| (b - a) / a * 100.0)
    }

    /// What can be said of it; `None` where one figure is missing, or they rest on different cases.
    pub fn judge(&self, good: Good) -> Option<Judgement> {
        let (a, b) = (self.a.filter(|_| self.is_of_same)?, self.b?);
        let Some((wide_a, wide_b)) = a.half_width.zip(b.half_width) else { return Some(Judgement::TooFew) };
        if (a.mean - b.mean).abs() <= wide_a + wide_b {
            return Some(Judgement::NoDifferenceShown);
        }
        Some(match good {
            Good::Neither => Judgement::Differs,
            Good::Low if b.mean < a.mean => Judgement::Better,
            Good::High if b.mean > a.mean => Judgement::Better,
            Good::Low | Good::High => Judgement::Worse,
        })
    }
}

/// A metric of both runs: its cases, those of A first, then both as a whole.
#[derive(Debug)]
pub struct Block {
    /// Which.
    pub compared: &'static Compared,
    /// At least one.
    pub rows: Vec<Row>,
}

/// Two runs side by side.
#[derive(Debug)]
pub struct Comparison {
    /// The first: the base of the differences.
    pub a: Side,
    /// The second.
    pub b: Side,
    /// A metric each; what neither has is left out.
    pub blocks: Vec<Block>,
    /// What makes the two less than comparable, for people.
    pub warnings: Vec<String>,
}

impl Comparison {
    /// Of two runs.
    pub fn of(a: Side, b: Side) -> Self {
        let names = a.cases.iter().map(|c| &c.name);
        let only_b = b.cases.iter().map(|c| &c.name).filter(|n| !a.cases.iter().any(|c| c.name == **n));
        let names: Vec<String> = names.chain(only_b).cloned().collect();
        let both = a.cases.iter().filter(|c| b.cases.iter().any(|other| other.name == c.name)).count();
        let of_case = |side: &Side, name: &str, place: usize| {
            side.cases.iter().find(|c| c.name == name).and_then(|c| c.figures.get(place).copied().flatten())
        };
        let block = |(place, compared): (usize, &'static Compared)| {
            let case = |name: &String| Row {
                case: Some(name.clone()),
                a: of_case(&a, name, place),
                b: of_case(&b, name, place),
                is_of_same: true,
            };
            let total = |side: &Side| side.total.get(place).copied().flatten();
            let whole = Row { case: None, a: total(&a), b: total(&b), is_of_same: names.len() == both };
            let rows: Vec<Row> = names.iter().map(case).chain([whole]).collect();
            rows.iter().any(|r| r.a.is_some() || r.b.is_some()).then_some(Block { compared, rows })
        };
        static TABLE: [Compared; COMPARED.len()] = COMPARED;
        let blocks = TABLE.iter().enumerate().filter_map(block).collect();
        let warnings = warnings(&a, &b);
        Self { a, b, blocks, warnings }
    }
}

/// What is different beside the figures.
fn warnings(a: &Side, b: &Side) -> Vec<String> {
    let mut out = Vec::new();
    for (side, letter) in [(a, 'A'), (b, 'B')] {
        if side.simulated {
            out.push(format!("{letter} is SIMULATED: its figures come from the built-in simulator, not from a model"));
        }
        if side.partial {
            out.push(format!("{letter} is partial: not all that was asked for was measured"));
        }
        out.extend(side.notes.iter().map(|note| format!("{letter}: {note}")));
    }
    let words = |what: &str, a: &Option<String>, b: &Option<String>| {
        let (a, b) = (a.as_ref()?, b.as_ref()?);
        (a != b).then(|| format!("the {what} differs: '{a}' and '{b}'"))
    };
    out.extend(words("model", &a.model, &b.model));
    out.extend(words("suite", &a.suite, &b.suite));
    let missing =
        |from: &Side, other: &Side| from.cases.iter().filter(|c| !other.cases.iter().any(|o| o.name == c.name)).count();
    match (missing(a, b), missing(b, a)) {
        (0, 0) => {}
        (of_a, of_b) => out.push(format!(
            "the cases differ: {of_a} only in A, {of_b} only in B; the rows of all cases rest on different ones"
        )),
    }
    if let Some((a, b)) = a.plan.zip(b.plan) {
        let number = |n: Option<u64>| n.map_or_else(|| "no limit".to_owned(), |n| n.to_string());
        let seconds = |n: Option<f64>| n.map_or_else(|| "none".to_owned(), |n| n.to_string());
        let cache = |warm| if warm { "as they are" } else { "made unique" }.to_owned();
        for (what, a, b) in [
            ("concurrency", number(a.concurrency), number(b.concurrency)),
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
