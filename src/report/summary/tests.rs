use super::super::fixture::{SAMPLE, answer, refusal, run, sample_session, suite, sweep_session};
use super::*;
use crate::domain::attempt::{AttemptId, AttemptStatus};
use crate::domain::diagnosis::Finding;
use crate::domain::metrics::ITL;
use crate::domain::open_loop::{OpenLoop, Process};
use crate::domain::session::{Plan, SessionInput};
use crate::domain::time::Nanos;

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9
}

#[test]
fn the_summary_matches_that_of_the_sample_report() {
    let s = Summary::from_session(&sample_session());
    let speed = s.spread(&SPEED).unwrap();
    assert_eq!(speed.n, 10);
    let printed = [speed.stats.avg, speed.stats.max, speed.stats.min, speed.stats.p50].map(|v| format!("{v:.1}"));
    assert_eq!(printed, ["112.9", "116.9", "105.9", "114.5"]);
    assert_eq!((s.ok, s.failed, s.attempts, s.partial, s.estimated), (10, 0, 10, false, false));
    assert_eq!((s.total_output_tokens, format!("{:.2}", s.total_time_s)), (6600, "58.67".to_owned()));
    assert_eq!(s.rating, Some("Excellent"));
    // Requests follow each other with a pause of one millisecond, which does not count.
    assert!(close(s.busy_time_s, s.total_time_s));
    assert_eq!(s.output_token_throughput.map(|v| format!("{v:.1}")), Some("112.5".to_owned()));
    assert_eq!(s.request_throughput.map(|v| format!("{v:.3}")), Some("0.170".to_owned()));
}

#[test]
fn the_median_of_an_even_number_lies_between_the_two_middle_ones() {
    let mut speeds: Vec<f64> = SAMPLE.iter().map(|&(_, ms, _, tokens)| tokens as f64 * 1000.0 / ms as f64).collect();
    speeds.sort_by(f64::total_cmp);
    let s = Summary::from_session(&sample_session());
    assert!(close(s.stats(&SPEED).unwrap().p50, f64::midpoint(speeds[4], speeds[5])));
}

#[test]
fn an_unmeasured_run_has_no_figures() {
    let session = run(suite(&["a"]), Plan::default(), |id, now| Some(refusal(id, now, "no")));
    let s = Summary::from_session(&session);
    assert_eq!((s.ok, s.failed, s.failed_attempts, s.partial), (0, 1, 1, true));
    assert_eq!((s.rating, s.output_token_throughput, s.request_throughput), (None, None, None));
    assert_eq!(s.stats(&TTFT), None);
}

#[test]
fn every_repeat_counts_and_warm_ups_do_not() {
    let plan = Plan { repeat: 2, warmup: 1, ..Plan::default() };
    let session = run(suite(&["a", "b"]), plan, |id, now| {
        // The warm-up is attempt 1 of case 0, and takes ten times as long.
        let millis = if id == (AttemptId { case: 0, number: 1 }) { 10_000 } else { 1000 };
        Some(answer(id, now, millis, 10, 100))
    });
    let s = Summary::from_session(&session);
    assert_eq!((s.ok, s.attempts, s.total_output_tokens, s.partial), (2, 4, 400, false));
    assert!(close(s.total_time_s, 4.0) && close(s.stats(&SPEED).unwrap().min, 100.0));
}

#[test]
fn a_missing_repeat_makes_the_run_partial_even_if_every_case_is_measured() {
    let plan = Plan { repeat: 2, ..Plan::default() };
    let session = run(suite(&["a", "b"]), plan, |id, now| {
        let second_of_a = id == (AttemptId { case: 0, number: 2 });
        Some(if second_of_a { refusal(id, now, "busy") } else { answer(id, now, 1000, 10, 100) })
    });
    let s = Summary::from_session(&session);
    assert_eq!((s.ok, s.failed, s.attempts, s.failed_attempts, s.partial), (2, 0, 3, 1, true));
}

#[test]
fn a_run_in_progress_is_partial_but_a_rerun_leaves_it_complete() {
    let names = ["a", "b"];
    let going = run(suite(&names), Plan::default(), |id, now| (id.case == 0).then(|| answer(id, now, 500, 5, 50)));
    let s = Summary::from_session(&going);
    assert_eq!((s.ok, s.partial), (1, true));
    let mut session = sample_session();
    assert!(!Summary::from_session(&session).partial);
    session.handle(SessionInput::Rerun(3));
    let s = Summary::from_session(&session);
    assert_eq!((s.ok, s.partial), (10, false));
}

