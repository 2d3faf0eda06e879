use std::sync::Arc;

use super::*;
use crate::domain::attempt::{Arrival, AttemptId, AttemptStatus, TextKind};
use crate::domain::finding::Finding;
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::session::{Plan, SessionEvent};
use crate::domain::suite::CaseSpec;
use crate::domain::testing::{case, suite_of};
use crate::domain::time::Nanos;
use crate::report::server_figures::Level;

/// An answer with so many gaps of so many milliseconds, after this time to its first token.
fn answer(ttft_ms: u64, gap_ms: u64, gaps: u64) -> AttemptRecord {
    let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
    let at = |i: u64| Nanos::from_millis(ttft_ms + i * gap_ms);
    record.arrivals = (0..=gaps).map(|i| Arrival { at: at(i), kind: TextKind::Answer, coalesced: false }).collect();
    record.usage.completion_tokens = Some(gaps + 1);
    record.status = AttemptStatus::Ok;
    record.ended = at(gaps);
    record
}

/// A run of these answers, a case each.
fn session(records: Vec<AttemptRecord>) -> Session {
    let cases = (0..records.len()).map(|i| CaseSpec { max_tokens: 1000, ..case(&i.to_string()) }).collect();
    let suite = suite_of(cases);
    let mut session = Session::new(Arc::new(suite), Plan { concurrency: records.len().max(1), ..Plan::default() });
    session.handle(SessionEvent::Begin(Nanos(0)));
    for (case, mut record) in records.into_iter().enumerate() {
        record.id = AttemptId { case, number: 1 };
        session.handle(SessionEvent::Ended(record.id, Arc::new(record)));
    }
    session
}

fn said_with(records: Vec<AttemptRecord>, around: Around) -> String {
    let session = session(records);
    sentence(&session, around)
}

fn sentence(session: &Session, around: Around) -> String {
    let told = bottleneck(session, &Summary::of(session), around).unwrap();
    format!("{}: {}", told.cause, told.evidence)
}

fn said(records: Vec<AttemptRecord>) -> String {
    said_with(records, Around::default())
}

#[test]
fn without_a_figure_there_is_no_sentence() {
    let session = session(Vec::new());
    assert_eq!(bottleneck(&session, &Summary::of(&session), Around::default()), None);
}

#[test]
fn decoding_is_named_with_its_share_and_its_speed() {
    assert_eq!(said(vec![answer(100, 9, 100)]), "decoding: 90 % of the median answer, 9.0 ms a token, steady.");
    // Twenty gaps are too few to say whether they are steady.
    assert_eq!(said(vec![answer(20, 9, 20)]), "decoding: 90 % of the median answer, 9.0 ms a token.");
    let mut uneven = answer(20, 1, 200);
    for (i, arrival) in uneven.arrivals.iter_mut().enumerate() {
        arrival.at = Nanos::from_millis(20 + i as u64 + 20 * (i as u64 / 20));
    }
    assert_eq!(said(vec![uneven]), "decoding: 95 % of the median answer, 2.0 ms a token, with uneven gaps.");
}

#[test]
fn a_long_wait_is_the_first_tokens() {
    assert_eq!(
        said(vec![answer(300, 10, 10)]),
        "the first token: 75 % of the median answer pass before it (TTFT 300 ms), in prefill or in a queue before it."
    );
    assert_eq!(
        said(vec![answer(300, 10, 70)]),
        "nothing that stands out: 30 % of the median answer pass before its first token, the rest in decoding."
    );
}

#[test]
fn tokscopes_own_delays_are_named_before_the_server() {
    let with = |n: usize| {
        let touched = |i| {
            let mut record = answer(100, 9, 100);
            if i < n {
                record.findings.push(Finding { key: "sent_late", message: "late".to_owned() });
            }
            record
        };
        said((0..20).map(touched).collect())
    };
    assert_eq!(
        with(2),
        "this machine: in 2 of 20 attempts tokscope itself stood still, or sent or read late, so that their times are its own."
    );
    assert_eq!(
        with(1),
        "decoding: 90 % of the median answer, 9.0 ms a token, steady; in 1 of 20 attempts tokscope itself stood still, or sent or read late."
    );
    // What it kept waiting itself found no slot because of it, not because of the rate.
    let mut late = answer(300, 10, 10);
    late.intended = Some(Nanos(0));
    late.started = Nanos::from_millis(250);
    late.own_delay_ms = Some(240.0);
    assert!(!said(vec![late]).starts_with("too high a rate"));
}

