use proptest::prelude::*;

use super::*;
use crate::domain::session::{SessionCommand, SessionEvent};
use crate::domain::testing::suite;

/// A session beside what a journal of it would hold.
struct Kept {
    live: Session,
    restoring: Restoring,
    open: Vec<AttemptId>,
    now: u64,
}

impl Kept {
    fn new(cases: usize, plan: Plan) -> Self {
        let suite = Arc::new(suite(cases));
        let live = Session::new(Arc::clone(&suite), plan);
        Self { live, restoring: Restoring::new(suite, plan, Vec::new()), open: Vec::new(), now: 0 }
    }

    fn tell(&mut self, event: SessionEvent) {
        let started = |c: &SessionCommand| match c {
            SessionCommand::Start { id, .. } => Some(*id),
            SessionCommand::Abort(_) => None,
        };
        let commands = self.live.handle(event);
        self.open.extend(commands.iter().filter_map(started));
    }

    fn end(&mut self, at: usize, status: AttemptStatus) {
        let id = self.open.remove(at);
        self.now += 10;
        let warmup = self.live.facts(id).unwrap().warmup;
        let mut record = AttemptRecord::started(id, warmup, String::new(), String::new(), Nanos(self.now));
        (record.status, record.ended) = (status, Nanos(self.now + 5));
        self.tell(SessionEvent::Ended(id, Arc::new(record.clone())));
        self.restoring.attempt(self.live.facts(id).unwrap(), record).unwrap();
    }

    fn stand(&mut self) {
        self.restoring.standing(Nanos(self.now), self.live.standing()).unwrap();
    }

    fn phases(session: &Session) -> Vec<CasePhase> {
        session.cases.iter().map(|c| c.phase).collect()
    }
}

#[test]
fn a_finished_run_is_the_same_again() {
    let mut kept = Kept::new(2, Plan { repeat: 2, warmup: 1, ..Plan::default() });
    kept.tell(SessionEvent::Begin(Nanos(3)));
    for status in [AttemptStatus::Ok, AttemptStatus::Ok, AttemptStatus::Ok, AttemptStatus::Timeout, AttemptStatus::Ok] {
        kept.end(0, status);
    }
    assert_eq!(kept.live.mode, Mode::Finished);
    kept.stand();
    let (live, again) = (kept.live, kept.restoring.finish());
    assert_eq!((again.mode, again.began, again.last_ended), (Mode::Finished, Some(Nanos(3)), live.last_ended));
    assert_eq!(Kept::phases(&again), [CasePhase::Done, CasePhase::Failed]);
    for (a, b) in live.cases.iter().zip(&again.cases) {
        assert_eq!(a.attempts, b.attempts);
    }
    assert!(again.is_partial() && again.in_flight() == 0);
}

#[test]
fn what_was_in_flight_is_owed_again_and_the_run_is_held() {
    let mut kept = Kept::new(2, Plan { repeat: 3, concurrency: 2, ..Plan::default() });
    kept.tell(SessionEvent::Begin(Nanos(0)));
    kept.stand();
    // The second ends first: the first leaves a hole. Where the run stood after that was not kept.
    kept.end(1, AttemptStatus::Ok);
    let mut again = kept.restoring.finish();
    assert_eq!((again.mode, Kept::phases(&again)), (Mode::Held, vec![CasePhase::Queued; 2]));
    let lost = again.cases[0].attempts[0].record().unwrap();
    assert_eq!((lost.status, lost.warnings.as_slice()), (AttemptStatus::Cancelled, &[LOST.to_owned()][..]));
    // One of three is there, and so two are owed; none of them gets the number of one that was in flight.
    assert_eq!(again.cases[0].remaining, 2);
    let starts = again.handle(SessionEvent::ToggleHold);
    let number = |c: &SessionCommand| match c {
        SessionCommand::Start { id, .. } => Some(id.number),
        SessionCommand::Abort(_) => None,
    };
    let numbers: Vec<u32> = starts.iter().filter_map(number).collect();
    assert_eq!(numbers, [3, 4]);
}

#[test]
fn what_the_user_gave_up_is_not_owed() {
    let mut kept = Kept::new(2, Plan::default());
    kept.tell(SessionEvent::Begin(Nanos(0)));
    kept.tell(SessionEvent::Cancel(0));
    kept.stand();
    let again = kept.restoring.finish();
    assert_eq!(Kept::phases(&again), [CasePhase::Cancelled, CasePhase::Queued]);
    assert_eq!(again.cases[0].remaining, 0);
}

