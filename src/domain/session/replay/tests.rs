use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::{CaseState, Plan, SessionCommand, SessionEvent};
use crate::domain::testing::suite;

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

/// A session that runs, beside what a journal holds of it, and how it was at each time something happened.
struct Tape {
    live: Session,
    /// What the events so far add up to.
    folded: Session,
    events: Vec<RunEvent>,
    open: Vec<(AttemptId, Nanos)>,
    was: Vec<(Nanos, Session)>,
}

impl Tape {
    fn new(cases: usize, plan: Plan, sweep: &[usize]) -> Self {
        let live = Session::new(Arc::new(suite(cases)), plan).with_sweep(sweep.to_vec());
        let folded = live.clone();
        Self { live, folded, events: Vec::new(), open: Vec::new(), was: Vec::new() }
    }

    fn tell(&mut self, at: Nanos, event: SessionEvent) {
        for command in self.live.handle_at(at, event) {
            if let SessionCommand::Start { id, due, .. } = command {
                self.open.push((id, due.unwrap_or(at)));
            }
        }
        for event in self.live.take_events() {
            let record = self.live.record_of(&event).cloned();
            self.folded.apply(&event, record).unwrap();
            self.events.push(event);
        }
        self.was.push((at, self.live.clone()));
    }

    /// The attempt in this place among those in flight ends.
    fn end(&mut self, place: usize, at: Nanos, status: AttemptStatus) {
        let (id, started) = self.open.remove(place);
        let attempt = self.live.attempt(id).unwrap();
        let status = if attempt.abandoned { AttemptStatus::Cancelled } else { status };
        let mut record = AttemptRecord::started(id, attempt.warmup, String::new(), String::new(), started);
        (record.status, record.ended) = (status, at);
        self.tell(at, SessionEvent::Ended(id, Arc::new(record)));
    }

    /// All in flight end, whatever follows them.
    fn end_all(&mut self, at: &mut Nanos) {
        while !self.open.is_empty() {
            *at = at.plus(Duration::from_secs(1));
            self.end(0, *at, AttemptStatus::Ok);
        }
    }

    /// As a journal shows it in which the program was last heard of at `at`.
    fn saved(&self, at: Nanos) -> Session {
        let mut session = self.folded.clone();
        session.rest(at);
        session
    }

    /// The program is gone, last heard of at `stopped`; another one takes the run up.
    fn stop(&mut self, stopped: Nanos) {
        self.live = self.saved(stopped).to_resume(stopped);
        self.open.clear();
    }
}