#[test]
fn the_gpu_is_named_only_where_it_was_busy_or_idle() {
    let with =
        |busiest_gpu_percent| said_with(vec![answer(100, 9, 100)], Around { busiest_gpu_percent, ..Around::default() });
    assert!(with(Some(98.4)).ends_with("steady; GPU up to 98 %."));
    assert!(with(Some(2.0)).ends_with("steady; no GPU seen here was at work."));
    assert!(with(Some(50.0)).ends_with("steady."));
}

#[test]
fn a_late_client_comes_before_what_it_measured() {
    let late = |gap, ms| said_with(vec![answer(100, gap, 100)], Around { lag_p99_ms: Some(ms), ..Around::default() });
    assert_eq!(
        late(9, 12.0),
        "this machine: tokscope itself was 12 ms late (p99), beside gaps of 9.0 ms, so that figures may be its own."
    );
    assert!(late(9, 4.0).starts_with("decoding"));
    assert!(late(100, 12.0).starts_with("decoding"));
}

#[test]
fn a_client_without_a_core_to_spare_comes_before_what_it_measured() {
    let level = |avg| Some(Level { avg, max: 100.0 });
    let said = |busy: f64, engine: f64, is_local: bool| {
        let host =
            HostReport { cpu_busy_percent: level(busy), own_engine_percent: level(engine), ..HostReport::default() };
        said_with(vec![answer(100, 9, 100)], Around::default().with_host(Some(&host), is_local))
    };
    assert!(said(94.9, 89.9, true).starts_with("decoding: "));
    assert!(said(100.0, 10.0, false).starts_with("decoding: "), "the server has a machine of its own");
    assert_eq!(
        said(98.4, 97.2, true),
        "this machine: tokscope's thread that reads the streams took 97 % of a core, so that figures may be its own."
    );
    assert_eq!(
        said(98.4, 10.0, true),
        "this machine: its cores were 98 % busy with client and server both on it, so that each may have waited for the other."
    );
}

#[test]
fn buffering_needs_half_of_the_attempts() {
    let bursty = || {
        let mut record = answer(100, 9, 100);
        record.findings.push(Finding { key: "bursts", message: "events come in bursts".into() });
        record
    };
    let text = said(vec![bursty(), bursty(), answer(100, 9, 100)]);
    assert!(text.starts_with("buffering: in 2 of 3 attempts"), "{text}");
    assert!(said(vec![bursty(), answer(100, 9, 100), answer(100, 9, 100)]).starts_with("decoding"));
}

#[test]
fn a_queue_is_the_servers_word_or_the_open_loops() {
    let mut queued = answer(300, 10, 10);
    let timings = ServerTimings { queue_ms: Some(200.0), ..ServerTimings::of(TimingSource::Groq) };
    queued.server_timings = Some(timings);
    assert_eq!(
        said(vec![queued]),
        "queueing: by the server's own clock requests waited 200 ms of a TTFT of 300 ms (medians)."
    );
    let mut late = answer(300, 10, 10);
    late.intended = Some(Nanos(0));
    late.started = Nanos::from_millis(250);
    assert_eq!(
        said(vec![late]),
        "too high a rate: requests waited 250 ms for a free slot, of a TTFT of 300 ms (medians)."
    );
}

/// A sweep of two stages of one request each.
fn sweep(first: &AttemptRecord, last: &AttemptRecord) -> String {
    let plain = session(vec![first.clone()]);
    let mut session = Session::new(Arc::clone(&plain.suite), Plan::default()).with_sweep(vec![1, 8]);
    session.handle(SessionEvent::Begin(Nanos(0)));
    for (number, record) in [(1, first), (2, last)] {
        let id = AttemptId { case: 0, number };
        session.handle(SessionEvent::Ended(id, Arc::new(AttemptRecord { id, ..record.clone() })));
    }
    sentence(&session, Around::default())
}

#[test]
fn a_ttft_that_grows_with_the_load_is_a_queue() {
    assert_eq!(
        sweep(&answer(100, 9, 100), &answer(400, 9, 100)),
        "queueing: from 1 to 8 at once the median TTFT grew from 100 ms to 400 ms, the throughput only 0.8-fold."
    );
    assert!(!sweep(&answer(100, 9, 100), &answer(200, 9, 100)).starts_with("queueing"));
}
