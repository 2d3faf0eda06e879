use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::{Mode, Plan, SessionCommand, SessionInput};
use crate::domain::testing::suite;

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

/// A run and its requests in flight, with the times at which they started.
struct TestRun {
    session: Session,
    open: Vec<(AttemptId, Nanos)>,
    now: Nanos,
}

impl TestRun {
    fn begin(cases: usize, plan: Plan, sweep: Vec<usize>) -> Self {
        let session = Session::new(Arc::new(suite(cases)), plan).with_sweep(sweep);
        let mut run = Self { session, open: Vec::new(), now: s(0) };
        run.handle(SessionInput::Begin(s(0)));
        run
    }

    fn handle(&mut self, event: SessionInput) {
        for command in self.session.handle_at(self.now, event) {
            if let SessionCommand::Start { id, due, .. } = command {
                self.open.push((id, due.unwrap_or(self.now)));
            }
        }
    }

    /// Ends the request at this index among those in flight.
    fn end(&mut self, index: usize, status: AttemptStatus) {
        let (id, started) = self.open.remove(index);
        let Some(attempt) = self.session.attempt(id) else { return };
        let status = if attempt.abandoned { AttemptStatus::Cancelled } else { status };
        let mut record = AttemptRecord::started(id, attempt.warmup, String::new(), String::new(), started);
        self.now = self.now.max(started);
        (record.status, record.ended) = (status, self.now);
        self.handle(SessionInput::Ended(id, Arc::new(record)));
    }

    /// Ends the oldest request, `seconds` later.
    fn end_after(&mut self, seconds: u64) {
        self.now = self.now.plus(Duration::from_secs(seconds));
        self.end(0, AttemptStatus::Ok);
    }

    fn progress(&self) -> Progress {
        Progress::new(&self.session, self.now)
    }
}

fn left_s(progress: &Progress) -> Option<u64> {
    progress.left.map(|left| left.as_secs())
}

#[test]
fn all_cases_repeats_and_stages_are_planned_from_the_start() {
    let mut run = TestRun::begin(2, Plan { repeat: 5, warmup: 1, ..Plan::default() }, vec![1, 2]);
    assert_eq!(run.progress().to_string(), "0/20");
    // The warm-up is not part of the plan.
    run.end_after(1);
    assert_eq!(run.progress().to_string(), "0/20");
    (0..5).for_each(|_| run.end_after(1));
    assert_eq!((run.progress().to_string(), run.progress().share), ("5/20".to_owned(), 0.25));
    while !run.open.is_empty() {
        run.end_after(1);
    }
    assert_eq!(
        (run.session.mode, run.progress().to_string(), run.progress().share),
        (Mode::Finished, "20/20".to_owned(), 1.0)
    );
}

#[test]
fn a_number_of_requests_is_the_plan_whatever_the_number_of_cases() {
    let run = TestRun::begin(3, Plan { requests: Some(50), ..Plan::default() }, Vec::new());
    assert_eq!(run.progress().to_string(), "0/50");
}

#[test]
fn a_rerun_adds_to_the_plan() {
    let mut run = TestRun::begin(2, Plan { repeat: 2, ..Plan::default() }, Vec::new());
    (0..4).for_each(|_| run.end_after(1));
    assert_eq!(run.progress().to_string(), "4/4");
    run.handle(SessionInput::Rerun(0));
    assert_eq!((run.progress().to_string(), run.progress().share), ("4/6".to_owned(), 4.0 / 6.0));
}

#[test]
fn a_discarded_attempt_is_not_done() {
    let mut run = TestRun::begin(2, Plan { concurrency: 2, ..Plan::default() }, Vec::new());
    run.handle(SessionInput::TogglePause(0));
    run.end(0, AttemptStatus::Ok);
    assert_eq!(run.progress().to_string(), "0/2");
    run.handle(SessionInput::Cancel(0));
    assert_eq!(run.progress().to_string(), "0/2", "a cancelled request was planned, too");
}

