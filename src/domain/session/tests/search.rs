//! A search for the largest load, with times set by hand.

use super::load::{end_at, ms};
use super::*;
use crate::domain::load_search::LoadSearch;

#[test]
fn a_hold_during_a_probe_starts_nothing_and_takes_none_of_its_time() {
    let mut suite = suite(1);
    suite.find = Some(LoadSearch::concurrency(2, Duration::from_secs(2)));
    suite.slos = vec!["ttft_p50<500ms".parse().unwrap()];
    let mut s = Session::new(Arc::new(suite), Plan { duration: Some(Duration::from_secs(60)), ..Plan::default() });
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), vec![start(0, 1)]);
    assert!(s.handle_at(ms(500), SessionInput::ToggleHold).is_empty());
    assert!(end_at(&mut s, id(0, 1), ms(1000), AttemptStatus::Ok).is_empty());
    // The time of a probe is 60 s, and the hold is longer.
    assert!(s.handle(SessionInput::Tick(ms(90_000))).is_empty());
    assert_eq!((s.mode, s.probe_name().as_deref()), (Mode::Held, Some("probe 1, concurrency 1")));
    assert_eq!(s.handle_at(ms(90_000), SessionInput::ToggleHold), vec![start(0, 2)]);
    assert_eq!(end_at(&mut s, id(0, 2), ms(91_000), AttemptStatus::Ok), vec![start(0, 3)]);
    assert!(s.search().unwrap().current().is_some(), "the probe goes on");
    assert_eq!(s.schedule_pauses(), [(ms(500), ms(90_000))]);
}
