//! Rates, durations and sweeps, with times set by hand.

use super::*;
use crate::domain::open_loop::{OpenLoop, Process, Starts};

pub(super) const fn ms(n: u64) -> Nanos {
    Nanos::from_millis(n)
}

const fn rate(rate_per_s: f64, process: Process) -> OpenLoop {
    OpenLoop { rate_per_s, process, seed: 3 }
}

pub(super) fn open(concurrency: usize, repeat: u32) -> Plan {
    Plan { concurrency, repeat, open_loop: Some(rate(10.0, Process::Constant)), ..Plan::default() }
}

pub(super) fn end_at(s: &mut Session, id: AttemptId, at: Nanos, status: AttemptStatus) -> Vec<SessionCommand> {
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), at);
    (record.status, record.ended) = (status, at);
    s.handle(SessionInput::Ended(id, Arc::new(record)))
}

fn due(case: usize, number: u32, at_ms: u64) -> SessionCommand {
    SessionCommand::Start { row: None, turn: None, id: id(case, number), warmup: false, due: Some(ms(at_ms)) }
}

/// The start of a row of a workload with one case.
pub(super) fn due_row(number: u32, row: u32, at_ms: u64) -> SessionCommand {
    SessionCommand::Start { row: Some(row), turn: None, id: id(0, number), warmup: false, due: Some(ms(at_ms)) }
}

/// Delivers every tick that the session asks for until `to`; returns its commands with their times.
pub(super) fn run_to(s: &mut Session, to: Nanos) -> Vec<(Nanos, SessionCommand)> {
    let mut out = Vec::new();
    while let Some(at) = s.wake_at().filter(|at| *at <= to) {
        let commands = s.handle(SessionInput::Tick(at));
        assert!(!commands.is_empty(), "a requested tick did nothing");
        out.extend(commands.into_iter().map(|c| (at, c)));
    }
    out
}

#[test]
fn starts_are_ordered_ahead_and_in_turn() {
    let mut s = session(2, open(4096, 3));
    // The first is due at once; two more are due within the horizon of 250 ms.
    assert_eq!(s.handle(SessionInput::Begin(ms(1000))), [due(0, 1, 1000), due(1, 1, 1100), due(0, 2, 1200)]);
    assert_eq!(s.wake_at(), Some(ms(1050)));
    assert!(s.handle(SessionInput::Tick(ms(1049))).is_empty());
    let rest: Vec<_> = run_to(&mut s, ms(9000));
    assert_eq!(rest, [(ms(1050), due(1, 2, 1300)), (ms(1150), due(0, 3, 1400)), (ms(1250), due(1, 3, 1500))]);
    assert_eq!(s.wake_at(), None);
    for (case, number) in [(0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3)] {
        assert_eq!(s.mode, Mode::Running);
        end_at(&mut s, id(case, number), ms(2000), AttemptStatus::Ok);
    }
    assert!(s.mode == Mode::Finished && !s.is_partial());
}

#[test]
fn a_late_slot_does_not_move_the_intended_start() {
    let mut s = session(1, open(1, 3));
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [due(0, 1, 0)]);
    assert_eq!(s.wake_at(), None);
    assert_eq!(end_at(&mut s, id(0, 1), ms(730), AttemptStatus::Ok), [due(0, 2, 100)]);
    assert_eq!(s.overdue(), Some(Duration::from_millis(530)));
    assert_eq!(end_at(&mut s, id(0, 2), ms(740), AttemptStatus::Ok), [due(0, 3, 200)]);
}

#[test]
fn a_hold_does_not_count_as_queue_time() {
    let mut s = session(1, open(4096, 4));
    assert_eq!(s.handle(SessionInput::Begin(ms(0))).len(), 3);
    // Orders that are not due yet are withdrawn.
    let withdrawn = [2, 3].map(|number| SessionCommand::Abort(id(0, number)));
    assert_eq!(s.handle_at(ms(20), SessionInput::ToggleHold), withdrawn);
    assert_eq!((s.wake_at(), s.cases[0].phase), (None, CasePhase::Running));
    for number in [2, 3] {
        end_at(&mut s, id(0, number), ms(21), AttemptStatus::Cancelled);
    }
    // 20 ms of the second's 100 ms and of the third's 200 ms had passed.
    assert_eq!(s.handle_at(ms(5000), SessionInput::ToggleHold), [due(0, 4, 5080), due(0, 5, 5180)]);
    assert_eq!(run_to(&mut s, ms(9000)), [(ms(5030), due(0, 6, 5280))]);
}

