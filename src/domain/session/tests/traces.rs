//! Requests of a trace, each at its own time.

use super::load::{due_row, end_at, ms, run_to};
use super::*;
use crate::domain::row_order::Sample;
use crate::domain::shard::Shard;
use crate::domain::workload::{Workload, WorkloadSource};

/// A run that sends requests at these times.
fn trace(times_ms: &[u64], plan: Plan) -> Session {
    let rows = times_ms.len() as u32;
    let times: Arc<[Duration]> = times_ms.iter().copied().map(Duration::from_millis).collect();
    let row_plan = RowPlan::single(rows, Sample::Ordered, 0, Shard::WHOLE).unwrap().with_times(times);
    let mut suite = suite(1);
    suite.workload = Some(Workload {
        items: None,
        source: WorkloadSource::Trace { path: "/t".to_owned(), skips_bad_rows: false, speed: 2.0, fingerprint: None },
        summary: String::new(),
        rows: Some(rows),
        sample: Sample::Ordered,
        seed: 0,
        output: None,
        probes: 0,
        has_checks: false,
        planned: vec![plan.requests.unwrap_or(rows)],
    });
    Session::new(Arc::new(suite), plan).with_rows(Arc::new(row_plan))
}

fn unlimited() -> Plan {
    Plan { concurrency: NO_LIMIT, ..Plan::default() }
}

#[test]
fn each_request_of_a_trace_starts_at_its_own_time() {
    let mut s = trace(&[0, 10, 900, 5000], unlimited());
    assert_eq!(s.handle(SessionInput::Begin(ms(1000))), [due_row(1, 0, 1000), due_row(2, 1, 1010)]);
    let rest = run_to(&mut s, ms(60_000));
    assert_eq!(rest, [(ms(1650), due_row(3, 2, 1900)), (ms(5750), due_row(4, 3, 6000))]);
    assert!(s.is_open_loop() && s.is_load());
    assert_eq!(s.open_loop_name().as_deref(), Some("trace, 2x"));
    for number in 1..=4 {
        end_at(&mut s, id(0, number), ms(7000), AttemptStatus::Ok);
    }
    assert!(s.mode == Mode::Finished && !s.is_partial());
}

#[test]
fn a_limit_takes_the_first_requests_of_a_trace() {
    let mut s = trace(&[0, 10, 20], Plan { requests: Some(2), ..unlimited() });
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [due_row(1, 0, 0), due_row(2, 1, 10)]);
    assert_eq!(s.wake_at(), None);
}

#[test]
fn a_traced_request_without_a_slot_keeps_its_intended_start() {
    let mut s = trace(&[0, 10, 20], Plan { concurrency: 1, ..unlimited() });
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [due_row(1, 0, 0)]);
    assert_eq!(end_at(&mut s, id(0, 1), ms(500), AttemptStatus::Ok), [due_row(2, 1, 10)]);
    assert_eq!(s.overdue(), Some(Duration::from_millis(480)));
}

#[test]
fn a_hold_shifts_the_rest_of_a_trace() {
    let mut s = trace(&[0, 100, 400], unlimited());
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [due_row(1, 0, 0), due_row(2, 1, 100)]);
    assert_eq!(s.handle_at(ms(40), SessionInput::ToggleHold), [SessionCommand::Abort(id(0, 2))]);
    end_at(&mut s, id(0, 2), ms(41), AttemptStatus::Cancelled);
    // The hold lasted 9,960 ms.
    assert_eq!(s.handle_at(ms(10_000), SessionInput::ToggleHold), [due_row(3, 1, 10_060)]);
    assert_eq!(run_to(&mut s, ms(60_000)), [(ms(10_110), due_row(4, 2, 10_360))]);
}

#[test]
fn a_paused_trace_sends_discarded_requests_at_once_and_the_others_at_their_times() {
    let mut s = trace(&[0, 10, 300, 700], unlimited());
    s.handle(SessionInput::Begin(ms(0)));
    assert_eq!(run_to(&mut s, ms(100)), [(ms(50), due_row(3, 2, 300))]);
    end_at(&mut s, id(0, 1), ms(100), AttemptStatus::Ok);
    // The second request is in flight, and the third is ordered but not due.
    s.handle_at(ms(100), SessionInput::TogglePause(0));
    for number in [2, 3] {
        end_at(&mut s, id(0, number), ms(101), AttemptStatus::Cancelled);
    }
    let again = s.handle_at(ms(5000), SessionInput::TogglePause(0));
    assert_eq!(again, [due_row(4, 1, 5000), due_row(5, 2, 5200)]);
    assert_eq!(run_to(&mut s, ms(60_000)), [(ms(5350), due_row(6, 3, 5600))]);
}

#[test]
fn a_resumed_trace_goes_on_with_the_requests_that_are_left() {
    for closes in [true, false] {
        let mut s = trace(&[0, 10, 3000, 3400], unlimited());
        s.handle(SessionInput::Begin(ms(0)));
        end_at(&mut s, id(0, 1), ms(500), AttemptStatus::Ok);
        if closes {
            s.handle(SessionInput::Abort);
            end_at(&mut s, id(0, 2), ms(501), AttemptStatus::Cancelled);
        }
        // The request in flight is sent again at once, and so is the next one; the rest keeps its distance.
        let mut resumed = s.to_resume(ms(600));
        let first = resumed.handle(SessionInput::Begin(ms(90_000)));
        assert_eq!(first, [due_row(3, 1, 90_000), due_row(4, 2, 90_000)], "closes: {closes}");
        assert_eq!(run_to(&mut resumed, ms(99_000)), [(ms(90_150), due_row(5, 3, 90_400))]);
        for number in 3..=5 {
            end_at(&mut resumed, id(0, number), ms(99_000), AttemptStatus::Ok);
        }
        assert!(resumed.mode == Mode::Finished && !resumed.is_partial());
    }
}

#[test]
fn a_trace_repeats_until_its_duration_is_over() {
    let mut s = trace(&[0, 600], Plan { duration: Some(Duration::from_secs(2)), ..unlimited() });
    let mut commands = s.handle(SessionInput::Begin(ms(0)));
    commands.extend(run_to(&mut s, ms(60_000)).into_iter().map(|(_, command)| command));
    // The second pass begins after the mean gap of 600 ms.
    assert_eq!(commands, [due_row(1, 0, 0), due_row(2, 1, 600), due_row(3, 0, 1200), due_row(4, 1, 1800)]);
}

#[test]
fn the_time_left_of_a_trace_is_that_to_its_last_request() {
    let mut s = trace(&[0, 2000, 60_000], unlimited());
    s.handle(SessionInput::Begin(ms(0)));
    let left = |s: &Session, at| crate::domain::progress::Progress::new(s, at).left;
    assert_eq!(left(&s, ms(1000)), Some(Duration::from_secs(59)));
    run_to(&mut s, ms(59_900));
    assert_eq!(s.time_to_last_start(ms(59_900)), None, "all requests are ordered");
}
