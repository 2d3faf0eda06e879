//! One of two runs that are compared.

use super::{COMPARED, METRICS};
use crate::domain::metrics::metric;
use crate::domain::session::Session;
use crate::report::case::{CaseView, cases};
use crate::report::model::Report;
use crate::report::spread::Spread;
use crate::report::summary::Summary;

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
pub type Figures = [Option<Figure>; METRICS];

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
        let case = |view: &CaseView<'_>| Case {
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
            notes: cache_note(summary.cache.warm, summary.attempts).into_iter().chain(sweep_note(session)).collect(),
        }
    }
}

/// A warm TTFT says how fast the cache is: it is not averaged with cold ones unmarked.
pub fn cache_note(warm: usize, all: usize) -> Option<String> {
    (warm > 0)
        .then(|| format!("{warm} of {all} answers came out of the server's prefix cache: their TTFT is no cold one"))
}

fn sweep_note(session: &Session) -> Option<String> {
    let at_once = session.plan.concurrency;
    let note = || format!("a sweep: its figures are those of its last stage, {at_once} at once");
    (!session.sweep.is_empty()).then(note)
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