#[test]
fn a_rerun_is_due_when_requested() {
    let mut s = session(1, open(1, 2));
    s.handle(SessionInput::Begin(ms(0)));
    end_at(&mut s, id(0, 1), ms(5000), AttemptStatus::Ok);
    end_at(&mut s, id(0, 2), ms(5100), AttemptStatus::Timeout);
    assert_eq!(s.mode, Mode::Finished);
    assert_eq!(s.handle_at(ms(60_000), SessionInput::RerunFailed), [due(0, 3, 60_000)]);
}

#[test]
fn the_schedule_begins_after_the_warm_up() {
    let mut s = session(1, Plan { warmup: 1, ..open(4096, 1) });
    assert_eq!(
        s.handle(SessionInput::Begin(ms(0))),
        [SessionCommand::Start { row: None, turn: None, id: id(0, 1), warmup: true, due: None }]
    );
    assert_eq!(s.wake_at(), None);
    assert_eq!(end_at(&mut s, id(0, 1), ms(800), AttemptStatus::Ok), [due(0, 2, 800)]);
}

#[test]
fn rate_and_duration_determine_the_number_of_starts() {
    let plan = Plan { duration: Some(Duration::from_secs(2)), ..open(4096, 1) };
    let mut s = session(3, plan);
    let mut ordered = s.handle(SessionInput::Begin(ms(0)));
    ordered.extend(run_to(&mut s, ms(60_000)).into_iter().map(|(_, c)| c));
    // At 0, 100, … 1,900 ms.
    assert_eq!(ordered.len(), 20);
    assert_eq!(ordered[19], due(1, 7, 1900));
    assert!(s.mode == Mode::Running && s.is_active());
    for command in ordered {
        let SessionCommand::Start { id, .. } = command else { panic!() };
        end_at(&mut s, id, ms(2500), AttemptStatus::Ok);
    }
    assert!(s.mode == Mode::Finished && !s.is_partial());
    assert!(s.cases.iter().all(|c| c.phase == CasePhase::Done));
}

#[test]
fn a_timed_run_with_an_interrupted_request_is_partial() {
    let plan = Plan { duration: Some(Duration::from_secs(1)), ..Plan::default() };
    let mut s = session(1, plan);
    s.handle(SessionInput::Begin(ms(0)));
    end_at(&mut s, id(0, 1), ms(400), AttemptStatus::Cancelled);
    end_at(&mut s, id(0, 2), ms(1100), AttemptStatus::Ok);
    assert!(s.mode == Mode::Finished && s.is_partial());
}

#[test]
fn a_closed_loop_with_a_duration_takes_cases_in_turn_and_ends() {
    let plan = Plan { concurrency: 2, duration: Some(Duration::from_secs(1)), ..Plan::default() };
    let mut s = session(3, plan);
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [start(0, 1), start(1, 1)]);
    assert_eq!(end_at(&mut s, id(0, 1), ms(400), AttemptStatus::Ok), [start(2, 1)]);
    assert_eq!(end_at(&mut s, id(1, 1), ms(500), AttemptStatus::Ok), [start(0, 2)]);
    assert_eq!(end_at(&mut s, id(2, 1), ms(999), AttemptStatus::Ok), [start(1, 2)]);
    assert!(s.is_partial());
    assert_eq!(end_at(&mut s, id(0, 2), ms(1000), AttemptStatus::Ok), []);
    assert_eq!(s.mode, Mode::Running);
    assert_eq!(end_at(&mut s, id(1, 2), ms(1300), AttemptStatus::Ok), []);
    assert!(s.mode == Mode::Finished && !s.is_partial());
    // A rerun afterwards is one attempt, not another second.
    assert_eq!(s.handle(SessionInput::Rerun(0)), [start(0, 3)]);
    assert_eq!(end_at(&mut s, id(0, 3), ms(1400), AttemptStatus::Timeout), []);
    assert!(s.mode == Mode::Finished && s.is_partial());
}

