//! Rows of a data set: each is sent once, and again if its request was discarded.

use super::*;
use crate::domain::row_order::Sample;
use crate::domain::shard::Shard;

const fn ms(n: u64) -> Nanos {
    Nanos::from_millis(n)
}

/// A run over `rows` rows in file order.
fn run_of(rows: u32, concurrency: usize) -> Session {
    let plan = RowPlan::single(rows, Sample::Ordered, 0, Shard::WHOLE).unwrap();
    session(1, Plan { concurrency, repeat: rows, ..Plan::default() }).with_rows(Arc::new(plan))
}

/// Rows of the starts among commands.
fn rows(commands: &[SessionCommand]) -> Vec<u32> {
    let row = |command: &SessionCommand| match command {
        SessionCommand::Start { row, .. } => *row,
        SessionCommand::Abort(_) => None,
    };
    commands.iter().filter_map(row).collect()
}

fn end_all(s: &mut Session, at: Nanos) -> Vec<u32> {
    let mut sent = Vec::new();
    while let Some(id) = s.open_ids().first().copied() {
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), at);
        (record.status, record.ended) = (AttemptStatus::Ok, at);
        sent.extend(rows(&s.handle(SessionInput::Ended(id, Arc::new(record)))));
    }
    sent
}

#[test]
fn each_row_is_sent_once() {
    let mut s = run_of(4, 2);
    assert_eq!(rows(&s.handle(SessionInput::Begin(ms(0)))), [0, 1]);
    assert_eq!(end_all(&mut s, ms(1)), [2, 3]);
    assert_eq!((s.mode, s.is_partial()), (Mode::Finished, false));
    // A rerun goes on with the first row.
    assert_eq!(rows(&s.handle(SessionInput::Rerun(0))), [0, 1]);
}

#[test]
fn a_paused_case_sends_the_rows_of_discarded_requests_again() {
    let mut s = run_of(4, 2);
    s.handle(SessionInput::Begin(ms(0)));
    end(&mut s, id(0, 1), AttemptStatus::Ok);
    s.handle(SessionInput::TogglePause(0));
    for number in [2, 3] {
        end(&mut s, id(0, number), AttemptStatus::Cancelled);
    }
    assert_eq!(rows(&s.handle(SessionInput::TogglePause(0))), [1, 2]);
    assert_eq!(end_all(&mut s, ms(1)), [3]);
    assert!(!s.is_partial());
}

#[test]
fn a_resumed_run_sends_the_rows_that_were_in_flight_again() {
    for closes in [true, false] {
        let mut s = run_of(4, 2);
        s.handle(SessionInput::Begin(ms(0)));
        end(&mut s, id(0, 1), AttemptStatus::Ok);
        if closes {
            s.handle(SessionInput::Abort);
            for number in [2, 3] {
                end(&mut s, id(0, number), AttemptStatus::Cancelled);
            }
        }
        let mut resumed = s.to_resume(ms(10));
        assert_eq!(rows(&resumed.handle(SessionInput::Begin(ms(20)))), [1, 2], "closes: {closes}");
        assert_eq!(end_all(&mut resumed, ms(30)), [3]);
        assert!(resumed.mode == Mode::Finished && !resumed.is_partial());
        assert_eq!(resumed.rows_sent(), 4, "a row that is sent again counts once");
    }
}

#[test]
fn each_stage_of_a_sweep_sends_the_same_rows() {
    let mut s = run_of(3, 1).with_sweep(vec![1, 3]);
    assert_eq!(rows(&s.handle(SessionInput::Begin(ms(0)))), [0]);
    assert_eq!(end_all(&mut s, ms(1)), [1, 2, 0, 1, 2]);
}

#[test]
fn a_conversation_keeps_its_row() {
    let mut case = crate::domain::testing::case("talk");
    case.follow_ups = vec!["and then?".to_owned()];
    let suite = Arc::new(crate::domain::testing::suite_with(vec![case]));
    let plan = RowPlan::single(2, Sample::Ordered, 0, Shard::WHOLE).unwrap();
    let mut s = Session::new(suite, Plan { repeat: 2, ..Plan::default() }).with_rows(Arc::new(plan));
    assert_eq!(rows(&s.handle(SessionInput::Begin(ms(0)))), [0]);
    assert_eq!(end_all(&mut s, ms(1)), [0, 1, 1]);
}

#[test]
fn a_warmup_does_not_use_up_a_row() {
    let plan = RowPlan::single(2, Sample::Ordered, 0, Shard::WHOLE).unwrap();
    let mut s = session(1, Plan { repeat: 2, warmup: 1, ..Plan::default() }).with_rows(Arc::new(plan));
    assert_eq!(rows(&s.handle(SessionInput::Begin(ms(0)))), [0]);
    assert_eq!(rows(&end(&mut s, id(0, 1), AttemptStatus::Ok)), [0]);
}
