//! Context depths: one after another, and a refused one ends.

use super::*;
use crate::domain::attempt::AttemptError;
use crate::domain::refusal::CONTEXT_EXCEEDED;
use crate::domain::row_order::Sample;
use crate::domain::shard::Shard;
use crate::domain::workload::{Workload, WorkloadSource};

/// A run that measures two depths, twice each, after `probes` probes.
fn run_of(probes: u32) -> Session {
    let plan = Plan { repeat: 2, warmup: probes, ..Plan::default() };
    let mut suite = (*session(2, plan).suite).clone();
    suite.workload = Some(Workload {
        items: None,
        source: WorkloadSource::Depth { depths: "0,4096".parse().unwrap(), prompt_tokens: 2048, output_tokens: 32 },
        summary: String::new(),
        rows: None,
        sample: Sample::Ordered,
        seed: 0,
        output: None,
        probes,
        has_checks: false,
        planned: vec![2, 2],
    });
    Session::new(Arc::new(suite), plan).with_rows(Arc::new(RowPlan::endless(2, Shard::WHOLE).unwrap()))
}

/// Ends the attempt in flight; returns the case and the row of what starts next.
fn end_open(s: &mut Session, change: impl FnOnce(&mut AttemptRecord)) -> Vec<(usize, u32)> {
    let id = s.open_ids()[0];
    let warmup = s.cases[id.case].attempts[id.number as usize - 1].warmup;
    let mut record = AttemptRecord::started(id, warmup, String::new(), String::new(), Nanos(0));
    record.status = AttemptStatus::Ok;
    change(&mut record);
    starts(&s.handle(SessionInput::Ended(id, Arc::new(record))))
}

fn starts(commands: &[SessionCommand]) -> Vec<(usize, u32)> {
    let start = |command: &SessionCommand| match command {
        SessionCommand::Start { id, row, .. } => Some((id.case, row.unwrap())),
        SessionCommand::Abort(_) => None,
    };
    commands.iter().filter_map(start).collect()
}

fn refused(http_status: u16, kind: &str) -> impl FnOnce(&mut AttemptRecord) {
    let kind = kind.to_owned();
    move |record| {
        (record.status, record.http_status) = (AttemptStatus::HttpError, Some(http_status));
        record.error = Some(AttemptError { kind, message: "no".to_owned() });
    }
}

#[test]
fn one_depth_is_completed_before_the_next_and_no_prompt_repeats() {
    let mut s = run_of(0);
    assert_eq!(starts(&s.handle(SessionInput::Begin(Nanos(0)))), [(0, 0)]);
    assert_eq!(end_open(&mut s, |_| {}), [(0, 2)]);
    assert_eq!(end_open(&mut s, |_| {}), [(1, 1)]);
    assert_eq!(end_open(&mut s, |_| {}), [(1, 3)]);
    assert_eq!((end_open(&mut s, |_| {}).len(), s.mode, s.is_partial()), (0, Mode::Finished, false));
    assert_eq!(starts(&s.handle(SessionInput::Rerun(0))), [(0, 4)]);
    // A discarded prompt may be in the server's cache.
    s.handle(SessionInput::TogglePause(0));
    end(&mut s, id(0, 3), AttemptStatus::Cancelled);
    assert_eq!(starts(&s.handle(SessionInput::TogglePause(0))), [(0, 6)]);
}

#[test]
fn a_refused_depth_ends_and_the_next_one_begins() {
    for (http_status, kind) in [(400, CONTEXT_EXCEEDED), (400, "http"), (413, "http"), (500, CONTEXT_EXCEEDED)] {
        let mut s = run_of(0);
        s.handle(SessionInput::Begin(Nanos(0)));
        assert_eq!(end_open(&mut s, refused(http_status, kind)), [(1, 1)], "{http_status} {kind}");
        assert_eq!((s.cases[0].phase, s.cases[0].attempts.len()), (CasePhase::Failed, 1));
        end_open(&mut s, |_| {});
        end_open(&mut s, |_| {});
        assert_eq!((s.mode, s.cases[1].phase), (Mode::Finished, CasePhase::Done));
    }
}

#[test]
fn a_busy_server_does_not_end_a_depth() {
    let mut s = run_of(0);
    s.handle(SessionInput::Begin(Nanos(0)));
    assert_eq!(end_open(&mut s, refused(503, "unavailable")), [(0, 2)]);
}

#[test]
fn refusals_end_no_other_workload() {
    let mut s = session(1, Plan { repeat: 2, ..Plan::default() });
    s.handle(SessionInput::Begin(Nanos(0)));
    end_open_case(&mut s);
    assert_eq!(s.cases[0].attempts.len(), 2);
}

fn end_open_case(s: &mut Session) {
    let id = s.open_ids()[0];
    let mut record = AttemptRecord::started(id, false, String::new(), String::new(), Nanos(0));
    refused(400, CONTEXT_EXCEEDED)(&mut record);
    s.handle(SessionInput::Ended(id, Arc::new(record)));
}

#[test]
fn warm_ups_are_distinct_probes_over_all_depths() {
    let mut s = run_of(3);
    s.handle(SessionInput::Begin(Nanos(0)));
    let mut probes = Vec::new();
    while let Some(id) =
        s.open_ids().first().copied().filter(|id| s.cases[id.case].attempts[id.number as usize - 1].warmup)
    {
        probes.push(s.suite.workload.as_ref().unwrap().probe_number(id, 2));
        end_open(&mut s, |_| {});
    }
    assert_eq!(probes, [Some(1), Some(2), Some(3)]);
    let workload = s.suite.workload.clone().unwrap();
    assert_eq!(workload.probe_number(id(1, 2), 2), None);
}