#[test]
fn a_case_whose_turn_never_came_is_unreached() {
    let mut s = session(2, Plan { duration: Some(Duration::from_secs(1)), ..Plan::default() });
    s.handle(SessionInput::Begin(ms(0)));
    end_at(&mut s, id(0, 1), ms(1500), AttemptStatus::Ok);
    assert_eq!((s.mode, s.cases[1].phase, s.cases[1].attempts.len()), (Mode::Finished, CasePhase::Unreached, 0));
    assert!(s.is_partial() && s.unreached() == 1);
}

#[test]
fn a_sweep_runs_the_plan_at_each_concurrency() {
    let mut s = session(3, Plan::default()).with_sweep(vec![1, 2]);
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [start(0, 1)]);
    assert_eq!(end_at(&mut s, id(0, 1), ms(1), AttemptStatus::Ok), [start(1, 1)]);
    assert_eq!(end_at(&mut s, id(1, 1), ms(2), AttemptStatus::Timeout), [start(2, 1)]);
    assert!(s.is_partial());
    assert_eq!(end_at(&mut s, id(2, 1), ms(3), AttemptStatus::Ok), [start(0, 2), start(1, 2)]);
    assert_eq!(end_at(&mut s, id(1, 2), ms(4), AttemptStatus::Ok), [start(2, 2)]);
    end_at(&mut s, id(0, 2), ms(5), AttemptStatus::Ok);
    end_at(&mut s, id(2, 2), ms(6), AttemptStatus::Ok);
    assert_eq!((s.mode, s.plan.concurrency), (Mode::Finished, 2));
    let stages: Vec<_> = crate::domain::sweep::stages(&s).iter().map(|s| (s.concurrency, s.requests, s.ok)).collect();
    assert_eq!(stages, [(1, 3, 2), (2, 3, 3)]);
}

#[test]
fn a_cancelled_sweep_starts_no_further_stage() {
    let mut s = session(2, Plan::default()).with_sweep(vec![1, 2, 4]);
    s.handle(SessionInput::Begin(ms(0)));
    assert_eq!(s.handle(SessionInput::Abort), [SessionCommand::Abort(id(0, 1))]);
    assert_eq!(end_at(&mut s, id(0, 1), ms(1), AttemptStatus::Cancelled), []);
    assert_eq!((s.mode, s.stage), (Mode::Finished, 0));
}

#[test]
fn long_runs_keep_all_figures_and_the_last_texts() {
    let mut s = session(1, Plan { repeat: 600, ..Plan::default() });
    s.handle(SessionInput::Begin(ms(0)));
    for number in 1..=600 {
        let mut record = AttemptRecord::started(id(0, number), false, String::new(), String::new(), ms(1));
        record.status = AttemptStatus::Ok;
        record.text = "a".into();
        s.handle(SessionInput::Ended(id(0, number), Arc::new(record)));
    }
    let with_text: Vec<u32> =
        s.cases[0].reported().filter(|a| !a.record().unwrap().text.is_empty()).map(|a| a.number).collect();
    assert_eq!(with_text, (89..=600).collect::<Vec<_>>());
    assert_eq!(s.cases[0].reported().count(), 600);
    let condensed = s.records().filter(|r| r.condensed.is_some()).count();
    assert_eq!((condensed, s.records().filter(|r| r.started == ms(1)).count()), (88, 600));
    // Beside the packed bytes; about 300 bytes per request are the limit in total.
    assert!(size_of::<AttemptState>() <= 88, "{}", size_of::<AttemptState>());
}

#[test]
fn a_cancelled_sweep_with_results_sends_nothing_more() {
    let mut s = session(2, Plan::default()).with_sweep(vec![1, 2, 4]);
    s.handle(SessionInput::Begin(ms(0)));
    assert_eq!(end_at(&mut s, id(0, 1), ms(1), AttemptStatus::Ok), [start(1, 1)]);
    assert_eq!(s.handle(SessionInput::Abort), [SessionCommand::Abort(id(1, 1))]);
    assert_eq!(end_at(&mut s, id(1, 1), ms(2), AttemptStatus::Cancelled), []);
    assert_eq!((s.mode, s.stage, s.is_partial()), (Mode::Finished, 0, true));
}

