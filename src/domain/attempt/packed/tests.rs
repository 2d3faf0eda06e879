use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{Arrival, AttemptError, FailedTry, TextKind, Usage};
use crate::domain::check::{CheckKind, CheckResult};
use crate::domain::diagnosis::DIAGNOSES;
use crate::domain::finding::Finding;
use crate::domain::server_timings::{ServerTimings, TimingSource};

const STATUSES: [AttemptStatus; 8] = [
    AttemptStatus::Ok,
    AttemptStatus::HttpError,
    AttemptStatus::StreamError,
    AttemptStatus::Truncated,
    AttemptStatus::Empty,
    AttemptStatus::Timeout,
    AttemptStatus::ConnectError,
    AttemptStatus::Cancelled,
];
const SOURCES: [TimingSource; 7] = [
    TimingSource::LlamaCpp,
    TimingSource::Vllm,
    TimingSource::Groq,
    TimingSource::MistralRs,
    TimingSource::Azure,
    TimingSource::Ollama,
    TimingSource::LmStudio,
];

fn words() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), prop::sample::select(&["", "stop", "length", "glm-4.7-flash"]).prop_map(str::to_owned)]
}

fn times() -> impl Strategy<Value = Option<Nanos>> {
    let near = (0..9_000_000_000_u64).prop_map(|ns| Some(Nanos(1_000_000_000 + ns)));
    prop_oneof![Just(None), near, any::<u64>().prop_map(|ns| Some(Nanos(ns)))]
}

fn floats() -> impl Strategy<Value = Option<f64>> {
    prop::option::of(prop_oneof![-1e300..1e300_f64, Just(-0.0), Just(0.1 + 0.2), Just(f64::INFINITY)])
}

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let kind = prop_oneof![Just(TextKind::Answer), Just(TextKind::Reasoning)];
    let arrival = (times(), kind, any::<bool>());
    let arrival = arrival.prop_map(|(at, kind, coalesced)| Arrival { at: at.unwrap_or_default(), kind, coalesced });
    prop::collection::vec(arrival, 0..9)
}

prop_compose! {
    fn timings()(
        source in prop::sample::select(&SOURCES),
        times in prop::collection::vec(floats(), 5),
        cached_tokens in any::<Option<u64>>(),
    ) -> ServerTimings {
        let [prompt_ms, decode_ms, queue_ms, ttft_ms, tokens_per_s] = [0, 1, 2, 3, 4].map(|i| times[i]);
        ServerTimings { source, prompt_ms, decode_ms, queue_ms, ttft_ms, tokens_per_s, cached_tokens }
    }
}

prop_compose! {
    fn retry()(
        (started, kind) in (times(), words()),
        (http_status, waited_ms) in (any::<Option<u16>>(), floats()),
    ) -> FailedTry {
        FailedTry { started: started.unwrap_or_default(), kind, http_status, waited_ms: waited_ms.unwrap_or_default() }
    }
}

prop_compose! {
    /// A record with random numbers and without strings.
    fn numbered()(
        (case, number) in (any::<usize>(), any::<u32>()),
        (warmup, is_text_whole, status) in (any::<bool>(), any::<bool>(), prop::sample::select(&STATUSES)),
        at in prop::collection::vec(times(), 6),
        counts in prop::collection::vec(any::<Option<u64>>(), 6),
        (http_status, first_token_event_index, event_count) in (any::<Option<u16>>(), any::<Option<u32>>(), any::<u32>()),
        stalls in prop::collection::vec((times(), times()), 0..3),
        (connect_ms, server_timings) in (floats(), prop::option::of(timings().boxed())),
        arrivals in arrivals(),
    ) -> AttemptRecord {
        AttemptRecord {
            id: AttemptId { case, number },
            warmup, status, is_text_whole, connect_ms, http_status, event_count, server_timings, arrivals, first_token_event_index,
            own_delay_ms: connect_ms, intended: at[0], headers_at: at[1], finish_at: at[2], first_counted_at: at[3],
            started: at[4].unwrap_or_default(), ended: at[5].unwrap_or_default(),
            observer_stalls: stalls.into_iter().map(|(a, b)| (a.unwrap_or_default(), b.unwrap_or_default())).collect(),
            usage: Usage {
                prompt_tokens: counts[0], completion_tokens: counts[1], reasoning_tokens: counts[2], cached_tokens: counts[3],
            },
            tokens_in_first_event: counts[4], counted_tokens: counts[5],
            ..AttemptRecord::default()
        }
    }
}

