use std::sync::Arc;

use super::*;
use crate::domain::attempt::{Arrival, AttemptId, AttemptRecord, AttemptStatus, TextKind};
use crate::domain::finding::Finding;
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::session::{Plan, SessionInput};
use crate::domain::suite::CaseSpec;
use crate::domain::testing::{case, suite_with};
use crate::domain::time::Nanos;
use crate::report::host::HostReport;
use crate::report::level::Level;

/// Returns an answer with this TTFT, and then this many gaps of `gap_ms`.
fn answer(ttft_ms: u64, gap_ms: u64, gaps: u64) -> AttemptRecord {
    let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
    let at = |i: u64| Nanos::from_millis(ttft_ms + i * gap_ms);
    record.arrivals = (0..=gaps).map(|i| Arrival { at: at(i), kind: TextKind::Answer, coalesced: false }).collect();
    record.usage.completion_tokens = Some(gaps + 1);
    record.status = AttemptStatus::Ok;
    record.ended = at(gaps);
    record
}

/// Returns a run with one case per answer.
fn session(records: Vec<AttemptRecord>) -> Session {
    let cases = (0..records.len()).map(|i| CaseSpec { max_tokens: 1000, ..case(&i.to_string()) }).collect();
    let suite = suite_with(cases);
    let mut session = Session::new(Arc::new(suite), Plan { concurrency: records.len().max(1), ..Plan::default() });
    session.handle(SessionInput::Begin(Nanos(0)));
    for (case, mut record) in records.into_iter().enumerate() {
        record.id = AttemptId { case, number: 1 };
        session.handle(SessionInput::Ended(record.id, Arc::new(record)));
    }
    session
}

fn sentence_with(records: Vec<AttemptRecord>, system: SystemFigures) -> String {
    let session = session(records);
    sentence_of(&session, system)
}

fn sentence_of(session: &Session, system: SystemFigures) -> String {
    let text = bottleneck(session, &Summary::from_session(session), system).unwrap();
    format!("{}: {}", text.cause, text.evidence)
}

fn sentence(records: Vec<AttemptRecord>) -> String {
    sentence_with(records, SystemFigures::default())
}

#[test]
fn an_unmeasured_run_has_no_bottleneck() {
    let session = session(Vec::new());
    assert_eq!(bottleneck(&session, &Summary::from_session(&session), SystemFigures::default()), None);
}

#[test]
fn a_busy_machine_is_no_bottleneck_if_every_request_failed() {
    let system =
        SystemFigures { shared_machine_percent: Some(100.0), engine_percent: Some(100.0), ..SystemFigures::default() };
    let mut failed = answer(100, 9, 100);
    failed.status = AttemptStatus::StreamError;
    let session = session(vec![failed]);
    assert_eq!(bottleneck(&session, &Summary::from_session(&session), system), None);
}

#[test]
fn decoding_is_named_with_its_share_and_its_speed() {
    assert_eq!(
        sentence(vec![answer(100, 9, 100)]),
        "decode-bound: 90% of the median request, 9.0 ms per token, steady."
    );
    // With twenty gaps, p99 is unknown, so they do not count as steady.
    assert_eq!(sentence(vec![answer(20, 9, 20)]), "decode-bound: 90% of the median request, 9.0 ms per token.");
    let mut uneven = answer(20, 1, 200);
    for (i, arrival) in uneven.arrivals.iter_mut().enumerate() {
        arrival.at = Nanos::from_millis(20 + i as u64 + 20 * (i as u64 / 20));
    }
    assert_eq!(sentence(vec![uneven]), "decode-bound: 95% of the median request, 2.0 ms per token, with uneven gaps.");
}

#[test]
fn a_long_ttft_is_prefill_bound() {
    assert_eq!(
        sentence(vec![answer(300, 10, 10)]),
        "prefill-bound: 75% of the median request is spent before its first token (TTFT 300 ms), in prefill or in a queue."
    );
    assert_eq!(
        sentence(vec![answer(300, 10, 70)]),
        "no clear bottleneck: 30% of the median request is prefill, the rest decode."
    );
}