#[test]
fn the_throughput_of_an_open_loop_covers_every_round_but_no_hold() {
    let open_loop = Some(OpenLoop { rate_per_s: 10.0, process: Process::Constant, seed: 1 });
    let mut session =
        run(suite(&["a"]), Plan { open_loop, ..Plan::default() }, |id, now| Some(answer(id, now, 1000, 1, 100)));
    // The user adds a request an hour later.
    let later = Nanos::from_millis(3_600_000);
    session.handle_at(later, SessionInput::Rerun(0));
    let id = AttemptId { case: 0, number: 2 };
    session.handle(SessionInput::Ended(id, std::sync::Arc::new(answer(id, later, 1000, 1, 100))));
    let s = Summary::from_session(&session);
    assert!(close(s.busy_time_s, 2.0), "{}", s.busy_time_s);
    assert_eq!((s.request_throughput, s.output_token_throughput), (Some(1.0), Some(100.0)));
}

#[test]
fn percentiles_need_enough_figures() {
    let stats = Stats::from_values([1.0, 2.0]).unwrap();
    let shown = |n| [50, 90, 95, 99].map(|p| Spread::without_intervals(n, stats).percentile(p).is_some());
    assert_eq!(shown(9), [true, false, false, false]);
    assert_eq!(shown(10), [true, true, false, false]);
    assert_eq!(shown(20), [true, true, true, false]);
    assert_eq!(shown(99), [true, true, true, false]);
    assert_eq!(shown(100), [true, true, true, true]);
}

#[test]
fn cancelled_and_replaced_attempts_are_no_failures() {
    let mut session = run(suite(&["a", "b"]), Plan::default(), |id, now| {
        let mut r = refusal(id, now, "no");
        if id.case == 1 {
            r.status = AttemptStatus::Cancelled;
        }
        Some(r)
    });
    let s = Summary::from_session(&session);
    assert_eq!((s.failed, s.failed_attempts), (1, 1));
    session.handle(SessionInput::Rerun(0));
    let id = AttemptId { case: 0, number: 2 };
    let good = answer(id, Nanos::from_millis(9000), 1000, 1, 100);
    session.handle(SessionInput::Ended(id, std::sync::Arc::new(good)));
    let s = Summary::from_session(&session);
    assert_eq!((s.ok, s.failed, s.failed_attempts), (1, 0, 0));
}

#[test]
fn absurd_token_counts_do_not_overflow() {
    let session = run(suite(&["a", "b"]), Plan::default(), |id, now| {
        let mut r = answer(id, now, 1000, 1, 10);
        r.usage.completion_tokens = Some(u64::MAX);
        Some(r)
    });
    assert_eq!(Summary::from_session(&session).total_output_tokens, u64::MAX);
}

#[test]
fn intervals_cover_the_attempts_that_have_the_figure() {
    let plan = Plan { repeat: 3, ..Plan::default() };
    // The TTFTs are 10, 12 and 14 ms.
    let session = run(suite(&["a"]), plan, |id, now| Some(answer(id, now, 80 + 20 * u64::from(id.number), 1, 10)));
    let s = Summary::from_session(&session);
    let ttft = s.spread(&TTFT).unwrap();
    let interval = ttft.mean_ci95().unwrap();
    let half = 4.3027 * 2.0 / 3.0_f64.sqrt();
    assert!(close(interval.low, 12.0 - half) && close(interval.high, 12.0 + half), "{interval:?}");
    assert_eq!(ttft.median_ci95, None);
    // Without repeats there is no interval, because differences between cases are not random.
    let ten = Summary::from_session(&sample_session()).spread(&LATENCY).unwrap();
    assert_eq!((ten.mean_ci95(), ten.median_ci95), (None, None));
}

#[test]
fn cases_that_differ_do_not_widen_the_interval() {
    let plan = Plan { repeat: 3, ..Plan::default() };
    let session = run(suite(&["a", "b"]), plan, |id, now| {
        let millis = 80 + 20 * u64::from(id.number) + 5000 * id.case as u64;
        Some(answer(id, now, millis, 1, 10))
    });
    let ttft = Summary::from_session(&session).spread(&TTFT).unwrap();
    assert!(ttft.mean_half_width.is_some_and(|half| close(half, 2.7764 * 2.0 / 6.0_f64.sqrt())), "{ttft:?}");
    let median = ttft.median_ci95.unwrap();
    assert!(close(median.low, 10.0) && close(median.high, 514.0), "{median:?}");
}

