use super::*;
use crate::domain::attempt::{Arrival, AttemptId, TextKind};
use crate::domain::metrics::QUEUE;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::Plan;
use crate::domain::suite::Suite;

fn read(text: &str) -> Slo {
    text.parse().unwrap_or_else(|e| panic!("{e}"))
}

/// An answer that starts at `at_ms`, has its first token `ttft_ms` later, and two more 10 ms apart.
fn answer(at_ms: u64, ttft_ms: u64) -> AttemptRecord {
    let mut r =
        AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), Nanos::from_millis(at_ms));
    let arrival =
        |i| Arrival { at: Nanos::from_millis(at_ms + ttft_ms + i * 10), kind: TextKind::Answer, coalesced: false };
    r.arrivals = (0..3_u64).map(arrival).collect();
    r.usage.completion_tokens = Some(3);
    r.nonce = Some("3f9a1c07".into());
    r.status = AttemptStatus::Ok;
    r.ended = Nanos::from_millis(at_ms + ttft_ms + 25);
    r
}

fn failure(at_ms: u64) -> AttemptRecord {
    let mut r = answer(at_ms, 100);
    r.status = AttemptStatus::Timeout;
    r
}

fn tally(records: &[AttemptRecord], slos: &[Slo]) -> Tally {
    let suite = Suite::default();
    let mut tally = Tally::new(&Session::new(suite.into(), Plan::default()));
    for record in records {
        tally.add(record, slos);
    }
    tally
}

#[test]
fn percentiles_are_compared_once_there_are_enough_values() {
    // TTFT 100, 110, … 290 ms: p95 at rank 18.05 is 280.5 ms.
    let twenty: Vec<_> = (0..20).map(|i| answer(i * 1000, 100 + i * 10)).collect();
    let slo = read("ttft_p95<285ms");
    let enough = slo.judge(&tally(&twenty, &[]));
    assert!(enough.met && enough.stand_in.is_none() && (enough.value.unwrap() - 280.5).abs() < 1e-9, "{enough:?}");
    assert_eq!(slo.describe(&enough), "TTFT p95 280 ms < 285 ms");
    // With nineteen values the maximum is compared, which is above.
    let few = slo.judge(&tally(&twenty[1..], &[]));
    assert_eq!((few.met, few.value, few.n, few.stand_in), (false, Some(290.0), 19, Some(Stat::Max)));
    assert_eq!(slo.describe(&few), "TTFT max 290 ms ≥ 285 ms (p95 needs 20 requests)");
    // 3 tokens in 120 to 310 ms: where more is better, the slowest is compared.
    let floor = read("speed_p90>10").judge(&tally(&twenty[15..], &[]));
    assert_eq!((floor.met, floor.stand_in), (false, Some(Stat::Min)));
}

#[test]
fn a_threshold_without_a_value_is_not_met() {
    for text in ["ttft_p50<9s", "error_rate<50%", "goodput>0%"] {
        let verdict = read(text).judge(&tally(&[], &[]));
        assert_eq!((verdict.value, verdict.met), (None, false), "{text}");
        // Without a value, no sign claims the opposite.
        let text = read(text).describe(&verdict);
        assert!(text.contains("– ") && !text.contains(['≥', '≤']), "{text}");
    }
    let only_failed = tally(&[failure(0)], &[]);
    assert!(!read("ttft_max<9s").judge(&only_failed).met);
    assert!(!read("error_rate<=99%").judge(&only_failed).met && read("error_rate<=100%").judge(&only_failed).met);
}

#[test]
fn goodput_counts_requests_that_meet_every_threshold() {
    let slos = [read("ttft_p95<200ms"), read("latency_p50<=220ms"), read("error_rate<50%")];
    // Meets all; TTFT too long; at the bound of the second threshold but above the first; failed.
    let records = [answer(0, 100), answer(1000, 250), answer(2000, 200), failure(3000)];
    let tally = tally(&records, &slos);
    assert_eq!((tally.ended, tally.ok, tally.good), (4, 3, Some(1)));
    assert_eq!(tally.run_figure(RunFigure::GoodShare), Some(25.0));
    assert_eq!(tally.run_figure(RunFigure::ErrorRate), Some(25.0));
    // In flight for 120, 270, 220 and (the failed one) 125 ms.
    assert!((tally.seconds() - 0.735).abs() < 1e-9, "{}", tally.seconds());
    assert!((tally.run_figure(RunFigure::Goodput).unwrap() - 1.0 / 0.735).abs() < 1e-9);
    assert!((tally.run_figure(RunFigure::Throughput).unwrap() - 9.0 / 0.735).abs() < 1e-9);
    assert!(!tally.meets(&slos) && tally.meets(&slos[2..]));
    assert_eq!(tally.failures().as_deref(), Some("1 timeout"));
    assert_eq!(tally.errors.into_iter().collect::<Vec<_>>(), [("timeout".to_owned(), 1)]);
}

#[test]
fn goodput_needs_a_threshold_for_single_requests() {
    assert_eq!(tally(&[answer(0, 100)], &[read("error_rate<1%")]).good, None);
}

#[test]
fn warm_ups_and_cancelled_attempts_do_not_count() {
    let (mut warm, mut cancelled) = (answer(0, 10), answer(0, 10));
    warm.warmup = true;
    cancelled.status = AttemptStatus::Cancelled;
    assert_eq!(tally(&[warm, cancelled], &[]).ended, 0);
}

