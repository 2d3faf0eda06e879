//! Conversations: each turn follows the answer to the one before.

use proptest::prelude::*;

use super::super::replay::tests::assert_counts;
use super::*;
use crate::domain::testing::{case, suite_with};
use crate::domain::workload::Conversations;

const fn ms(n: u64) -> Nanos {
    Nanos::from_millis(n)
}

/// A suite of one conversation of `turns` turns, whose user thinks for `think_ms` before each.
fn talk(turns: usize, think_ms: u64, plan: Plan) -> Session {
    let mut case = case("talk");
    case.follow_ups = vec!["and then?".to_owned(); turns - 1];
    case.think_time = Duration::from_millis(think_ms);
    let mut session = Session::new(Arc::new(suite_with(vec![case])), plan);
    session.handle(SessionInput::Begin(ms(0)));
    session
}

fn end_at(s: &mut Session, number: u32, at: Nanos, status: AttemptStatus) -> Vec<String> {
    let mut record = AttemptRecord::started(id(0, number), false, String::new(), String::new(), at);
    (record.status, record.ended) = (status, at);
    describe(&s.handle(SessionInput::Ended(id(0, number), Arc::new(record))))
}

/// Starts as `attempt: conversation/turn`.
fn describe(commands: &[SessionCommand]) -> Vec<String> {
    let one = |command: &SessionCommand| match command {
        SessionCommand::Start { id, turn: Some(turn), .. } => {
            format!("{}: {}/{}", id.number, turn.conversation, turn.number)
        }
        other => format!("{other:?}"),
    };
    commands.iter().map(one).collect()
}

#[test]
fn the_turns_of_a_conversation_follow_each_other() {
    let mut s = talk(3, 0, Plan::default());
    assert_eq!(s.requests_left(), 3);
    assert_eq!(end_at(&mut s, 1, ms(10), AttemptStatus::Ok), ["2: 1/2"]);
    assert_eq!((s.requests_left(), s.requests_done()), (2, 1));
    assert_eq!(end_at(&mut s, 2, ms(20), AttemptStatus::Ok), ["3: 1/3"]);
    assert_eq!(end_at(&mut s, 3, ms(30), AttemptStatus::Ok), [""; 0]);
    assert_eq!((s.mode, s.requests_left(), s.is_partial()), (Mode::Finished, 0, false));
}

#[test]
fn a_user_who_thinks_keeps_the_slot() {
    let mut s = talk(2, 500, Plan { repeat: 2, ..Plan::default() });
    assert_eq!(end_at(&mut s, 1, ms(100), AttemptStatus::Ok), [""; 0]);
    assert_eq!((s.in_flight(), s.users(), s.wake_at()), (0, 1, Some(ms(600))));
    assert!(s.is_active(), "the run waits for nobody but its own user");
    assert_eq!(describe(&s.handle(SessionInput::Tick(ms(599)))), [""; 0]);
    assert_eq!(describe(&s.handle(SessionInput::Tick(ms(600)))), ["2: 1/2"]);
    // The next conversation begins when the first is over.
    assert_eq!(end_at(&mut s, 2, ms(700), AttemptStatus::Ok), ["3: 3/1"]);
}

#[test]
fn users_are_as_many_as_the_concurrency() {
    let plan = Plan { concurrency: 2, repeat: 3, ..Plan::default() };
    let mut s = talk(2, 100, plan);
    assert_eq!(s.in_flight(), 2);
    assert_eq!(end_at(&mut s, 2, ms(10), AttemptStatus::Ok), [""; 0]);
    assert_eq!(end_at(&mut s, 1, ms(20), AttemptStatus::Ok), [""; 0]);
    assert_eq!(describe(&s.handle(SessionInput::Tick(ms(115)))), ["3: 2/2"]);
    assert_eq!(end_at(&mut s, 3, ms(116), AttemptStatus::Ok), ["4: 4/1"]);
    assert_eq!(describe(&s.handle(SessionInput::Tick(ms(120)))), ["5: 1/2"]);
}

#[test]
fn a_failed_turn_ends_its_conversation() {
    let mut s = talk(3, 0, Plan { repeat: 2, ..Plan::default() });
    assert_eq!(end_at(&mut s, 1, ms(10), AttemptStatus::Ok), ["2: 1/2"]);
    assert_eq!(end_at(&mut s, 2, ms(20), AttemptStatus::Timeout), ["3: 3/1"]);
    for (number, at) in [(3, 30), (4, 40), (5, 50)] {
        end_at(&mut s, number, ms(at), AttemptStatus::Ok);
    }
    assert_eq!((s.mode, s.cases[0].phase), (Mode::Finished, CasePhase::Failed));
    assert!(s.is_partial(), "one of two conversations is incomplete");
}

#[test]
fn a_hold_stops_a_conversation_between_two_turns() {
    let mut s = talk(2, 0, Plan::default());
    s.handle(SessionInput::ToggleHold);
    assert_eq!(end_at(&mut s, 1, ms(10), AttemptStatus::Ok), [""; 0]);
    assert_eq!(s.wake_at(), None);
    assert_eq!(describe(&s.handle(SessionInput::ToggleHold)), ["2: 1/2"]);
}

