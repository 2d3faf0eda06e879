//! Figures of a run in the list of runs. The journal ends with them, so that the rest need not be read.

use serde::{Deserialize, Serialize};

use super::model::Report;
use crate::domain::metrics::{SPEED, TTFT};
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
}

impl RunFigures {
    /// Returns the figures of a report.
    pub fn new(report: &Report) -> Self {
        let summary = report.summary();
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
        }
    }
}