#[test]
fn delays_of_tokscope_are_named_before_the_server() {
    let with = |key: &'static str, n: usize| {
        let touched = |i| {
            let mut record = answer(100, 9, 100);
            if i < n {
                record.own_delay_ms = Some(12.0 + i as f64);
                record.findings.push(Finding::new(key, "late"));
            }
            record
        };
        sentence((0..20).map(touched).collect())
    };
    let decode = "decode-bound: 90% of the median request, 9.0 ms per token, steady";
    assert_eq!(
        with("sent_late", 2),
        format!("client-bound: tokscope itself sent 2 of 20 requests late, by up to 13 ms; also {decode}.")
    );
    assert_eq!(
        with("read_late", 2),
        format!("client-bound: tokscope itself read 2 of 20 streams late; also {decode}.")
    );
    assert_eq!(
        with("sent_late", 1),
        format!("{decode}; also client-bound: tokscope itself sent 1 of 20 requests late, by up to 12 ms.")
    );
    assert_eq!(
        with("read_late", 1),
        format!("{decode}; also client-bound: tokscope itself read 1 of 20 streams late.")
    );
    // tokscope sent this request late, so the rate is not why it found no slot.
    let mut late = answer(300, 10, 10);
    late.intended = Some(Nanos(0));
    late.started = Nanos::from_millis(250);
    late.own_delay_ms = Some(240.0);
    assert!(!sentence(vec![late]).contains("for a free slot"));
}

#[test]
fn the_gpu_is_mentioned_only_if_it_was_busy_or_idle() {
    let with = |busiest_gpu_percent| {
        sentence_with(vec![answer(100, 9, 100)], SystemFigures { busiest_gpu_percent, ..SystemFigures::default() })
    };
    assert!(with(Some(98.4)).ends_with("steady; GPU up to 98%."));
    assert!(with(Some(2.0)).ends_with("steady; no visible GPU was busy."));
    assert!(with(Some(50.0)).ends_with("steady."));
}

#[test]
fn a_late_client_is_named_before_its_measurements() {
    let late = |gap, ms| {
        sentence_with(vec![answer(100, gap, 100)], SystemFigures { lag_p99_ms: Some(ms), ..SystemFigures::default() })
    };
    assert_eq!(
        late(9, 12.0),
        "client-bound: tokscope itself was 12 ms late (p99) at an ITL of 9.0 ms, so its own delay may distort the figures; also \
         decode-bound: 90% of the median request, 9.0 ms per token, steady."
    );
    assert!(late(9, 4.0).starts_with("decode-bound"));
    assert!(late(100, 12.0).starts_with("decode-bound"));
}

#[test]
fn a_saturated_client_is_named_before_its_measurements() {
    let level = |avg| Some(Level { avg, max: 100.0 });
    let sentence = |busy: f64, engine: f64, is_local: bool| {
        let host =
            HostReport { cpu_busy_percent: level(busy), own_engine_percent: level(engine), ..HostReport::default() };
        sentence_with(vec![answer(100, 9, 100)], SystemFigures::default().with_host(Some(&host), is_local))
    };
    let also = "; also decode-bound: 90% of the median request, 9.0 ms per token, steady.";
    assert!(sentence(94.9, 89.9, true).starts_with("decode-bound: "));
    assert!(sentence(100.0, 10.0, false).starts_with("decode-bound: "), "the server has a machine of its own");
    let own = "client-bound: tokscope's reading thread used 97% of a core, so its own delay may distort the figures";
    assert_eq!(sentence(98.4, 97.2, true), format!("{own}{also}"));
    let shared =
        "client-bound: client and server share a machine whose cores were 98% busy, so each may have slowed the other";
    assert_eq!(sentence(98.4, 10.0, true), format!("{shared}{also}"));
}

#[test]
fn buffering_needs_half_of_the_attempts() {
    let bursty = || {
        let mut record = answer(100, 9, 100);
        record.findings.push(Finding::new("bursts", "events come in bursts"));
        record
    };
    let text = sentence(vec![bursty(), bursty(), answer(100, 9, 100)]);
    assert_eq!(
        text,
        "buffered stream: text was held back in 2 of 3 attempts, so TTFT and ITL do not reflect the model."
    );
    assert!(sentence(vec![bursty(), answer(100, 9, 100), answer(100, 9, 100)]).starts_with("decode-bound"));
}

/// Returns an answer whose whole text arrived in one read.
fn at_once(ms: u64, events: usize) -> AttemptRecord {
    let mut record = answer(ms, 0, events as u64 - 1);
    record.ended = Nanos::from_millis(ms);
    record
}

#[test]
fn buffered_answers_never_name_the_client() {
    // The ITL is 0, so any delay of tokscope would exceed half of it.
    let records = (0..14).map(|i| at_once(900 + i, 10)).collect();
    let system = SystemFigures { lag_p99_ms: Some(12.0), ..SystemFigures::default() };
    let text = sentence_with(records, system);
    assert_eq!(
        text,
        "buffered stream: text was held back in 14 of 14 attempts, so TTFT and ITL do not reflect the model."
    );
    // An answer that arrives in one read is stronger evidence than busy cores.
    let busy = SystemFigures { shared_machine_percent: Some(100.0), ..SystemFigures::default() };
    assert_eq!(
        sentence_with((0..14).map(|i| at_once(900 + i, 10)).collect(), busy),
        text.trim_end_matches('.').to_owned()
            + "; also client-bound: client and server share a machine whose cores were 100% busy, so each may have slowed \
               the other."
    );
}

