//! Whole runs one after another, with times set by hand.

use super::load::{end_at as end_with, ms};
use super::*;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::progress::Progress;
use crate::domain::repeated_runs::RepeatedRuns;

fn repeated(cases: usize, count: u16, plan: Plan) -> Session {
    let mut suite = suite(cases);
    suite.repeated_runs = Some(RepeatedRuns { count, cool_down: Duration::from_secs(2) });
    Session::new(Arc::new(suite), plan)
}

fn started(commands: &[SessionCommand]) -> Vec<(AttemptId, bool)> {
    let start = |command: &SessionCommand| match command {
        SessionCommand::Start { id, warmup, .. } => Some((*id, *warmup)),
        SessionCommand::Abort(_) => None,
    };
    commands.iter().filter_map(start).collect()
}

/// Ends an attempt with a complete answer.
fn end_at(s: &mut Session, id: AttemptId, at_ms: u64) -> Vec<SessionCommand> {
    end_with(s, id, ms(at_ms), AttemptStatus::Ok)
}

/// Runs of all attempts of a case.
fn runs_of(s: &Session, case: usize) -> Vec<u16> {
    s.cases[case].attempts.iter().map(|a| a.run).collect()
}

#[test]
fn each_run_has_its_warm_ups_and_cases_after_a_pause() {
    let mut s = repeated(2, 2, Plan { warmup: 1, ..Plan::default() });
    assert_eq!(started(&s.handle(SessionInput::Begin(ms(0)))), [(id(0, 1), true)]);
    assert_eq!(started(&end_at(&mut s, id(0, 1), 100)), [(id(0, 2), false)]);
    assert_eq!(started(&end_at(&mut s, id(0, 2), 200)), [(id(1, 1), false)]);
    assert_eq!(s.load_stage_name().as_deref(), Some("run 1/2"));
    assert!(started(&end_at(&mut s, id(1, 1), 300)).is_empty());
    assert_eq!((s.mode, s.is_active(), s.wake_at()), (Mode::Running, true, Some(ms(2300))));
    assert_eq!(s.load_stage_name().as_deref(), Some("run 2/2 follows"));
    assert!(s.is_partial());
    assert!(started(&s.handle(SessionInput::Tick(ms(2299)))).is_empty());
    assert_eq!(started(&s.handle(SessionInput::Tick(ms(2300)))), [(id(0, 3), true)]);
    assert_eq!(started(&end_at(&mut s, id(0, 3), 2400)), [(id(0, 4), false)]);
    end_at(&mut s, id(0, 4), 2500);
    end_at(&mut s, id(1, 2), 2600);
    assert!(s.mode == Mode::Finished && !s.is_partial(), "{:?}", s.mode);
    assert_eq!((runs_of(&s, 0), runs_of(&s, 1)), (vec![0, 0, 1, 1], vec![0, 1]));
    let reported = |case: usize| s.cases[case].reported().map(|a| a.number).collect::<Vec<_>>();
    assert_eq!((reported(0), s.cases[0].reported_count_in(0)), (vec![2, 4], 2));
    assert_eq!((s.requests_planned(), s.requests_answered()), (Some(4), 4));
}

