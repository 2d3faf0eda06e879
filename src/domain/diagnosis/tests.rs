use proptest::prelude::*;

use super::*;
use crate::domain::attempt::{Arrival, AttemptId, TextKind};
use crate::domain::server_timings::{ServerTimings, TimingSource};
use crate::domain::time::Nanos;

const ASKED: u32 = 1000;

/// A whole answer whose events come at these microseconds after the request, one token each.
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

/// Events with these gaps in microseconds, after a first one at 200 ms.
fn gaps_us(gaps: impl IntoIterator<Item = u64>) -> AttemptRecord {
    let mut at = 200_000;
    at_us(std::iter::once(at).chain(gaps.into_iter().map(|gap| {
        at += gap;
        at
    })))
}

/// 10 ms a token.
fn healthy() -> AttemptRecord {
    gaps_us([10_000; 99])
}

/// The key as the table has it.
fn key_in_table(finding: &Finding) -> &'static str {
    DIAGNOSES.iter().find(|d| d.key == finding.key).unwrap().key
}

fn keys(record: &AttemptRecord) -> Vec<&'static str> {
    diagnose(record, ASKED).iter().map(key_in_table).collect()
}

fn only(record: &AttemptRecord) -> (&'static str, String) {
    let findings = diagnose(record, ASKED);
    let [only] = &findings[..] else { panic!("{findings:?}") };
    (key_in_table(only), only.message.clone())
}

fn message(record: &AttemptRecord, key: &str) -> String {
    diagnose(record, ASKED).into_iter().find(|f| f.key == key).map(|f| f.message).unwrap_or_default()
}