#[test]
fn stalls_of_tokscope_come_before_buffering_and_are_always_mentioned() {
    let stopped = |mut record: AttemptRecord| {
        record.observer_stalls = vec![(Nanos::from_millis(50), Nanos::from_millis(950))];
        record
    };
    // tokscope stalled in every answer, so none of them shows a buffer in the server.
    let text = sentence((0..5).map(|_| stopped(at_once(950, 40))).collect());
    assert_eq!(text, "client-bound: tokscope itself stalled in 5 of 5 attempts, for up to 0.90 s.");
    // tokscope stalled in half of the answers: both causes are named.
    let mixed = (0..10).map(|i| if i % 2 == 0 { stopped(at_once(950, 40)) } else { at_once(950, 40) }).collect();
    let text = sentence(mixed);
    assert!(text.starts_with("client-bound: tokscope itself stalled in 5 of 10 attempts"), "{text}");
    assert!(text.contains("; also buffered stream: text was held back in 5 of 10 attempts"), "{text}");
    // One stall in twenty answers is too rare to be the cause, but is mentioned.
    let few = (0..20).map(|i| if i == 0 { stopped(answer(100, 9, 100)) } else { answer(100, 9, 100) }).collect();
    let text = sentence(few);
    assert!(text.starts_with("decode-bound: 90% of the median request"), "{text}");
    assert!(
        text.ends_with("; also client-bound: tokscope itself stalled in 1 of 20 attempts, for up to 0.90 s."),
        "{text}"
    );
    // If the other answers look buffered, the stall is the cause.
    let few = (0..20).map(|i| if i == 0 { stopped(at_once(950, 40)) } else { at_once(950, 40) }).collect();
    let text = sentence(few);
    assert!(text.starts_with("client-bound: tokscope itself stalled in 1 of 20 attempts"), "{text}");
    assert!(text.contains("; also buffered stream: text was held back in 19 of 20 attempts"), "{text}");
    // The stall is mentioned even if no rule applies.
    let few = (0..20).map(|i| if i == 0 { stopped(answer(300, 10, 70)) } else { answer(300, 10, 70) }).collect();
    assert!(sentence(few).contains("the rest decode; also client-bound: tokscope itself stalled in 1 of 20"));
    // A stall after the end of an answer does not count.
    let mut before = answer(100, 9, 100);
    before.observer_stalls = vec![(Nanos::from_millis(5000), Nanos::from_millis(5900))];
    assert!(sentence(vec![before]).starts_with("decode-bound"));
}

/// Returns requests that were sent together and answered one after another, each decoded for `decode_ms`.
fn in_turn(first_text_ms: &[u64], decode_ms: u64) -> Vec<AttemptRecord> {
    first_text_ms.iter().map(|ms| answer(*ms, decode_ms / 29, 29)).collect()
}

#[test]
fn a_server_that_decodes_one_request_at_a_time_is_queue_bound() {
    assert_eq!(
        sentence(in_turn(&[37, 332, 931, 1370], 290)),
        "queue-bound: the server decodes one request at a time: 3 of 3 overlapping requests got their first token only after \
         the previous one ended (after 37 ms to 1.37 s)."
    );
    // The run is queue-bound with and without buffering; refusals are named as a second cause.
    let refusal = crate::domain::attempt::FailedTry {
        started: Nanos(0),
        kind: "rate_limited".into(),
        http_status: Some(429),
        waited_ms: 1.0,
    };
    let mut limited = in_turn(&[37, 332, 931, 1370], 290);
    limited.iter_mut().skip(1).for_each(|record| record.retries.push(refusal.clone()));
    let text = sentence(limited);
    assert!(text.starts_with("saturated: the server refused 3 of 4 requests"), "{text}");
    assert!(text.contains("; also queue-bound: the server decodes one request at a time"), "{text}");
}

#[test]
fn a_long_prefill_of_concurrent_requests_is_not_queue_bound() {
    // Short decode phases do not overlap either, but they do not fill the waits.
    assert!(sentence(in_turn(&[2000, 2100, 2200, 2300], 58)).starts_with("prefill-bound"));
    // All four answers were decoded at the same time.
    assert!(sentence(in_turn(&[100, 110, 120, 130], 870)).starts_with("decode-bound"));
    // Two overlapping requests are too few.
    assert!(!sentence(in_turn(&[37, 332, 931], 290)).starts_with("queue-bound"));
}

#[test]
fn requests_waiting_in_the_server_are_queue_bound() {
    let with = |server_waiting| {
        sentence_with(vec![answer(300, 10, 10)], SystemFigures { server_waiting, ..SystemFigures::default() })
    };
    assert_eq!(with(Some(3.25)), "queue-bound: the server's metrics report 3.2 waiting requests on average.");
    assert!(with(Some(0.4)).starts_with("prefill-bound"));
}