/// Everything in a session but the time of its last tick and what was not taken yet.
fn all_of(session: &Session, now: Nanos) -> String {
    let (events, now) = (Vec::new(), session.now.max(now));
    format!("{:#?}", Session { events, now, ..session.clone() })
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

fn why(session: &Session, events: &[RunEvent], times: &[(u64, u64)]) -> Vec<IdleReason> {
    let times: Vec<Span> = times.iter().map(|&(from, to)| (s(from), s(to))).collect();
    session.why_idle(events, &times)
}

#[test]
fn a_case_is_done_until_its_rerun_is_asked_for_and_so_is_the_run() {
    use CasePhase::{Done, Running};
    let Tape { live, events, .. } = rerun_late();
    let at = |t| live.as_at(&events, s(t));
    let read = at(60);
    assert_eq!((read.mode, phases(&read), read.settled()), (Mode::Finished, vec![Done, Done], 2));
    assert_eq!(read.cases[0].reported().next().unwrap().number, 1);
    assert_eq!(read.running_for(s(60)), Some(Duration::from_secs(2)));
    assert_eq!(why(&live, &events, &[(3, 123)]), [IdleReason::Finished]);
    let again = at(124);
    assert_eq!((again.mode, phases(&again)), (Mode::Running, vec![Running, Done]));
    assert_eq!(again.cases[0].reported().next().unwrap().number, 1, "its figures are those of before");
    assert_eq!(again.running_for(s(124)), Some(Duration::from_secs(3)));
    assert_eq!((at(125).mode, at(125).running_for(s(500))), (Mode::Finished, Some(Duration::from_secs(4))));
}

#[test]
fn repetitions_of_the_plan_are_queued_meanwhile() {
    let mut tape = Tape::new(2, Plan { repeat: 2, warmup: 1, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end_all(&mut s(1));
    let first = tape.live.as_at(&tape.events, Nanos(s(3).0 - 1));
    assert_eq!(phases(&first), [CasePhase::Running, CasePhase::Queued]);
    assert_eq!([first.cases[0].remaining, first.cases[1].remaining], [1, 2]);
}

#[test]
fn a_hold_and_a_pause_are_seen_again() {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.tell(s(2), SessionEvent::ToggleHold);
    tape.end(0, s(3), AttemptStatus::Ok);
    tape.tell(s(50), SessionEvent::ToggleHold);
    tape.tell(s(51), SessionEvent::TogglePause(1));
    tape.end(0, s(52), AttemptStatus::Cancelled);
    tape.tell(s(90), SessionEvent::TogglePause(1));
    tape.end(0, s(91), AttemptStatus::Ok);
    let Tape { live, events, .. } = tape;
    let held = live.as_at(&events, s(30));
    assert_eq!((held.mode, phases(&held)), (Mode::Held, vec![CasePhase::Done, CasePhase::Queued]));
    assert_eq!(live.as_at(&events, s(2)).in_flight(), 1, "the running attempt went on");
    let paused = live.as_at(&events, s(70));
    assert_eq!((paused.mode, phases(&paused)), (Mode::Running, vec![CasePhase::Done, CasePhase::Paused]));
    assert_eq!(why(&live, &events, &[(3, 50), (52, 90)]), [IdleReason::Held, IdleReason::Paused]);
    assert_eq!(live.running_for(s(91)), Some(Duration::from_secs(2 + 2 + 1)));
}

#[test]
fn the_time_between_two_starts_of_an_open_loop_belongs_to_the_run() {
    let open_loop = Some(OpenLoop { rate_per_s: 0.1, process: Process::Constant, seed: 0 });
    let mut tape = Tape::new(1, Plan { repeat: 2, concurrency: 9, open_loop, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    tape.tell(s(11), SessionEvent::Tick(s(11)));
    tape.end(0, s(12), AttemptStatus::Ok);
    let Tape { live, events, .. } = tape;
    assert_eq!(why(&live, &events, &[(2, 11)]), [IdleReason::NotDue]);
    assert_eq!(
        (live.as_at(&events, s(6)).mode, live.running_for(s(12))),
        (Mode::Running, Some(Duration::from_secs(11)))
    );
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
    let Tape { live, events, .. } = tape;
    assert_eq!(phases(&live.as_at(&events, s(6))), [CasePhase::Queued, CasePhase::Paused]);
    assert_eq!(why(&live, &events, &[(2, 11), (12, 40)]), [IdleReason::NotDue, IdleReason::Paused]);
}

#[test]
fn while_the_program_is_gone_what_its_end_cancelled_is_queued() {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    tape.tell(s(3), SessionEvent::Abort);
    tape.end(0, s(4), AttemptStatus::Cancelled);
    let ended = tape.saved(s(4));
    assert_eq!((ended.mode, phases(&ended)[1]), (Mode::Finished, CasePhase::Cancelled));
    tape.stop(s(4));
    assert_eq!((tape.live.mode, tape.live.cases[1].remaining), (Mode::Waiting, 1));
    tape.tell(s(100), SessionEvent::Begin(s(100)));
    tape.end(0, s(102), AttemptStatus::Ok);
    let session = tape.live;
    let gone = session.as_at(&tape.events, s(50));
    assert!(gone.is_away(s(50)) && !session.is_away(s(100)) && session.is_away(s(50)));
    assert_eq!((gone.in_flight(), phases(&gone)), (0, vec![CasePhase::Done, CasePhase::Queued]));
    assert_eq!(phases(&session.as_at(&tape.events, s(101))), [CasePhase::Done, CasePhase::Running]);
    assert_eq!(why(&session, &tape.events, &[(4, 100)]), [IdleReason::Away]);
    assert_eq!([gone.running_for(s(50)), session.running_for(s(102))], [3, 5].map(|t| Some(Duration::from_secs(t))));
}

#[test]
fn what_the_user_gave_up_is_not_owed_and_what_the_end_cut_off_is_owed_once() {
    use CasePhase::{Cancelled, Queued};
    let plan = Plan { concurrency: 4, repeat: 2, ..Plan::default() };
    let mut tape = Tape::new(4, plan, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.tell(s(2), SessionEvent::Cancel(2));
    tape.tell(s(2), SessionEvent::TogglePause(3));
    tape.tell(s(3), SessionEvent::Abort);
    // One was done before the engine heard of the end, and one was lost.
    let first = tape.open.iter().position(|(id, _)| *id == AttemptId { case: 0, number: 1 }).unwrap();
    let (id, started) = tape.open.remove(first);
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
    (record.status, record.ended) = (AttemptStatus::Ok, s(4));
    tape.tell(s(4), SessionEvent::Ended(id, Arc::new(record)));
    tape.stop(s(5));
    let owed: Vec<_> = tape.live.cases.iter().map(|c| (c.phase, c.remaining)).collect();
    assert_eq!(owed, [(Queued, 1), (Queued, 2), (Cancelled, 0), (Queued, 2)]);
}

#[test]
fn a_run_that_was_cut_off_is_not_one_that_was_held() {
    let mut tape = Tape::new(2, Plan::default(), &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    let cut_off = tape.saved(s(1));
    tape.tell(s(2), SessionEvent::ToggleHold);
    let held = tape.saved(s(2));
    assert_eq!([cut_off.mode, held.mode], [Mode::Held; 2]);
    assert_eq!([cut_off.is_cut_off(), held.is_cut_off()], [true, false]);
    assert!(!cut_off.as_at(&tape.events, Nanos(s(1).0 - 1)).is_cut_off());
    tape.tell(s(3), SessionEvent::ToggleHold);
    tape.end_all(&mut s(3));
    assert!(!tape.live.is_cut_off() && !tape.saved(s(9)).is_cut_off());
}

#[test]
fn an_attempt_lost_in_flight_is_owed_once() {
    let mut tape = Tape::new(1, Plan { repeat: 3, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    // Killed in the second attempt; of the three, two are owed.
    let killed = tape.saved(s(2));
    let at = killed.as_at(&tape.events, s(5));
    assert_eq!((at.cases[0].remaining, at.cases[0].phase), (2, CasePhase::Queued));
    tape.stop(s(6));
    tape.tell(s(100), SessionEvent::Begin(s(100)));
    tape.end(0, s(101), AttemptStatus::Ok);
    tape.tell(s(102), SessionEvent::TogglePause(0));
    tape.end(0, s(103), AttemptStatus::Cancelled);
    let saved = tape.saved(s(103));
    let remaining = |t| saved.as_at(&tape.events, s(t)).cases[0].remaining;
    assert_eq!([remaining(50), remaining(100), remaining(101), remaining(103)], [2, 1, 0, 1]);
}

#[test]
fn a_lost_attempt_was_in_flight_from_its_start_until_the_program_was_last_heard_of() {
    let mut tape = Tape::new(2, Plan { repeat: 2, ..Plan::default() }, &[]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end(0, s(2), AttemptStatus::Ok);
    // Its second attempt answers for an hour; then the program is killed, and nothing runs for the day after.
    let killed = tape.saved(s(3600));
    assert_eq!(killed.in_flight_spans(), [(s(1), s(3600))]);
    let during = killed.as_at(&tape.events, s(1800));
    let shown = |session: &Session| (session.in_flight(), session.cases[0].remaining, phases(session));
    assert_eq!(shown(&during), (1, 0, vec![CasePhase::Running, CasePhase::Queued]));
    assert_eq!(shown(&killed), (0, 1, vec![CasePhase::Queued; 2]));
    assert_eq!(
        [during.running_for(s(1800)), killed.running_for(s(9999))],
        [1799, 3599].map(|t| Some(Duration::from_secs(t)))
    );
    tape.stop(s(3600));
    tape.tell(s(90_000), SessionEvent::Begin(s(90_000)));
    tape.end_all(&mut s(90_000));
    let session = &tape.live;
    assert_eq!(shown(&session.as_at(&tape.events, s(1800))), shown(&during));
    assert_eq!(shown(&session.as_at(&tape.events, s(4000))), shown(&killed));
    assert_eq!(session.in_flight_spans(), [(s(1), s(3600)), (s(90_000), s(90_003))]);
    assert_eq!(why(session, &tape.events, &[(3600, 90_000)]), [IdleReason::Away]);
}

#[test]
fn a_timed_run_shows_how_much_of_its_time_was_over() {
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
    let share = |at| format!("{:.2}", tape.live.as_at(&tape.events, at).share_of_time(at).unwrap());
    assert_eq!([5, 20, 43].map(|t| share(s(t))), ["0.20", "0.40", "0.70"]);
}

#[test]
fn a_stage_waits_for_the_one_before() {
    let mut tape = Tape::new(2, Plan::default(), &[1, 2]);
    tape.tell(s(1), SessionEvent::Begin(s(1)));
    tape.end_all(&mut s(1));
    let first = tape.live.as_at(&tape.events, Nanos(s(3).0 - 1));
    assert_eq!(
        (first.stage, first.plan.concurrency, phases(&first)),
        (0, 1, vec![CasePhase::Done, CasePhase::Running])
    );
    let second = tape.live.as_at(&tape.events, s(3));
    assert_eq!((second.stage, second.plan.concurrency, phases(&second)), (1, 2, vec![CasePhase::Running; 2]));
}

proptest! {
    /// Whatever happens: the events add up to the session, after each of them and at each time, also when the program ended or
    /// was killed in between and the run was resumed.
    #[test]
    fn the_events_add_up_to_the_session(
        steps in prop::collection::vec((0_u8..16, 0_usize..3, 1_u64..50, 0_usize..3), 1..60),
        (concurrency, repeat, warmup, stages) in (1_usize..4, 1_u32..3, 0_u32..3, 0_usize..3),
        (rate, duration) in (prop::option::of(1_u32..40), prop::option::of(1_u64..400)),
    ) {
        let rate = rate.map(|n| OpenLoop { rate_per_s: f64::from(n) / 20.0, process: Process::Poisson, seed: 7 });
        let duration = duration.map(Duration::from_secs);
        let plan = Plan { concurrency, repeat, warmup, open_loop: rate, duration, ..Plan::default() };
        let mut tape = Tape::new(3, plan, &(1..=stages).collect::<Vec<_>>());
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
                6 | 7 => tape.tell(now, SessionEvent::Tick(now)),
                8 => tape.tell(now, SessionEvent::Abort),
                9 => {
                    let saved = tape.saved(now);
                    prop_assert_eq!(saved.in_flight(), 0);
                    prop_assert!(saved.mode != Mode::Running && saved.count(CasePhase::Running) == 0);
                    tape.stop(now);
                    now = now.plus(Duration::from_secs(9));
                    let resumed = SessionEvent::Begin(now);
                    if tape.live.mode == Mode::Waiting {
                        tape.tell(now, resumed);
                    } else {
                        // Nothing is left to do, and nobody takes it up.
                        tape.live = tape.folded.clone();
                        break;
                    }
                }
                _ if tape.open.is_empty() => {}
                _ => {
                    let status = [AttemptStatus::Ok, AttemptStatus::Timeout, AttemptStatus::Ok];
                    let place = case % tape.open.len();
                    let started = tape.open[place].1;
                    tape.end(place, now.max(started), status[how]);
                }
            }
            let at = tape.live.now;
            prop_assert_eq!(all_of(&tape.folded, at), all_of(&tape.live, at));
            prop_assert!(tape.live.in_flight() <= concurrency.max(stages));
            counted_right(&tape.live);
        }
        for (at, then) in tape.was.iter().rev().scan(None, |seen: &mut Option<Nanos>, (at, then)| {
            // Of several steps at one time, the last is what the time shows.
            let is_last = *seen != Some(*at);
            *seen = Some(*at);
            Some(is_last.then_some((*at, then)))
        }).flatten() {
            prop_assert_eq!(all_of(&tape.live.as_at(&tape.events, at), at), all_of(then, at), "at {:?}", at);
        }
    }
}

/// What is counted step by step is what is there.
fn counted_right(session: &Session) {
    use CasePhase::{Cancelled, Done, Failed, Paused, Queued, Running, Unreached};
    let phase = |phase| session.cases.iter().filter(|c| c.phase == phase).count();
    for p in [Cancelled, Done, Failed, Paused, Queued, Running, Unreached] {
        assert_eq!(session.count(p), phase(p), "{p:?}");
    }
    let open = session.attempts().filter(|a| a.record.is_none()).count();
    assert_eq!((session.in_flight(), session.attempts_ended()), (open, session.attempts().count() - open));
    let ready: Vec<usize> = (0..session.cases.len()).filter(|case| session.cases[*case].is_ready()).collect();
    assert_eq!(session.index.next_ready(0), ready.first().copied());
    let any = |holds: fn(&CaseState) -> bool| session.cases.iter().any(holds);
    assert_eq!(session.has_repeated_case(), any(|c| c.attempts.len() > 1));
    assert_eq!(session.has_comparable_case(), any(|c| c.attempts.iter().filter(|a| a.is_good()).count() > 1));
    let is_doubtful = |c: &CaseState| c.shown().is_some_and(|r| r.is_ok() && r.cache_doubt().is_some());
    assert_eq!(session.has_doubtful_case(), any(is_doubtful));
    assert!(session.cases.iter().all(|c: &CaseState| c.attempts.iter().zip(1..).all(|(a, n)| a.number == n)));
}