prop_compose! {
    fn record()(
        record in numbered().boxed(),
        (own_id, own_nonce) in (any::<bool>(), any::<bool>()),
        words in prop::collection::vec(words(), 6),
        (finish_reason, nonce) in (prop::option::of(words()), prop::option::of(words())),
        choice_finish_reasons in prop::collection::vec(prop::option::of(words()), 0..3),
        warnings in prop::collection::vec(words(), 0..3),
        findings in prop::collection::vec((0..DIAGNOSES.len(), words()), 0..3),
        retries in prop::collection::vec(retry().boxed(), 0..3),
        checks in prop::collection::vec((0..CheckKind::ALL.len(), prop::option::of(words())), 0..3),
        has_error in any::<bool>(),
    ) -> AttemptRecord {
        let [request_id, model, kind, message, text, reasoning] = <[String; 6]>::try_from(words).unwrap();
        let request_id = if own_id { request_id + &numbers(record.id) } else { request_id };
        AttemptRecord {
            model, finish_reason, choice_finish_reasons, warnings, retries, text, reasoning,
            nonce: if own_nonce { Some(self::nonce(&request_id)) } else { nonce },
            request_id,
            error: has_error.then_some(AttemptError { kind, message }),
            checks: checks.into_iter().map(|(at, message)| CheckResult {
                kind: CheckKind::ALL[at], passed: message.is_none(), message,
            }).collect(),
            findings: findings.into_iter().map(|(at, message)| Finding::new(DIAGNOSES[at].key, message)).collect(),
            ..record
        }
    }
}

proptest! {
    #[test]
    fn packing_round_trips_every_record(records in prop::collection::vec(record().boxed(), 1..4)) {
        let mut pool = StringPool::default();
        let condensed = records.into_iter().map(AttemptRecord::condense);
        let packed: Vec<_> = condensed.map(|r| (Packed::new(&r, &mut pool).unwrap(), r)).collect();
        for (packed, record) in packed {
            prop_assert_eq!(packed.head(), PackedHead::new(&record));
            prop_assert_eq!(packed.unpack(), record);
        }
    }
}

/// A typical answer of a server that reports its timings.
fn typical_record(number: u32) -> AttemptRecord {
    let id = AttemptId { case: 0, number };
    // Ten minutes into a run, 100 tokens.
    let started = Nanos(600_000_000_123 + u64::from(number) * 7_654_321);
    let request_id = format!("20260206-214941-3f9a{}", numbers(id));
    let after = |ns: u64| Nanos(started.0 + ns);
    AttemptRecord {
        status: AttemptStatus::Ok,
        nonce: Some(nonce(&request_id)),
        headers_at: Some(after(198_765_432)),
        http_status: Some(200),
        finish_reason: Some("length".to_owned()),
        finish_at: Some(after(25_234_567_890)),
        ended: after(25_234_987_654),
        event_count: 103,
        first_token_event_index: Some(1),
        arrivals: (0..100_u64)
            .map(|i| Arrival { at: after(199_123_456 + i * 250_123_457), kind: TextKind::Answer, coalesced: false })
            .collect(),
        usage: Usage { prompt_tokens: Some(85), completion_tokens: Some(100), ..Usage::default() },
        server_timings: Some(ServerTimings {
            prompt_ms: Some(181.3),
            decode_ms: Some(25_012.7),
            tokens_per_s: Some(3.998),
            ..ServerTimings::from_source(TimingSource::LlamaCpp)
        }),
        ..AttemptRecord::started(id, false, request_id, "glm-4.7-flash".to_owned(), started)
    }
}

#[test]
fn a_typical_record_takes_at_most_226_bytes() {
    let mut pool = StringPool::default();
    let packed: Vec<_> = (1..=1000).map(|n| Packed::new(&typical_record(n).condense(), &mut pool).unwrap()).collect();
    let longest = packed.iter().map(|p| p.bytes.len()).max().unwrap();
    assert!(longest <= 226, "{longest}");
    assert!(packed.iter().all(|p| p.pool.get(0) == "20260206-214941-3f9a" && p.pool.get(3).is_empty()));
}

#[test]
fn a_record_with_text_is_not_packed() {
    let mut record = AttemptRecord::default().condense();
    assert!(Packed::new(&record, &mut StringPool::default()).is_some());
    record.text.push('a');
    assert!(Packed::new(&record, &mut StringPool::default()).is_none());
    assert!(Packed::new(&AttemptRecord::default(), &mut StringPool::default()).is_none());
}