#[test]
fn of_a_journal_that_does_not_tell_when_nothing_ran_it_is_found() {
    let mut kept = Kept::new(1, Plan::default());
    kept.tell(SessionEvent::Begin(Nanos(3)));
    kept.end(0, AttemptStatus::Ok);
    kept.now = 1000;
    kept.live.handle_at(Nanos(1000), SessionEvent::Tick(Nanos(1000)));
    kept.tell(SessionEvent::Rerun(0));
    kept.end(0, AttemptStatus::Ok);
    let mut before = kept.restoring.clone();
    before.standing(Nanos(kept.now), Standing { idle: None, ..kept.live.standing() }).unwrap();
    kept.stand();
    let (of_old, of_new) = (before.finish(), kept.restoring.finish());
    // From 3 to 15, and from 1000 on; of the old one what was ordered and not yet on its way is not known.
    assert_eq!(
        (kept.live.last_ended, kept.live.going(Nanos(5000))),
        (Some(Nanos(1015)), Some(Duration::from_nanos(27)))
    );
    assert_eq!(of_new.going(Nanos(5000)), kept.live.going(Nanos(5000)));
    assert_eq!(of_old.going(Nanos(5000)), Some(Duration::from_nanos(5 + 15)));
}

#[test]
fn what_fits_no_session_is_refused() {
    let mut r = Restoring::new(Arc::new(suite(1)), Plan::default(), Vec::new());
    let facts = |case, number| AttemptFacts { case, number, ..AttemptFacts::default() };
    let record = |case, number| AttemptRecord { id: AttemptId { case, number }, ..AttemptRecord::default() };
    assert_eq!(r.attempt(facts(1, 1), record(1, 1)), Err(Misfit::Case));
    assert_eq!(r.attempt(facts(0, 0), record(0, 0)), Err(Misfit::Number));
    assert_eq!(r.attempt(facts(0, u32::MAX), record(0, u32::MAX)), Err(Misfit::Number));
    assert_eq!(r.attempt(facts(0, 1), record(0, 2)), Err(Misfit::Record));
    assert_eq!(r.attempt(AttemptFacts { stage: 1, ..facts(0, 1) }, record(0, 1)), Err(Misfit::Stage));
    assert_eq!(r.attempt(facts(0, 1), record(0, 1)), Ok(()));
    assert_eq!(r.attempt(facts(0, 1), record(0, 1)), Err(Misfit::Twice));
}

proptest! {
    #[test]
    fn wherever_it_is_cut_the_session_keeps_its_promises(
        steps in prop::collection::vec((0u8..9, 0usize..3, 0u8..3), 0..80), forgets in any::<bool>(),
    ) {
        let mut kept = Kept::new(3, Plan { concurrency: 2, repeat: 2, warmup: 1, ..Plan::default() });
        for (what, case, how) in steps {
            match what {
                0 => kept.tell(SessionEvent::Begin(Nanos(0))),
                1 => kept.tell(SessionEvent::ToggleHold),
                2 => kept.tell(SessionEvent::TogglePause(case)),
                3 => kept.tell(SessionEvent::Rerun(case)),
                4 => kept.tell(SessionEvent::Cancel(case)),
                _ if kept.open.is_empty() => {}
                _ => {
                    let at = case % kept.open.len();
                    kept.end(at, [AttemptStatus::Ok, AttemptStatus::Empty, AttemptStatus::Cancelled][how as usize]);
                }
            }
            if !(forgets && what > 4) {
                kept.stand();
            }
        }
        let reported = |s: &Session| s.cases.iter().map(|c| c.reported().count()).collect::<Vec<_>>();
        let live = kept.live.clone();
        let mut again = kept.restoring.finish();
        prop_assert_eq!(again.in_flight(), 0);
        prop_assert_eq!(reported(&again), reported(&live));
        for c in &again.cases {
            let numbers: Vec<_> = c.attempts.iter().map(|a| a.number).collect();
            prop_assert_eq!(numbers, (1..=c.attempts.len() as u32).collect::<Vec<_>>());
            prop_assert!(c.phase != CasePhase::Running && c.attempts.iter().all(|a| a.record.is_some()));
        }
        // It can go on to its end.
        if again.mode == Mode::Held {
            again.handle(SessionEvent::ToggleHold);
        }
        prop_assert!(again.in_flight() <= 2);
    }
}
