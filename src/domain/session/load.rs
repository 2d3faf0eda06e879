//! Load that a run puts on the server.

use std::time::Duration;

use super::{AttemptState, EventKind, Mode, Session};
use crate::domain::attempt::{AttemptId, StoredRecord};
use crate::domain::load_stages::LoadStage;
use crate::domain::time::Nanos;

/// Names the kind of an unmeasured attempt: a warm-up, or a probe that measures prompt lengths for a workload.
pub fn warmup_name(session: &Session, id: AttemptId) -> &'static str {
    let (workload, cases) = (session.suite.workload.as_ref(), session.suite.cases.len());
    let is_probe = workload.is_some_and(|workload| workload.probe_number(id, cases).is_some());
    if is_probe { "probe" } else { "warm-up" }
}

impl Session {
    /// Returns whether requests start at scheduled times, regardless of the server's answers.
    pub fn is_open_loop(&self) -> bool {
        self.plan.open_loop.is_some() || self.replay_speed().is_some()
    }

    /// Factor by which the run sends the requests of a trace faster than they were recorded; `None` for other runs.
    pub fn replay_speed(&self) -> Option<f64> {
        self.suite.workload.as_ref()?.source.replay_speed()
    }

    /// Returns whether the run is a load test, for which totals matter more than single cases.
    pub fn is_load(&self) -> bool {
        self.plan.is_load() || self.is_open_loop()
    }

    /// Short description of the open loop, like `5 req/s, poisson` or `trace, 2x`; `None` in a closed loop, and with
    /// load stages.
    pub fn open_loop_name(&self) -> Option<String> {
        let rate = || self.plan.open_loop.map(|open| format!("{} req/s, {}", open.rate_per_s, open.process));
        if self.suite.load_stages.is_some() {
            return None;
        }
        self.replay_speed().map(|speed| format!("trace, {speed}x")).or_else(rate)
    }

    /// Loads of the run, one after another; empty if the run has only one.
    pub fn load_stages(&self) -> &[LoadStage] {
        self.suite.load_stages.as_ref().map_or(&[], |stages| stages.all())
    }

    /// Index of the current or last load stage.
    pub const fn load_stage(&self) -> usize {
        self.stages_began.len()
    }

    /// Starts of the load stages that have begun, in order; empty without stages, and before the run began.
    pub fn load_stage_starts(&self) -> Vec<Nanos> {
        let first = self.began.filter(|_| !self.load_stages().is_empty());
        first.into_iter().flat_map(|first| std::iter::once(first).chain(self.stages_began.iter().copied())).collect()
    }

    /// Name of the current load stage, like `stage 2/3, 1..16`, of the current probe of a search, or of the current run of
    /// several, like `run 2/5`; `None` without any.
    pub fn load_stage_name(&self) -> Option<String> {
        if self.search().is_some() {
            return self.probe_name();
        }
        if self.run_count() > 1 {
            return Some(self.run_name());
        }
        let stages = self.load_stages();
        let LoadStage { load, .. } = stages.get(self.load_stage())?;
        Some(format!("stage {}/{}, {load}", self.load_stage() + 1, stages.len()))
    }

    /// Index of the load stage in which an attempt was due, or else sent.
    pub fn load_stage_of(&self, attempt: &AttemptState) -> usize {
        let at = attempt.due.or_else(|| attempt.record.as_ref().map(StoredRecord::began));
        at.map_or(self.load_stage(), |at| self.stages_began.partition_point(|began| *began <= at))
    }

    /// Names the stage of an attempt of a sweep or of load stages, or its run of several: `at 8`, `stage 2, 1..16`, `run 2`.
    /// `None` without any.
    pub fn stage_name_of(&self, attempt: &AttemptState) -> Option<String> {
        if let Some(concurrency) = self.sweep.get(attempt.stage) {
            return Some(format!("at {concurrency}"));
        }
        if self.run_count() > 1 {
            return Some(format!("run {}", attempt.run + 1));
        }
        let at = self.load_stage_of(attempt);
        Some(format!("stage {}, {}", at + 1, self.load_stages().get(at)?.load))
    }

    /// Maximum number of requests in flight at this time.
    pub fn concurrency_now(&self) -> usize {
        let stages = self.suite.load_stages.as_ref();
        let of_stage = || stages.and_then(|stages| stages.concurrency_at(self.clock.used(self.now)));
        self.race_concurrency().or_else(of_stage).unwrap_or(self.plan.concurrency)
    }

    /// Event that begins the next load stage, if its time has come. Requests in flight continue.
    pub(super) fn next_load_stage(&self) -> Option<EventKind> {
        let stage = self.load_stage() + 1;
        let begins_at = self.suite.load_stages.as_ref()?.begins_at(stage)?;
        (self.clock.is_timed() && self.clock.used(self.now) >= begins_at).then_some(EventKind::StageBegan { stage })
    }

    /// Begins a load stage, at the time when the schedule reached it.
    pub(super) fn begin_load_stage(&mut self, stage: usize, at: Nanos) {
        let begins_at = self.suite.load_stages.as_ref().and_then(|stages| stages.begins_at(stage));
        let began = begins_at.and_then(|used| self.clock.time_of(used)).unwrap_or(at);
        let after = self.stages_began.last().copied().unwrap_or_default();
        self.stages_began.push(began.min(at).max(after));
    }

    /// Begins all load stages that are left, because no more requests start. The start times of these stages may be in
    /// the future, because requests that were ordered ahead belong to them.
    pub(super) fn begin_last_load_stages(&mut self) {
        let Some(stages) = &self.suite.load_stages else { return };
        let left = (self.load_stage() + 1..).map_while(|stage| self.clock.time_of(stages.begins_at(stage)?));
        let left: Vec<Nanos> = left.collect();
        self.stages_began.extend(left);
    }

    /// Time at which the next load stage begins or a ramp allows one more request; `None` if neither changes anything.
    pub(super) fn load_changes_at(&self) -> Option<Nanos> {
        let stages = self.suite.load_stages.as_ref()?;
        if self.mode != Mode::Running || !self.index.is_any_ready() || !self.clock.is_timed() {
            return None;
        }
        let used: Duration = self.clock.used(self.now);
        let next = stages.begins_at(self.load_stage() + 1);
        let rise = if self.is_full() { stages.rises_above(self.users(), used) } else { None };
        [next, rise].into_iter().flatten().filter_map(|used| self.clock.time_of(used)).min()
    }
}