#[test]
fn a_pause_between_two_turns_begins_the_conversation_again() {
    let mut s = talk(2, 1000, Plan::default());
    end_at(&mut s, 1, ms(10), AttemptStatus::Ok);
    assert_eq!(s.handle(SessionInput::TogglePause(0)), []);
    assert_eq!((s.cases[0].phase, s.users(), s.requests_left()), (CasePhase::Paused, 0, 2));
    assert_eq!(describe(&s.handle(SessionInput::TogglePause(0))), ["2: 2/1"]);
}

#[test]
fn a_cancelled_conversation_does_not_go_on() {
    let mut s = talk(2, 1000, Plan::default());
    end_at(&mut s, 1, ms(10), AttemptStatus::Ok);
    s.handle(SessionInput::Cancel(0));
    assert_eq!((s.mode, s.cases[0].phase, s.wake_at()), (Mode::Finished, CasePhase::Cancelled, None));
}

#[test]
fn a_resumed_run_begins_an_interrupted_conversation_again() {
    for thinking in [true, false] {
        let mut s = talk(3, if thinking { 1000 } else { 0 }, Plan { repeat: 2, ..Plan::default() });
        end_at(&mut s, 1, ms(10), AttemptStatus::Ok);
        let mut resumed = s.to_resume(ms(20));
        assert_eq!((resumed.mode, resumed.requests_left()), (Mode::Waiting, 6), "thinking: {thinking}");
        let next = if thinking { 2 } else { 3 };
        assert_eq!(
            describe(&resumed.handle(SessionInput::Begin(ms(5000)))),
            [format!("{next}: {next}/1")],
            "thinking: {thinking}"
        );
    }
}

#[test]
fn the_end_of_the_time_ends_conversations_that_wait() {
    let mut s = talk(2, 500, Plan { duration: Some(Duration::from_secs(1)), concurrency: 2, ..Plan::default() });
    end_at(&mut s, 1, ms(900), AttemptStatus::Ok);
    // The other conversation ends its turn after the time.
    assert_eq!(end_at(&mut s, 2, ms(1100), AttemptStatus::Ok), [""; 0]);
    assert_eq!((s.mode, s.cases[0].phase, s.users()), (Mode::Finished, CasePhase::Done, 0));
    assert!(!s.is_partial(), "a timed run counts no conversations");
}

#[test]
fn conversations_of_drawn_length_plan_no_number_of_requests() {
    let planned = |turns: &str| {
        let mut suite = suite_with(vec![case("talk")]);
        let turns = Some(turns.parse().unwrap());
        suite.conversations = Some(Conversations { turns, think: None, session_header: None, seed: 0 });
        Session::new(Arc::new(suite), Plan { repeat: 3, ..Plan::default() }).requests_planned()
    };
    assert_eq!((planned("4"), planned("2..6")), (Some(12), None));
}

#[test]
fn a_warmup_is_a_single_request() {
    let mut s = talk(2, 0, Plan { warmup: 1, ..Plan::default() });
    assert!(s.cases[0].attempts[0].warmup && s.cases[0].attempts[0].turn.is_none());
    assert_eq!(end_at(&mut s, 1, ms(10), AttemptStatus::Ok), ["2: 2/1"]);
}

#[test]
fn an_open_loop_starts_conversations_at_its_rate() {
    let open_loop = crate::domain::open_loop::OpenLoop {
        rate_per_s: 1.0,
        process: crate::domain::open_loop::Process::Constant,
        seed: 1,
    };
    let mut s = talk(2, 0, Plan { concurrency: NO_LIMIT, repeat: 2, open_loop: Some(open_loop), ..Plan::default() });
    // The second turn does not use up a start of the schedule.
    assert_eq!(end_at(&mut s, 1, ms(100), AttemptStatus::Ok), ["2: 1/2"]);
    assert_eq!(s.wake_at(), Some(ms(750)));
    assert_eq!(describe(&s.handle(SessionInput::Tick(ms(750)))), ["3: 3/1"]);
}

proptest! {
    /// Checks every incremental count against a fresh one, in any order of events.
    #[test]
    fn counts_stay_right_in_any_order_of_events(
        steps in prop::collection::vec((0_u8..9, 0_usize..9, 1_u64..400), 1..60),
        turns in 1_usize..4,
        think_ms in 0_u64..300,
        (concurrency, repeat, warmup) in (1_usize..5, 1_u32..6, 0_u32..2),
    ) {
        let mut s = talk(turns, think_ms, Plan { concurrency, repeat, warmup, ..Plan::default() });
        let mut now_ms = 0;
        for (step, pick, pause_ms) in steps {
            now_ms += pause_ms;
            let now = ms(now_ms);
            let input = match step {
                0..=3 => {
                    let open = s.open_ids();
                    let Some(id) = open.get(pick % open.len().max(1)) else { continue };
                    let status = if step == 3 { AttemptStatus::Timeout } else { AttemptStatus::Ok };
                    let mut record = AttemptRecord::started(*id, false, String::new(), String::new(), now);
                    (record.status, record.ended) = (status, now);
                    SessionInput::Ended(*id, Arc::new(record))
                }
                4 => SessionInput::Tick(now),
                5 => SessionInput::ToggleHold,
                6 => SessionInput::TogglePause(0),
                7 => SessionInput::Rerun(0),
                _ => SessionInput::Cancel(0),
            };
            s.handle_at(now, input);
            assert_counts(&s);
        }
        assert_counts(&s.to_resume(ms(now_ms + 1)));
    }
}