#[test]
fn keys_are_unique_snake_case_and_found_again() {
    for (i, d) in DIAGNOSES.iter().enumerate() {
        assert!(d.key.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", d.key);
        assert!(DIAGNOSES[..i].iter().all(|o| o.key != d.key && o.label != d.label));
    }
}

// ─── Healthy streams have no findings ───

#[test]
fn healthy_streams_have_none() {
    assert_eq!(keys(&healthy()), [""; 0]);
    // A slow model, a fast one, a short answer after a long queue, one event.
    assert_eq!(keys(&gaps_us([450_000; 20])), [""; 0]);
    assert_eq!(keys(&gaps_us([400; 999])), [""; 0]);
    assert_eq!(keys(&at_us((0..20).map(|i| 8_000_000 + i * 2000))), [""; 0]);
    assert_eq!(keys(&at_us([3_000_000])), [""; 0]);
}

#[test]
fn jitter_is_no_finding() {
    // Gaps of 1 to 60 ms, in an order that repeats after 59.
    let jitter = (0..300_u64).map(|i| 1000 + (i * 37 % 59 + 1) * 1000);
    assert_eq!(keys(&gaps_us(jitter)), [""; 0]);
    // A single hiccup of 400 ms, and one in three events right behind the one before.
    assert_eq!(keys(&gaps_us((0..90).map(|i| if i == 40 { 400_000 } else { 10_000 }))), [""; 0]);
    assert_eq!(keys(&gaps_us((0..90).map(|i| if i % 3 == 1 { 50 } else { 15_000 }))), [""; 0]);
}

#[test]
fn what_the_user_gave_up_has_none() {
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
    fn a_rate_that_varies_by_half_has_none_either(
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
    fn no_timeline_is_too_strange(
        mut times in proptest::collection::vec(0_u64..10_000_000, 0..200),
        tokens in proptest::option::of(any::<u64>()),
        reasoning in proptest::option::of(any::<u64>()),
        coalesced in any::<bool>(),
    ) {
        times.sort_unstable();
        let mut r = at_us(times);
        r.arrivals.iter_mut().for_each(|a| a.coalesced = coalesced);
        (r.usage.completion_tokens, r.usage.reasoning_tokens) = (tokens, reasoning);
        for finding in diagnose(&r, ASKED) {
            prop_assert!(!finding.message.is_empty() && !finding.message.contains("NaN") && !finding.message.contains("inf"));
        }
    }
}

// ─── The timeline ───

#[test]
fn a_pause_says_when_and_how_long() {
    let paused = |from: usize| gaps_us((0..99).map(|i| if i == from { 2_000_000 } else { 10_000 }));
    // The 21st event comes at 200 + 20 × 10 ms; the pause is after it.
    assert_eq!(only(&paused(20)), ("pauses", "the stream paused for 2.00 s, 0.40 s after the request".to_owned()));
    let twice = gaps_us((0..99).map(|i| match i {
        20 => 600_000,
        60 => 900_000,
        _ => 10_000,
    }));
    assert_eq!(
        only(&twice),
        (
            "pauses",
            "the stream paused 2 times, 1.50 s in all: the longest for 0.90 s, 1.39 s after the request".to_owned()
        )
    );
}

#[test]
fn a_pause_is_measured_by_what_is_usual() {
    let with = |usual_ms: u64, longest_ms: u64| {
        keys(&gaps_us((0..50).map(|i| if i == 25 { longest_ms } else { usual_ms } * 1000)))
    };
    assert_eq!((with(10, 500), with(10, 501)), (vec![], vec!["pauses"]));
    assert_eq!((with(80, 800), with(80, 801)), (vec![], vec!["pauses"]));
    // Of three gaps none is the usual one.
    assert_eq!(keys(&gaps_us([10_000, 2_000_000, 10_000])), [""; 0]);
}

#[test]
fn what_the_observer_stood_still_is_no_pause_of_the_server() {
    let mut r = gaps_us((0..99).map(|i| if i == 20 { 600_000 } else { 10_000 }));
    assert_eq!(keys(&r), ["pauses"]);
    // The gap is from 400 to 1000 ms.
    r.observer_stalls = vec![(Nanos::from_millis(430), Nanos::from_millis(980))];
    assert_eq!(
        only(&r),
        (
            "observer_stalled",
            "tokscope itself stalled once, for up to 0.55 s, 0.43 s after the request; events received meanwhile have \
             late timestamps"
                .to_owned()
        )
    );
    // One elsewhere, and one after all was in.
    r.observer_stalls = vec![
        (Nanos::from_millis(1200), Nanos::from_millis(1400)),
        (Nanos::from_millis(5000), Nanos::from_millis(6000)),
    ];
    assert_eq!(keys(&r), ["observer_stalled", "pauses"]);
    assert!(message(&r, "observer_stalled").contains("once, for up to 0.20 s"));
}

#[test]
fn what_piled_up_while_the_observer_stood_still_is_no_shared_read_of_the_server() {
    // Forty events that came 10 ms apart; the last thirty were read at once after a stop.
    let mut r = gaps_us((0..39).map(|i| match i {
        0..9 => 10_000,
        9 => 300_000,
        _ => 0,
    }));
    r.arrivals.iter_mut().skip(11).for_each(|a| a.coalesced = true);
    assert!(keys(&r).contains(&"shared_reads"));
    let resumed = r.arrivals[10].at;
    // The beat that tells of the stop may come before the bytes, by a little.
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
fn a_reader_that_is_woken_late_is_named_beside_the_pattern_it_makes() {
    // Bursts 240 ms apart.
    let mut r = in_bursts(20, 240, 10);
    for (late_ms, expected) in [(119.0, vec!["bursts"]), (121.0, vec!["read_late", "bursts"])] {
        r.observer_lag_ms = Some(late_ms);
        assert_eq!(keys(&r), expected);
    }
    assert!(message(&r, "read_late").contains("121.0 ms late on average, with 240.0 ms between reads"));
    // Where nothing piled up, nothing is to be explained.
    let mut even = gaps_us([10_000; 99]);
    even.observer_lag_ms = Some(9.0);
    assert_eq!(keys(&even), [""; 0]);
}

#[test]
fn a_reader_too_fast_to_make_the_pattern_is_not_named() {
    // All in one read, and in two reads 0.1 ms apart: 100 events that no server makes in a millisecond.
    for second in [1_000_000_000, 1_000_100_000] {
        let mut buffered = gaps_us([0; 99]);
        for (i, arrival) in buffered.arrivals.iter_mut().enumerate() {
            let at = if i < 50 { 1_000_000_000 } else { second };
            *arrival = Arrival { at: Nanos(at), coalesced: i != 0 && i != 50, ..*arrival };
        }
        buffered.ended = Nanos(second);
        buffered.observer_lag_ms = Some(1.7);
        assert_eq!(keys(&buffered), ["fake_streaming"]);
        // Within 40 ms they may have come one by one.
        buffered.observer_lag_ms = Some(40.0);
        assert!(keys(&buffered).contains(&"read_late"));
    }
}

#[test]
fn a_reader_woken_late_is_not_blamed_for_an_answer_that_was_made_before() {
    // 100 events in one read: a reader joins them only if it is late for as long as a model needs to decode them.
    for (late_ms, expected) in [(19.9, vec!["fake_streaming"]), (20.0, vec!["read_late", "fake_streaming"])] {
        let mut at_once = gaps_us([0; 99]);
        at_once.arrivals.iter_mut().skip(1).for_each(|a| a.coalesced = true);
        at_once.observer_lag_ms = Some(late_ms);
        assert_eq!(keys(&at_once), expected);
        // However late it is, it makes no Content-Length.
        at_once.content_length = Some(6121);
        assert_eq!(keys(&at_once), ["fake_streaming"]);
    }
}

#[test]
fn a_stall_before_the_request_or_in_one_that_failed_is_told() {
    let ms = Nanos::from_millis;
    // In the open loop the clock ran already.
    let mut r = gaps_us([10_000; 20]);
    let due = Nanos(r.started.0);
    r.started = due.plus(std::time::Duration::from_millis(150));
    (r.intended, r.observer_stalls) = (Some(due), vec![(due, r.started)]);
    assert!(message(&r, "observer_stalled").contains("for up to 0.15 s, starting before the request"));
    // In a closed loop it had not begun.
    r.intended = None;
    assert_eq!(keys(&r), [""; 0]);
    // Nothing came of it, and so all of it was waiting.
    let mut failed = AttemptRecord { started: ms(1000), ended: ms(3000), ..at_us([]) };
    failed.arrivals.clear();
    (failed.status, failed.observer_stalls) = (AttemptStatus::Timeout, vec![(ms(1500), ms(2400))]);
    assert!(message(&failed, "observer_stalled").contains("for up to 0.90 s, 0.50 s after"), "{:?}", keys(&failed));
}

#[test]
fn a_request_that_tokscope_itself_sent_late_is_told_by_the_figures_it_is_in() {
    let with = |own_delay_ms, intended: Option<u64>| {
        // A TTFT of 200 ms, an answer of 1.19 s, from the start at 0.
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
    // Next to nothing is next to nothing, however short the TTFT.
    let mut short = with(4.9, Some(0));
    short.arrivals.iter_mut().for_each(|a| a.at = Nanos(a.at.0 - 199_000_000));
    assert_eq!(keys(&short), [""; 0]);
}

/// Bursts of so many events, 20 µs apart, so many milliseconds from one to the next.
fn in_bursts(size: usize, apart_ms: u64, count: usize) -> AttemptRecord {
    gaps_us((1..size * count).map(|i| if i % size == 0 { apart_ms * 1000 } else { 20 }))
}

#[test]
fn a_buffer_on_the_way_is_told_from_several_tokens_a_step() {
    assert_eq!(
        only(&in_bursts(20, 240, 10)),
        (
            "bursts",
            "events come in bursts of 20.0 on average, 240 ms apart: something on the way buffers them".to_owned()
        )
    );
    let few = message(&in_bursts(4, 40, 20), "bursts");
    assert!(few.contains("bursts of 4.0") && few.contains("several tokens at a time"), "{few}");
}

#[test]
fn what_is_too_fast_too_short_or_too_mixed_is_no_burst() {
    // 5 ms between them may be the scheduler.
    assert_eq!(keys(&in_bursts(4, 5, 20)), [""; 0]);
    // Four bursts, and 24 events.
    assert_eq!(keys(&in_bursts(10, 240, 4)), ["unresolved"]);
    assert_eq!(keys(&in_bursts(4, 240, 6)), ["unresolved"]);
    // Two of five together.
    assert_eq!(keys(&gaps_us((0..100).map(|i| if i % 5 > 2 { 20 } else { 40_000 }))), [""; 0]);
}

#[test]
fn between_bursts_a_pause_is_one_only_if_it_is_longer_than_they_are_apart() {
    assert_eq!(keys(&in_bursts(40, 800, 8)), ["bursts"]);
    let mut paused = in_bursts(40, 800, 8);
    for a in &mut paused.arrivals[160..] {
        a.at = a.at.plus(std::time::Duration::from_secs(9));
    }
    assert_eq!(keys(&paused), ["bursts", "pauses"]);
}

#[test]
fn an_answer_made_first_and_streamed_after_is_found() {
    let at_once = at_us((0..200).map(|i| 4_000_000 + i * 10));
    let (key, message) = only(&at_once);
    assert_eq!(key, "fake_streaming");
    assert!(message.starts_with("the answer was not streamed: all 200 events arrived within 2.0 ms"), "{message}");
    // A first token early, to look alive.
    let early = at_us(std::iter::once(300_000).chain((0..199).map(|i| 4_000_000 + i * 10)));
    let (key, message) = only(&early);
    assert_eq!(key, "fake_streaming");
    assert!(message.contains("after a wait of 3.70 s"), "{message}");
}

#[test]
fn a_fast_model_after_a_long_wait_is_not_fake() {
    // 2500 tok/s after ten seconds in a queue: 2 % of the time.
    assert_eq!(keys(&at_us((0..500).map(|i| 10_000_000 + i * 400))), [""; 0]);
    // 40 events in 0.4 ms are no model's, however short the wait and the answer.
    assert_eq!(keys(&at_us((0..40).map(|i| 20_000 + i * 10))), ["fake_streaming"]);
    assert_eq!(keys(&at_us((0..12).map(|i| 4_000_000 + i * 10))), ["fake_streaming"]);
}

#[test]
fn what_came_at_once_because_the_observer_stood_still_is_not_fake() {
    let with_stall = |from_ms, until_ms| {
        let mut r = at_us((0..200).map(|i| 4_000_000 + i * 10));
        let since = |ms| r.started.plus(std::time::Duration::from_millis(ms));
        r.observer_stalls = vec![(since(from_ms), since(until_ms))];
        keys(&r)
    };
    // Of the wait of 4 s, 499 and 500 ms are not the observer's.
    assert!(!with_stall(499, 4000).contains(&"fake_streaming"));
    assert!(with_stall(500, 4000).contains(&"fake_streaming"));
    // What it does after the burst explains nothing.
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
    // Reasoning that is not streamed is no text that should have been.
    (r.usage.reasoning_tokens, r.finish_at) = (Some(298), Some(Nanos::from_millis(4000)));
    assert_eq!(keys(&r), ["hidden_reasoning"]);
    // One token and the one that ends the answer.
    (r.usage.completion_tokens, r.usage.reasoning_tokens) = (Some(2), None);
    assert_eq!(keys(&r), [""; 0]);
    // Without usage nobody knows how many tokens it was.
    r.usage.completion_tokens = None;
    assert_eq!(keys(&r), ["fake_streaming", "usage_missing"]);
    assert!(message(&r, "usage_missing").contains("one event does not show how many tokens"));
}

/// Reads of so many events at these milliseconds.
fn reads(reads: &[(u64, usize)]) -> AttemptRecord {
    at_us(reads.iter().flat_map(|&(ms, events)| std::iter::repeat_n(ms * 1000, events)))
}

#[test]
fn a_whole_answer_in_one_read_is_found_at_any_length() {
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
fn a_figure_that_is_missing_has_a_finding_that_says_why() {
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
fn what_a_buffer_held_is_no_pause() {
    let held = reads(&[(100, 10), (2100, 10), (4100, 10)]);
    assert!(!keys(&held).contains(&"pauses"), "{:?}", keys(&held));
    // Twelve single events and a silence: a pause, whatever came with its end.
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
    // Bursts say it already.
    let mut r = in_bursts(20, 240, 10);
    share(&mut r, 9);
    assert_eq!(keys(&r), ["bursts"]);
}

#[test]
fn several_tokens_an_event_are_no_buffer() {
    let mut r = healthy();
    r.usage.completion_tokens = Some(320);
    assert_eq!(
        only(&r),
        ("tokens_per_event", "events carry 3.2 tokens on average: gaps are between events, not tokens".to_owned())
    );
    // Characters of several tokens, control tokens: 40 more of 100, or 9 of 3.
    r.usage.completion_tokens = Some(140);
    assert_eq!(keys(&r), [""; 0]);
    let mut short = gaps_us([10_000; 2]);
    short.usage.completion_tokens = Some(12);
    assert_eq!(keys(&short), ["unresolved"], "how many of them came with the first event is a guess");
    // Six events of fifty.
    let mut wide = gaps_us([400_000; 5]);
    wide.usage.completion_tokens = Some(300);
    assert_eq!(keys(&wide), ["unresolved", "tokens_per_event"]);
    // 200 of them were hidden: 100 events carry 100.
    r.usage.completion_tokens = Some(300);
    r.usage.reasoning_tokens = Some(200);
    assert_eq!(keys(&r), ["hidden_reasoning"]);
}

#[test]
fn a_way_that_loses_speed_is_found_by_the_server_s_clock() {
    let mut r = healthy();
    // 990 ms from the first token to the last.
    let told = |ms| Some(ServerTimings { decode_ms: Some(ms), ..ServerTimings::from_source(TimingSource::LlamaCpp) });
    r.server_timings = told(900.0);
    assert_eq!(keys(&r), [""; 0]);
    r.server_timings = told(495.0);
    assert_eq!(
        only(&r),
        (
            "slower_than_server",
            "llama.cpp decoded at 200.0 tok/s by its own clock, 100.0 arrived here: 50 % were lost on the way"
                .to_owned()
        )
    );
    // Faster here than there is another meaning, no loss.
    r.server_timings = told(2000.0);
    assert_eq!(keys(&r), [""; 0]);
}

// ─── How it ended, what was counted ───

#[test]
fn how_it_ended() {
    let mut r = healthy();
    r.finish_reason = None;
    assert_eq!(keys(&r), ["no_finish_reason"]);
    // The status says it.
    r.status = AttemptStatus::Truncated;
    assert_eq!(keys(&r), [""; 0]);
    let mut r = healthy();
    r.finish_reason = Some("content_filter".into());
    assert_eq!(keys(&r), ["filtered"]);
}

#[test]
fn length_is_normal_at_the_limit_and_strange_before_it() {
    let mut r = healthy();
    r.finish_reason = Some("length".into());
    let keys = |r: &AttemptRecord, asked| diagnose(r, asked).iter().map(key_in_table).collect::<Vec<_>>();
    assert_eq!((keys(&r, 100), keys(&r, 104)), (vec![], vec![]));
    assert_eq!(keys(&r, 200), ["cut_short"]);
    // A usage that leaves tokens out says nothing about the limit.
    r.usage.completion_tokens = Some(50);
    assert_eq!(keys(&r, 200), ["usage_contradicts_stream"]);
}

#[test]
fn usage_that_is_missing_or_cannot_be() {
    let mut r = healthy();
    r.usage.completion_tokens = None;
    assert_eq!(keys(&r), ["usage_missing"]);
    r.status = AttemptStatus::Timeout;
    assert_eq!(keys(&r), [""; 0]);
    let mut r = healthy();
    r.usage.completion_tokens = Some(96);
    assert_eq!(keys(&r), [""; 0]);
    r.usage.completion_tokens = Some(80);
    assert!(only(&r).1.starts_with("the server counts 80 tokens but sent 100 events"));
    r.usage.completion_tokens = Some(100);
    assert_eq!(diagnose(&r, 99)[0].message, "100 tokens came although 99 were asked for");
}

#[test]
fn a_warm_prefix_is_told() {
    let mut r = healthy();
    r.usage.cached_tokens = Some(0);
    assert_eq!(keys(&r), [""; 0]);
    r.usage.cached_tokens = Some(64);
    assert_eq!(keys(&r), [WARM_PREFIX]);
}

#[test]
fn text_held_back_behind_its_count_is_told() {
    let mut r = healthy();
    // Text at 200 ms: 50 ms may be a character that was not whole yet.
    r.first_counted_at = Some(Nanos::from_millis(150));
    assert_eq!(keys(&r), [""; 0]);
    r.first_counted_at = Some(Nanos::from_millis(149));
    assert_eq!(keys(&r), ["text_held_back"]);
}

#[test]
fn finish_reasons_are_found_by_their_meaning() {
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
fn choices_that_end_differently_are_named_and_bounded() {
    let mut r = gaps_us([20_000; 99]);
    let reason = |word: &str| Some(word.to_owned());
    r.choice_finish_reasons = vec![reason("stop"), reason("stop")];
    assert_eq!(keys(&r), [""; 0]);
    r.choice_finish_reasons = vec![reason("stop"), None, reason("content_filter")];
    assert_eq!(keys(&r), ["filtered", "choices_end_differently"]);
    let said = "choice 1: \"stop\", choice 2: none, choice 3: \"content_filter\"";
    assert!(message(&r, "choices_end_differently").ends_with(said));
    r.choice_finish_reasons = (0..128).map(|n| Some(n.to_string())).collect();
    assert!(message(&r, "choices_end_differently").ends_with("choice 8: \"7\", …"));
}
