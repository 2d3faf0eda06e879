//! Figures of a run in the list of runs. The journal ends with them, so that the rest need not be read.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::model::Report;
use super::summary::Summary;
use crate::domain::load_search::SearchVariable;
use crate::domain::metrics::{SPEED, TTFT};
use crate::domain::session::Session;
use crate::domain::time::RFC_3339;

/// Figures of a run at its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFigures {
    /// Wall time of the first request, RFC 3339.
    pub started_at: String,
    /// Cases of the suite.
    pub cases: usize,
    /// Cases with an answer that counts.
    pub ok: usize,
    /// Cases that failed.
    pub failed: usize,
    /// Duration of the run, seconds.
    pub duration_s: Option<f64>,
    /// Median over all reported attempts, tok/s.
    pub output_token_throughput_p50: Option<f64>,
    /// Median time to first token over all reported attempts, milliseconds. Missing in journals of older versions.
    #[serde(default)]
    pub time_to_first_token_ms_p50: Option<f64>,
    /// Whether the median depends on estimated token counts.
    pub estimated: bool,
    /// Whether part of the run is missing.
    pub partial: bool,
    /// Result of a search for the largest load; `None` without a search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub find: Option<FoundLoad>,
}

/// Largest load that a search found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundLoad {
    /// Load that the search changed.
    pub variable: SearchVariable,
    /// Highest load that passed, in requests in flight or requests per second; `None` if none passed.
    pub last_pass: Option<f64>,
}

impl FoundLoad {
    /// The largest load that a session found; `None` without a search.
    pub fn from_session(session: &Session) -> Option<Self> {
        let search = session.search()?;
        let value = |load| (search.settings.value(load) * 1000.0).round() / 1000.0;
        Some(Self { variable: search.settings.variable, last_pass: search.outcome().last_pass.map(value) })
    }
}

/// Writes `42 users`, `2.5/s` or `none`.
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
        let summary = Summary::from_session(&report.session);
        Self {
            started_at: report.started_at().strftime(RFC_3339).to_string(),
            cases: report.session.cases.len(),
            ok: summary.ok,
            failed: summary.failed,
            duration_s: report.duration_s(),
            output_token_throughput_p50: summary.stats(&SPEED).map(|s| s.p50),
            time_to_first_token_ms_p50: summary.stats(&TTFT).map(|s| s.p50),
            estimated: summary.estimated,
            partial: report.session.is_partial(),
            find: FoundLoad::from_session(&report.session),
        }
    }
}
