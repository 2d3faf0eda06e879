use std::collections::BTreeMap;

use super::super::{Plan, SessionCommand, SessionInput};
use super::*;
use crate::domain::attempt::{Arrival, TextKind};
use crate::domain::race::{RaceSide, opponent};
use crate::domain::race_results::RaceVerdict;
use crate::domain::random::Random;
use crate::domain::testing::suite;

fn session(cases: usize, plan: Plan, change: impl FnOnce(&mut Race)) -> Session {
    let mut suite = suite(2 * cases);
    let sides = [RaceSide::default(), RaceSide::default()];
    let mut race = Race { sides, seed: 5, margin_percent: 2.0, takes_turns: false, runs_all: false, until: Vec::new() };
    change(&mut race);
    suite.race = Some(race);
    Session::new(Arc::new(suite), plan)
}

fn answer(id: AttemptId, started: Nanos, millis: f64) -> AttemptRecord {
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
    let at = |share: f64| Nanos(started.0 + (millis * share * 1e6) as u64);
    record.arrivals =
        [0.2, 0.6, 1.0].map(|share| Arrival { at: at(share), kind: TextKind::Answer, coalesced: false }).to_vec();
    record.usage.completion_tokens = Some(3);
    (record.ended, record.status) = (at(1.0), AttemptStatus::Ok);
    record
}

/// A server with a virtual clock: requests in flight, by their end.
struct Server {
    session: Session,
    open: BTreeMap<(Nanos, AttemptId), Arc<AttemptRecord>>,
    /// Starts in order, with the number in flight on each side afterwards.
    started: Vec<(AttemptId, [usize; 2])>,
}

impl Server {
    fn new(session: Session) -> Self {
        Self { session, open: BTreeMap::new(), started: Vec::new() }
    }

    fn take(&mut self, now: Nanos, input: SessionInput, millis: &mut impl FnMut(AttemptId) -> f64) {
        for command in self.session.handle_at(now, input) {
            match command {
                SessionCommand::Start { id, .. } => {
                    let record = answer(id, now, millis(id));
                    self.open.insert((record.ended, id), Arc::new(record));
                    let count = |side| self.open.keys().filter(|(_, id)| Side::from_case(id.case) == side).count();
                    self.started.push((id, Side::BOTH.map(count)));
                }
                SessionCommand::Abort(id) => {
                    let found = self.open.iter_mut().find(|((_, open), _)| *open == id);
                    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), now);
                    record.status = AttemptStatus::Cancelled;
                    *found.unwrap().1 = Arc::new(record);
                }
            }
        }
    }

    fn run(&mut self, mut millis: impl FnMut(AttemptId) -> f64) {
        self.take(Nanos(0), SessionInput::Begin(Nanos(0)), &mut millis);
        while let Some(((now, id), record)) = self.open.pop_first() {
            self.take(now, SessionInput::Ended(id, record), &mut millis);
        }
    }
}

#[test]
fn each_block_starts_every_case_once_on_each_side_before_the_next_one_begins() {
    let mut server = Server::new(session(3, Plan { repeat: 4, ..Plan::default() }, |race| race.runs_all = true));
    server.run(|id| 10.0 + (id.case * 7 + id.number as usize * 3) as f64 % 11.0);
    assert_eq!(server.session.mode, Mode::Finished);
    let cases: Vec<usize> = server.started.iter().map(|(id, _)| id.case).collect();
    for block in cases.chunks(6) {
        let mut sorted = block.to_vec();
        sorted.sort_unstable();
        assert_eq!(sorted, [0, 1, 2, 3, 4, 5]);
    }
    assert_ne!(cases[..6], cases[6..12]);
    assert!(server.started.iter().all(|(_, open)| open.iter().all(|n| *n <= 1)));
    assert!(server.started.iter().any(|(_, open)| *open == [1, 1]), "both sides run at once");
    assert_eq!(server.session.race().unwrap().tally.blocks(), 4);
    assert_eq!(server.session.block_of(AttemptId { case: 2, number: 3 }), Some(2));
}

#[test]
fn each_side_has_the_same_concurrency() {
    let plan = Plan { repeat: 5, concurrency: 3, ..Plan::default() };
    let mut server = Server::new(session(4, plan, |race| race.runs_all = true));
    server.run(|id| if Side::from_case(id.case) == Side::A { 10.0 } else { 90.0 });
    assert!(server.started.iter().all(|(_, open)| open.iter().all(|n| *n <= 3)));
    assert!(server.started.iter().any(|(_, open)| *open == [3, 3]));
}