#[test]
fn progress_and_time_left_cover_all_runs_and_the_pauses_between_them() {
    let mut s = repeated(2, 3, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    for (case, sent_ms) in [(0, 0), (1, 1000)] {
        let mut record = AttemptRecord::started(id(case, 1), false, String::new(), String::new(), ms(sent_ms));
        (record.status, record.ended) = (AttemptStatus::Ok, ms(sent_ms + 1000));
        s.handle(SessionInput::Ended(id(case, 1), Arc::new(record)));
    }
    let progress = Progress::new(&s, ms(2000));
    assert_eq!(progress.to_string(), "2/6");
    assert!((progress.share - 1.0 / 3.0).abs() < 1e-9, "{progress:?}");
    // Two runs of two seconds, each after a pause of two.
    let left_s = progress.left.unwrap().as_secs_f64();
    assert!((left_s - 8.0).abs() < 0.1, "{left_s}");
}

#[test]
fn a_hold_between_runs_delays_the_next_one() {
    let mut s = repeated(1, 2, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    end_at(&mut s, id(0, 1), 1000);
    s.handle_at(ms(1500), SessionInput::ToggleHold);
    assert!(started(&s.handle(SessionInput::Tick(ms(9000)))).is_empty());
    assert!(started(&s.handle_at(ms(9000), SessionInput::ToggleHold)).is_empty());
    assert_eq!(s.wake_at(), Some(ms(11_000)));
    assert_eq!(started(&s.handle(SessionInput::Tick(ms(11_000)))), [(id(0, 2), false)]);
}

#[test]
fn a_rerun_replaces_the_answers_of_the_last_run_only() {
    let mut s = repeated(1, 2, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    end_at(&mut s, id(0, 1), 1000);
    s.handle(SessionInput::Tick(ms(3000)));
    end_at(&mut s, id(0, 2), 4000);
    assert_eq!(started(&s.handle(SessionInput::Rerun(0))), [(id(0, 3), false)]);
    end_at(&mut s, id(0, 3), 5000);
    assert_eq!(s.cases[0].reported().map(|a| (a.run, a.number)).collect::<Vec<_>>(), [(0, 1), (1, 3)]);
    assert!(s.mode == Mode::Finished && !s.is_partial());
}

#[test]
fn a_failure_in_an_early_run_stays_a_failure_of_the_case() {
    let mut s = repeated(1, 2, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    end(&mut s, id(0, 1), AttemptStatus::Timeout);
    s.handle(SessionInput::Tick(ms(3000)));
    end_at(&mut s, id(0, 2), 4000);
    assert_eq!((s.mode, s.cases[0].phase, s.is_partial()), (Mode::Finished, CasePhase::Failed, true));
}

#[test]
fn a_cancelled_case_stays_cancelled_and_without_a_case_no_run_follows() {
    let mut s = repeated(2, 3, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    s.handle(SessionInput::Cancel(1));
    end_at(&mut s, id(0, 1), 1000);
    assert_eq!(started(&s.handle(SessionInput::Tick(ms(3000)))), [(id(0, 2), false)]);
    s.handle(SessionInput::Cancel(0));
    end(&mut s, id(0, 2), AttemptStatus::Cancelled);
    assert_eq!((s.mode, s.run_index(), s.is_partial()), (Mode::Finished, 1, true));
}

#[test]
fn a_program_that_disappears_between_runs_resumes_with_the_next_run() {
    let mut s = repeated(1, 2, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    end_at(&mut s, id(0, 1), 1000);
    let mut resumed = s.to_resume(ms(1500));
    assert_eq!(resumed.mode, Mode::Waiting);
    assert!(started(&resumed.handle(SessionInput::Begin(ms(20_000)))).is_empty());
    assert_eq!(started(&resumed.handle(SessionInput::Tick(ms(22_000)))), [(id(0, 2), false)]);
    end_at(&mut resumed, id(0, 2), 23_000);
    assert!(resumed.mode == Mode::Finished && !resumed.is_partial());
    assert_eq!(runs_of(&resumed, 0), [0, 1]);
}

#[test]
fn a_program_that_disappears_within_a_run_repeats_only_what_was_in_flight() {
    let mut s = repeated(2, 2, Plan::default());
    s.handle(SessionInput::Begin(ms(0)));
    for (case, at) in [(0, 1000), (1, 2000)] {
        end_at(&mut s, id(case, 1), at);
    }
    s.handle(SessionInput::Tick(ms(4000)));
    end_at(&mut s, id(0, 2), 5000);
    let mut resumed = s.to_resume(ms(5500));
    assert_eq!(started(&resumed.handle(SessionInput::Begin(ms(9000)))), [(id(1, 3), false)]);
    end_at(&mut resumed, id(1, 3), 10_000);
    assert!(resumed.mode == Mode::Finished && !resumed.is_partial());
    assert_eq!((runs_of(&resumed, 0), runs_of(&resumed, 1)), (vec![0, 1], vec![0, 1, 1]));
}

#[test]
fn each_run_has_the_whole_duration_and_rates_leave_out_the_time_between() {
    let open_loop = Some(OpenLoop { rate_per_s: 1.0, process: Process::Constant, seed: 0 });
    let duration = Some(Duration::from_secs(2));
    let mut s = repeated(1, 2, Plan { concurrency: NO_LIMIT, open_loop, duration, ..Plan::default() });
    s.handle(SessionInput::Begin(ms(0)));
    s.handle(SessionInput::Tick(ms(1000)));
    s.handle(SessionInput::Tick(ms(2000)));
    assert_eq!(Progress::new(&s, ms(2000)).to_string(), "0/~4");
    end_at(&mut s, id(0, 1), 2000);
    end_at(&mut s, id(0, 2), 2000);
    assert!((Progress::new(&s, ms(2000)).share - 0.5).abs() < 1e-9);
    assert_eq!(started(&s.handle(SessionInput::Tick(ms(4000)))), [(id(0, 3), false)]);
    assert_eq!(s.schedule_pauses().last(), Some(&(ms(2000), ms(4000))));
    s.handle(SessionInput::Tick(ms(5000)));
    s.handle(SessionInput::Tick(ms(6000)));
    end_at(&mut s, id(0, 3), 6000);
    end_at(&mut s, id(0, 4), 6000);
    assert!(s.mode == Mode::Finished && !s.is_partial(), "{:?}", s.mode);
    assert_eq!((runs_of(&s, 0), s.unreached()), (vec![0, 0, 1, 1], 0));
}

#[test]
fn only_the_next_run_can_begin() {
    let mut s = repeated(1, 2, Plan::default());
    let began = |run| RunEvent { at: ms(1), what: EventKind::RunBegan { run } };
    for run in [0, 2, 65_535] {
        assert_eq!(s.apply(&began(run), None), Err(InvalidEvent::NoSuchStage), "{run}");
    }
    assert_eq!(s.apply(&began(1), None), Ok(()));
    assert_eq!(session(1, Plan::default()).apply(&began(1), None), Err(InvalidEvent::NoSuchStage));
}
