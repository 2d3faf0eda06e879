//! Figures of a run for the list of runs. A journal ends with them, so that the list need not read the rest.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::case::cases_in;
use super::model::Report;
use crate::domain::load_search::SearchVariable;
use crate::domain::metrics::{Metric, SPEED, TTFT};
use crate::domain::pass_rate::PassRate;
use crate::domain::session::Session;
use crate::domain::statistics::Stats;
use crate::domain::time::RFC_3339;

/// Figures of a run at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Wall time of the first request in RFC 3339.
    pub started_at: String,
    /// Number of cases in the suite.
    pub cases: usize,
    /// Number of cases with an answer that counts.
    pub ok: usize,
    /// Number of cases that failed.
    pub failed: usize,
    /// Duration of the run, seconds.
    pub duration_s: Option<f64>,
    /// Median speed of the reported attempts, tok/s. In a sweep, it describes the stage at `stage_concurrency`.
    pub output_token_throughput_p50: Option<f64>,
    /// Median TTFT of the same attempts, milliseconds. Journals of older versions lack it.
    #[serde(default)]
    pub time_to_first_token_ms_p50: Option<f64>,
    /// Concurrency of the sweep's stage that the medians describe; `None` without a sweep. Journals of older versions
    /// lack it; their medians describe the last stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage_concurrency: Option<usize>,
    /// Medians of each stage of a sweep that has an answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<StageFigures>,
    /// Number of answers that pass their checks, out of all with checks, over all stages. `None` in journals of older
    /// versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pass_rate: Option<PassRate>,
    /// Number of failed attempts besides or after the reported ones, over all stages.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_attempts: usize,
    /// Whether the median depends on estimated token counts.
    pub estimated: bool,
    /// Whether a planned measurement is missing.
    pub partial: bool,
    /// Result of a search for the largest load; `None` without a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<FoundLoad>,
}

/// Largest load that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundLoad {
    /// Variable that the search changed: concurrency or rate.
    pub variable: SearchVariable,
    /// Highest load that passed, in requests in flight or requests per second; `None` if none passed.
    pub last_pass: Option<f64>,
}

impl FoundLoad {
    /// Returns the largest load that a session found; `None` without a search.
    pub fn from_session(session: &Session) -> Option<Self> {
        let search = session.search()?;
        let value = |load| (search.settings.value(load) * 1000.0).round() / 1000.0;
        Some(Self { variable: search.settings.variable, last_pass: search.outcome().last_pass.map(value) })
    }
}

/// Formats the load: `42 users`, `2.5/s` or `none`.
impl fmt::Display for FoundLoad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.last_pass, self.variable) {
            (None, _) => f.write_str("none"),
            (Some(load), SearchVariable::Concurrency) => write!(f, "{load} users"),
            (Some(load), SearchVariable::Rate) => write!(f, "{load}/s"),
        }
    }
}

impl RunFigures {
    /// Returns the figures of a report.
    pub fn new(report: &Report) -> Self {
        let summary = report.summary();
        Self {
            started_at: report.started_at().strftime(RFC_3339).to_string(),
            cases: report.session.cases.len(),
            ok: summary.totals.ok,
            failed: summary.totals.failed,
            duration_s: report.duration_s(),
            output_token_throughput_p50: summary.stats(&SPEED).map(|s| s.p50),
            time_to_first_token_ms_p50: summary.stats(&TTFT).map(|s| s.p50),
            stage_concurrency: summary.stage,
            stages: stages(&report.session),
            pass_rate: Some(summary.totals.pass_rate),
            failed_attempts: summary.totals.failed_attempts,
            estimated: summary.estimated,
            partial: report.session.is_partial(),
            find: FoundLoad::from_session(&report.session),
        }
    }
}

/// Medians of one stage of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageFigures {
    /// Concurrency of the stage.
    pub concurrency: usize,
    /// Median speed of the reported attempts, tok/s.
    pub output_token_throughput_p50: Option<f64>,
    /// Median TTFT, milliseconds.
    pub time_to_first_token_ms_p50: Option<f64>,
}

fn stages(session: &Session) -> Vec<StageFigures> {
    let stage = |(at, concurrency): (usize, &usize)| {
        let views = cases_in(session, at);
        let p50 = |metric: &Metric| {
            let values = views.iter().flat_map(|view| view.figures(metric)).map(|(_, value)| value);
            Stats::from_values(values).map(|stats| stats.p50)
        };
        let is_measured = views.iter().any(|view| !view.reported.is_empty());
        is_measured.then(|| StageFigures {
            concurrency: *concurrency,
            output_token_throughput_p50: p50(&SPEED),
            time_to_first_token_ms_p50: p50(&TTFT),
        })
    };
    session.sweep.iter().enumerate().filter_map(stage).collect()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
const fn is_zero(n: &usize) -> bool {
    *n == 0
}
