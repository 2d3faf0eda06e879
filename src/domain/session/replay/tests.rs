use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::restore::Restoring;
use crate::domain::session::{Plan, SessionCommand, SessionEvent};
use crate::domain::testing::suite;

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

/// A session as it runs, what a journal keeps of it, and how it was at each time something happened.
struct Tape {
    live: Session,
    kept: Restoring,
    open: Vec<(AttemptId, Nanos)>,
    was: Vec<(Nanos, Session)>,
}

impl Tape {
    fn new(cases: usize, plan: Plan, sweep: &[usize]) -> Self {
        let (suite, sweep) = (Arc::new(suite(cases)), sweep.to_vec());
        let live = Session::new(Arc::clone(&suite), plan);
        let live = if sweep.is_empty() { live } else { live.with_sweep(sweep.clone()) };
        Self { live, kept: Restoring::new(suite, plan, sweep), open: Vec::new(), was: Vec::new() }
    }

    fn tell(&mut self, at: Nanos, event: SessionEvent) {
        for command in self.live.handle_at(at, event) {
            if let SessionCommand::Start { id, due, .. } = command {
                self.open.push((id, due.unwrap_or(at)));
            }
        }
        self.kept.standing(at, self.live.standing()).unwrap();
        self.was.push((at, self.live.clone()));
    }

    /// The attempt in this place among those in flight ends.
    fn end(&mut self, place: usize, at: Nanos, status: AttemptStatus) {
        let (id, started) = self.open.remove(place);
        let facts = self.live.facts(id).unwrap();
        let status = if facts.abandoned { AttemptStatus::Cancelled } else { status };
        let mut record = AttemptRecord::started(id, facts.warmup, String::new(), String::new(), started);
        (record.status, record.ended) = (status, at);
        self.kept.attempt(facts, record.clone()).unwrap();
        self.tell(at, SessionEvent::Ended(id, Arc::new(record)));
    }

    /// All in flight end, whatever follows them.
    fn end_all(&mut self, at: &mut Nanos) {
        while !self.open.is_empty() {
            *at = at.plus(Duration::from_secs(1));
            self.end(0, *at, AttemptStatus::Ok);
        }
    }
}

/// What a picture of it shows: how it stands, each case with its attempts, those in flight, and how long it was going.
fn picture(session: &Session, at: Nanos) -> impl PartialEq + std::fmt::Debug + use<> {
    let case = |c: &CaseState| {
        let mut open = c.open.clone();
        open.sort_unstable();
        let given_up: Vec<u32> = c.in_flight().filter(|a| a.abandoned).map(|a| a.number).collect();
        (c.phase, c.remaining, c.place(), c.attempts.len(), open, given_up)
    };
    let cases: Vec<_> = session.cases.iter().map(case).collect();
    (session.mode, session.stage, session.settled(), session.going(at), session.last_ended, cases)
}

fn phases(session: &Session) -> Vec<CasePhase> {
    session.cases.iter().map(|c| c.phase).collect()
}

/// Two cases of a second each; two minutes later the first is run again.
fn rerun_late() -> Tape {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    tape.end(0, s(3), AttemptStatus::Ok);
    tape.tell(s(123), SessionEvent::Rerun(0));
    tape.end(0, s(125), AttemptStatus::Ok);
    tape
}

#[test]
fn a_case_is_done_until_its_rerun_is_asked_for_and_so_is_the_run() {
    use CasePhase::{Done, Running};
    let live = rerun_late().live;
    let at = |t| live.as_at(s(t));
    let read = at(60);
    assert_eq!((read.mode, phases(&read), read.settled()), (Mode::Finished, vec![Done, Done], 2));
    assert_eq!(read.cases[0].reported().next().unwrap().number, 1);
    assert_eq!(read.going(s(60)), Some(Duration::from_secs(2)));
    assert_eq!(live.why_idle(s(3), s(123)), IdleReason::Finished);
    let again = at(124);
    assert_eq!((again.mode, phases(&again)), (Mode::Running, vec![Running, Done]));
    assert_eq!(again.cases[0].reported().next().unwrap().number, 1, "its figures are those of before");
    assert_eq!(again.going(s(124)), Some(Duration::from_secs(3)));
    assert_eq!((at(125).mode, at(125).going(s(500))), (Mode::Finished, Some(Duration::from_secs(4))));
}

