use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::AttemptStatus;
use crate::domain::testing::suite;

fn session(cases: usize, plan: Plan) -> Session {
    Session::new(Arc::new(suite(cases)), plan)
}

fn id(case: usize, number: u32) -> AttemptId {
    AttemptId { case, number }
}

fn start(case: usize, number: u32) -> SessionCommand {
    SessionCommand::Start { row: None, turn: None, id: id(case, number), warmup: false, due: None }
}

fn end(s: &mut Session, id: AttemptId, status: AttemptStatus) -> Vec<SessionCommand> {
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
    record.status = status;
    s.handle(SessionInput::Ended(id, Arc::new(record)))
}

#[test]
fn cases_run_one_after_another_to_the_end() {
    let mut s = session(2, Plan::default());
    assert_eq!(s.handle(SessionInput::Begin(Nanos(0))), vec![start(0, 1)]);
    assert_eq!(end(&mut s, id(0, 1), AttemptStatus::Ok), vec![start(1, 1)]);
    assert_eq!(end(&mut s, id(1, 1), AttemptStatus::Timeout), vec![]);
    assert_eq!(s.mode, Mode::Finished);
    assert_eq!((s.cases[0].phase, s.cases[1].phase), (CasePhase::Done, CasePhase::Failed));
    assert!(s.is_partial());
}

#[test]
fn a_hold_lets_running_attempts_end_and_starts_nothing() {
    let mut s = session(2, Plan::default());
    s.handle(SessionInput::Begin(Nanos(0)));
    assert_eq!(s.handle(SessionInput::ToggleHold), vec![]);
    assert_eq!(end(&mut s, id(0, 1), AttemptStatus::Ok), vec![]);
    assert_eq!((s.mode, s.in_flight()), (Mode::Held, 0));
    assert_eq!(s.handle(SessionInput::ToggleHold), vec![start(1, 1)]);
}

#[test]
fn pausing_a_running_case_discards_its_attempt_and_resuming_starts_a_new_one() {
    let mut s = session(1, Plan::default());
    s.handle(SessionInput::Begin(Nanos(0)));
    assert_eq!(s.handle(SessionInput::TogglePause(0)), vec![SessionCommand::Abort(id(0, 1))]);
    assert_eq!(s.cases[0].phase, CasePhase::Paused);
    assert_eq!(end(&mut s, id(0, 1), AttemptStatus::Cancelled), vec![]);
    assert_eq!(s.cases[0].phase, CasePhase::Paused);
    assert_eq!(s.handle(SessionInput::TogglePause(0)), vec![start(0, 2)]);
    end(&mut s, id(0, 2), AttemptStatus::Ok);
    assert_eq!((s.cases[0].phase, s.cases[0].attempts.len(), s.mode), (CasePhase::Done, 2, Mode::Finished));
}

#[test]
fn a_discarded_attempt_may_end_after_its_successor() {
    let mut s = session(1, Plan { concurrency: 2, ..Plan::default() });
    s.handle(SessionInput::Begin(Nanos(0)));
    s.handle(SessionInput::TogglePause(0));
    assert_eq!(s.handle(SessionInput::TogglePause(0)), vec![start(0, 2)]);
    end(&mut s, id(0, 2), AttemptStatus::Ok);
    assert_eq!(s.cases[0].phase, CasePhase::Done);
    end(&mut s, id(0, 1), AttemptStatus::Cancelled);
    assert_eq!((s.cases[0].phase, s.mode), (CasePhase::Done, Mode::Finished));
}

#[test]
fn a_rerun_adds_an_attempt_and_the_last_complete_one_is_reported() {
    let mut s = session(1, Plan::default());
    s.handle(SessionInput::Begin(Nanos(0)));
    end(&mut s, id(0, 1), AttemptStatus::Ok);
    assert_eq!(s.handle(SessionInput::Rerun(0)), vec![start(0, 2)]);
    end(&mut s, id(0, 2), AttemptStatus::StreamError);
    assert_eq!(s.cases[0].phase, CasePhase::Failed);
    assert_eq!(s.cases[0].reported().next().unwrap().number, 1);
    s.handle(SessionInput::RerunFailed);
    end(&mut s, id(0, 3), AttemptStatus::Ok);
    assert_eq!(s.cases[0].reported().map(|a| a.number).collect::<Vec<_>>(), [3]);
}

#[test]
fn warmups_come_first_and_are_not_reported() {
    let mut s = session(2, Plan { warmup: 1, repeat: 2, concurrency: 2, ..Plan::default() });
    let first = s.handle(SessionInput::Begin(Nanos(0)));
    assert_eq!(first, vec![SessionCommand::Start { row: None, turn: None, id: id(0, 1), warmup: true, due: None }]);
    assert_eq!(end(&mut s, id(0, 1), AttemptStatus::Ok), vec![start(0, 2), start(0, 3)]);
    assert_eq!(s.cases[0].reported().count(), 0);
    end(&mut s, id(0, 2), AttemptStatus::Ok);
    end(&mut s, id(0, 3), AttemptStatus::Ok);
    assert_eq!((s.cases[0].phase, s.cases[0].reported().count()), (CasePhase::Done, 2));
}

#[test]
fn cancel_discards_attempts_and_late_records_are_ignored() {
    let mut s = session(2, Plan::default());
    s.handle(SessionInput::Begin(Nanos(0)));
    s.handle(SessionInput::Cancel(1));
    s.handle(SessionInput::Cancel(0));
    end(&mut s, id(0, 1), AttemptStatus::Cancelled);
    assert_eq!(s.mode, Mode::Finished);
    end(&mut s, id(0, 1), AttemptStatus::Ok);
    end(&mut s, id(1, 7), AttemptStatus::Ok);
    end(&mut s, id(9, 1), AttemptStatus::Ok);
    assert!(s.cases.iter().all(|c| c.phase == CasePhase::Cancelled && c.reported().next().is_none()));
}

mod conversations;
mod depths;
mod load;
mod repeated;
mod rows;
mod saturation;
mod search;
mod stages;
mod traces;

proptest! {
    #[test]
    fn any_order_of_inputs_keeps_the_invariants(steps in prop::collection::vec((0u8..8, 0usize..4, 1u32..5, 0u8..3), 0..200)) {
        let mut s = session(4, Plan { concurrency: 2, repeat: 2, warmup: 3, ..Plan::default() });
        for (what, case, number, how) in steps {
            match what {
                0 => { s.handle(SessionInput::Begin(Nanos(0))); }
                1 => { s.handle(SessionInput::ToggleHold); }
                2 => { s.handle(SessionInput::TogglePause(case)); }
                3 => { s.handle(SessionInput::Rerun(case)); }
                4 => { s.handle(SessionInput::RerunFailed); }
                5 => { s.handle(SessionInput::Cancel(case)); }
                _ => { end(&mut s, id(case, number), [AttemptStatus::Ok, AttemptStatus::Empty, AttemptStatus::Cancelled][how as usize]); }
            }
            prop_assert!(s.in_flight() <= 2);
            for c in &s.cases {
                let numbers: Vec<_> = c.attempts.iter().map(|a| a.number).collect();
                prop_assert_eq!(numbers, (1..=c.attempts.len() as u32).collect::<Vec<_>>());
                let counts = c.in_flight().any(|a| !a.abandoned);
                prop_assert_eq!(c.phase == CasePhase::Running, counts);
            }
            prop_assert!(s.mode != Mode::Finished || s.in_flight() == 0);
        }
    }
}
