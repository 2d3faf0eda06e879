//! The figures of a run that the list of runs shows. They stand at the end of its journal, so that nobody has to read the rest.

use serde::{Deserialize, Serialize};

use super::model::Report;
use super::summary::Summary;
use crate::domain::metrics::SPEED;

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
    /// How long the run was going, seconds.
    pub duration_s: Option<f64>,
    /// Median over all reported attempts, tokens per second.
    pub output_token_throughput_p50: Option<f64>,
    /// Whether that rests on an estimate of the tokens.
    pub estimated: bool,
    /// Whether something that was asked for is missing.
    pub partial: bool,
}

impl RunFigures {
    /// The figures of a report.
    pub fn new(report: &Report) -> Self {
        let summary = Summary::of(&report.session);
        Self {
            started_at: report.started_at().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
            cases: report.session.cases.len(),
            ok: summary.ok,
            failed: summary.failed,
            duration_s: report.duration_s(),
            output_token_throughput_p50: summary.stats(&SPEED).map(|s| s.p50),
            estimated: summary.estimated,
            partial: report.session.is_partial(),
        }
    }
}
