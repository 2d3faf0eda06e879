//! The figures of one model over its runs.

use super::entry::RunEntry;

/// Runs of one model under one load, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// The runs.
    pub points: Vec<TrendPoint>,
    /// Position of the selected run.
    pub selected: usize,
    /// Concurrency of the sweep's stage that all figures are of; `None` without a sweep.
    pub stage: Option<usize>,
}

/// A run of a trend.
#[derive(Clone, Debug, PartialEq)]
pub struct TrendPoint {
    /// Start of the run: `2026-11-30 12:55`.
    pub started: String,
    /// Median generation speed, tok/s.
    pub speed_tok_s: Option<f64>,
    /// Median time to first token, milliseconds.
    pub ttft_ms: Option<f64>,
}

impl Trend {
    /// The trend of `selected` among `runs`: those of the same model under the same load that have a figure. Runs under
    /// another load measured something else. All points of sweeps are of one stage, the best one of `selected`.
    pub fn new(runs: &[RunEntry], selected: &RunEntry) -> Self {
        let stage = selected.stage;
        let belongs = |run: &&RunEntry| {
            run.model == selected.model
                && run.load == selected.load
                && run.simulated == selected.simulated
                && run.figures_at(stage) != (None, None)
        };
        let mut found: Vec<&RunEntry> = runs.iter().filter(belongs).collect();
        found.sort_by(|a, b| a.id.len().cmp(&b.id.len()).then_with(|| a.id.cmp(&b.id)));
        let point = |run: &&RunEntry| {
            let (speed_tok_s, ttft_ms) = run.figures_at(stage);
            TrendPoint { started: run.started.clone(), speed_tok_s, ttft_ms }
        };
        Self {
            selected: found.iter().position(|run| run.id == selected.id).unwrap_or(found.len()),
            points: found.iter().map(point).collect(),
            stage,
        }
    }
}
