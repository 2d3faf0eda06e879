//! A race as JSON.

use serde::Serialize;

use crate::domain::pass_rate::PassRate;
use crate::domain::race::{ERROR_RATE, Side};
use crate::domain::race_results::{CaseTally, RaceDifference, sentence};
use crate::report::model::Report;

/// Result of a race.
#[derive(Serialize)]
pub struct RaceJson {
    sides: Vec<SideJson>,
    seed: u64,
    /// Whether only one request was in flight at a time.
    takes_turns: bool,
    margin_percent: f64,
    error_rate_percent: f64,
    /// Complete blocks, and their maximum.
    blocks: usize,
    max_blocks: u32,
    decided: bool,
    sentence: String,
    metrics: Vec<MetricJson>,
    cases: Vec<CaseJson>,
}

#[derive(Serialize)]
struct SideJson {
    side: Side,
    url: String,
    model: String,
    server: ServerJson,
    extra: Option<serde_json::Value>,
}

#[derive(Serialize)]
struct ServerJson {
    kind: Option<String>,
    version: Option<String>,
}

#[derive(Serialize)]
struct MetricJson {
    key: &'static str,
    a: f64,
    b: f64,
    difference_percent: f64,
    interval_percent: Option<[f64; 2]>,
    blocks: usize,
    verdict: &'static str,
}

#[derive(Serialize)]
struct CaseJson {
    name: String,
    pairs: usize,
    equal_texts: usize,
    requests: [usize; 2],
    answers: [usize; 2],
    output_tokens: Option<[f64; 2]>,
    differs_in_length: bool,
    checks: Option<[CheckedJson; 2]>,
    differs_in_checks: bool,
}

#[derive(Serialize)]
struct CheckedJson {
    passed: usize,
    checked: usize,
}

impl RaceJson {
    /// Creates the result of a race; `None` for other runs.
    pub fn from_report(report: &Report) -> Option<Self> {
        let session = &report.session;
        let race = session.race()?;
        let (settings, tally) = (&race.settings, &race.tally);
        let rival = report.rival.clone().unwrap_or_default();
        let of_side = |side: Side| {
            let about = &settings.sides[side.index()];
            let (model, server) = match side {
                Side::A => (report.model.clone(), report.server.clone()),
                Side::B => (rival.model.clone(), rival.server.clone()),
            };
            SideJson {
                side,
                url: about.url.clone(),
                model,
                server: ServerJson { kind: server.kind, version: server.version },
                extra: serde_json::from_str(&about.extra).ok(),
            }
        };
        let different = tally.differing_lengths(settings);
        let cases = (0..).zip(tally.cases()).zip(session.suite.cases.iter().step_by(2));
        let cases = cases.map(|((at, case), spec)| CaseJson::new(case, &spec.name, different.contains(&at)));
        Some(Self {
            sides: Side::BOTH.map(of_side).into(),
            seed: settings.seed,
            takes_turns: settings.takes_turns,
            margin_percent: settings.margin_percent,
            error_rate_percent: 100.0 * ERROR_RATE,
            blocks: tally.blocks(),
            max_blocks: session.plan.repeat,
            decided: tally.is_decided(settings),
            sentence: sentence(settings, tally),
            metrics: tally.differences(settings).iter().map(MetricJson::new).collect(),
            cases: cases.collect(),
        })
    }
}

impl MetricJson {
    fn new(difference: &RaceDifference) -> Self {
        let [a, b] = difference.means;
        Self {
            key: difference.metric.key,
            a,
            b,
            difference_percent: difference.percent(),
            interval_percent: difference.interval_percent(),
            blocks: difference.blocks,
            verdict: difference.verdict.as_str(),
        }
    }
}

impl CaseJson {
    fn new(case: &CaseTally, name: &str, differs_in_length: bool) -> Self {
        let checked = |rate: PassRate| CheckedJson { passed: rate.passed, checked: rate.checked };
        let has_checks = case.checks.iter().any(|rate| rate.checked > 0);
        Self {
            name: name.strip_prefix("A: ").unwrap_or(name).to_owned(),
            pairs: case.pairs,
            equal_texts: case.equal_texts,
            requests: case.requests,
            answers: case.answers,
            output_tokens: case.output_tokens(),
            differs_in_length,
            checks: has_checks.then(|| case.checks.map(checked)),
            differs_in_checks: case.differs_in_checks(),
        }
    }
}
