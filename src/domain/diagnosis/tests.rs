use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{Arrival, AttemptId, TextKind};
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::time::Nanos;

const MAX_TOKENS: u32 = 1000;

/// A complete answer whose events arrive these microseconds after the request, one token each.
fn at_us(times: impl IntoIterator<Item = u64>) -> AttemptRecord {
    let mut r = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
    let arrival = |us| Arrival { at: Nanos(us * 1000), kind: TextKind::Answer, coalesced: false };
    r.arrivals = times.into_iter().map(arrival).collect();
    r.status = AttemptStatus::Ok;
    r.finish_reason = Some("stop".into());
    r.finish_at = r.arrivals.last().map(|a| a.at);
    r.usage.completion_tokens = Some(r.arrivals.len() as u64);
    r
}

/// A complete answer with these gaps in microseconds after a first event at 200 ms.
fn gaps_us(gaps: impl IntoIterator<Item = u64>) -> AttemptRecord {
    let mut at = 200_000;
    at_us(std::iter::once(at).chain(gaps.into_iter().map(|gap| {
        at += gap;
        at
    })))
}

/// 100 events, 10 ms per token.
fn healthy() -> AttemptRecord {
    gaps_us([10_000; 99])
}

/// Returns the key from the table, which is `'static`.
fn key_in_table(finding: &Finding) -> &'static str {
    DIAGNOSES.iter().find(|d| d.key == finding.key).unwrap().key
}

fn keys(record: &AttemptRecord) -> Vec<&'static str> {
    diagnose(record, MAX_TOKENS).iter().map(key_in_table).collect()
}

fn only(record: &AttemptRecord) -> (&'static str, String) {
    let findings = diagnose(record, MAX_TOKENS);
    let [only] = &findings[..] else { panic!("{findings:?}") };
    (key_in_table(only), only.message.clone())
}

fn message(record: &AttemptRecord, key: &str) -> String {
    diagnose(record, MAX_TOKENS).into_iter().find(|f| f.key == key).map(|f| f.message).unwrap_or_default()
}

