//! Search for the largest load in the JSON export.

use serde::Serialize;

use crate::domain::interval::Interval;
use crate::domain::load_search::{LoadSearch, ProbeFigure, SearchLoad};
use crate::domain::search_results::{ProbeResult, SearchResult};
use crate::domain::session::Session;
use crate::domain::slo::Slo;

/// Result of a search.
#[derive(Serialize)]
pub struct FindJson {
    variable: &'static str,
    /// Unit of all loads in this object.
    unit: &'static str,
    max: f64,
    cool_down_s: f64,
    /// Whether the search has ended.
    complete: bool,
    /// Highest load that passed, below every load that failed.
    last_pass: Option<f64>,
    /// Lowest load that failed.
    first_fail: Option<f64>,
    /// Loads between `last_pass` and `first_fail` without a clear result.
    undecided: Vec<f64>,
    /// Best estimate of the largest load; equals `last_pass` if no load is undecided.
    limit_estimate: Option<f64>,
    /// Result in one sentence.
    sentence: String,
    /// Figures at the largest load.
    goodput_requests_per_s: Option<f64>,
    request_throughput: Option<f64>,
    output_token_throughput: Option<f64>,
    probes: Vec<ProbeJson>,
}

#[derive(Serialize)]
struct ProbeJson {
    value: f64,
    verdict: &'static str,
    /// Number of requests in the steady part, which decides the verdict.
    n: usize,
    ok: usize,
    /// Whether the estimates meet every threshold, regardless of their intervals.
    meets: bool,
    /// Length of the steady part, seconds.
    duration_s: f64,
    goodput_requests_per_s: Option<f64>,
    request_throughput: Option<f64>,
    output_token_throughput: Option<f64>,
    figures: Vec<ProbeFigureJson>,
}

#[derive(Serialize)]
struct ProbeFigureJson {
    text: String,
    value: Option<f64>,
    ci95: Option<Interval>,
    n: usize,
    verdict: &'static str,
}

impl FindJson {
    /// Returns the result of a session; `None` without a search.
    pub fn from_session(session: &Session) -> Option<Self> {
        let settings = session.search()?.settings;
        let result = SearchResult::from_session(session)?;
        let limit = result.at_limit();
        let value = |load: &SearchLoad| value(&settings, *load);
        Some(Self {
            variable: settings.variable.as_str(),
            unit: settings.variable.unit(),
            max: value(&settings.max),
            cool_down_s: settings.cool_down.as_secs_f64(),
            complete: result.outcome.is_complete,
            last_pass: result.outcome.last_pass.as_ref().map(value),
            first_fail: result.outcome.first_fail.as_ref().map(value),
            undecided: result.outcome.undecided.iter().map(value).collect(),
            limit_estimate: result.outcome.estimate.as_ref().map(value),
            goodput_requests_per_s: limit.and_then(|limit| limit.goodput_per_s),
            request_throughput: limit.and_then(|limit| limit.stage.requests_per_s),
            output_token_throughput: limit.and_then(|limit| limit.stage.tokens_per_s),
            probes: result.probes.iter().map(|probe| ProbeJson::new(probe, &settings, session.slos())).collect(),
            sentence: result.sentence,
        })
    }
}

impl ProbeJson {
    fn new(result: &ProbeResult, settings: &LoadSearch, slos: &[Slo]) -> Self {
        let figure = |(figure, slo): (&ProbeFigure, &Slo)| ProbeFigureJson {
            text: slo.text.clone(),
            value: figure.value,
            ci95: figure.interval,
            n: figure.requests,
            verdict: figure.verdict.as_str(),
        };
        let is_over = result.probe.judged.is_some();
        Self {
            value: value(settings, result.probe.load),
            verdict: if is_over { result.probe.verdict.as_str() } else { "running" },
            n: result.stage.requests,
            ok: result.stage.ok,
            meets: result.probe.meets,
            duration_s: result.seconds,
            goodput_requests_per_s: result.goodput_per_s,
            request_throughput: result.stage.requests_per_s,
            output_token_throughput: result.stage.tokens_per_s,
            figures: result.figures.iter().zip(slos).map(figure).collect(),
        }
    }
}

/// Returns a load without rounding errors in its last digits.
fn value(settings: &LoadSearch, load: SearchLoad) -> f64 {
    (settings.value(load) * 1000.0).round() / 1000.0
}
