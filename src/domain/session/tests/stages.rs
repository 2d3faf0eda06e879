//! Loads one after another, with times set by hand.

use super::load::{end_at, ms, run_to};
use super::*;
use crate::domain::load_stage_results::load_stage_results;
use crate::domain::load_stages::LoadStages;
use crate::domain::open_loop::{OpenLoop, Process};

fn staged(text: &str) -> Session {
    let stages: LoadStages = text.parse().unwrap();
    let open_loop = |rate_per_s| OpenLoop { rate_per_s, process: Process::Constant, seed: 0 };
    let plan = Plan {
        concurrency: stages.most_concurrent().unwrap_or(NO_LIMIT),
        duration: Some(stages.time()),
        open_loop: stages.mean_rate_per_s().map(open_loop),
        ..Plan::default()
    };
    let mut suite = suite(1);
    suite.load_stages = Some(stages);
    Session::new(Arc::new(suite), plan)
}

fn started(commands: &[SessionCommand]) -> Vec<u32> {
    let number = |command: &SessionCommand| match command {
        SessionCommand::Start { id, .. } => Some(id.number),
        SessionCommand::Abort(_) => None,
    };
    commands.iter().filter_map(number).collect()
}

/// Ends a request that was sent at `sent_ms`.
fn end_sent(s: &mut Session, number: u32, sent_ms: u64, ended_ms: u64) -> Vec<u32> {
    let mut record = AttemptRecord::started(id(0, number), false, String::new(), String::new(), ms(sent_ms));
    (record.status, record.ended) = (AttemptStatus::Ok, ms(ended_ms));
    started(&s.handle(SessionInput::Ended(id(0, number), Arc::new(record))))
}

/// Stages of all attempts in order.
fn stages_of_attempts(s: &Session) -> Vec<usize> {
    s.attempts().map(|a| s.load_stage_of(a)).collect()
}

#[test]
fn a_stage_of_concurrency_begins_while_requests_are_in_flight() {
    let mut s = staged("1:10s,3:10s");
    assert_eq!(started(&s.handle(SessionInput::Begin(ms(500)))), [1]);
    // The time begins with the first request.
    assert_eq!(s.wake_at(), Some(ms(10_500)));
    assert_eq!(end_sent(&mut s, 1, 500, 9000), [2]);
    assert_eq!(s.load_stage_name().as_deref(), Some("stage 1/2, 1"));
    assert_eq!(started(&s.handle(SessionInput::Tick(ms(10_500)))), [3, 4]);
    assert_eq!((s.load_stage(), s.in_flight(), s.wake_at()), (1, 3, None));
    assert_eq!(end_sent(&mut s, 2, 9000, 11_000), [5]);
    for number in 3..=5 {
        assert!(end_sent(&mut s, number, 11_000, 20_500).is_empty());
    }
    assert!(s.mode == Mode::Finished && !s.is_partial() && s.unreached() == 0);
    assert_eq!(stages_of_attempts(&s), [0, 0, 1, 1, 1]);
    let results: Vec<_> = load_stage_results(&s).iter().map(|r| (r.stage.load.to_string(), r.figures.ok)).collect();
    assert_eq!(results, [("1".to_owned(), 2), ("3".to_owned(), 3)]);
}

#[test]
fn a_ramp_starts_one_request_after_another() {
    let mut s = staged("1..3:20s");
    s.handle(SessionInput::Begin(ms(0)));
    let starts = run_to(&mut s, ms(60_000));
    let at_ms: Vec<u64> = starts.iter().map(|(at, _)| at.0.div_euclid(1_000_000)).collect();
    // 1.5 slots are reached after 5 s and 2.5 after 15 s.
    assert_eq!(at_ms, [5000, 15_000]);
}

#[test]
fn a_falling_load_starts_nothing_until_enough_requests_have_ended() {
    let mut s = staged("3:10s,1:10s");
    assert_eq!(started(&s.handle(SessionInput::Begin(ms(0)))), [1, 2, 3]);
    s.handle(SessionInput::Tick(ms(10_000)));
    assert!(started(&end_at(&mut s, id(0, 1), ms(11_000), AttemptStatus::Ok)).is_empty());
    assert!(started(&end_at(&mut s, id(0, 2), ms(11_000), AttemptStatus::Ok)).is_empty());
    assert_eq!(started(&end_at(&mut s, id(0, 3), ms(12_000), AttemptStatus::Ok)), [4]);
}