/// A sweep over two stages of two cases, with the status of each of the four requests in order.
fn swept(ends: [AttemptStatus; 4]) -> Session {
    let mut s = session(2, Plan::default()).with_sweep(vec![1, 2]);
    s.handle(SessionInput::Begin(ms(0)));
    for (i, (case, number)) in [(0, 1), (1, 1), (0, 2), (1, 2)].into_iter().enumerate() {
        end_at(&mut s, id(case, number), ms(1 + i as u64), ends[i]);
    }
    assert_eq!(s.mode, Mode::Finished);
    s
}

#[test]
fn a_sweep_reports_its_last_stage_and_is_partial_if_any_stage_is() {
    use AttemptStatus::{Ok, Timeout};
    let numbers = |s: &Session| -> Vec<u32> { s.cases.iter().flat_map(|c| c.reported().map(|a| a.number)).collect() };
    let all_ok = swept([Ok; 4]);
    assert_eq!((numbers(&all_ok), all_ok.is_partial()), (vec![2, 2], false));
    let last_failed = swept([Ok, Ok, Timeout, Timeout]);
    assert_eq!((numbers(&last_failed), last_failed.is_partial()), (vec![], true));
    let first_failed = swept([Timeout, Ok, Ok, Ok]);
    assert_eq!((numbers(&first_failed), first_failed.is_partial()), (vec![2, 2], true));
}

#[test]
fn the_schedule_resumes_after_a_hold_even_without_a_free_slot() {
    let mut s = session(1, open(1, 3));
    s.handle(SessionInput::Begin(ms(0)));
    s.handle_at(ms(50), SessionInput::ToggleHold);
    s.handle_at(ms(1050), SessionInput::ToggleHold);
    // Due 100 ms after the first plus one second of hold; the rest of the wait is for a slot.
    assert_eq!(end_at(&mut s, id(0, 1), ms(3000), AttemptStatus::Ok), [due(0, 2, 1100)]);
    assert_eq!(s.schedule_pauses(), [(ms(50), ms(1050))]);
}

#[test]
fn a_rate_without_slots_ends_in_time_and_counts_requests_not_started() {
    let plan = Plan { duration: Some(Duration::from_secs(2)), ..open(2, 1) };
    let mut s = session(1, plan);
    assert_eq!(s.handle(SessionInput::Begin(ms(0))), [due(0, 1, 0), due(0, 2, 100)]);
    assert_eq!(end_at(&mut s, id(0, 1), ms(1500), AttemptStatus::Ok), [due(0, 3, 200)]);
    // Three of twenty requests were started.
    assert_eq!(end_at(&mut s, id(0, 2), ms(2000), AttemptStatus::Ok), []);
    assert_eq!((s.mode, s.not_started), (Mode::Running, 17));
    end_at(&mut s, id(0, 3), ms(2600), AttemptStatus::Ok);
    assert!(s.mode == Mode::Finished && s.is_partial());
}

#[test]
fn starts_delayed_by_this_program_beyond_the_duration_still_happen() {
    let plan = Plan { duration: Some(Duration::from_secs(1)), ..open(4096, 1) };
    let mut s = session(1, plan);
    assert_eq!(s.handle(SessionInput::Begin(ms(0))).len(), 3);
    // Due at 300, 400, … 900 ms, ordered far too late.
    assert_eq!(s.handle(SessionInput::Tick(ms(1500))).len(), 7);
    assert_eq!(s.not_started, 0);
}

#[test]
fn a_hold_does_not_count_towards_the_duration() {
    let plan = Plan { duration: Some(Duration::from_secs(1)), ..Plan::default() };
    let mut s = session(1, plan);
    s.handle(SessionInput::Begin(ms(0)));
    s.handle_at(ms(400), SessionInput::ToggleHold);
    end_at(&mut s, id(0, 1), ms(600), AttemptStatus::Ok);
    assert_eq!(s.share_of_time(ms(9000)), Some(0.4));
    assert_eq!(s.handle_at(ms(10_400), SessionInput::ToggleHold), [start(0, 2)]);
    assert_eq!((s.share_of_time(ms(10_500)), s.schedule_pauses()), (Some(0.5), &[(ms(400), ms(10_400))][..]));
    assert_eq!(end_at(&mut s, id(0, 2), ms(10_900), AttemptStatus::Ok), [start(0, 3)]);
    assert_eq!(end_at(&mut s, id(0, 3), ms(11_000), AttemptStatus::Ok), []);
    assert_eq!((s.mode, s.share_of_time(ms(20_000))), (Mode::Finished, Some(1.0)));
}