#[test]
fn repetitions_of_the_plan_are_queued_meanwhile() {
    let mut tape = Tape::new(2, Plan { repeat: 2, warmup: 1, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end_all(&mut s(1));
    let first = tape.live.as_at(Nanos(s(3).0 - 1));
    assert_eq!(phases(&first), [CasePhase::Running, CasePhase::Queued]);
    assert_eq!([first.cases[0].remaining, first.cases[1].remaining], [1, 2]);
}

#[test]
fn what_the_user_held_and_paused_was_so() {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.tell(s(2), SessionEvent::ToggleHold);
    tape.end(0, s(3), AttemptStatus::Ok);
    tape.tell(s(50), SessionEvent::ToggleHold);
    tape.tell(s(51), SessionEvent::TogglePause(1));
    tape.end(0, s(52), AttemptStatus::Cancelled);
    tape.tell(s(90), SessionEvent::TogglePause(1));
    tape.end(0, s(91), AttemptStatus::Ok);
    let live = tape.live;
    let held = live.as_at(s(30));
    assert_eq!((held.mode, phases(&held)), (Mode::Held, vec![CasePhase::Done, CasePhase::Queued]));
    assert_eq!(live.as_at(s(2)).in_flight(), 1, "what was in flight went on");
    let paused = live.as_at(s(70));
    assert_eq!((paused.mode, phases(&paused)), (Mode::Running, vec![CasePhase::Done, CasePhase::Paused]));
    assert_eq!([live.why_idle(s(3), s(50)), live.why_idle(s(52), s(90))], [IdleReason::Held, IdleReason::Paused]);
    assert_eq!(live.going(s(91)), Some(Duration::from_secs(2 + 2 + 1)));
}

#[test]
fn of_an_open_loop_the_time_between_is_the_run_s_own() {
    let open_loop = Some(OpenLoop { rate_per_s: 0.1, process: Process::Constant, seed: 0 });
    let mut tape = Tape::new(1, Plan { repeat: 2, concurrency: 9, open_loop, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    tape.tell(s(11), SessionEvent::Tick(s(11)));
    tape.end(0, s(12), AttemptStatus::Ok);
    assert_eq!(tape.live.why_idle(s(2), s(11)), IdleReason::NotDue);
    assert_eq!((tape.live.as_at(s(6)).mode, tape.live.going(s(12))), (Mode::Running, Some(Duration::from_secs(11))));
}

#[test]
fn while_a_case_waits_for_its_time_it_is_not_the_paused_one_that_keeps_the_run() {
    let open_loop = Some(OpenLoop { rate_per_s: 0.1, process: Process::Constant, seed: 0 });
    let mut tape = Tape::new(2, Plan { concurrency: 9, repeat: 2, open_loop, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    tape.tell(s(2), SessionEvent::TogglePause(1));
    tape.tell(s(11), SessionEvent::Tick(s(11)));
    tape.end(0, s(12), AttemptStatus::Ok);
    tape.tell(s(40), SessionEvent::TogglePause(1));
    let (live, kept) = (tape.live, tape.kept.finish());
    assert_eq!(phases(&live.as_at(s(6))), [CasePhase::Queued, CasePhase::Paused]);
    for session in [live, kept] {
        let why = |from, to| session.why_idle(s(from), s(to));
        assert_eq!([why(2, 11), why(12, 40)], [IdleReason::NotDue, IdleReason::Paused]);
    }
}

#[test]
fn while_the_program_was_gone_what_it_gave_up_was_queued() {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    tape.kept.closing(s(3), tape.live.standing()).unwrap();
    tape.tell(s(3), SessionEvent::Abort);
    tape.end(0, s(4), AttemptStatus::Cancelled);
    // As it is shown when nothing more comes.
    let ended = tape.kept.clone().finish();
    assert_eq!((ended.mode, phases(&ended)[1]), (Mode::Finished, CasePhase::Cancelled));
    tape.live = tape.kept.clone().go_on(s(4));
    tape.kept.resumed();
    tape.tell(s(100), SessionEvent::Begin(s(100)));
    tape.end(0, s(102), AttemptStatus::Ok);
    for session in [tape.live, tape.kept.finish()] {
        let gone = session.as_at(s(50));
        assert!(gone.is_away(s(50)) && !gone.is_away(s(100)));
        assert_eq!((gone.in_flight(), phases(&gone)), (0, vec![CasePhase::Done, CasePhase::Queued]));
        assert_eq!(phases(&session.as_at(s(101))), [CasePhase::Done, CasePhase::Running]);
        assert_eq!(session.why_idle(s(4), s(100)), IdleReason::Away);
        assert_eq!([gone.going(s(50)), session.going(s(102))], [3, 5].map(|t| Some(Duration::from_secs(t))));
    }
}

#[test]
fn a_run_that_was_cut_off_is_not_one_that_was_held() {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    let cut_off = tape.kept.clone().finish();
    tape.tell(s(2), SessionEvent::ToggleHold);
    let held = tape.kept.clone().finish();
    assert_eq!([cut_off.mode, held.mode], [Mode::Held; 2]);
    assert_eq!([cut_off.is_cut_off(), held.is_cut_off()], [true, false]);
    tape.tell(s(3), SessionEvent::ToggleHold);
    tape.end_all(&mut s(3));
    assert!(!tape.live.as_at(Nanos(s(3).0 - 1)).is_cut_off() && !tape.live.is_cut_off());
}

#[test]
fn what_was_lost_in_flight_is_owed_once() {
    let mut tape = Tape::new(1, Plan { repeat: 3, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    // Killed in the second attempt; of the three, two are owed.
    let killed = tape.kept.clone().finish();
    assert_eq!((killed.as_at(s(5)).cases[0].remaining, killed.as_at(s(5)).cases[0].phase), (2, CasePhase::Queued));
    tape.live = tape.kept.clone().go_on(s(6));
    tape.kept.resumed();
    tape.open.clear();
    tape.tell(s(100), SessionEvent::Begin(s(100)));
    tape.end(0, s(101), AttemptStatus::Ok);
    tape.tell(s(102), SessionEvent::TogglePause(0));
    tape.end(0, s(103), AttemptStatus::Cancelled);
    let kept = tape.kept.finish();
    let remaining = |t| kept.as_at(s(t)).cases[0].remaining;
    assert_eq!([remaining(50), remaining(100), remaining(101), remaining(103)], [2, 1, 0, 1]);
}

#[test]
fn what_was_lost_was_in_flight_from_when_that_was_told_to_the_end_of_what_was_told() {
    let mut tape = Tape::new(2, Plan { repeat: 2, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    // Its second attempt answers for an hour; then the program is killed, and nothing ran for the day after.
    for at in [3, 600, 3600] {
        tape.kept.standing(s(at), tape.live.standing()).unwrap();
    }
    let killed = tape.kept.clone().finish();
    assert_eq!(killed.in_flight_spans(), [(s(1), s(3600))]);
    let during = killed.as_at(s(1800));
    let shown = |session: &Session| (session.in_flight(), session.cases[0].remaining, phases(session));
    assert_eq!(shown(&during), (1, 0, vec![CasePhase::Running, CasePhase::Queued]));
    assert_eq!(shown(&killed), (0, 1, vec![CasePhase::Queued; 2]));
    assert_eq!([during.going(s(1800)), killed.going(s(9999))], [1799, 3599].map(|t| Some(Duration::from_secs(t))));
    tape.live = tape.kept.clone().go_on(s(3600));
    tape.kept.resumed();
    tape.open.clear();
    tape.tell(s(90_000), SessionEvent::Begin(s(90_000)));
    tape.end_all(&mut s(90_000));
    for session in [tape.live, tape.kept.finish()] {
        assert_eq!(shown(&session.as_at(s(1800))), shown(&during));
        assert_eq!(shown(&session.as_at(s(4000))), shown(&killed));
        assert_eq!(session.in_flight_spans(), [(s(1), s(3600)), (s(90_000), s(90_003))]);
        assert_eq!(session.why_idle(s(3600), s(90_000)), IdleReason::Away);
    }
}

#[test]
fn of_a_timed_run_as_much_of_its_time_was_over() {
    let plan = Plan { duration: Some(Duration::from_secs(10)), warmup: 1, ..Plan::default() };
    let mut tape = Tape::new(2, plan, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    for at in 3..7 {
        tape.end(0, s(at), AttemptStatus::Ok);
    }
    tape.tell(s(7), SessionEvent::ToggleHold);
    tape.end(0, s(8), AttemptStatus::Ok);
    tape.tell(s(40), SessionEvent::ToggleHold);
    tape.end_all(&mut s(40));
    assert_eq!(tape.live.mode, Mode::Finished);
    let share = |session: &Session, at| format!("{:.2}", session.share_of_time(at).unwrap());
    for (at, then) in &tape.was {
        assert_eq!(share(&tape.live.as_at(*at), *at), share(then, *at), "at {at:?}");
    }
    assert_eq!([5, 20, 43].map(|t| share(&tape.live.as_at(s(t)), s(t))), ["0.20", "0.40", "0.70"]);
}

#[test]
fn a_stage_waits_for_the_one_before() {
    let mut tape = Tape::new(2, Plan::default(), &[1, 2]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end_all(&mut s(1));
    let first = tape.live.as_at(Nanos(s(3).0 - 1));
    assert_eq!(
        (first.stage, first.plan.concurrency, phases(&first)),
        (0, 1, vec![CasePhase::Done, CasePhase::Running])
    );
    let second = tape.live.as_at(s(3));
    assert_eq!((second.stage, second.plan.concurrency, phases(&second)), (1, 2, vec![CasePhase::Running; 2]));
}

proptest! {
    /// Whatever happened: each time is as it was, by the session itself and by what was kept of it.
    #[test]
    fn it_is_as_it_was(
        steps in prop::collection::vec((0_u8..12, 0_usize..3, 1_u64..50, 0_usize..3), 1..60),
        (concurrency, repeat, warmup, stages) in (1_usize..4, 1_u32..3, 0_u32..3, 0_usize..3),
    ) {
        let plan = Plan { concurrency, repeat, warmup, ..Plan::default() };
        let sweep: Vec<usize> = (1..=stages).collect();
        let mut tape = Tape::new(3, plan, &sweep);
        let mut now = s(1);
        tape.tell(now, SessionEvent::Begin(now));
        for (what, case, later, how) in steps {
            now = now.plus(Duration::from_secs(later));
            match what {
                0 => tape.tell(now, SessionEvent::ToggleHold),
                1 | 2 => tape.tell(now, SessionEvent::TogglePause(case)),
                3 => tape.tell(now, SessionEvent::Rerun(case)),
                4 => tape.tell(now, SessionEvent::Cancel(case)),
                5 => tape.tell(now, SessionEvent::RerunFailed),
                _ if tape.open.is_empty() => {}
                _ => {
                    let status = [AttemptStatus::Ok, AttemptStatus::Timeout, AttemptStatus::Ok];
                    tape.end(case % tape.open.len(), now, status[how]);
                }
            }
        }
        if tape.live.mode == Mode::Held {
            now = now.plus(Duration::from_secs(1));
            tape.tell(now, SessionEvent::ToggleHold);
        }
        tape.end_all(&mut now);
        let Tape { live, kept, was, .. } = tape;
        let kept = kept.finish();
        for (at, then) in was {
            prop_assert_eq!(picture(&live.as_at(at), at), picture(&then, at), "at {:?}", at);
            prop_assert_eq!(picture(&kept.as_at(at), at), picture(&then, at), "kept, at {:?}", at);
        }
    }
}
