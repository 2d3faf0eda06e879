//! Whole runs one after another, with a pause between them (`--runs`).

use std::time::Duration;

use super::{CasePhase, EventKind, InvalidEvent, Mode, RunClock, Session};
use crate::domain::time::Nanos;

impl Session {
    /// Number of runs that the plan asks for, at least 1.
    pub fn run_count(&self) -> usize {
        self.suite.repeated_runs.map_or(1, |runs| usize::from(runs.count.max(1)))
    }

    /// Index of the current or last run; 0 for a single run.
    pub const fn run_index(&self) -> usize {
        self.run as usize
    }

    /// Number of runs that follow the current one.
    pub fn runs_left(&self) -> usize {
        if self.is_run_left() { self.run_count() - 1 - self.run_index() } else { 0 }
    }

    /// Name of the current run, like `run 2/5`; of the next one during the pause before it, like `run 3/5 follows`.
    pub(super) fn run_name(&self) -> String {
        let (number, all) = (self.run_index() + 1, self.run_count());
        let is_between = self.run_begins_at().is_some();
        if is_between { format!("run {}/{all} follows", number + 1) } else { format!("run {number}/{all}") }
    }

    /// Returns whether another run follows. It does not if the user has cancelled all cases.
    pub(super) fn is_run_left(&self) -> bool {
        self.run_index() + 1 < self.run_count() && self.index.count(CasePhase::Cancelled) < self.cases.len()
    }

    /// Time of the runs that follow, if each takes `run`, and of the pauses before them.
    pub fn time_of_runs_left(&self, run: Duration) -> Duration {
        let left = u32::try_from(self.runs_left()).unwrap_or(u32::MAX);
        run.saturating_add(self.time_between_runs()).saturating_mul(left)
    }

    fn time_between_runs(&self) -> Duration {
        self.suite.repeated_runs.map_or(Duration::ZERO, |runs| runs.cool_down)
    }

    /// The next run, once the pause before it is over. Nothing is in flight.
    pub(super) fn next_run(&self) -> Option<EventKind> {
        let is_due = self.run_ready_at() <= self.now;
        is_due.then_some(EventKind::RunBegan { run: self.run.saturating_add(1) })
    }

    /// Start of the next run, during the pause before it.
    pub(super) fn run_begins_at(&self) -> Option<Nanos> {
        let is_drained = self.index.unsettled() == 0 && self.in_flight() == 0;
        let is_between = self.mode == Mode::Running && is_drained && self.is_run_left();
        is_between.then(|| self.run_ready_at())
    }

    fn run_ready_at(&self) -> Nanos {
        self.changed_at.plus(self.time_between_runs())
    }

    /// Checks that a run may begin.
    pub(super) fn check_run(&self, run: u16) -> Result<(), InvalidEvent> {
        let follows = self.run.checked_add(1) == Some(run) && usize::from(run) < self.run_count();
        if follows { Ok(()) } else { Err(InvalidEvent::NoSuchStage) }
    }

    /// Begins a run with a fresh schedule and all cases in their order. Probes of prompt lengths are not repeated.
    pub(super) fn begin_run(&mut self, run: u16) {
        self.run = run;
        self.previous_run_ended = self.last_ended;
        self.warmups_started = self.suite.workload.as_ref().map_or(0, |workload| workload.probes);
        self.turn = 0;
        self.clock = RunClock::new(&self.plan);
        self.rows_taken = 0;
        for case in 0..self.cases.len() {
            let attempts = self.attempts_of(case);
            self.edit(case, |c| c.begin_run(run, attempts));
        }
        self.set_schedule();
    }

    /// Excludes the time between two runs from rates, once the later one sends its first measured request.
    pub(super) fn end_break_between_runs(&mut self, at: Nanos) {
        if let Some(from) = self.previous_run_ended.take() {
            let last_pause = self.schedule_pauses.last().map_or(Nanos::default(), |pause| pause.1);
            self.schedule_pauses.push((from.max(last_pause).min(at), at));
        }
    }
}
