use std::time::Duration;

use super::*;
use crate::domain::attempt::{Arrival, AttemptId, AttemptStatus, TextKind};
use crate::domain::repeated_runs::RepeatedRuns;
use crate::domain::session::{Plan, SessionCommand, SessionInput};
use crate::domain::testing::suite;

/// Returns an answer of 11 tokens with an ITL of 10 ms.
fn answer(id: AttemptId, started: Nanos, ttft_ms: f64) -> AttemptRecord {
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), started);
    let first = started.plus(Duration::from_secs_f64(ttft_ms / 1000.0));
    let arrival =
        |i: u32| Arrival { at: first.plus(Duration::from_millis(10) * i), kind: TextKind::Answer, coalesced: false };
    record.arrivals = (0..11).map(arrival).collect();
    (record.status, record.ended) = (AttemptStatus::Ok, first.plus(Duration::from_millis(100)));
    record.usage.completion_tokens = Some(11);
    record
}

/// Runs two cases in a group, one request at a time. `ttft_ms` gives the TTFT of an attempt from its run, its case and its
/// number; `None` makes it fail.
fn group(runs: u16, repeat: u32, ttft_ms: impl Fn(u16, usize, u32) -> Option<f64>) -> Session {
    let mut suite = suite(2);
    suite.repeated_runs = Some(RepeatedRuns { count: runs, cool_down: Duration::ZERO });
    let mut session = Session::new(Arc::new(suite), Plan { repeat, ..Plan::default() });
    let mut commands = session.handle(SessionInput::Begin(Nanos(0)));
    let mut now = Nanos(0);
    while let Some(SessionCommand::Start { id, .. }) = commands.first().cloned() {
        let run = session.attempt(id).unwrap().run;
        let mut record = AttemptRecord::started(id, false, String::new(), String::new(), now);
        record.status = AttemptStatus::Timeout;
        record.ended = now.plus(Duration::from_secs(1));
        let record = ttft_ms(run, id.case, id.number).map_or(record, |ttft_ms| answer(id, now, ttft_ms));
        now = record.ended;
        commands = session.handle(SessionInput::Ended(id, Arc::new(record)));
    }
    session
}

fn ttft(result: &RunsResult) -> &SpreadOfRuns {
    result.spread(FigureOfRun::Mean(&TTFT)).unwrap()
}

#[test]
fn the_interval_of_the_mean_has_the_runs_as_units() {
    // Four answers of a run are alike, so they say no more than one.
    let session = group(3, 2, |run, case, _| Some([100.0, 110.0, 120.0][usize::from(run)] + 500.0 * case as f64));
    let result = RunsResult::from_session(&session).unwrap();
    let spread = ttft(&result);
    assert!((spread.mean - 360.0).abs() < 1e-6 && (spread.deviation - 10.0).abs() < 1e-6, "{spread:?}");
    // t of two degrees of freedom, times 10 / √3.
    assert!((spread.half_width.unwrap() - 4.3027 * 10.0 / 3.0_f64.sqrt()).abs() < 1e-6, "{spread:?}");
    let components = spread.components.unwrap();
    assert!((components.between_runs - 10.0).abs() < 1e-6 && components.within_run < 1e-6, "{components:?}");
    assert!((components.share_between_runs - 1.0).abs() < 1e-6, "{components:?}");
}

#[test]
fn the_spread_within_runs_excludes_differences_between_cases() {
    let session = group(3, 2, |_, case, number| Some(100.0 + 500.0 * case as f64 + 4.0 * f64::from(number % 2)));
    let components = ttft(&RunsResult::from_session(&session).unwrap()).components.unwrap();
    assert!(components.between_runs < 1e-6, "{components:?}");
    // Twelve deviations of 2, with 12 − 2 − 2 degrees of freedom.
    assert!((components.within_run - (12.0 * 4.0_f64 / 8.0).sqrt()).abs() < 1e-6, "{components:?}");
}

#[test]
fn a_steady_rise_over_five_runs_is_a_drift() {
    let rising = group(5, 1, |run, _, _| Some(100.0 + 3.0 * f64::from(run)));
    let result = RunsResult::from_session(&rising).unwrap();
    let drifts: Vec<String> = result.drifts().collect();
    assert_eq!(drifts, ["TTFT rises by 3.0 ms per run, 11% over the group (p 3.3%)"]);
    let stable = group(5, 1, |run, _, _| Some(100.0 + [3.0, 0.0, 4.0, 1.0, 2.0][usize::from(run)]));
    let result = RunsResult::from_session(&stable).unwrap();
    assert!(result.is_tested_for_drift() && result.drifts().next().is_none());
    let short = RunsResult::from_session(&group(4, 1, |run, _, _| Some(100.0 + f64::from(run)))).unwrap();
    assert!(!short.is_tested_for_drift());
}

#[test]
fn a_failed_case_does_not_move_the_mean_of_its_run() {
    let session = group(3, 2, |run, case, number| {
        let is_lost = run == 1 && case == 1 && number == 3;
        (!is_lost).then_some(100.0 + 800.0 * case as f64)
    });
    let result = RunsResult::from_session(&session).unwrap();
    assert!(ttft(&result).deviation < 1e-6, "{:?}", ttft(&result));
    assert_eq!(
        result.runs.iter().map(|run| (run.figures.ok, run.figures.requests)).collect::<Vec<_>>(),
        [(4, 4), (3, 4), (4, 4)]
    );
}

#[test]
fn a_run_that_is_not_over_has_no_result_yet() {
    let mut suite = suite(2);
    suite.repeated_runs = Some(RepeatedRuns { count: 2, cool_down: Duration::ZERO });
    let mut session = Session::new(Arc::new(suite), Plan::default());
    session.handle(SessionInput::Begin(Nanos(0)));
    for (case, number) in [(0, 1), (1, 1), (0, 2)] {
        let id = AttemptId { case, number };
        session.handle(SessionInput::Ended(id, Arc::new(answer(id, Nanos(0), 100.0))));
    }
    let result = RunsResult::from_session(&session).unwrap();
    assert_eq!((result.planned, result.runs.len(), result.spreads.len()), (2, 1, 0));
    let id = AttemptId { case: 1, number: 2 };
    session.handle(SessionInput::Ended(id, Arc::new(answer(id, Nanos(0), 100.0))));
    let result = RunsResult::from_session(&session).unwrap();
    assert_eq!(result.runs.len(), 2);
    assert!(ttft(&result).half_width.is_none() && ttft(&result).drift.is_none());
    assert!(
        RunsResult::from_session(&Session::new(Arc::new(crate::domain::testing::suite(1)), Plan::default())).is_none()
    );
}
