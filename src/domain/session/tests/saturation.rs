//! An open loop whose queue only grows.

use super::load::{end_at, ms, open};
use super::*;

/// Runs ten requests per second against a server that answers `served_per_s` of them, one after another.
fn run_against(served_per_s: u64, plan: Plan) -> Session {
    let mut s = session(1, Plan { stop_when_saturated: true, ..plan });
    s.handle(SessionInput::Begin(ms(0)));
    let mut next_end = ms(1000 / served_per_s);
    while s.mode != Mode::Finished {
        let wake = s.wake_at();
        if wake.is_some_and(|wake| wake < next_end) {
            s.handle(SessionInput::Tick(wake.unwrap()));
        } else {
            s.handle(SessionInput::Tick(next_end));
            let due = |id: &AttemptId| s.attempt(*id).and_then(|a| a.due).is_none_or(|due| due <= next_end);
            if let Some(id) = s.open_ids().into_iter().find(due) {
                end_at(&mut s, id, next_end, AttemptStatus::Ok);
            }
            next_end = next_end.plus(Duration::from_millis(1000 / served_per_s));
        }
    }
    s
}

#[test]
fn an_open_loop_whose_queue_only_grows_is_stopped() {
    let timed = Plan { duration: Some(Duration::from_secs(120)), ..open(NO_LIMIT, 1) };
    // The plan has 1,200 requests; 300 are due within 30 s, a few more are ordered ahead, and 150 are answered.
    let plans =
        [(timed, 890..=900), (Plan { concurrency: 2, ..timed }, 1045..=1050), (open(NO_LIMIT, 1200), 890..=900)];
    for (plan, not_started) in plans {
        let mut s = run_against(5, plan);
        assert!(s.saturated_at().is_some_and(|at| (ms(29_900)..ms(31_000)).contains(&at)), "{:?}", s.saturated_at());
        assert!(s.is_partial() && not_started.contains(&s.not_started), "{}", s.not_started);
        let mut replayed = s.without_events();
        s.take_events().iter().for_each(|event| replayed.apply_from(event, &s));
        assert_eq!((replayed.saturated_at(), replayed.mode), (s.saturated_at(), Mode::Finished));
    }
}

#[test]
fn an_open_loop_that_is_served_goes_on_to_its_end() {
    let s = run_against(20, Plan { duration: Some(Duration::from_secs(60)), ..open(NO_LIMIT, 1) });
    assert_eq!((s.saturated_at(), s.is_partial(), s.requests_done()), (None, false, 600));
}
