//! The headline stage: the stage of a sweep, or the probe of a search, whose figures represent the run where there is
//! room for only one stage.

use super::{Stage, best, stages};
use crate::domain::session::Session;

/// Index of the stage that represents the run: the one with the [`best`] throughput so far, or the current one
/// before any stage has a throughput. Mixed figures of several loads would describe none of them. 0 without a sweep.
/// A search has the [probe at its limit](Session::headline_probe) instead.
///
/// Totals such as tokens, requests and failures cover all stages instead.
pub fn headline_stage(session: &Session) -> usize {
    match session.headline_probe() {
        Some(probe) => probe,
        None if session.sweep.len() < 2 => session.stage,
        None => headline_of(session, &stages(session)),
    }
}

/// Like [`headline_stage`], from stages that are already computed.
pub fn headline_of(session: &Session, stages: &[Stage]) -> usize {
    let concurrency = best(stages).map(|stage| stage.concurrency);
    concurrency.and_then(|best| session.sweep.iter().position(|c| *c == best)).unwrap_or(session.stage)
}

/// Concurrency of [`headline_stage`]; `None` without a sweep.
pub fn headline_concurrency(session: &Session) -> Option<usize> {
    session.sweep.get(headline_stage(session)).copied()
}