#[test]
fn keys_are_unique_and_snake_case() {
    for (i, d) in DIAGNOSES.iter().enumerate() {
        assert!(d.key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", d.key);
        assert!(DIAGNOSES[..i].iter().all(|o| o.key != d.key && o.label != d.label));
    }
}

// ─── Healthy streams have no findings ───

#[test]
fn healthy_streams_have_no_findings() {
    assert_eq!(keys(&healthy()), [""; 0]);
    // A slow model, a fast one, a short answer after a long queue, a single event.
    assert_eq!(keys(&gaps_us([450_000; 20])), [""; 0]);
    assert_eq!(keys(&gaps_us([400; 999])), [""; 0]);
    assert_eq!(keys(&at_us((0..20).map(|i| 8_000_000 + i * 2000))), [""; 0]);
    assert_eq!(keys(&at_us([3_000_000])), [""; 0]);
}

#[test]
fn jitter_is_not_a_finding() {
    // Gaps of 1 to 60 ms, in an order that repeats after 59.
    let jitter = (0..300_u64).map(|i| 1000 + (i * 37 % 59 + 1) * 1000);
    assert_eq!(keys(&gaps_us(jitter)), [""; 0]);
    // A single gap of 400 ms; and one in three events right behind the one before.
    assert_eq!(keys(&gaps_us((0..90).map(|i| if i == 40 { 400_000 } else { 10_000 }))), [""; 0]);
    assert_eq!(keys(&gaps_us((0..90).map(|i| if i % 3 == 1 { 50 } else { 15_000 }))), [""; 0]);
}

#[test]
fn a_cancelled_attempt_has_no_findings() {
    let mut r = gaps_us((0..90).map(|i| if i == 40 { 4_000_000 } else { 10_000 }));
    r.status = AttemptStatus::Cancelled;
    r.usage.completion_tokens = None;
    assert_eq!(keys(&r), [""; 0]);
}

proptest! {
    #[test]
    fn a_constant_rate_never_has_a_finding(first_us in 1_000_u64..30_000_000, gap_us in 250_u64..2_000_000, count in 1_u64..400) {
        prop_assert_eq!(keys(&at_us((0..count).map(|i| first_us + i * gap_us))), [""; 0]);
    }

    #[test]
    fn a_rate_that_varies_by_half_has_no_findings(
        first_us in 1_000_u64..30_000_000,
        gap_us in 500_u64..100_000,
        shares in proptest::collection::vec(50_u64..150, 1..400),
    ) {
        let gaps = shares.into_iter().map(|share| gap_us * share / 100);
        let mut r = gaps_us(gaps);
        r.started = Nanos(0);
        for a in &mut r.arrivals {
            a.at = Nanos(a.at.0 + first_us * 1000);
        }
        r.finish_at = r.arrivals.last().map(|a| a.at);
        prop_assert_eq!(keys(&r), [""; 0]);
    }

    #[test]
    fn any_timeline_gives_readable_messages(
        mut times in proptest::collection::vec(0_u64..10_000_000, 0..200),
        tokens in proptest::option::of(any::<u64>()),
        reasoning in proptest::option::of(any::<u64>()),
        coalesced in any::<bool>(),
    ) {
        times.sort_unstable();
        let mut r = at_us(times);
        r.arrivals.iter_mut().for_each(|a| a.coalesced = coalesced);
        (r.usage.completion_tokens, r.usage.reasoning_tokens) = (tokens, reasoning);
        for finding in diagnose(&r, MAX_TOKENS) {
            prop_assert!(!finding.message.is_empty() && !finding.message.contains("NaN") && !finding.message.contains("inf"));
        }
    }
}

// ─── The timeline ───

#[test]
fn a_stall_is_reported_with_its_time_and_duration() {
    let paused = |from: usize| gaps_us((0..99).map(|i| if i == from { 2_000_000 } else { 10_000 }));
    // The 21st event arrives at 200 + 20 × 10 ms; the stall follows it.
    assert_eq!(only(&paused(20)), ("pauses", "the stream stalled for 2.00 s, 0.40 s after the request".to_owned()));
    let twice = gaps_us((0..99).map(|i| match i {
        20 => 600_000,
        60 => 900_000,
        _ => 10_000,
    }));
    assert_eq!(
        only(&twice),
        (
            "pauses",
            "the stream stalled 2 times for 1.50 s in total; the longest stall took 0.90 s, 1.39 s after the request"
                .to_owned()
        )
    );
}

#[test]
fn a_stall_is_judged_by_the_usual_gap() {
    let with = |usual_ms: u64, longest_ms: u64| {
        keys(&gaps_us((0..50).map(|i| if i == 25 { longest_ms } else { usual_ms } * 1000)))
    };
    assert_eq!((with(10, 500), with(10, 501)), (vec![], vec!["pauses"]));
    assert_eq!((with(80, 800), with(80, 801)), (vec![], vec!["pauses"]));
    // Three gaps are too few to know the usual one.
    assert_eq!(keys(&gaps_us([10_000, 2_000_000, 10_000])), [""; 0]);
}

#[test]
fn a_stall_of_the_observer_is_not_blamed_on_the_server() {
    let mut r = gaps_us((0..99).map(|i| if i == 20 { 600_000 } else { 10_000 }));
    assert_eq!(keys(&r), ["pauses"]);
    // The gap is from 400 to 1000 ms.
    r.observer_stalls = vec![(Nanos::from_millis(430), Nanos::from_millis(980))];
    assert_eq!(
        only(&r),
        (
            "observer_stalled",
            "tokscope itself stalled once, for up to 0.55 s, 0.43 s after the request; timestamps of that time are \
             late; rerun on an idle machine"
                .to_owned()
        )
    );
    // A stall elsewhere, and one after the last event.
    r.observer_stalls = vec![
        (Nanos::from_millis(1200), Nanos::from_millis(1400)),
        (Nanos::from_millis(5000), Nanos::from_millis(6000)),
    ];
    assert_eq!(keys(&r), ["observer_stalled", "pauses"]);
    assert!(message(&r, "observer_stalled").contains("once, for up to 0.20 s"));
}

#[test]
fn events_that_piled_up_in_a_stall_of_the_observer_are_not_shared_reads() {
    // Forty events sent 10 ms apart; the last thirty were read at once after a stall.
    let mut r = gaps_us((0..39).map(|i| match i {
        0..9 => 10_000,
        9 => 300_000,
        _ => 0,
    }));
    r.arrivals.iter_mut().skip(11).for_each(|a| a.coalesced = true);
    assert!(keys(&r).contains(&"shared_reads"));
    let resumed = r.arrivals[10].at;
    // The heartbeat that ends the stall may come slightly before the bytes are read.
    for before_ms in [0, 50] {
        let until = Nanos(resumed.0 - before_ms * 1_000_000);
        r.observer_stalls = vec![(Nanos(resumed.0 - 290_000_000), until)];
        assert_eq!(keys(&r), ["observer_stalled", "unresolved"]);
        assert!(message(&r, "unresolved").ends_with("; tokscope itself stalled meanwhile"));
    }
    r.observer_stalls[0].1 = Nanos(resumed.0 - 51_000_000);
    assert!(keys(&r).contains(&"shared_reads"));
}

#[test]
fn a_late_reader_is_reported_beside_the_bursts_it_may_cause() {
    // Bursts 240 ms apart.
    let mut r = in_bursts(20, 240, 10);
    for (late_ms, expected) in [(119.0, vec!["bursts"]), (121.0, vec!["read_late", "bursts"])] {
        r.observer_lag_ms = Some(late_ms);
        assert_eq!(keys(&r), expected);
    }
    assert!(message(&r, "read_late").contains("121.0 ms late on average, with 240.0 ms between reads"));
    // Without piled-up events there is nothing to explain.
    let mut even = gaps_us([10_000; 99]);
    even.observer_lag_ms = Some(9.0);
    assert_eq!(keys(&even), [""; 0]);
}

#[test]
fn a_reader_too_fast_to_cause_the_bursts_is_not_reported() {
    // All in one read, or in two reads 0.1 ms apart: no server generates 100 events in a millisecond.
    for second in [1_000_000_000, 1_000_100_000] {
        let mut buffered = gaps_us([0; 99]);
        for (i, arrival) in buffered.arrivals.iter_mut().enumerate() {
            let at = if i < 50 { 1_000_000_000 } else { second };
            *arrival = Arrival { at: Nanos(at), coalesced: i != 0 && i != 50, ..*arrival };
        }
        buffered.ended = Nanos(second);
        buffered.observer_lag_ms = Some(1.7);
        assert_eq!(keys(&buffered), ["fake_streaming"]);
        // Within 40 ms they may have arrived one by one.
        buffered.observer_lag_ms = Some(40.0);
        assert!(keys(&buffered).contains(&"read_late"));
    }
}

#[test]
fn a_late_reader_is_not_blamed_for_an_answer_that_was_already_complete() {
    // 100 events in one read: a reader causes that only if its delay is as long as a model needs to decode them.
    for (late_ms, expected) in [(19.9, vec!["fake_streaming"]), (20.0, vec!["read_late", "fake_streaming"])] {
        let mut at_once = gaps_us([0; 99]);
        at_once.arrivals.iter_mut().skip(1).for_each(|a| a.coalesced = true);
        at_once.observer_lag_ms = Some(late_ms);
        assert_eq!(keys(&at_once), expected);
        // A late reader cannot cause a Content-Length.
        at_once.content_length = Some(6121);
        assert_eq!(keys(&at_once), ["fake_streaming"]);
    }
}

#[test]
fn a_stall_before_the_request_or_in_a_failed_attempt_is_reported() {
    let ms = Nanos::from_millis;
    // In an open loop the clock was already running.
    let mut r = gaps_us([10_000; 20]);
    let due = Nanos(r.started.0);
    r.started = due.plus(std::time::Duration::from_millis(150));
    (r.intended, r.observer_stalls) = (Some(due), vec![(due, r.started)]);
    assert!(message(&r, "observer_stalled").contains("for up to 0.15 s, starting before the request"));
    // In a closed loop the clock had not started yet.
    r.intended = None;
    assert_eq!(keys(&r), [""; 0]);
    // The attempt received nothing, so all of it was waiting.
    let mut failed = AttemptRecord { started: ms(1000), ended: ms(3000), ..at_us([]) };
    failed.arrivals.clear();
    (failed.status, failed.observer_stalls) = (AttemptStatus::Timeout, vec![(ms(1500), ms(2400))]);
    assert!(message(&failed, "observer_stalled").contains("for up to 0.90 s, 0.50 s after"), "{:?}", keys(&failed));
}

#[test]
fn a_late_request_is_reported_with_the_figures_that_include_the_delay() {
    let with = |own_delay_ms, intended: Option<u64>| {
        // TTFT 200 ms, answer complete after 1.19 s; the clock starts at 0.
        let mut r = gaps_us([10_000; 99]);
        r.intended = intended.map(|_| r.started);
        r.own_delay_ms = Some(own_delay_ms);
        r
    };
    assert_eq!((keys(&with(19.9, Some(0))), keys(&with(20.0, Some(0)))), (vec![], vec!["sent_late"]));
    assert!(
        message(&with(20.0, Some(0)), "sent_late").contains("sent the request 0.02 s late; TTFT and latency count")
    );
    assert_eq!((keys(&with(118.0, None)), keys(&with(120.0, None))), (vec![], vec!["sent_late"]));
    assert!(message(&with(120.0, None), "sent_late").contains("do not include this delay, but throughput does"));
    // A tiny delay is never reported, however short the TTFT.
    let mut short = with(4.9, Some(0));
    short.arrivals.iter_mut().for_each(|a| a.at = Nanos(a.at.0 - 199_000_000));
    assert_eq!(keys(&short), [""; 0]);
}

/// `count` bursts of `size` events 20 µs apart, `apart_ms` between bursts.
fn in_bursts(size: usize, apart_ms: u64, count: usize) -> AttemptRecord {
    gaps_us((1..size * count).map(|i| if i % size == 0 { apart_ms * 1000 } else { 20 }))
}

#[test]
fn large_bursts_mean_a_buffer_and_small_ones_may_be_several_tokens_per_step() {
    assert_eq!(
        only(&in_bursts(20, 240, 10)),
        (
            "bursts",
            "events arrive in bursts of 20.0 on average, 240 ms apart: a proxy or the server buffers them".to_owned()
        )
    );
    let few = message(&in_bursts(4, 40, 20), "bursts");
    assert!(few.contains("bursts of 4.0") && few.contains("several tokens at a time"), "{few}");
}

#[test]
fn streams_too_fast_too_short_or_too_irregular_have_no_bursts() {
    // 5 ms between bursts may be the scheduler.
    assert_eq!(keys(&in_bursts(4, 5, 20)), [""; 0]);
    // Only four bursts; and only 24 events.
    assert_eq!(keys(&in_bursts(10, 240, 4)), ["unresolved"]);
    assert_eq!(keys(&in_bursts(4, 240, 6)), ["unresolved"]);
    // Two of five events together.
    assert_eq!(keys(&gaps_us((0..100).map(|i| if i % 5 > 2 { 20 } else { 40_000 }))), [""; 0]);
}

#[test]
fn a_gap_between_bursts_is_a_stall_only_if_far_longer_than_usual() {
    assert_eq!(keys(&in_bursts(40, 800, 8)), ["bursts"]);
    let mut paused = in_bursts(40, 800, 8);
    for a in &mut paused.arrivals[160..] {
        a.at = a.at.plus(std::time::Duration::from_secs(9));
    }
    assert_eq!(keys(&paused), ["bursts", "pauses"]);
}

#[test]
fn a_buffered_answer_is_found() {
    let at_once = at_us((0..200).map(|i| 4_000_000 + i * 10));
    let (key, message) = only(&at_once);
    assert_eq!(key, "fake_streaming");
    assert!(message.starts_with("the answer was not streamed: all 200 events arrived within 2.0 ms"), "{message}");
    // An early first token does not hide it.
    let early = at_us(std::iter::once(300_000).chain((0..199).map(|i| 4_000_000 + i * 10)));
    let (key, message) = only(&early);
    assert_eq!(key, "fake_streaming");
    assert!(message.contains("after a wait of 3.70 s"), "{message}");
}

#[test]
fn a_fast_model_after_a_long_wait_is_not_fake_streaming() {
    // 2,500 tok/s after ten seconds in a queue: 2% of the time.
    assert_eq!(keys(&at_us((0..500).map(|i| 10_000_000 + i * 400))), [""; 0]);
    // No model generates 40 events in 0.4 ms, however short the wait and the answer.
    assert_eq!(keys(&at_us((0..40).map(|i| 20_000 + i * 10))), ["fake_streaming"]);
    assert_eq!(keys(&at_us((0..12).map(|i| 4_000_000 + i * 10))), ["fake_streaming"]);
}

#[test]
fn an_answer_read_at_once_after_a_stall_of_the_observer_is_not_fake_streaming() {
    let with_stall = |from_ms, until_ms| {
        let mut r = at_us((0..200).map(|i| 4_000_000 + i * 10));
        let since = |ms| r.started.plus(std::time::Duration::from_millis(ms));
        r.observer_stalls = vec![(since(from_ms), since(until_ms))];
        keys(&r)
    };
    // 499 and 500 ms of the 4 s wait are not the observer's.
    assert!(!with_stall(499, 4000).contains(&"fake_streaming"));
    assert!(with_stall(500, 4000).contains(&"fake_streaming"));
    // A stall after the burst explains nothing.
    assert!(with_stall(4500, 9000).contains(&"fake_streaming"));
}

#[test]
fn an_answer_in_one_event_is_not_streamed() {
    let mut r = at_us([4_000_000]);
    r.usage.completion_tokens = Some(300);
    assert!(
        message(&r, "fake_streaming").starts_with("the answer was not streamed: the whole answer arrived in one event")
    );
    assert_eq!(keys(&r), ["fake_streaming"]);
    // Reasoning that is not streamed is not missing text.
    (r.usage.reasoning_tokens, r.finish_at) = (Some(298), Some(Nanos::from_millis(4000)));
    assert_eq!(keys(&r), ["hidden_reasoning"]);
    // One token plus the token that ends the answer.
    (r.usage.completion_tokens, r.usage.reasoning_tokens) = (Some(2), None);
    assert_eq!(keys(&r), [""; 0]);
    // Without usage the number of tokens is unknown.
    r.usage.completion_tokens = None;
    assert_eq!(keys(&r), ["fake_streaming", "usage_missing"]);
    assert!(message(&r, "usage_missing").contains("one event does not show how many tokens"));
}

/// A complete answer from reads given as (milliseconds after the request, number of events).
fn reads(reads: &[(u64, usize)]) -> AttemptRecord {
    at_us(reads.iter().flat_map(|&(ms, events)| std::iter::repeat_n(ms * 1000, events)))
}

#[test]
fn a_complete_answer_in_one_read_is_found_at_any_length() {
    for events in [2, 10, 500] {
        let (key, message) = only(&reads(&[(40, events)]));
        assert_eq!(key, "fake_streaming");
        assert!(message.contains(&format!("all {events} events arrived in one read")), "{message}");
    }
}

#[test]
fn a_content_length_proves_that_the_answer_was_buffered() {
    let mut r = healthy();
    r.content_length = Some(6121);
    let (key, message) = only(&r);
    assert_eq!(key, "fake_streaming");
    assert!(message.contains("the answer's Content-Length (6121 bytes) was known before it was sent"), "{message}");
    assert_eq!((r.time_to_first_token_ms(), r.decode_tokens_per_s()), (None, None));
}

#[test]
fn a_missing_figure_has_a_finding_that_says_why() {
    assert_eq!(
        only(&reads(&[(100, 1), (400, 19)])),
        (
            "unresolved",
            "ITL and decode speed are unresolved: 19 of 20 events arrived with the last text; the error is \
             unbounded"
                .to_owned()
        )
    );
    let first = reads(&[(100, 10), (110, 1), (120, 1), (130, 1), (140, 1), (150, 1)]);
    assert!(only(&first).1.starts_with("TTFT, ITL and decode speed are unresolved: 10 of 15 events"));
}

#[test]
fn time_in_a_buffer_is_not_a_stall() {
    let held = reads(&[(100, 10), (2100, 10), (4100, 10)]);
    assert!(!keys(&held).contains(&"pauses"), "{:?}", keys(&held));
    // Twelve single events, then a long gap: a stall, no matter what arrives at its end.
    let mut paused: Vec<(u64, usize)> = (0..12).map(|i| (100 + i * 10, 1)).collect();
    paused.push((3000, 2));
    assert!(keys(&reads(&paused)).contains(&"pauses"));
}

#[test]
fn most_events_of_a_fast_stream_may_share_reads() {
    let mut r = gaps_us([400; 99]);
    let share = |r: &mut AttemptRecord, of_ten: usize| {
        r.arrivals.iter_mut().enumerate().for_each(|(i, a)| a.coalesced = i % 10 < of_ten);
    };
    share(&mut r, 4);
    assert_eq!(keys(&r), [""; 0]);
    share(&mut r, 6);
    assert_eq!(only(&r).0, "shared_reads");
    assert!(only(&r).1.starts_with("60% of the events"));
    // The bursts are already reported.
    let mut r = in_bursts(20, 240, 10);
    share(&mut r, 9);
    assert_eq!(keys(&r), ["bursts"]);
}

#[test]
fn several_tokens_per_event_are_not_a_buffer() {
    let mut r = healthy();
    r.usage.completion_tokens = Some(320);
    assert_eq!(
        only(&r),
        ("tokens_per_event", "events carry 3.2 tokens on average; gaps are between events, not tokens".to_owned())
    );
    // Characters made of several tokens and control tokens: 40 more on 100 events, or 9 more on 3.
    r.usage.completion_tokens = Some(140);
    assert_eq!(keys(&r), [""; 0]);
    let mut short = gaps_us([10_000; 2]);
    short.usage.completion_tokens = Some(12);
    assert_eq!(keys(&short), ["unresolved"], "the first event's token count is only estimated");
    // Six events of fifty tokens.
    let mut wide = gaps_us([400_000; 5]);
    wide.usage.completion_tokens = Some(300);
    assert_eq!(keys(&wide), ["unresolved", "tokens_per_event"]);
    // 200 tokens were hidden, so 100 events carry 100.
    r.usage.completion_tokens = Some(300);
    r.usage.reasoning_tokens = Some(200);
    assert_eq!(keys(&r), ["hidden_reasoning"]);
}

#[test]
fn a_connection_that_loses_speed_is_found_by_the_server_s_clock() {
    let mut r = healthy();
    // 990 ms from the first token to the last.
    let timings =
        |ms| Some(ServerTimings { decode_ms: Some(ms), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
    r.server_timings = timings(900.0);
    assert_eq!(keys(&r), [""; 0]);
    r.server_timings = timings(495.0);
    assert_eq!(
        only(&r),
        (
            "slower_than_server",
            "llama.cpp decoded at 200.0 tok/s by its own clock, but 100.0 tok/s arrived: 50% lost; check network and proxies"
                .to_owned()
        )
    );
    // Faster here than on the server means the clocks differ, not a loss.
    r.server_timings = timings(2000.0);
    assert_eq!(keys(&r), [""; 0]);
}

// ─── Endings and token counts ───

#[test]
fn endings_that_need_a_caveat_are_findings() {
    let mut r = healthy();
    r.finish_reason = None;
    assert_eq!(keys(&r), ["no_finish_reason"]);
    // The status already says so.
    r.status = AttemptStatus::Truncated;
    assert_eq!(keys(&r), [""; 0]);
    let mut r = healthy();
    r.finish_reason = Some("content_filter".into());
    assert_eq!(keys(&r), ["filtered"]);
}

#[test]
fn the_length_reason_is_a_finding_only_before_the_limit() {
    let mut r = healthy();
    r.finish_reason = Some("length".into());
    let keys = |r: &AttemptRecord, max_tokens| diagnose(r, max_tokens).iter().map(key_in_table).collect::<Vec<_>>();
    assert_eq!((keys(&r, 100), keys(&r, 104)), (vec![], vec![]));
    assert_eq!(keys(&r, 200), ["cut_short"]);
    // Incomplete usage says nothing about the limit.
    r.usage.completion_tokens = Some(50);
    assert_eq!(keys(&r, 200), ["usage_contradicts_stream"]);
}

#[test]
fn missing_and_impossible_usage_are_findings() {
    let mut r = healthy();
    r.usage.completion_tokens = None;
    assert_eq!(keys(&r), ["usage_missing"]);
    r.status = AttemptStatus::Timeout;
    assert_eq!(keys(&r), [""; 0]);
    let mut r = healthy();
    r.usage.completion_tokens = Some(96);
    assert_eq!(keys(&r), [""; 0]);
    r.usage.completion_tokens = Some(80);
    assert!(only(&r).1.starts_with("the server reports 80 tokens but sent 100 events"));
    r.usage.completion_tokens = Some(100);
    assert_eq!(diagnose(&r, 99)[0].message, "the answer has 100 tokens although at most 99 were requested");
}

#[test]
fn a_warm_prefix_is_a_finding() {
    let mut r = healthy();
    r.usage.cached_tokens = Some(0);
    assert_eq!(keys(&r), [""; 0]);
    r.usage.cached_tokens = Some(64);
    assert_eq!(keys(&r), [WARM_PREFIX]);
}

#[test]
fn text_held_back_after_its_token_count_is_a_finding() {
    let mut r = healthy();
    // Text at 200 ms: up to 50 ms may be an incomplete character.
    r.first_counted_at = Some(Nanos::from_millis(150));
    assert_eq!(keys(&r), [""; 0]);
    r.first_counted_at = Some(Nanos::from_millis(149));
    assert_eq!(keys(&r), ["text_held_back"]);
}

#[test]
fn finish_reasons_are_classified_by_meaning() {
    let ended = |reason: &str| {
        let mut r = gaps_us([20_000; 99]);
        r.finish_reason = Some(reason.to_owned());
        r
    };
    for (reason, key, says) in [
        ("content_filter", "filtered", "the server's content filter ended the answer"),
        ("SAFETY", "filtered", "(finish reason \"SAFETY\")"),
        ("refusal", "filtered", "the model refused to answer"),
        ("model_context_window_exceeded", "cut_short", "filled the model's context window"),
        ("bored", "unknown_finish_reason", "unknown finish reason \"bored\""),
        ("\u{1b}[31mx\ny", "unknown_finish_reason", "\"x y\""),
    ] {
        let (found, message) = only(&ended(reason));
        assert_eq!(found, key, "{reason}");
        assert!(message.contains(says), "{message}");
    }
    for reason in ["stop", "end_turn", "STOP", "tool_calls", "eos_token"] {
        assert_eq!(keys(&ended(reason)), [""; 0], "{reason}");
    }
    assert!(only(&ended(&"x".repeat(999))).1.chars().count() < 200);
}

#[test]
fn choices_that_end_differently_are_listed_up_to_a_limit() {
    let mut r = gaps_us([20_000; 99]);
    let reason = |word: &str| Some(word.to_owned());
    r.choice_finish_reasons = vec![reason("stop"), reason("stop")];
    assert_eq!(keys(&r), [""; 0]);
    r.choice_finish_reasons = vec![reason("stop"), None, reason("content_filter")];
    assert_eq!(keys(&r), ["filtered", "choices_end_differently"]);
    let expected = "choice 1: \"stop\", choice 2: none, choice 3: \"content_filter\"";
    assert!(message(&r, "choices_end_differently").ends_with(expected));
    r.choice_finish_reasons = (0..128).map(|n| Some(n.to_string())).collect();
    assert!(message(&r, "choices_end_differently").ends_with("choice 8: \"7\", …"));
}
