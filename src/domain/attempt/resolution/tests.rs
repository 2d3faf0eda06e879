use proptest::prelude::*;

use super::super::{ERROR_BOUND, Unresolved};
use super::*;
use crate::domain::attempt::{AttemptId, AttemptStatus};
use crate::domain::metrics::METRICS;
use crate::domain::server_timings::{ServerTimings, TimingSource};

/// A complete answer whose events arrive these microseconds after the request, one token each. Equal times are one
/// read.
fn at_us(times: impl IntoIterator<Item = u64>) -> AttemptRecord {
    let mut record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
    for us in times {
        let at = Nanos(us * 1000);
        let coalesced = record.last_arrival() == Some(at);
        record.arrivals.push(Arrival { at, kind: TextKind::Answer, coalesced });
    }
    record.status = AttemptStatus::Ok;
    record.usage.completion_tokens = Some(record.arrivals.len() as u64);
    record
}

/// A complete answer from reads given as (milliseconds after the request, number of events).
fn reads(reads: &[(u64, usize)]) -> AttemptRecord {
    at_us(reads.iter().flat_map(|&(ms, events)| std::iter::repeat_n(ms * 1000, events)))
}

fn reason(why: Option<Unresolved>) -> String {
    why.map(|why| why.to_string()).unwrap_or_default()
}

#[test]
fn every_event_in_its_own_read_is_resolved() {
    let record = at_us((0..5).map(|i| 200_000 + i * 10_000));
    assert_eq!(record.unresolved_first_token(), None);
    assert_eq!(record.unresolved_inter_token(), None);
    assert_eq!(record.unresolved_gaps(), None);
    // A long gap on the server's side does not indicate a buffer.
    let paused = at_us([10_000, 20_000, 30_000, 2_000_000]);
    assert_eq!(paused.unresolved_inter_token(), None);
    // A single read with several events in the middle does not matter either.
    let hiccup = at_us((0..100).map(|i| if (40..45).contains(&i) { 445_000 } else { 10_000 * (i + 1) }));
    assert_eq!((hiccup.unresolved_inter_token(), hiccup.unresolved_gaps()), (None, None));
}

#[test]
fn a_stream_with_most_events_in_one_read_has_no_decode_speed() {
    let last = reads(&[(100, 1), (101, 107)]);
    assert_eq!(last.decode_tokens_per_s(), None);
    let first = reads(&[(100, 107), (101, 1)]);
    assert_eq!(first.decode_tokens_per_s(), None);
    assert_eq!(first.time_to_first_token_ms(), None);
    // Half a second for 107 events gives no speed either: they may have been generated at any time in it.
    let late = reads(&[(100, 1), (600, 107)]);
    assert_eq!(late.decode_tokens_per_s(), None);
    assert_eq!(late.time_to_first_token_ms(), Some(100.0));
    assert_eq!(
        reason(late.unresolved_inter_token()),
        "107 of 108 events arrived with the last text; the error is unbounded"
    );
}

#[test]
fn a_whole_answer_in_one_read_has_neither_ttft_nor_decode_speed() {
    for events in [2, 10, 500] {
        let record = reads(&[(300, events)]);
        let why = format!("all {events} events arrived in one read");
        assert_eq!((record.time_to_first_token_ms(), record.inter_token_latency_ms()), (None, None));
        assert_eq!(reason(record.unresolved_first_token()), why);
        assert_eq!(reason(record.unresolved_first_output_token()), why);
        assert_eq!(reason(record.unresolved_inter_token()), why);
        assert_eq!(reason(record.unresolved_gaps()), why);
        assert_eq!(record.request_latency_ms(), Some(300.0));
    }
    // Several reads in quick succession come from one buffer.
    let emptied = at_us((0..200).map(|i| 300_000 + i / 20 * 100));
    assert_eq!(reason(emptied.unresolved_first_token()), "all 200 events arrived within 0.9 ms");
}

#[test]
fn a_buffered_answer_keeps_the_speed_of_the_whole_request_if_plausible() {
    assert!(reads(&[(300, 10)]).output_tokens_per_s().is_some());
    let mut instant = reads(&[(2, 10)]);
    assert!(instant.output_tokens_per_s().is_some(), "5,000 tok/s");
    instant.arrivals.iter_mut().for_each(|a| a.at = Nanos(1_550_000));
    assert_eq!((instant.output_tokens_per_s(), instant.decode_tokens_per_s()), (None, None));
    let why = "all 10 tokens arrived within 1.6 ms of the request; no model decodes that fast";
    assert_eq!(reason(instant.unresolved_speed()), why);
}