/// Two answers in an open loop, the second due at 1,000 ms and half a second late.
fn open_loop(pauses_ms: &[(u64, u64)]) -> Tally {
    let suite = Suite::default();
    let open = OpenLoop { rate_per_s: 1.0, process: Process::Constant, seed: 0 };
    let mut tally = Tally::new(&Session::new(suite.into(), Plan { open_loop: Some(open), ..Plan::default() }));
    let mut late = answer(1500, 100);
    late.intended = Some(Nanos::from_millis(1000));
    for record in [answer(0, 100), late] {
        tally.add(&record, &[]);
    }
    let pauses: Vec<_> =
        pauses_ms.iter().map(|&(from, to)| (Nanos::from_millis(from), Nanos::from_millis(to))).collect();
    tally.set_schedule_pauses(&pauses);
    tally
}

#[test]
fn an_open_loop_counts_its_idle_time() {
    let tally = open_loop(&[]);
    // From 0 to the last token at 1,620 ms.
    assert!((tally.seconds() - 1.62).abs() < 1e-9);
    assert_eq!(tally.percentile(&QUEUE, 50), Some(500.0));
}

#[test]
fn a_hold_is_not_idle_time_but_requests_in_flight_meanwhile_count() {
    // The first was in flight until 120 ms, the second from 1,000 ms.
    for (pauses, seconds) in [
        (&[(50, 900)][..], 1.62 - 0.78),
        (&[(200, 300), (950, 1100)], 1.62 - 0.1 - 0.05),
        (&[(1700, 9000)], 1.62),
        (&[(0, 2000)], 1.62 - 0.88),
    ] {
        let tally = open_loop(pauses);
        assert!((tally.seconds() - seconds).abs() < 1e-9, "{pauses:?}: {}", tally.seconds());
    }
    let rate = open_loop(&[(50, 900)]).run_figure(RunFigure::RequestRate).unwrap();
    assert!((rate - 2.0 / 0.84).abs() < 1e-9, "{rate}");
}

proptest::proptest! {
    #[test]
    fn overlapping_spans_count_once(spans in proptest::collection::vec((0_u64..50, 0_u64..10), 0..30)) {
        let records: Vec<_> = spans.iter().map(|&(at, ttft)| answer(at * 10, ttft * 10)).collect();
        let tally = tally(&records, &[]);
        // Counted in slots of 10 ms; an answer takes its TTFT plus 20 ms.
        let covered = (0..100).filter(|slot| spans.iter().any(|&(at, ttft)| (at..at + ttft + 2).contains(slot))).count();
        proptest::prop_assert!((tally.seconds() - covered as f64 / 100.0).abs() < 1e-9);
    }
}

#[test]
fn answers_with_unresolved_figures_are_excluded_from_verdicts() {
    // Ten tokens in one read: TTFT and decode speed are unknown.
    let buffered = |mut record: AttemptRecord| {
        let last = record.last_arrival().unwrap();
        record.arrivals.iter_mut().for_each(|a| a.at = last);
        record
    };
    let slos = [read("ttft_p95<500ms"), read("itl_p50<50ms")];
    let all = [answer(0, 100), answer(10, 100), buffered(answer(20, 100))];
    let counted = tally(&all, &slos);
    assert_eq!((counted.ok, counted.good, counted.unjudged, counted.judged()), (3, Some(2), 1, 2));
    assert_eq!(counted.run_figure(RunFigure::GoodShare), Some(100.0));
    let ttft = slos[0].judge(&counted);
    assert_eq!((ttft.n, ttft.unresolved, ttft.met), (2, 1, true));
    assert!(slos[0].describe(&ttft).ends_with("(p95 needs 20 requests, 1 unresolved)"), "{}", slos[0].describe(&ttft));
    // Without any value the threshold is not met.
    let none = tally(&[buffered(answer(0, 100))], &slos);
    assert_eq!((none.good, none.judged(), none.run_figure(RunFigure::GoodShare)), (Some(0), 0, None));
    assert!(!none.meets(&slos));
    // An answer that misses another threshold counts as missed, resolved or not.
    let missed = [read("ttft_p95<500ms"), read("latency_p95<1ms")];
    assert_eq!(tally(&[buffered(answer(0, 100))], &missed).unjudged, 0);
}

fn checked(at_ms: u64, passes: bool) -> AttemptRecord {
    let mut record = answer(at_ms, 100);
    let kind = crate::domain::check::CheckKind::Contains;
    record.checks =
        vec![crate::domain::check::CheckResult { kind, passed: passes, message: (!passes).then(|| "no".to_owned()) }];
    record
}

#[test]
fn the_pass_rate_counts_complete_answers_with_checks() {
    let mut failed = checked(4000, false);
    failed.status = AttemptStatus::Timeout;
    let mut warmup = checked(5000, false);
    warmup.warmup = true;
    let records = [checked(0, true), checked(1000, false), checked(2000, true), answer(3000, 100), failed, warmup];
    let tally = tally(&records, &[]);
    assert_eq!((tally.pass_rate.passed, tally.pass_rate.checked), (2, 3));
    let verdict = read("pass_rate>95%").judge(&tally);
    assert_eq!((verdict.met, verdict.n), (false, 3));
    assert!((verdict.value.unwrap() - 200.0 / 3.0).abs() < 1e-9);
    assert_eq!(read("pass_rate>95%").describe(&verdict), "pass rate 66.7% ≤ 95%");
    assert!(!read("pass_rate>=0%").judge(&super::tests::tally(&[answer(0, 100)], &[])).met, "nothing was checked");
}

#[test]
fn goodput_leaves_out_answers_that_fail_a_check() {
    let slos = [read("ttft_p95<500ms")];
    let counted = tally(&[checked(0, true), checked(1000, false), answer(2000, 100)], &slos);
    assert_eq!((counted.good, counted.ended, counted.ok), (Some(2), 3, 3));
    // Its speed still counts.
    assert_eq!(counted.count(&crate::domain::metrics::TTFT), 3);
}