#[test]
fn sides_that_take_turns_never_have_two_requests_in_flight() {
    let mut server = Server::new(session(3, Plan { repeat: 3, ..Plan::default() }, |race| {
        (race.takes_turns, race.runs_all) = (true, true);
    }));
    server.run(|_| 10.0);
    assert!(server.started.iter().all(|(_, open)| open[0] + open[1] == 1));
    assert_eq!(server.session.race().unwrap().tally.blocks(), 3);
}

#[test]
fn a_decided_race_discards_what_is_in_flight_and_ends() {
    let mut random = Random::new(9);
    let mut server = Server::new(session(2, Plan { repeat: 300, ..Plan::default() }, |_| {}));
    server.run(|id| {
        let factor = if Side::from_case(id.case) == Side::A { 1.05 } else { 1.0 };
        100.0 * factor * (0.03 * random.normal()).exp()
    });
    let session = &server.session;
    let race = session.race().unwrap();
    assert_eq!((session.mode, session.in_flight(), race.decided.is_some()), (Mode::Finished, 0, true));
    assert!(race.tally.blocks() < 60, "{}", race.tally.blocks());
    assert!(!session.is_partial(), "a decided race is complete");
    for difference in race.tally.differences(&race.settings) {
        assert_eq!(difference.verdict, RaceVerdict::B, "{difference:?}");
    }
    let ends = session.attempts().filter(|a| a.abandoned).count();
    assert!(ends <= 3, "{ends} discarded");
}

#[test]
fn a_discarded_attempt_is_repeated_in_its_block() {
    let mut session = session(1, Plan { repeat: 2, ..Plan::default() }, |race| race.takes_turns = true);
    let SessionCommand::Start { id: first, .. } = session.handle(SessionInput::Begin(Nanos(0)))[0] else { panic!() };
    session.handle(SessionInput::TogglePause(first.case));
    let cancelled = |id| {
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(1));
        record.status = AttemptStatus::Cancelled;
        Arc::new(record)
    };
    let next = session.handle(SessionInput::Ended(first, cancelled(first)));
    let SessionCommand::Start { id: other, .. } = next[0] else { panic!("{next:?}") };
    assert_eq!(other.case, opponent(first.case), "a paused case lets the other side go first");
    session.handle(SessionInput::TogglePause(first.case));
    session.handle(SessionInput::Ended(other, Arc::new(answer(other, Nanos(2), 10.0))));
    let again = AttemptId { case: first.case, number: 2 };
    assert_eq!((session.open_ids(), session.block_of(again)), (vec![again], Some(0)));
    assert_eq!((session.block_of(first), session.race().unwrap().tally.blocks()), (None, 0));
    session.handle(SessionInput::Ended(again, Arc::new(answer(again, Nanos::from_millis(20), 10.0))));
    assert_eq!(session.race().unwrap().tally.blocks(), 1);
}

#[test]
fn the_end_of_the_program_completes_no_block() {
    let mut server = Server::new(session(2, Plan { repeat: 3, ..Plan::default() }, |_| {}));
    let mut millis = |_| 10.0;
    server.take(Nanos(0), SessionInput::Begin(Nanos(0)), &mut millis);
    let ((now, id), record) = server.open.pop_first().unwrap();
    server.take(now, SessionInput::Ended(id, record), &mut millis);
    server.take(now, SessionInput::Abort, &mut millis);
    while let Some(((now, id), record)) = server.open.pop_first() {
        server.take(now, SessionInput::Ended(id, record), &mut millis);
    }
    assert_eq!((server.session.in_flight(), server.session.race().unwrap().tally.blocks()), (0, 0));
}

#[test]
fn a_resumed_race_continues_in_the_block_in_which_it_stopped() {
    let mut server = Server::new(session(2, Plan { repeat: 3, ..Plan::default() }, |race| race.runs_all = true));
    let mut millis = |id: AttemptId| 10.0 + id.case as f64;
    server.take(Nanos(0), SessionInput::Begin(Nanos(0)), &mut millis);
    for _ in 0..6 {
        let ((now, id), record) = server.open.pop_first().unwrap();
        server.take(now, SessionInput::Ended(id, record), &mut millis);
    }
    let before = server.session.race().unwrap().tally.blocks();
    let mut resumed = Server::new(server.session.to_resume(Nanos::from_millis(500)));
    assert_eq!(resumed.session.race().unwrap().tally.blocks(), before);
    let now = Nanos::from_millis(900);
    resumed.take(now, SessionInput::Begin(now), &mut millis);
    while let Some(((now, id), record)) = resumed.open.pop_first() {
        resumed.take(now, SessionInput::Ended(id, record), &mut millis);
    }
    let race = resumed.session.race().unwrap();
    assert_eq!((resumed.session.mode, race.tally.blocks()), (Mode::Finished, 3));
    assert!(race.tally.cases().iter().all(|case| case.pairs == 3));
}