#[test]
fn an_answer_of_one_event_counts_as_streamed_only_if_it_is_one_token() {
    let mut record = reads(&[(300, 1)]);
    assert_eq!((record.not_streamed(), record.time_to_first_token_ms()), (None, Some(300.0)));
    // Usage also counts the token that ends the answer.
    record.usage.completion_tokens = Some(2);
    assert_eq!(record.not_streamed(), None);
    record.usage.completion_tokens = Some(3);
    assert_eq!((record.not_streamed(), record.time_to_first_token_ms()), (Some(Unresolved::OneEvent), None));
    record.usage.completion_tokens = None;
    assert_eq!(record.not_streamed(), Some(Unresolved::OneUncountedEvent));
    assert_eq!((record.output_tokens(), record.output_tokens_per_s()), (None, None));
    // A stream that breaks off after its first event keeps its TTFT.
    record.status = AttemptStatus::Truncated;
    assert_eq!((record.not_streamed(), record.time_to_first_token_ms()), (None, Some(300.0)));
}

#[test]
fn small_regular_bunches_stay_resolved() {
    // Speculative decoding: 3 tokens per event, then 3 events per read.
    let mut tokens = at_us((0..100).map(|i| 200_000 + i * 30_000));
    tokens.usage.completion_tokens = Some(300);
    assert_eq!((tokens.unresolved_first_token(), tokens.unresolved_inter_token()), (None, None));
    let mut events = at_us((0..300_u64).map(|i| 200_000 + i.div_ceil(3) * 30_000));
    assert_eq!((events.unresolved_first_token(), events.unresolved_inter_token()), (None, None));
    assert_eq!(reason(events.unresolved_gaps()), "300 events arrived at 101 distinct times; gaps are between reads");
    events.arrivals.truncate(12);
    assert!(events.unresolved_inter_token().is_some());
}

#[test]
fn few_events_with_many_tokens_leave_the_itl_unresolved() {
    let mut record = at_us((0..6).map(|i| 200_000 + i * 400_000));
    record.usage.completion_tokens = Some(300);
    assert_eq!(
        reason(record.unresolved_inter_token()),
        "6 events carry 300 tokens; the first event's token count is only estimated"
    );
    assert_eq!(record.unresolved_first_token(), None);
    // With a running count the tokens of the first event are known.
    record.tokens_in_first_event = Some(50);
    assert_eq!(record.unresolved_inter_token(), None);
}

