//! The figures of one model over its runs.

use super::entry::RunEntry;

/// Runs of one model under one load, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    /// The runs.
    pub points: Vec<TrendPoint>,
    /// Position of the selected run.
    pub selected: usize,
    /// Concurrency of the stage that all figures belong to; `None` without a sweep.
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
    /// Collects the runs with the model and the load of `selected` that have a figure; figures under another load are
    /// not comparable. For sweeps, all points belong to one stage: the best one of `selected`.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::browser::entry::{RunState, StageEntry};

    fn sweep(id: &str, best: usize, speeds: &[(usize, f64)]) -> RunEntry {
        let stage =
            |&(concurrency, speed): &(usize, f64)| StageEntry { concurrency, speed_tok_s: Some(speed), ttft_ms: None };
        let of_best = speeds.iter().find(|(concurrency, _)| *concurrency == best);
        RunEntry {
            load: "1,8,16".to_owned(),
            stage: Some(best),
            speed_tok_s: of_best.map(|(_, speed)| *speed),
            stages: speeds.iter().map(stage).collect(),
            ..RunEntry::new(id.to_owned(), RunState::Complete)
        }
    }

    #[test]
    fn all_points_of_sweeps_are_of_one_stage() {
        let first = sweep("ts-1", 8, &[(1, 100.0), (8, 60.0), (16, 40.0)]);
        let second = sweep("ts-2", 16, &[(1, 101.0), (8, 62.0), (16, 45.0)]);
        // A run that an older version saved, with the figures of its last stage only.
        let older = sweep("ts-3", 16, &[]);
        let runs = [second.clone(), first.clone(), RunEntry { speed_tok_s: Some(44.0), ..older }];
        let speeds = |trend: &Trend| trend.points.iter().filter_map(|p| p.speed_tok_s).collect::<Vec<_>>();
        let trend = Trend::new(&runs, &first);
        assert_eq!((trend.stage, speeds(&trend)), (Some(8), vec![60.0, 62.0]));
        let trend = Trend::new(&runs, &second);
        assert_eq!((trend.stage, speeds(&trend), trend.selected), (Some(16), vec![40.0, 45.0, 44.0], 1));
    }
}