#[test]
fn a_run_limited_by_time_counts_its_time() {
    let duration = Some(Duration::from_secs(20));
    let mut run = TestRun::begin(1, Plan { duration, ..Plan::default() }, Vec::new());
    run.end_after(5);
    let progress = run.progress();
    assert_eq!((progress.to_string(), progress.share, left_s(&progress)), ("1".to_owned(), 0.25, Some(15)));
    assert!(!progress.is_counted());
    let rate = Some(OpenLoop { rate_per_s: 3.0, process: Process::Constant, seed: 0 });
    let mut run = TestRun::begin(1, Plan { concurrency: 8, duration, open_loop: rate, ..Plan::default() }, Vec::new());
    run.end_after(1);
    assert_eq!(run.progress().to_string(), "1/~60");
}

#[test]
fn a_sweep_with_a_duration_counts_the_time_of_all_stages() {
    let duration = Some(Duration::from_secs(20));
    let mut run = TestRun::begin(1, Plan { duration, ..Plan::default() }, vec![1, 2, 4, 8]);
    run.end_after(10);
    assert_eq!((run.progress().share, left_s(&run.progress())), (0.125, Some(70)));
}

#[test]
fn the_time_left_is_unknown_until_every_slot_has_delivered_once() {
    let mut run = TestRun::begin(1, Plan { concurrency: 4, repeat: 8, ..Plan::default() }, Vec::new());
    run.end_after(10);
    (0..2).for_each(|_| run.end_after(0));
    assert_eq!(left_s(&run.progress()), None);
    run.end_after(0);
    assert_eq!(left_s(&run.progress()), Some(10));
    (0..4).for_each(|_| run.end_after(0));
    assert_eq!(left_s(&run.progress()), None);
}

proptest! {
    /// The share never falls, except when the user adds requests, and then their planned number grows.
    #[test]
    fn the_share_falls_only_when_the_user_adds_requests(
        steps in prop::collection::vec((0_u8..18, 0_usize..3, 0_u64..30, 0_usize..3), 1..80),
        (concurrency, repeat, warmup, stages) in (1_usize..4, 1_u32..4, 0_u32..3, 0_usize..3),
        (rate, duration, requests) in
            (prop::option::of(1_u32..40), prop::option::of(1_u64..400), prop::option::of(3_u32..9)),
    ) {
        let open_loop = rate.map(|n| OpenLoop { rate_per_s: f64::from(n) / 20.0, process: Process::Poisson, seed: 7 });
        let duration = duration.map(Duration::from_secs);
        let plan = Plan { concurrency, repeat, warmup, open_loop, duration, requests, ..Plan::default() };
        let mut run = TestRun::begin(3, plan, (1..=stages).collect());
        for (what, case, later, how) in steps {
            let before = run.progress();
            let known_before = run.session.requests_done() + run.session.requests_left();
            run.now = run.now.plus(Duration::from_secs(later));
            let adds = match what {
                0 => { run.handle(SessionInput::ToggleHold); false }
                1 | 2 => { run.handle(SessionInput::TogglePause(case)); true }
                3 => { run.handle(SessionInput::Rerun(case)); true }
                4 => { run.handle(SessionInput::Cancel(case)); false }
                5 => { run.handle(SessionInput::RerunFailed); true }
                6..=8 => { run.handle(SessionInput::Tick(run.now)); false }
                // The program ends, by itself or killed, and the run is resumed.
                9 | 10 => {
                    if what == 9 {
                        run.handle(SessionInput::Abort);
                        (0..how).for_each(|_| if !run.open.is_empty() { run.end(0, AttemptStatus::Cancelled) });
                    }
                    run.session = run.session.to_resume(run.now);
                    run.open.clear();
                    run.handle(SessionInput::Begin(run.now));
                    false
                }
                _ if run.open.is_empty() => false,
                _ => {
                    let status = [AttemptStatus::Ok, AttemptStatus::Timeout, AttemptStatus::Cancelled];
                    run.end(case % run.open.len(), status[how]);
                    false
                }
            };
            let after = run.progress();
            let known_after = run.session.requests_done() + run.session.requests_left();
            prop_assert!((0.0..=1.0).contains(&after.share), "{after:?}");
            if after.share < before.share {
                prop_assert!(adds && known_after > known_before, "step {what}: {before:?} then {after:?}");
            }
        }
    }
}
