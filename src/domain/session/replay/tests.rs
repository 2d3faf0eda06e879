use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{AttemptId, AttemptRecord, AttemptStatus};
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::{AttemptState, CaseState, Plan, SessionCommand, SessionInput};
use crate::domain::testing::suite;
use crate::domain::turn::Turn;

const fn s(at: u64) -> Nanos {
    Nanos::from_millis(at * 1000)
}

/// A live session, its journal, and snapshots at the time of each input.
struct Recording {
    live: Session,
    /// Session built from the events so far.
    folded: Session,
    events: Vec<RunEvent>,
    open: Vec<(AttemptId, Nanos)>,
    snapshots: Vec<(Nanos, Session)>,
}

impl Recording {
    fn new(cases: usize, plan: Plan, sweep: &[usize]) -> Self {
        let live = Session::new(Arc::new(suite(cases)), plan).with_sweep(sweep.to_vec());
        let folded = live.clone();
        Self { live, folded, events: Vec::new(), open: Vec::new(), snapshots: Vec::new() }
    }

    fn handle(&mut self, at: Nanos, event: SessionInput) {
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
        self.snapshots.push((at, self.live.clone()));
    }

    /// Ends the attempt at this index among those in flight.
    fn end(&mut self, index: usize, at: Nanos, status: AttemptStatus) {
        let (id, started) = self.open.remove(index);
        let attempt = self.live.attempt(id).unwrap();
        let status = if attempt.abandoned { AttemptStatus::Cancelled } else { status };
        let mut record = AttemptRecord::started(id, attempt.warmup, String::new(), String::new(), started);
        (record.status, record.ended) = (status, at);
        self.handle(at, SessionInput::Ended(id, Arc::new(record)));
    }

    /// Ends all attempts in flight, and those that follow them.
    fn end_all(&mut self, at: &mut Nanos) {
        while !self.open.is_empty() {
            *at = at.plus(Duration::from_secs(1));
            self.end(0, *at, AttemptStatus::Ok);
        }
    }

    /// The session as a journal shows it if the program's last sign of life was at `at`.
    fn saved(&self, at: Nanos) -> Session {
        let mut session = self.folded.clone();
        session.show_ended(at);
        session
    }

    /// Ends the program, last active at `stopped`, and resumes the run in another one.
    fn stop(&mut self, stopped: Nanos) {
        self.live = self.saved(stopped).to_resume(stopped);
        self.open.clear();
    }
}

/// Complete state of a session, except for the time of its last tick and events not yet taken.
fn full_state(session: &Session, now: Nanos) -> String {
    let (events, now) = (Vec::new(), session.now.max(now));
    format!("{:#?}", Session { events, now, ..session.clone() })
}

fn phases(session: &Session) -> Vec<CasePhase> {
    session.cases.iter().map(|c| c.phase).collect()
}

