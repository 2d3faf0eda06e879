//! One of two runs that are compared.

use std::sync::Arc;

use super::{COMPARED, Compared};
use crate::domain::attempt::AttemptRecord;
use crate::domain::session::{AttemptState, CaseState, Session};
use crate::domain::suite::CaseSpec;
use crate::report::case::{is_estimated, is_warm};
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

/// Figures in the order of [`COMPARED`]; empty without any.
pub type Figures = Vec<Option<Figure>>;

/// A case of one run.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Case {
    pub name: String,
    pub figures: Figures,
}

/// What was measured, of a whole run or of one stage of a sweep.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Over all its attempts.
    pub total: Figures,
    /// In the suite's order.
    pub cases: Vec<Case>,
    /// Whole answers.
    pub answers: usize,
    /// Of those, the ones out of the server's prefix cache.
    pub warm: usize,
    /// Of those, the ones whose stream does not carry a figure, in the order of [`COMPARED`]; empty without any.
    pub unresolved: Vec<usize>,
    /// Figures of the single attempts in the order of [`COMPARED`], ascending; empty without single attempts.
    pub values: Vec<Vec<f64>>,
}

impl Measured {
    /// Of each case's attempts that count.
    fn from_attempts<'a, A: Iterator<Item = &'a AttemptState>>(
        session: &'a Session,
        reported: impl Fn(&'a CaseState) -> A,
    ) -> Self {
        let records = |case| reported(case).filter_map(AttemptState::record).collect();
        let cases: Vec<Vec<Arc<AttemptRecord>>> = session.cases.iter().map(records).collect();
        let all = cases.concat();
        let case = |(spec, records): (&CaseSpec, &Vec<_>)| Case { name: spec.name.clone(), figures: figures(records) };
        Self {
            total: figures(&all),
            cases: session.suite.cases.iter().zip(&cases).map(case).collect(),
            answers: all.len(),
            warm: all.iter().filter(|r| is_warm(r)).count(),
            unresolved: COMPARED
                .iter()
                .map(|c| all.iter().filter(|r| (c.metric.unresolved)(r).is_some()).count())
                .collect(),
            values: COMPARED.iter().map(|c| ascending(all.iter().filter_map(|r| (c.metric.get)(r)))).collect(),
        }
    }

    /// A warm TTFT says how fast the cache is: it is not averaged with cold ones unmarked.
    pub(super) fn cache_note(&self) -> Option<String> {
        let Self { answers, warm, .. } = self;
        let note =
            || format!("{warm} of {answers} answers came out of the server's prefix cache: their TTFT is no cold one");
        (*warm > 0).then(note)
    }

    /// Figures that some streams do not carry: their means leave those answers out.
    pub(super) fn unresolved_note(&self) -> Option<String> {
        let some = COMPARED.iter().zip(&self.unresolved).filter(|(_, n)| **n > 0);
        let label = |c: &Compared| c.label.split(',').next().unwrap_or(c.label);
        let parts: Vec<String> = some.map(|(c, n)| format!("{} in {n}", label(c))).collect();
        let told = || format!("excluded as unresolved, in {} answers: {}", self.answers, parts.join(", "));
        (!parts.is_empty()).then(told)
    }
}

/// Sorts values and drops those that are no numbers.
pub fn ascending(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values
}

fn figures(records: &[Arc<AttemptRecord>]) -> Figures {
    let is_estimated = records.iter().any(|r| is_estimated(r));
    let figure = |c: &Compared| {
        let s = Spread::over(c.metric, records.iter().map(Arc::clone))?;
        let estimated = is_estimated && c.metric.counts_output_tokens;
        Some(Figure { mean: s.stats.avg, n: s.n, half_width: s.mean_half_width, estimated })
    };
    COMPARED.iter().map(figure).collect()
}

/// A stage of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// Requests at once.
    pub concurrency: u64,
    /// What came of them: at least one whole answer.
    pub measured: Measured,
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
pub struct ComparedRun {
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
    /// Tokens per second of the whole run.
    pub throughput: Option<f64>,
    /// All of it; of a sweep its last stage, or all its stages together where nothing tells them apart.
    pub whole: Measured,
    /// It ran at several concurrencies in turn.
    pub is_sweep: bool,
    /// What those gave; none where nothing tells them apart.
    pub stages: Vec<Stage>,
    /// What must be known to read its figures.
    pub notes: Vec<String>,
}

impl ComparedRun {
    /// A run as it would be reported.
    pub fn from_report(report: &Report) -> Self {
        let session = &report.session;
        let stage = |(at, concurrency): (usize, &usize)| {
            let measured = Measured::from_attempts(session, |case| case.reported_in(at));
            (measured.answers > 0).then_some(Stage { concurrency: *concurrency as u64, measured })
        };
        Self {
            name: report.run_id.clone(),
            kind: "saved run",
            started_at: Some(report.started_at().strftime("%Y-%m-%d %H:%M:%S").to_string()),
            model: Some(report.model.clone()),
            url: Some(report.url.clone()),
            suite: Some(session.suite.name.clone()),
            simulated: report.simulated,
            partial: session.is_partial(),
            plan: Some(plan(session)),
            throughput: Summary::from_session(session).output_token_throughput,
            whole: Measured::from_attempts(session, CaseState::reported),
            is_sweep: !session.sweep.is_empty(),
            stages: session.sweep.iter().enumerate().filter_map(stage).collect(),
            notes: Vec::new(),
        }
    }
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