/// Runs stages of a rate to the end; requests are answered at `end_ms`.
fn run_rates(text: &str, end_ms: u64) -> (Session, Vec<RunEvent>) {
    let mut s = staged(text);
    s.handle(SessionInput::Begin(ms(0)));
    while let Some(at) = s.wake_at() {
        s.handle(SessionInput::Tick(at));
    }
    for id in s.open_ids() {
        end_at(&mut s, id, ms(end_ms), AttemptStatus::Ok);
    }
    let events = s.take_events();
    (s, events)
}

#[test]
fn requests_belong_to_the_stage_in_which_they_are_due() {
    let (s, events) = run_rates("10/s:1s,20/s..40/s:1s", 2500);
    assert!(s.mode == Mode::Finished && !s.is_partial());
    // 10 are expected in the first second and 30 in the second. Starts are ordered ahead of the second stage.
    let stages = stages_of_attempts(&s);
    assert_eq!((stages.iter().filter(|n| **n == 0).count(), stages.len()), (10, 40));
    assert!(stages.is_sorted());
    let began = events.iter().filter(|e| matches!(e.what, EventKind::StageBegan { .. })).count();
    assert_eq!(began, 1);
}

#[test]
fn replayed_events_give_the_same_stages() {
    let (s, events) = run_rates("10/s:1s,20/s:0.1s,0.1/s..3/s:2s", 3500);
    let mut replayed = s.without_events();
    for event in &events {
        replayed.apply_from(event, &s);
    }
    assert_eq!(stages_of_attempts(&replayed), stages_of_attempts(&s));
    assert_eq!(load_stage_results(&replayed), load_stage_results(&s));
}

#[test]
fn requests_of_a_last_stage_that_were_ordered_ahead_belong_to_it() {
    let (s, _) = run_rates("10/s:1s,10/s:0.1s", 2000);
    assert_eq!(stages_of_attempts(&s), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn a_hold_delays_the_next_stage() {
    let mut s = staged("1:10s,2:10s");
    s.handle(SessionInput::Begin(ms(0)));
    s.handle_at(ms(4000), SessionInput::ToggleHold);
    assert_eq!(s.wake_at(), None);
    s.handle_at(ms(9000), SessionInput::ToggleHold);
    assert_eq!(s.wake_at(), Some(ms(15_000)));
    assert_eq!(started(&s.handle(SessionInput::Tick(ms(15_000)))), [2]);
}

#[test]
fn a_resumed_run_goes_on_with_its_stage() {
    let mut s = staged("1:10s,3:10s");
    s.handle(SessionInput::Begin(ms(0)));
    s.handle(SessionInput::Tick(ms(10_000)));
    let mut resumed = s.to_resume(ms(12_000));
    assert_eq!(started(&resumed.handle(SessionInput::Begin(ms(90_000)))), [4, 5, 6]);
    assert_eq!((resumed.load_stage(), resumed.load_stage_name().as_deref()), (1, Some("stage 2/2, 3")));
    let at_end: Vec<_> = (4..=6)
        .map(|number| {
            started(&end_at(&mut resumed, id(0, number), ms(97_900 + u64::from(number) * 100), AttemptStatus::Ok))
        })
        .collect();
    // 8 s were left.
    assert!(at_end.iter().all(Vec::is_empty), "{at_end:?}");
    assert_eq!(resumed.mode, Mode::Finished);
}

proptest! {
    #[test]
    fn stages_end_in_order_whatever_happens(
        pieces in prop::collection::vec((1_u32..6, 1_u32..6, 1_u64..20), 1..4),
        steps in prop::collection::vec((0_u8..6, 1_u64..3000), 0..80),
    ) {
        let text: Vec<String> = pieces.iter().map(|(from, to, tenths)| format!("{from}..{to}:{}ms", tenths * 100)).collect();
        let mut s = staged(&text.join(","));
        let most = s.plan.concurrency;
        let mut now = ms(0);
        s.handle(SessionInput::Begin(now));
        for (what, wait_ms) in steps {
            now = ms(now.0 / 1_000_000 + wait_ms);
            match what {
                0 => drop(s.handle_at(now, SessionInput::ToggleHold)),
                1 => drop(s.handle_at(now, SessionInput::TogglePause(0))),
                2 => drop(s.handle(SessionInput::Tick(now))),
                _ => if let Some(id) = s.open_ids().first().copied() {
                    drop(end_at(&mut s, id, now, AttemptStatus::Ok));
                },
            }
            prop_assert!(s.cases[0].counting().count() <= most);
            prop_assert!(s.load_stage() < pieces.len());
            prop_assert!(s.wake_at().is_none_or(|at| at >= s.now), "a tick in the past");
        }
        let events = s.take_events();
        let mut replayed = s.without_events();
        for event in &events {
            replayed.apply_from(event, &s);
        }
        prop_assert_eq!(stages_of_attempts(&replayed), stages_of_attempts(&s));
    }
}