#[test]
fn findings_and_shared_reads_are_counted_over_the_attempts() {
    let finding = |key| Finding::new(key, "m");
    let session = run(suite(&["a", "b", "c"]), Plan::default(), |id, now| {
        let mut r = if id.case == 2 { refusal(id, now, "no") } else { answer(id, now, 1000, 10, 100) };
        r.findings.push(finding("pauses"));
        if id.case == 0 {
            r.findings.push(finding("fake_streaming"));
            r.arrivals.iter_mut().take(50).for_each(|a| a.coalesced = true);
        }
        Some(r)
    });
    let s = Summary::from_session(&session);
    assert_eq!(s.findings.iter().map(|(d, n)| (d.key, *n)).collect::<Vec<_>>(), [("fake_streaming", 1), ("pauses", 3)]);
    assert_eq!((s.attempts, s.measured, s.coalesced_share()), (2, 3, Some(0.25)));
    assert_eq!(Summary::default().coalesced_share(), None);
}

#[test]
fn the_peak_counts_overlapping_attempts() {
    let stages = |concurrencies: &[usize]| {
        Summary::from_session(&crate::report::fixture::sweep_session(concurrencies)).peak_in_flight
    };
    // At most four of the four cases are in flight, even if a higher concurrency is allowed.
    assert_eq!((stages(&[1]), stages(&[1, 3]), stages(&[9])), (1, 3, 4));
    assert_eq!(Summary::from_session(&sample_session()).peak_in_flight, 1);
}

/// Returns the answer with all its text in one read.
fn buffered(mut record: crate::domain::attempt::AttemptRecord) -> crate::domain::attempt::AttemptRecord {
    let last = record.last_arrival().unwrap();
    record.arrivals.iter_mut().for_each(|a| a.at = last);
    record
}

#[test]
fn buffered_answers_are_excluded_from_means_and_rating() {
    let plan = Plan { repeat: 5, ..Plan::default() };
    // Two of ten answers arrive in one read, with twenty tokens in 2 ms. No model is that fast.
    let session = run(suite(&["a", "b"]), plan, |id, now| {
        Some(if id.number == 3 { buffered(answer(id, now, 2, 10, 20)) } else { answer(id, now, 1000, 10, 100) })
    });
    let s = Summary::from_session(&session);
    for metric in [&TTFT, &ITL, &DECODE, &SPEED] {
        let n = s.spread(metric).map(|spread| spread.n);
        assert_eq!((n, s.unresolved(metric)), (Some(8), 2), "{}", metric.key);
        assert_eq!(s.n_of_all(metric, 8), "8/10, 2 unresolved");
    }
    assert_eq!((s.rating, s.unrated), (Some("Excellent"), 2));
    assert!(close(s.rated_speed.unwrap(), 100.0));
    assert_eq!(s.rating_note().as_deref(), Some("2 of 10 answers are not rated: their decode speed is unresolved"));
    // Twenty tokens in 2 ms must be neither a speed nor "Excellent".
    let session = run(suite(&["a"]), Plan::default(), |id, now| Some(buffered(answer(id, now, 2, 10, 20))));
    let s = Summary::from_session(&session);
    assert_eq!((s.rating, s.unrated, s.unresolved(&TTFT)), (None, 1, 1));
    // An answer of one event without usage must not be "Poor".
    let session = run(suite(&["a"]), Plan::default(), |id, now| {
        let mut record = answer(id, now, 2000, 10, 1);
        record.usage.completion_tokens = None;
        Some(record)
    });
    let s = Summary::from_session(&session);
    assert_eq!((s.rating, s.unresolved(&SPEED), s.total_output_tokens), (None, 1, 0));
}

#[test]
fn totals_of_a_sweep_cover_all_stages_and_rates_the_best_one() {
    // Each of three stages runs four cases of 100 tokens. The server completes at most two requests per second.
    let session = sweep_session(&[1, 2, 4]);
    let summary = Summary::from_session(&session);
    let totals = &summary.totals;
    assert_eq!((totals.attempts, totals.output_tokens, totals.measured_requests), (12, 1200, 12));
    assert_eq!((totals.ok, totals.failed, totals.failed_attempts), (4, 0, 0));
    // The stages take four times 1 s, twice 1 s, and once 2 s.
    assert!((totals.busy_time_s - 8.0).abs() < 0.1, "{}", totals.busy_time_s);
    // Throughput at concurrency 4 is the same as at 2.
    assert_eq!((summary.stage, summary.attempts), (Some(2), 4));
    let throughput = summary.output_token_throughput.unwrap();
    assert!((throughput - 200.0).abs() < 5.0, "{throughput}");
}

#[test]
fn without_a_sweep_totals_are_those_of_the_run() {
    let summary = Summary::from_session(&sample_session());
    assert_eq!(summary.totals.output_tokens, summary.total_output_tokens);
    assert_eq!((summary.stage, summary.totals.attempts), (None, 10));
}
