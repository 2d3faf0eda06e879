//! Counts and sets over all cases, so that a step costs the same for one case and for a hundred thousand.

use std::collections::{BTreeMap, BTreeSet};

use super::{CasePhase, CaseState};
use crate::domain::attempt::AttemptId;
use crate::domain::time::Nanos;

/// What a session would else count anew in each step.
#[derive(Clone, Debug)]
pub struct Index {
    /// Cases in each phase.
    phases: [usize; CasePhase::COUNT],
    /// Cases that wait for a slot, or could take another.
    ready: BTreeSet<usize>,
    /// Attempts in flight, and when they were ordered.
    open: BTreeMap<AttemptId, Nanos>,
    /// How many of those are warm-ups.
    warming: usize,
}

impl Index {
    /// The index of cases of which nothing is in flight.
    pub fn new(cases: &[CaseState]) -> Self {
        let ready = cases.iter().enumerate().filter(|(_, c)| c.is_ready()).map(|(case, _)| case).collect();
        let mut index = Self { phases: [0; CasePhase::COUNT], ready, open: BTreeMap::new(), warming: 0 };
        for state in cases {
            index.phases[state.phase as usize] += 1;
        }
        index
    }

    /// Counts a case in another phase, ready or not, than before.
    pub fn change(&mut self, case: usize, was: (CasePhase, bool), is: (CasePhase, bool)) {
        if was.0 != is.0 {
            self.phases[was.0 as usize] -= 1;
            self.phases[is.0 as usize] += 1;
        }
        match (was.1, is.1) {
            (false, true) => drop(self.ready.insert(case)),
            (true, false) => drop(self.ready.remove(&case)),
            _ => {}
        }
    }

    /// Adds an attempt in flight that was ordered at `at`.
    pub fn start(&mut self, id: AttemptId, warmup: bool, at: Nanos) {
        self.warming += usize::from(self.open.insert(id, at).is_none() && warmup);
    }

    /// Removes an attempt that is over.
    pub fn end(&mut self, id: AttemptId, warmup: bool) {
        self.warming -= usize::from(self.open.remove(&id).is_some() && warmup);
    }

    /// Cases in a phase.
    pub const fn count(&self, phase: CasePhase) -> usize {
        self.phases[phase as usize]
    }

    /// Cases with something left to do.
    pub const fn unsettled(&self) -> usize {
        self.count(CasePhase::Queued) + self.count(CasePhase::Running) + self.count(CasePhase::Paused)
    }

    /// The first case from `from` on, and around, that waits for a slot.
    pub fn next_ready(&self, from: usize) -> Option<usize> {
        self.ready.range(from..).next().or_else(|| self.ready.first()).copied()
    }

    /// Whether any case does.
    pub fn is_any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Attempts in flight, and when they were ordered.
    pub const fn open(&self) -> &BTreeMap<AttemptId, Nanos> {
        &self.open
    }

    /// Whether a warm-up is in flight.
    pub const fn is_warming(&self) -> bool {
        self.warming > 0
    }
}
