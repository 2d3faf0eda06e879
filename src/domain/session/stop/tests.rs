use std::sync::Arc;

use super::*;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::{CasePhase, Plan, SessionCommand, SessionInput};
use crate::domain::testing::suite;

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

const fn ms(at: u64) -> Nanos {
    Nanos::from_millis(at)
}

const fn id(case: usize, number: u32) -> AttemptId {
    AttemptId { case, number }
}

const fn timed(seconds: u64) -> Plan {
    Plan {
        shard: None,
        concurrency: 1,
        repeat: 1,
        warmup: 0,
        warm: false,
        open_loop: None,
        duration: Some(Duration::from_secs(seconds)),
        requests: None,
        stop_when_saturated: false,
    }
}

/// Starts a run and returns it with the attempts that it starts.
fn begin(cases: usize, plan: Plan) -> (Session, Vec<AttemptId>) {
    let mut session = Session::new(Arc::new(suite(cases)), plan);
    let started = started(session.handle(SessionInput::Begin(s(0))));
    (session, started)
}

fn started(commands: Vec<SessionCommand>) -> Vec<AttemptId> {
    let started = |command| match command {
        SessionCommand::Start { id, .. } => Some(id),
        SessionCommand::Abort(_) => None,
    };
    commands.into_iter().filter_map(started).collect()
}

/// Ends an attempt that ran in this span; returns the attempts that start.
fn end(session: &mut Session, id: AttemptId, (from, to): (Nanos, Nanos), status: AttemptStatus) -> Vec<AttemptId> {
    let warmup = session.attempt(id).unwrap().warmup;
    let mut record = AttemptRecord::started(id, warmup, String::new(), String::new(), from);
    (record.status, record.ended) = (status, to);
    started(session.handle(SessionInput::Ended(id, Arc::new(record))))
}

fn ok(session: &mut Session, id: AttemptId, span: (Nanos, Nanos)) -> Vec<AttemptId> {
    end(session, id, span, AttemptStatus::Ok)
}

/// A run of 10 s with two answers of 3 s; the third request is in flight from 6 s on.
fn with_a_third_request() -> Session {
    let (mut session, first) = begin(2, timed(10));
    assert_eq!(first, [id(0, 1)]);
    assert_eq!(ok(&mut session, id(0, 1), (s(0), s(3))), [id(1, 1)]);
    assert_eq!(ok(&mut session, id(1, 1), (s(3), s(6))), [id(0, 2)]);
    session
}

/// Resumes a run that was interrupted 2 s into its third request.
fn goes_on_for_four_seconds(stopped: &Session, stopped_at: Nanos) {
    let mut session = stopped.to_resume(stopped_at);
    let begun = started(session.handle_at(s(100), SessionInput::Begin(s(100))));
    assert_eq!(begun, [id(0, 3)], "the interrupted case is next");
    assert_eq!(session.time_left(s(100)), Some(Duration::from_secs(4)), "from the last answer at 6 s on");
    assert_eq!(ok(&mut session, id(0, 3), (s(100), s(103))), [id(1, 2)]);
    assert!(ok(&mut session, id(1, 2), (s(103), s(106))).is_empty());
    assert_eq!((session.mode, session.is_partial(), session.interrupted()), (Mode::Finished, false, 0));
    assert_eq!(session.schedule_pauses().last(), Some(&(s(6), s(100))), "no rate counts the lost time");
}

#[test]
fn a_killed_timed_run_repeats_the_request_and_its_time() {
    let session = with_a_third_request();
    let mut shown = session.clone();
    shown.show_ended(s(8));
    assert_eq!((shown.is_partial(), shown.interrupted()), (true, 1));
    goes_on_for_four_seconds(&session, s(8));
    goes_on_for_four_seconds(&shown, s(8));
}

#[test]
fn an_orderly_end_repeats_the_same_as_a_kill() {
    let mut session = with_a_third_request();
    session.handle_at(s(8), SessionInput::Abort);
    end(&mut session, id(0, 2), (s(6), s(8)), AttemptStatus::Cancelled);
    assert!(session.is_partial());
    goes_on_for_four_seconds(&session, s(9));
}

#[test]
fn a_hold_during_the_lost_request_is_not_repeated() {
    let mut session = with_a_third_request();
    session.handle_at(s(7), SessionInput::ToggleHold);
    session.handle_at(s(60), SessionInput::ToggleHold);
    let mut resumed = session.to_resume(s(61));
    resumed.handle_at(s(100), SessionInput::Begin(s(100)));
    assert_eq!(resumed.time_left(s(100)), Some(Duration::from_secs(4)));
}

#[test]
fn a_request_that_outlasts_the_duration_is_repeated() {
    let (mut session, _) = begin(1, timed(10));
    assert_eq!(ok(&mut session, id(0, 1), (s(0), s(9))), [id(0, 2)]);
    let mut session = session.to_resume(s(15));
    assert_eq!(started(session.handle_at(s(100), SessionInput::Begin(s(100)))), [id(0, 3)]);
    ok(&mut session, id(0, 3), (s(100), s(106)));
    assert_eq!((session.mode, session.is_partial()), (Mode::Finished, false));
    assert_eq!(session.cases[0].phase, CasePhase::Done);
}

#[test]
fn a_rate_gets_all_its_requests() {
    let open_loop = Some(OpenLoop { rate_per_s: 10.0, process: Process::Constant, seed: 3 });
    let (mut session, mut open) = begin(1, Plan { concurrency: 4096, open_loop, ..timed(2) });
    let mut answered = 0;
    let due = |session: &Session, id| session.attempt(id).unwrap().due.unwrap();
    // Every answer takes 300 ms, so that the kill at 1 s interrupts three.
    let mut run = |session: &mut Session, open: &mut Vec<AttemptId>, until: Nanos| {
        loop {
            let ends = open.first().map(|id| due(session, *id).plus(Duration::from_millis(300)));
            let tick = session.wake_at();
            match (ends, tick) {
                (Some(at), tick) if at <= until && tick.is_none_or(|tick| at <= tick) => {
                    let id = open.remove(0);
                    let from = due(session, id);
                    open.extend(ok(session, id, (from, at)));
                    answered += 1;
                }
                (_, Some(at)) if at <= until => open.extend(started(session.handle(SessionInput::Tick(at)))),
                _ => break,
            }
        }
    };
    run(&mut session, &mut open, ms(1000));
    let mut session = session.to_resume(ms(1000));
    let mut open = started(session.handle_at(s(100), SessionInput::Begin(s(100))));
    run(&mut session, &mut open, s(200));
    assert_eq!((session.mode, session.is_partial()), (Mode::Finished, false));
    assert_eq!(answered, 20);
}

#[test]
fn a_lost_warm_up_is_repeated() {
    let (session, open) = begin(2, Plan { warmup: 1, ..timed(10) });
    assert_eq!(open, [id(0, 1)]);
    let mut session = session.to_resume(s(1));
    let commands = session.handle_at(s(100), SessionInput::Begin(s(100)));
    assert_eq!(commands, [SessionCommand::Start { row: None, turn: None, id: id(0, 2), warmup: true, due: None }]);
}
