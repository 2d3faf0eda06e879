use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::AttemptStatus;
use crate::domain::session::Plan;
use crate::domain::testing::suite;

fn session(cases: usize) -> Session {
    Session::new(Arc::new(suite(cases)), Plan { repeat: 3, ..Plan::default() })
}

fn apply(session: &mut Session, what: EventKind) -> Result<(), InvalidEvent> {
    let record = |id: AttemptId| AttemptRecord { id, status: AttemptStatus::Ok, ..AttemptRecord::default() };
    let record = if let EventKind::Ended(id) = what { Some(record(id).into()) } else { None };
    session.apply(&RunEvent { at: Nanos(1), what }, record)
}

const fn ended(case: usize, number: u32) -> EventKind {
    EventKind::Ended(AttemptId { case, number })
}

const fn started(case: usize, number: u32) -> EventKind {
    EventKind::Started { row: None, turn: None, case, number, warmup: false, due: None }
}

#[test]
fn an_invalid_event_is_rejected_and_changes_nothing() {
    let mut s = session(2);
    let before = format!("{s:?}");
    for (what, why) in [
        (started(2, 1), InvalidEvent::NoSuchCase),
        (started(0, u32::MAX), InvalidEvent::NoSuchNumber),
        (started(0, 0), InvalidEvent::AlreadyThere),
        (ended(2, 1), InvalidEvent::NoSuchCase),
        (ended(0, 0), InvalidEvent::NoSuchNumber),
        (ended(0, u32::MAX), InvalidEvent::NoSuchNumber),
        (EventKind::CasePaused { case: 7 }, InvalidEvent::NoSuchCase),
        (EventKind::CaseResumed { case: 0 }, InvalidEvent::OutOfOrder),
        (EventKind::CaseRerun { case: 0 }, InvalidEvent::OutOfOrder),
        (EventKind::StageBegan { stage: 1 }, InvalidEvent::NoSuchStage),
        (EventKind::Held, InvalidEvent::OutOfOrder),
        (EventKind::HoldEnded, InvalidEvent::OutOfOrder),
    ] {
        assert_eq!(apply(&mut s, what), Err(why), "{what:?}");
    }
    let no_record = RunEvent { at: Nanos(9), what: ended(0, 1) };
    assert_eq!(s.apply(&no_record, None), Err(InvalidEvent::NoRecord));
    assert_eq!(format!("{s:?}"), before);
    assert_eq!(apply(&mut s, EventKind::Began), Ok(()));
    assert_eq!(apply(&mut s, EventKind::Began), Err(InvalidEvent::OutOfOrder));
    assert_eq!(apply(&mut s, ended(0, 1)), Ok(()));
    assert_eq!(apply(&mut s, ended(0, 1)), Err(InvalidEvent::AlreadyThere));
    assert_eq!(apply(&mut s, started(0, 1)), Err(InvalidEvent::AlreadyThere));
}

#[test]
fn attempts_without_a_start_count_and_number_gaps_are_lost_attempts() {
    let mut s = session(1);
    for what in [EventKind::Began, ended(0, 3), started(0, 5)] {
        apply(&mut s, what).unwrap();
    }
    assert_eq!((s.cases[0].reported().count(), s.in_flight()), (1, 4));
    s.show_ended(Nanos(9));
    let lost = s.records().filter(|r| r.warnings == [super::super::stop::LOST]).count();
    assert_eq!((s.in_flight(), lost, s.cases[0].remaining), (0, 4, 4));
}

#[test]
fn inferred_attempts_take_bounded_memory() {
    let mut s = session(2);
    for (case, number) in [(0, 60_000), (1, 60_000), (1, 30_000), (0, 200_000)] {
        let _refused = apply(&mut s, started(case, number));
    }
    assert!(s.attempts().count() <= MAX_INFERRED + 3, "{}", s.attempts().count());
}

fn any_event() -> impl Strategy<Value = EventKind> {
    let case = 0_usize..3;
    prop_oneof![
        Just(EventKind::Began),
        Just(EventKind::Held),
        Just(EventKind::HoldEnded),
        (case.clone(), 0_u32..6, any::<bool>(), prop::option::of(any::<u64>())).prop_map(
            |(case, number, warmup, due)| EventKind::Started {
                row: None,
                turn: None,
                case,
                number,
                warmup,
                due: due.map(Nanos)
            }
        ),
        (case.clone(), 0_u32..6).prop_map(|(case, number)| ended(case, number)),
        case.clone().prop_map(|case| EventKind::CasePaused { case }),
        case.clone().prop_map(|case| EventKind::CaseResumed { case }),
        case.clone().prop_map(|case| EventKind::CaseRerun { case }),
        case.prop_map(|case| EventKind::CaseCancelled { case }),
        (0_usize..4).prop_map(|stage| EventKind::StageBegan { stage }),
        any::<usize>().prop_map(|not_started| EventKind::TimeUp { not_started }),
        Just(EventKind::Finished),
        Just(EventKind::Closing),
        Just(EventKind::Stopped),
        Just(EventKind::Resumed),
    ]
}

proptest! {
    #[test]
    fn no_order_of_events_panics(
        events in prop::collection::vec((any::<u64>(), any_event()), 0..40),
        (warmup, stages, timed) in (0_u32..3, 0_usize..3, any::<bool>()),
    ) {
        let duration = timed.then_some(std::time::Duration::from_secs(1));
        let plan = Plan { repeat: 2, warmup, duration, ..Plan::default() };
        let mut s = Session::new(Arc::new(suite(2)), plan).with_sweep((1..=stages).collect());
        for (at, what) in events {
            let record = |id: AttemptId| AttemptRecord { id, ended: Nanos(at), ..AttemptRecord::default() };
            let record = if let EventKind::Ended(id) = what { Some(record(id).into()) } else { None };
            let _outcome = s.apply(&RunEvent { at: Nanos(at), what }, record);
            let _any = (s.running_for(Nanos(at)), s.is_partial(), s.unreached(), s.overdue(), s.wake_at());
        }
        s.show_ended(Nanos(5));
        prop_assert_eq!(s.in_flight(), 0);
        let _resumed = s.to_resume(Nanos(6));
    }
}