/// Two cases of a second each; two minutes later the first is rerun.
fn rerun_late() -> Recording {
    let mut recording = Recording::new(2, Plan::default(), &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end(0, s(2), AttemptStatus::Ok);
    recording.end(0, s(3), AttemptStatus::Ok);
    recording.handle(s(123), SessionInput::Rerun(0));
    recording.end(0, s(125), AttemptStatus::Ok);
    recording
}

fn idle_reasons(session: &Session, events: &[RunEvent], times: &[(u64, u64)]) -> Vec<IdleReason> {
    let times: Vec<Span> = times.iter().map(|&(from, to)| (s(from), s(to))).collect();
    session.idle_reasons(events, &times)
}

#[test]
fn case_and_run_are_done_until_a_rerun_starts() {
    use CasePhase::{Done, Running};
    let Recording { live, events, .. } = rerun_late();
    let at = |t| live.as_at(&events, s(t));
    let done = at(60);
    assert_eq!((done.mode, phases(&done), done.settled()), (Mode::Finished, vec![Done, Done], 2));
    assert_eq!(done.cases[0].reported().next().unwrap().number, 1);
    assert_eq!(done.running_for(s(60)), Some(Duration::from_secs(2)));
    assert_eq!(idle_reasons(&live, &events, &[(3, 123)]), [IdleReason::Finished]);
    let rerun = at(124);
    assert_eq!((rerun.mode, phases(&rerun)), (Mode::Running, vec![Running, Done]));
    assert_eq!(rerun.cases[0].reported().next().unwrap().number, 1, "its figures are still the old ones");
    assert_eq!(rerun.running_for(s(124)), Some(Duration::from_secs(3)));
    assert_eq!((at(125).mode, at(125).running_for(s(500))), (Mode::Finished, Some(Duration::from_secs(4))));
}

#[test]
fn repeats_of_the_plan_are_queued_meanwhile() {
    let mut recording = Recording::new(2, Plan { repeat: 2, warmup: 1, ..Plan::default() }, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end_all(&mut s(1));
    let first = recording.live.as_at(&recording.events, Nanos(s(3).0 - 1));
    assert_eq!(phases(&first), [CasePhase::Running, CasePhase::Queued]);
    assert_eq!([first.cases[0].remaining, first.cases[1].remaining], [1, 2]);
}

#[test]
fn holds_and_pauses_are_replayed() {
    let mut recording = Recording::new(2, Plan::default(), &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.handle(s(2), SessionInput::ToggleHold);
    recording.end(0, s(3), AttemptStatus::Ok);
    recording.handle(s(50), SessionInput::ToggleHold);
    recording.handle(s(51), SessionInput::TogglePause(1));
    recording.end(0, s(52), AttemptStatus::Cancelled);
    recording.handle(s(90), SessionInput::TogglePause(1));
    recording.end(0, s(91), AttemptStatus::Ok);
    let Recording { live, events, .. } = recording;
    let held = live.as_at(&events, s(30));
    assert_eq!((held.mode, phases(&held)), (Mode::Held, vec![CasePhase::Done, CasePhase::Queued]));
    assert_eq!(live.as_at(&events, s(2)).in_flight(), 1, "the running attempt continued");
    let paused = live.as_at(&events, s(70));
    assert_eq!((paused.mode, phases(&paused)), (Mode::Running, vec![CasePhase::Done, CasePhase::Paused]));
    assert_eq!(idle_reasons(&live, &events, &[(3, 50), (52, 90)]), [IdleReason::Held, IdleReason::Paused]);
    assert_eq!(live.running_for(s(91)), Some(Duration::from_secs(2 + 2 + 1)));
}

#[test]
fn the_time_between_two_starts_of_an_open_loop_belongs_to_the_run() {
    let open_loop = Some(OpenLoop { rate_per_s: 0.1, process: Process::Constant, seed: 0 });
    let mut recording = Recording::new(1, Plan { repeat: 2, concurrency: 9, open_loop, ..Plan::default() }, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end(0, s(2), AttemptStatus::Ok);
    recording.handle(s(11), SessionInput::Tick(s(11)));
    recording.end(0, s(12), AttemptStatus::Ok);
    let Recording { live, events, .. } = recording;
    assert_eq!(idle_reasons(&live, &events, &[(2, 11)]), [IdleReason::NotDue]);
    assert_eq!(
        (live.as_at(&events, s(6)).mode, live.running_for(s(12))),
        (Mode::Running, Some(Duration::from_secs(11)))
    );
}

#[test]
fn a_case_that_waits_for_its_due_time_makes_the_run_not_paused() {
    let open_loop = Some(OpenLoop { rate_per_s: 0.1, process: Process::Constant, seed: 0 });
    let mut recording = Recording::new(2, Plan { concurrency: 9, repeat: 2, open_loop, ..Plan::default() }, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end(0, s(2), AttemptStatus::Ok);
    recording.handle(s(2), SessionInput::TogglePause(1));
    recording.handle(s(11), SessionInput::Tick(s(11)));
    recording.end(0, s(12), AttemptStatus::Ok);
    recording.handle(s(40), SessionInput::TogglePause(1));
    let Recording { live, events, .. } = recording;
    assert_eq!(phases(&live.as_at(&events, s(6))), [CasePhase::Queued, CasePhase::Paused]);
    assert_eq!(idle_reasons(&live, &events, &[(2, 11), (12, 40)]), [IdleReason::NotDue, IdleReason::Paused]);
}

#[test]
fn cases_cancelled_by_the_end_of_the_program_are_queued_until_the_resume() {
    let mut recording = Recording::new(2, Plan::default(), &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end(0, s(2), AttemptStatus::Ok);
    recording.handle(s(3), SessionInput::Abort);
    recording.end(0, s(4), AttemptStatus::Cancelled);
    let ended = recording.saved(s(4));
    assert_eq!((ended.mode, phases(&ended)[1]), (Mode::Finished, CasePhase::Cancelled));
    recording.stop(s(4));
    assert_eq!((recording.live.mode, recording.live.cases[1].remaining), (Mode::Waiting, 1));
    recording.handle(s(100), SessionInput::Begin(s(100)));
    recording.end(0, s(102), AttemptStatus::Ok);
    let session = recording.live;
    let gone = session.as_at(&recording.events, s(50));
    assert!(gone.is_away(s(50)) && !session.is_away(s(100)) && session.is_away(s(50)));
    assert_eq!((gone.in_flight(), phases(&gone)), (0, vec![CasePhase::Done, CasePhase::Queued]));
    assert_eq!(phases(&session.as_at(&recording.events, s(101))), [CasePhase::Done, CasePhase::Running]);
    assert_eq!(idle_reasons(&session, &recording.events, &[(4, 100)]), [IdleReason::Away]);
    assert_eq!([gone.running_for(s(50)), session.running_for(s(102))], [3, 5].map(|t| Some(Duration::from_secs(t))));
}

#[test]
fn only_interrupted_attempts_are_started_again_and_only_once() {
    use CasePhase::{Cancelled, Queued};
    let plan = Plan { concurrency: 4, repeat: 2, ..Plan::default() };
    let mut recording = Recording::new(4, plan, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.handle(s(2), SessionInput::Cancel(2));
    recording.handle(s(2), SessionInput::TogglePause(3));
    recording.handle(s(3), SessionInput::Abort);
    // One attempt was done before the engine heard of the end, and one was lost.
    let first = recording.open.iter().position(|(id, _)| *id == AttemptId { case: 0, number: 1 }).unwrap();
    let (id, started) = recording.open.remove(first);
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
    (record.status, record.ended) = (AttemptStatus::Ok, s(4));
    recording.handle(s(4), SessionInput::Ended(id, Arc::new(record)));
    recording.stop(s(5));
    let remaining: Vec<_> = recording.live.cases.iter().map(|c| (c.phase, c.remaining)).collect();
    assert_eq!(remaining, [(Queued, 1), (Queued, 2), (Cancelled, 0), (Queued, 2)]);
}

#[test]
fn an_interrupted_run_is_not_a_held_run() {
    let mut recording = Recording::new(2, Plan::default(), &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    let cut_off = recording.saved(s(1));
    recording.handle(s(2), SessionInput::ToggleHold);
    let held = recording.saved(s(2));
    assert_eq!([cut_off.mode, held.mode], [Mode::Held; 2]);
    assert_eq!([cut_off.is_cut_off(), held.is_cut_off()], [true, false]);
    assert!(!cut_off.as_at(&recording.events, Nanos(s(1).0 - 1)).is_cut_off());
    recording.handle(s(3), SessionInput::ToggleHold);
    recording.end_all(&mut s(3));
    assert!(!recording.live.is_cut_off() && !recording.saved(s(9)).is_cut_off());
}

#[test]
fn a_lost_attempt_is_started_again_once() {
    let mut recording = Recording::new(1, Plan { repeat: 3, ..Plan::default() }, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end(0, s(2), AttemptStatus::Ok);
    // Killed in the second attempt; two of the three attempts are left.
    let killed = recording.saved(s(2));
    let at = killed.as_at(&recording.events, s(5));
    assert_eq!((at.cases[0].remaining, at.cases[0].phase), (2, CasePhase::Queued));
    recording.stop(s(6));
    recording.handle(s(100), SessionInput::Begin(s(100)));
    recording.end(0, s(101), AttemptStatus::Ok);
    recording.handle(s(102), SessionInput::TogglePause(0));
    recording.end(0, s(103), AttemptStatus::Cancelled);
    let saved = recording.saved(s(103));
    let remaining = |t| saved.as_at(&recording.events, s(t)).cases[0].remaining;
    assert_eq!([remaining(50), remaining(100), remaining(101), remaining(103)], [2, 1, 0, 1]);
}

#[test]
fn a_lost_attempt_was_in_flight_until_the_program_s_last_sign_of_life() {
    let mut recording = Recording::new(2, Plan { repeat: 2, ..Plan::default() }, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end(0, s(2), AttemptStatus::Ok);
    // The second attempt runs for an hour; then the program is killed, and nothing runs for a day.
    let killed = recording.saved(s(3600));
    assert_eq!(killed.in_flight_spans(), [(s(1), s(3600))]);
    let during = killed.as_at(&recording.events, s(1800));
    let shown = |session: &Session| (session.in_flight(), session.cases[0].remaining, phases(session));
    assert_eq!(shown(&during), (1, 0, vec![CasePhase::Running, CasePhase::Queued]));
    assert_eq!(shown(&killed), (0, 1, vec![CasePhase::Queued; 2]));
    assert_eq!(
        [during.running_for(s(1800)), killed.running_for(s(9999))],
        [1799, 3599].map(|t| Some(Duration::from_secs(t)))
    );
    recording.stop(s(3600));
    recording.handle(s(90_000), SessionInput::Begin(s(90_000)));
    recording.end_all(&mut s(90_000));
    let session = &recording.live;
    assert_eq!(shown(&session.as_at(&recording.events, s(1800))), shown(&during));
    assert_eq!(shown(&session.as_at(&recording.events, s(4000))), shown(&killed));
    assert_eq!(session.in_flight_spans(), [(s(1), s(3600)), (s(90_000), s(90_003))]);
    assert_eq!(idle_reasons(session, &recording.events, &[(3600, 90_000)]), [IdleReason::Away]);
}

#[test]
fn a_timed_run_shows_the_share_of_its_time() {
    let plan = Plan { duration: Some(Duration::from_secs(10)), warmup: 1, ..Plan::default() };
    let mut recording = Recording::new(2, plan, &[]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    for at in 3..7 {
        recording.end(0, s(at), AttemptStatus::Ok);
    }
    recording.handle(s(7), SessionInput::ToggleHold);
    recording.end(0, s(8), AttemptStatus::Ok);
    recording.handle(s(40), SessionInput::ToggleHold);
    recording.end_all(&mut s(40));
    assert_eq!(recording.live.mode, Mode::Finished);
    let share = |at| format!("{:.2}", recording.live.as_at(&recording.events, at).share_of_time(at).unwrap());
    assert_eq!([5, 20, 43].map(|t| share(s(t))), ["0.20", "0.40", "0.70"]);
}

#[test]
fn a_stage_starts_after_the_one_before() {
    let mut recording = Recording::new(2, Plan::default(), &[1, 2]);
    recording.handle(s(1), SessionInput::Begin(s(1)));
    recording.end_all(&mut s(1));
    let first = recording.live.as_at(&recording.events, Nanos(s(3).0 - 1));
    assert_eq!(
        (first.stage, first.plan.concurrency, phases(&first)),
        (0, 1, vec![CasePhase::Done, CasePhase::Running])
    );
    let second = recording.live.as_at(&recording.events, s(3));
    assert_eq!((second.stage, second.plan.concurrency, phases(&second)), (1, 2, vec![CasePhase::Running; 2]));
}

proptest! {
    /// Replaying the events gives the session, after each event and at each time, even if the program ended or was
    /// killed in between and the run was resumed.
    #[test]
    fn replaying_the_events_gives_the_session(
        steps in prop::collection::vec((0_u8..16, 0_usize..3, 1_u64..50, 0_usize..3), 1..60),
        (concurrency, repeat, warmup, stages) in (1_usize..4, 1_u32..3, 0_u32..3, 0_usize..3),
        (rate, duration) in (prop::option::of(1_u32..40), prop::option::of(1_u64..400)),
    ) {
        let rate = rate.map(|n| OpenLoop { rate_per_s: f64::from(n) / 20.0, process: Process::Poisson, seed: 7 });
        let duration = duration.map(Duration::from_secs);
        let plan = Plan { concurrency, repeat, warmup, open_loop: rate, duration, ..Plan::default() };
        let mut recording = Recording::new(3, plan, &(1..=stages).collect::<Vec<_>>());
        let mut now = s(1);
        recording.handle(now, SessionInput::Begin(now));
        for (what, case, later, how) in steps {
            now = now.plus(Duration::from_secs(later));
            match what {
                0 => recording.handle(now, SessionInput::ToggleHold),
                1 | 2 => recording.handle(now, SessionInput::TogglePause(case)),
                3 => recording.handle(now, SessionInput::Rerun(case)),
                4 => recording.handle(now, SessionInput::Cancel(case)),
                5 => recording.handle(now, SessionInput::RerunFailed),
                6 | 7 => recording.handle(now, SessionInput::Tick(now)),
                8 => recording.handle(now, SessionInput::Abort),
                9 => {
                    let saved = recording.saved(now);
                    prop_assert_eq!(saved.in_flight(), 0);
                    prop_assert!(saved.mode != Mode::Running && saved.count(CasePhase::Running) == 0);
                    recording.stop(now);
                    now = now.plus(Duration::from_secs(9));
                    let resumed = SessionInput::Begin(now);
                    if recording.live.mode == Mode::Waiting {
                        recording.handle(now, resumed);
                    } else {
                        // Nothing is left to do, so nothing is resumed.
                        recording.live = recording.folded.clone();
                        break;
                    }
                }
                _ if recording.open.is_empty() => {}
                _ => {
                    let status = [AttemptStatus::Ok, AttemptStatus::Timeout, AttemptStatus::Ok];
                    let index = case % recording.open.len();
                    let started = recording.open[index].1;
                    recording.end(index, now.max(started), status[how]);
                }
            }
            let at = recording.live.now;
            prop_assert_eq!(full_state(&recording.folded, at), full_state(&recording.live, at));
            prop_assert!(recording.live.in_flight() <= concurrency.max(stages));
            assert_counts(&recording.live);
        }
        for (at, then) in recording.snapshots.iter().rev().scan(None, |seen: &mut Option<Nanos>, (at, then)| {
            // The last of several steps at one time defines the state at that time.
            let is_last = *seen != Some(*at);
            *seen = Some(*at);
            Some(is_last.then_some((*at, then)))
        }).flatten() {
            prop_assert_eq!(full_state(&recording.live.as_at(&recording.events, at), at), full_state(then, at), "at {:?}", at);
        }
    }
}

/// Checks that every incremental count equals a fresh count.
pub(in crate::domain::session) fn assert_counts(session: &Session) {
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
    session.cases.iter().for_each(assert_counts_of_case);
    let case_turns = |(case, c): (usize, &CaseState)| {
        c.next_turns().iter().map(move |next| (next.ready_at, case, next.turn.conversation)).collect::<Vec<_>>()
    };
    assert_eq!(session.next_turns, session.cases.iter().enumerate().flat_map(case_turns).collect());
    if !session.cases.iter().any(CaseState::is_interrupted) {
        let left = |(case, c): (usize, &CaseState)| requests_left(c, session.expected_turns(case));
        let left: usize = session.cases.iter().enumerate().map(left).sum();
        assert_eq!(session.requests_left_in_stage, left);
    }
}

/// Requests in flight and still to start, counted anew.
fn requests_left(c: &CaseState, turns: usize) -> usize {
    let least = usize::from(c.phase == CasePhase::Paused);
    let to_start = if c.remaining == u32::MAX { 0 } else { (c.remaining as usize).max(least) * turns };
    let counts = |a: &&AttemptState| a.record.is_none() && !a.abandoned && !a.warmup;
    let open: usize = c.attempts.iter().filter(counts).map(|a| a.turn.map_or(1, Turn::left)).sum();
    to_start + open + c.next_turns().iter().map(|next| next.turn.left()).sum::<usize>()
}

fn assert_counts_of_case(c: &CaseState) {
    let count = |holds: fn(&AttemptState) -> bool| c.attempts.iter().filter(|a| holds(a)).count();
    assert_eq!((c.measured_count(), c.ended_count()), (count(|a| !a.warmup), count(|a| a.record.is_some())));
    for stage in 0..=c.place().1 {
        assert_eq!(c.reported_count_in(stage), c.reported_in(stage).count());
    }
    assert_eq!(c.is_warming(), c.in_flight().any(|a| a.warmup));
    let last = |holds: fn(&AttemptState) -> bool| c.attempts.iter().rfind(|a| holds(a));
    let shown = last(AttemptState::is_good).or_else(|| last(|a| a.record.is_some()));
    assert_eq!(c.shown().map(|r| r.id), shown.and_then(AttemptState::record).map(|r| r.id));
    let ended = last(|a| !a.warmup && a.record.is_some());
    assert_eq!(c.last_ended().map(|a| a.number), ended.map(|a| a.number));
    let complete = c.attempts.iter().rfind(|a| a.stage == c.place().1 && a.is_good());
    let is_rerun = (!c.is_settled() || c.open() > 0) && complete.is_some_and(|a| a.round < c.place().0);
    assert_eq!(c.is_rerun(), is_rerun);
}
