//! Results of the stages of a run with `--stages`.

use super::load_stages::{LoadStage, StageLoad};
use super::session::{AttemptState, Session};
use super::sweep::Stage;
use super::tally::Tally;

/// Results of one load stage.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadStageResult {
    /// Load and time.
    pub stage: LoadStage,
    /// Figures of the requests that belong to the stage: those due in it, or in a closed loop sent in it, even if they
    /// ended later. The concurrency is the highest of the stage, or 0 for a rate.
    pub figures: Stage,
}

/// Returns the results of the load stages that have begun; empty without `--stages`.
pub fn load_stage_results(session: &Session) -> Vec<LoadStageResult> {
    let result = |(at, stage): (usize, &LoadStage)| {
        let attempts = session.attempts().filter(|a| session.load_stage_of(a) == at);
        let tally = Tally::from_records(session, attempts.filter_map(AttemptState::record));
        let concurrency = match stage.load {
            StageLoad::Concurrency { from, to } => from.max(to) as usize,
            StageLoad::Rate { .. } => 0,
        };
        LoadStageResult { stage: *stage, figures: Stage::from_tally(concurrency, &tally, session) }
    };
    session.load_stages().iter().enumerate().take(session.load_stage() + 1).map(result).collect()
}