#[test]
fn the_server_s_own_clock_reveals_a_paced_buffer() {
    let mut record = at_us((0..100).map(|i| 2_000_000 + i * 1000));
    let timings =
        |ms| Some(ServerTimings { decode_ms: Some(ms), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
    record.server_timings = timings(190.0);
    assert_eq!(record.unresolved_inter_token(), None);
    record.server_timings = timings(500.0);
    assert_eq!(
        reason(record.unresolved_inter_token()),
        "the server decoded for 495 ms by its own clock, but the text arrived within 99 ms"
    );
    assert_eq!(record.time_to_first_token_ms(), None);
    // For a short answer, the server's decode time includes the first token, which is not a gap.
    let mut short = at_us([100_000, 110_000]);
    short.usage.completion_tokens = Some(3);
    short.server_timings = timings(30.0);
    assert_eq!(short.held_back(), None);
}

#[test]
fn the_ttfo_is_unresolved_only_if_its_own_read_is_shared() {
    let mut record = reads(&[(100, 1), (110, 1), (120, 1), (900, 40), (910, 1), (920, 1)]);
    record.arrivals.iter_mut().take(3).for_each(|a| a.kind = TextKind::Reasoning);
    assert_eq!(record.time_to_first_token_ms(), Some(100.0));
    assert_eq!(record.time_to_first_output_token_ms(), None);
    let mut early = reads(&[(100, 1), (880, 1), (900, 40), (910, 1), (920, 1)]);
    early.arrivals.iter_mut().take(2).for_each(|a| a.kind = TextKind::Reasoning);
    assert_eq!(early.time_to_first_output_token_ms(), Some(900.0));
}

/// A buffer that makes events share reads.
#[derive(Clone, Debug)]
enum Buffer {
    /// Releases a group some time after its last event and before the next event; the last group at any time. A single
    /// event is released at once.
    Groups { sizes: Vec<usize>, holds: Vec<f64>, end_hold: f64 },
    /// Released by a timer every `period` event times, first after `phase` of a period.
    Timer { period: f64, phase: f64 },
}

fn buffer() -> impl Strategy<Value = Buffer> {
    let sizes = prop_oneof![
        prop::collection::vec(1_usize..4, 1..200),
        prop::collection::vec(1_usize..60, 1..20),
        prop::collection::vec(prop_oneof![9 => 1_usize..2, 1 => 2_usize..100], 1..100),
    ];
    let groups = (sizes, prop::collection::vec(0.0..1.0, 200), 0.0..50.0)
        .prop_map(|(sizes, holds, end_hold)| Buffer::Groups { sizes, holds, end_hold });
    prop_oneof![3 => groups, 1 => (2.0..40.0, 0.0..1.0).prop_map(|(period, phase)| Buffer::Timer { period, phase })]
}

/// Arrival times of events generated at these times, microseconds.
fn buffered(made_us: &[u64], step_us: u64, buffer: &Buffer) -> Vec<u64> {
    let step = step_us as f64;
    match buffer {
        Buffer::Timer { period, phase } => {
            let (period, from) = (period * step, made_us[0] as f64 + phase * period * step);
            let arrive = |made: &u64| from + ((*made as f64 - from) / period).ceil() * period;
            made_us.iter().map(|made| arrive(made).ceil() as u64).collect()
        }
        Buffer::Groups { sizes, holds, end_hold } => {
            let (mut arrive, mut rest) = (Vec::new(), made_us);
            for (size, hold) in sizes.iter().cycle().zip(holds.iter().cycle()) {
                let (group, after) = rest.split_at((*size).min(rest.len()));
                rest = after;
                let hold = if rest.is_empty() { *end_hold } else { *hold };
                let late = if group.len() > 1 { (hold * step) as u64 } else { 0 };
                arrive.extend(group.iter().map(|_| group[group.len() - 1] + late));
                if rest.is_empty() {
                    return arrive;
                }
            }
            arrive
        }
    }
}

fn is_within_bound(measured: f64, known: f64) -> bool {
    // A figure may be off by the bound and by the resolution of the test's clock.
    (measured / known - 1.0).abs().max((known / measured - 1.0).abs()) <= ERROR_BOUND + 1e-3
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn figures_of_a_buffered_stream_are_within_the_error_bound(
        first_us in 1_000_u64..3_000_000,
        step_us in 1_000_u64..60_000,
        events in 2_usize..400,
        per_event in prop_oneof![Just(1_u64), 1_u64..5],
        buffer in buffer(),
    ) {
        let made: Vec<u64> = (0..events as u64).map(|i| first_us + i * step_us).collect();
        let mut unbuffered = at_us(made.iter().copied());
        let mut record = at_us(buffered(&made, step_us, &buffer));
        for r in [&mut unbuffered, &mut record] {
            r.usage.completion_tokens = Some(events as u64 * per_event);
            r.tokens_in_first_event = Some(per_event);
        }
        // A buffer that never joins two events is undetectable.
        let resolution = record.resolution().unwrap();
        let is_visible = !matches!(buffer, Buffer::Timer { .. }) || resolution.arrival_times < events;
        let known_itl_ms = step_us as f64 / 1000.0 / per_event as f64;
        if let Some(itl_ms) = record.inter_token_latency_ms().filter(|_| is_visible) {
            prop_assert!(is_within_bound(itl_ms, known_itl_ms), "{itl_ms} {known_itl_ms} {resolution:?}");
            prop_assert!(is_within_bound(record.decode_tokens_per_s().unwrap(), 1000.0 / known_itl_ms));
        }
        let on_time = !matches!(buffer, Buffer::Timer { .. }) || resolution.first_bunch_events > 1;
        if let Some(ttft_ms) = record.time_to_first_token_ms().filter(|_| on_time) {
            prop_assert!(is_within_bound(ttft_ms, first_us as f64 / 1000.0), "{ttft_ms} {resolution:?}");
        }
        for m in METRICS {
            prop_assert!((m.get)(&record).is_none() || (m.unresolved)(&record).is_none(), "{}", m.key);
        }
        let small = record.clone().condense();
        for m in METRICS {
            prop_assert_eq!((m.get)(&record), (m.get)(&small), "{}", m.key);
            prop_assert_eq!((m.unresolved)(&record), (m.unresolved)(&small), "{}", m.key);
        }
    }

    #[test]
    fn an_unbuffered_stream_has_all_figures(
        first_us in 1_000_u64..3_000_000,
        gaps_us in prop::collection::vec(250_u64..500_000, 1..200),
    ) {
        let mut at = first_us;
        let times: Vec<u64> = std::iter::once(first_us).chain(gaps_us.into_iter().map(|gap| { at += gap; at })).collect();
        let record = at_us(times);
        for m in METRICS {
            prop_assert_eq!((m.unresolved)(&record), None, "{}", m.key);
        }
        prop_assert!(record.inter_token_latency_ms().is_some() && record.inter_chunk_latency_ms().is_some());
    }
}