#[test]
fn a_throttled_gpu_is_named_before_prefill_and_decode() {
    let with = |percent| {
        let gpu_throttled = Some(("overheated", percent));
        sentence_with(vec![answer(100, 9, 100)], SystemFigures { gpu_throttled, ..SystemFigures::default() })
    };
    assert_eq!(
        with(40.0),
        "GPU-throttled: a GPU was throttled for 40% of the run (overheated); also decode-bound: 90% of the median request, \
         9.0 ms per token, steady."
    );
    assert!(with(24.0).starts_with("decode-bound"));
}

#[test]
fn queue_times_come_from_the_server_or_the_open_loop() {
    let mut queued = answer(300, 10, 10);
    let timings = ServerTimings { queue_ms: Some(200.0), ..ServerTimings::from_source(TimingSource::Groq) };
    queued.server_timings = Some(timings);
    assert_eq!(
        sentence(vec![queued]),
        "queue-bound: the server reports that requests spent 200 ms of their 300 ms TTFT in its queue (medians)."
    );
    // The requests that got a slot have a short TTFT, which must not hide the queue.
    let mut session = session(vec![answer(50, 10, 100), answer(50, 10, 100)]);
    session.not_started = 15;
    assert!(
        sentence_of(&session, SystemFigures::default())
            .starts_with("saturated: at this rate, 15 of 17 requests found no free slot in time")
    );
    session.not_started = 0;
    assert!(!sentence_of(&session, SystemFigures::default()).contains("slot"));
    let mut late = answer(300, 10, 10);
    late.intended = Some(Nanos(0));
    late.started = Nanos::from_millis(250);
    assert_eq!(
        sentence(vec![late]),
        "saturated: at this rate, requests spent 250 ms of their 300 ms TTFT waiting for a free slot (medians)."
    );
}

/// Runs eight requests at concurrency 1 like `first`, then eight at concurrency 8 like `last`.
fn sweep(first: &AttemptRecord, last: &AttemptRecord) -> String {
    let suite = suite_with(vec![CaseSpec { max_tokens: 1000, ..case("a") }]);
    let plan = Plan { repeat: 8, ..Plan::default() };
    let mut session = Session::new(Arc::new(suite), plan).with_sweep(vec![1, 8]);
    session.handle(SessionInput::Begin(Nanos(0)));
    let mut now = Nanos(0);
    for number in 1..=16 {
        let mut record = if number <= 8 { first.clone() } else { last.clone() };
        record.id = AttemptId { case: 0, number };
        for time in record.arrivals.iter_mut().map(|a| &mut a.at).chain([&mut record.started, &mut record.ended]) {
            time.0 += now.0;
        }
        now = record.ended;
        session.handle(SessionInput::Ended(record.id, Arc::new(record)));
    }
    sentence_of(&session, SystemFigures::default())
}

#[test]
fn a_ttft_that_grows_with_the_load_is_queue_bound() {
    let found = sweep(&answer(100, 9, 100), &answer(400, 9, 100));
    let queue = "queue-bound: from concurrency 1 to 8, median TTFT grew from 100 ms to 400 ms, while throughput scaled only 0.8×";
    let flat = "saturated: from concurrency 1, with 101 tok/s there and at most 101 tok/s up to concurrency 8";
    assert_eq!(found, format!("{queue}; also {flat}."));
    assert!(!sweep(&answer(100, 9, 100), &answer(200, 9, 100)).starts_with("queue-bound"));
}

#[test]
fn every_rule_has_its_own_text_and_hides_only_later_rules() {
    let keys: Vec<&str> = RULES.iter().map(|rule| rule.key).collect();
    for (at, rule) in RULES.iter().enumerate() {
        assert!(!keys[..at].contains(&rule.key), "{}", rule.key);
        assert!(rule.hides.iter().all(|key| keys[at + 1..].contains(key)), "{}", rule.key);
        assert!(rules_markdown().contains(rule.condition) && !rule.example.ends_with('.'));
    }
}

#[test]
fn each_cause_is_named_once() {
    let rule = |key: &str| RULES.iter().find(|rule| rule.key == key).unwrap();
    let further =
        [(rule("shared_machine"), "cores were busy".to_owned()), (rule("few_own_delays"), "it stalled".into())];
    let beside = Bottleneck::new("decode-bound", "90% of it", &further, "");
    assert_eq!(beside.evidence, "90% of it; also client-bound: cores were busy; it stalled.");
    assert_eq!(beside.also, ["client-bound"]);
    let own = Bottleneck::new("client-bound", "it was late", &further[1..], "");
    assert_eq!((own.evidence.as_str(), own.also.len()), ("it was late; it stalled.", 0));
}
