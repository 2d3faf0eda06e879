//! When what left nothing was there: between which of a journal's lines.

use super::Standing;
use crate::domain::spans::Span;
use crate::domain::time::Nanos;

/// What was heard of a run's attempts while they were in flight.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard {
    /// Of each case, how many had been started, and when that was first told: both ascending.
    started: Vec<Vec<(u32, Nanos)>>,
    /// The latest time told.
    last: Nanos,
}

impl Heard {
    /// Something happened at `at`.
    pub fn at(&mut self, at: Nanos) {
        self.last = self.last.max(at);
    }

    /// Where the run stood at `at`.
    pub fn standing(&mut self, at: Nanos, standing: &Standing) {
        self.at(at);
        self.started.resize_with(standing.cases.len(), Vec::new);
        for (told, stood) in self.started.iter_mut().zip(&standing.cases) {
            if told.last().is_none_or(|(count, _)| *count < stood.attempts) {
                told.push((stood.attempts, self.last));
            }
        }
    }

    /// From when an attempt was known to be in flight to when that was last heard; `None` where nothing tells.
    pub fn of(&self, case: usize, number: u32) -> Option<Span> {
        let told = self.started.get(case)?;
        let (_, since) = told.get(told.partition_point(|(count, _)| *count < number))?;
        Some((*since, self.last))
    }
}
