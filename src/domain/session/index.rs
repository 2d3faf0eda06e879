//! Counts and sets over all cases, so that a step takes about the same time for one case and for 100,000.

use std::collections::{BTreeMap, BTreeSet};

use super::case::{CasePhase, CaseState, Traits};
use crate::domain::attempt::AttemptId;
use crate::domain::time::Nanos;

/// Counts that a session would otherwise recompute in each step.
#[derive(Clone, Debug)]
pub struct Index {
    /// Number of cases in each phase.
    phases: [usize; CasePhase::COUNT],
    /// Cases that could start an attempt if a slot were free.
    ready: BTreeSet<usize>,
    /// Attempts in flight, with the times at which they were ordered.
    open: BTreeMap<AttemptId, Nanos>,
    /// Number of warm-ups among them.
    warming: usize,
    repeated: usize,
    comparable: usize,
    doubtful: usize,
}

impl Index {
    /// Returns the index of cases that have not started.
    pub fn new(cases: &[CaseState]) -> Self {
        let ready = cases.iter().enumerate().filter(|(_, c)| c.is_ready()).map(|(case, _)| case).collect();
        let mut phases = [0; CasePhase::COUNT];
        for state in cases {
            phases[state.phase as usize] += 1;
        }
        Self { phases, ready, open: BTreeMap::new(), warming: 0, repeated: 0, comparable: 0, doubtful: 0 }
    }

    /// Updates the index for a case whose properties changed from `was` to `is`.
    pub fn change(&mut self, case: usize, was: Traits, is: Traits) {
        if was == is {
            return;
        }
        self.phases[was.phase as usize] -= 1;
        self.phases[is.phase as usize] += 1;
        match (was.is_ready, is.is_ready) {
            (false, true) => drop(self.ready.insert(case)),
            (true, false) => drop(self.ready.remove(&case)),
            _ => {}
        }
        for (count, was, is) in [
            (&mut self.repeated, was.is_repeated, is.is_repeated),
            (&mut self.comparable, was.is_comparable, is.is_comparable),
            (&mut self.doubtful, was.is_doubtful, is.is_doubtful),
        ] {
            *count = *count + usize::from(is) - usize::from(was);
        }
    }

    /// Returns whether any case has several attempts.
    pub const fn is_any_repeated(&self) -> bool {
        self.repeated > 0
    }

    /// Returns whether any case has two complete answers.
    pub const fn is_any_comparable(&self) -> bool {
        self.comparable > 0
    }

    /// Returns whether any case shows a TTFT that the server's prefix cache may have shortened.
    pub const fn is_any_doubtful(&self) -> bool {
        self.doubtful > 0
    }

    /// Adds an attempt in flight that was ordered at `at`.
    pub fn start(&mut self, id: AttemptId, warmup: bool, at: Nanos) {
        self.warming += usize::from(self.open.insert(id, at).is_none() && warmup);
    }

    /// Removes an attempt that ended.
    pub fn end(&mut self, id: AttemptId, warmup: bool) {
        self.warming -= usize::from(self.open.remove(&id).is_some() && warmup);
    }

    /// Number of cases in each phase.
    pub const fn counts(&self) -> [usize; CasePhase::COUNT] {
        self.phases
    }

    /// Number of cases in a phase.
    pub const fn count(&self, phase: CasePhase) -> usize {
        self.phases[phase as usize]
    }

    /// Number of cases with something left to do.
    pub const fn unsettled(&self) -> usize {
        self.count(CasePhase::Queued) + self.count(CasePhase::Running) + self.count(CasePhase::Paused)
    }

    /// First case from index `from` on, wrapping around, that could start an attempt.
    pub fn next_ready(&self, from: usize) -> Option<usize> {
        self.ready.range(from..).next().or_else(|| self.ready.first()).copied()
    }

    /// Returns whether any case could start an attempt if a slot were free.
    pub fn is_any_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Attempts in flight, with the times at which they were ordered.
    pub const fn open(&self) -> &BTreeMap<AttemptId, Nanos> {
        &self.open
    }

    /// Returns whether a warm-up is in flight.
    pub const fn is_warming(&self) -> bool {
        self.warming > 0
    }
}