proptest! {
    /// Holds never start anything and never lose a start.
    #[test]
    fn holds_lose_no_start(
        holds in prop::collection::vec((0_u64..400, 0_u64..900), 0..6),
        cap in 1_usize..8,
        repeat in 1_u32..6,
    ) {
        let mut s = session(3, Plan { concurrency: cap, ..open(cap, repeat) });
        let mut now = ms(0);
        s.handle(SessionInput::Begin(now));
        let mut holds = holds.into_iter();
        while s.mode != Mode::Finished {
            if let Some((after, long)) = holds.next() {
                now = now.plus(Duration::from_millis(after));
                s.handle(SessionInput::Tick(now));
                for command in s.handle_at(now, SessionInput::ToggleHold) {
                    let SessionCommand::Abort(id) = command else { panic!() };
                    prop_assert!(end_at(&mut s, id, now, AttemptStatus::Cancelled).is_empty());
                }
                now = now.plus(Duration::from_millis(long));
                s.handle_at(now, SessionInput::ToggleHold);
                continue;
            }
            let open = s.cases.iter().enumerate().find_map(|(case, c)| {
                c.in_flight().next().map(|a| AttemptId { case, number: a.number })
            });
            now = now.plus(Duration::from_millis(40));
            match open {
                Some(id) => end_at(&mut s, id, now, AttemptStatus::Ok),
                None => s.handle(SessionInput::Tick(now)),
            };
        }
        prop_assert!(s.cases.iter().all(|c| c.reported().count() == repeat as usize) && !s.is_partial());
    }

    /// Every start is intended at the time the seed gives, however slow the server. None exceeds the cap, and none is
    /// lost.
    #[test]
    fn the_schedule_depends_only_on_the_seed(
        cap in 1_usize..6,
        cases in 1_usize..4,
        repeat in 1_u32..8,
        takes_ms in prop::collection::vec(1_u64..900, 32),
        poisson: bool,
    ) {
        let process = if poisson { Process::Poisson } else { Process::Constant };
        let open_loop = rate(8.0, process);
        let mut s = session(cases, Plan { concurrency: cap, repeat, open_loop: Some(open_loop), ..Plan::default() });
        let mut flying: Vec<(Nanos, AttemptId)> = Vec::new();
        let mut intended = Vec::new();
        let mut commands = s.handle(SessionInput::Begin(ms(50)));
        let mut now = ms(50);
        loop {
            for command in commands.drain(..) {
                let SessionCommand::Start { id, due: Some(due), .. } = command else { panic!() };
                let begins = due.max(now);
                flying.push((begins.plus(Duration::from_millis(takes_ms[intended.len() % 32])), id));
                intended.push(due);
            }
            prop_assert!(s.in_flight() <= cap && s.in_flight() == flying.len());
            flying.sort_unstable();
            let tick = s.wake_at();
            match (flying.first().copied(), tick) {
                (Some((at, id)), tick) if tick.is_none_or(|t| at <= t) => {
                    flying.remove(0);
                    now = now.max(at);
                    commands = end_at(&mut s, id, now, AttemptStatus::Ok);
                }
                (_, Some(at)) => {
                    now = now.max(at);
                    commands = s.handle(SessionInput::Tick(now));
                    prop_assert!(!commands.is_empty());
                }
                (_, None) => break,
            }
        }
        let mut starts = Starts::new(open_loop);
        let expected: Vec<Nanos> = (0..cases * repeat as usize)
            .map(|_| {
                let at = ms(50).plus(starts.next());
                starts.advance();
                at
            })
            .collect();
        prop_assert_eq!(intended, expected);
        prop_assert!(s.mode == Mode::Finished && !s.is_partial());
    }
}
