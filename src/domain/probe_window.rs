//! The steady parts of a probe: the time in which its full load was on the server, without ramps, drains and holds.

use std::sync::Arc;

use super::attempt::AttemptRecord;
use super::spans::Span;
use super::time::Nanos;

/// Minimum share of the concurrency in flight in the steady part of a closed loop, as in vllm-bench.
const FULL_SHARE: f64 = 0.95;

/// The steady parts of a probe and their requests. Excluded are ramp and drain of the probe, and ramp and drain around
/// each hold.
#[derive(Clone, Debug)]
pub struct ProbeWindow {
    /// Measured requests that were sent in the steady parts, complete or failed. Requests sent after the oldest request
    /// in flight are not included yet; otherwise slow requests would be missing among them.
    pub records: Vec<Arc<AttemptRecord>>,
    /// Length of the steady parts, seconds.
    pub seconds: f64,
    /// Output tokens or items per second, as in [`super::steady_window::SteadyWindow::throughput_per_s`].
    pub throughput_per_s: f64,
}

/// Returns the steady parts of a probe up to `now`; `None` if there are none. `records` are the measured requests that
/// ended, and `open` the starts of those in flight. `concurrency` is the load of a closed loop, and `None` if requests
/// do not wait for each other. The load was paused in `pauses`.
pub fn probe_window(
    records: Vec<Arc<AttemptRecord>>,
    open: &[Nanos],
    concurrency: Option<usize>,
    pauses: &[Span],
    now: Nanos,
) -> Option<ProbeWindow> {
    let oldest_open = open.iter().min().copied();
    let starts = pauses.iter().map(|(_, to)| *to);
    let parts = std::iter::once(Nanos::default()).chain(starts.clone()).zip(starts.map(Some).chain([None]));
    let part = |(begin, end): (Nanos, Option<Nanos>)| {
        let is_in_part = |at: Nanos| begin <= at && end.is_none_or(|end| at < end);
        let own: Vec<&Arc<AttemptRecord>> = records.iter().filter(|r| is_in_part(r.clock_start())).collect();
        let open = open.iter().filter(|at| is_in_part(**at)).map(|at| (*at, now));
        let Some(concurrency) = concurrency else {
            let last = own.iter().map(|r| r.clock_start()).chain(open.map(|span| span.0)).max();
            return own.iter().map(|r| r.ended).min().zip(last).filter(|(from, to)| from < to);
        };
        let full = full_span(own.iter().map(|r| (r.started, r.ended)).chain(open).collect(), concurrency)?;
        // The first requests begin together, so they also tend to end together. Once as many requests have ended as
        // there are slots, their starts are spread out.
        let mut ends: Vec<Nanos> = own.iter().map(|r| r.ended).collect();
        ends.sort_unstable();
        let from = full.0.max(*ends.get(concurrency.checked_sub(1)?)?);
        (from < full.1).then_some((from, full.1))
    };
    let spans: Vec<Span> = parts.filter_map(part).collect();
    let seconds: f64 = spans.iter().map(|(from, to)| to.since(*from).as_secs_f64()).sum();
    if seconds <= 0.0 {
        return None;
    }
    let work: f64 = spans.iter().map(|span| records.iter().map(|r| work_in(r, *span)).sum::<f64>()).sum();
    let is_steady = |at: Nanos| spans.iter().any(|(from, to)| *from <= at && at <= *to);
    let is_known = |at: Nanos| oldest_open.is_none_or(|oldest| at < oldest);
    let steady: Vec<_> =
        records.into_iter().filter(|r| is_steady(r.clock_start()) && is_known(r.clock_start())).collect();
    Some(ProbeWindow { records: steady, seconds, throughput_per_s: work / seconds })
}

/// Span from the first to the last moment at which at least [`FULL_SHARE`] of `concurrency` requests are in flight.
pub(super) fn full_span(spans: Vec<Span>, concurrency: usize) -> Option<Span> {
    let needed = (FULL_SHARE * concurrency as f64).ceil() as i64;
    let mut changes: Vec<(Nanos, i64)> = spans.into_iter().flat_map(|(from, to)| [(from, 1), (to, -1)]).collect();
    changes.sort_unstable();
    let (mut in_flight, mut first, mut last) = (0, None, None);
    for (at, change) in changes {
        if in_flight >= needed {
            last = Some(at);
        }
        in_flight += change;
        if in_flight >= needed {
            first.get_or_insert(at);
        }
    }
    first.zip(last)
}

/// Time of the last output of a request.
pub(super) fn last_output(record: &AttemptRecord) -> Nanos {
    record.last_arrival().max(record.finish_at).unwrap_or(record.ended)
}

/// Time from the first to the last token of an answer.
pub(super) fn output_span(record: &AttemptRecord) -> Span {
    let end = last_output(record);
    let to_first_ns = record.time_to_first_token_ms().map_or(0.0, |ms| ms * 1e6);
    (Nanos(record.clock_start().0.saturating_add(to_first_ns as u64)).min(end), end)
}

/// Output tokens of an answer in a span.
pub(super) fn work_in(record: &AttemptRecord, (from, to): Span) -> f64 {
    let Some(amount) = record.work().filter(|_| record.is_ok()) else { return 0.0 };
    let (begin, end) = output_span(record);
    let whole = end.since(begin).as_secs_f64();
    if whole == 0.0 {
        return if from <= end && end <= to { amount as f64 } else { 0.0 };
    }
    amount as f64 * end.min(to).since(begin.max(from)).as_secs_f64() / whole
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::attempt::{AttemptId, AttemptStatus};

    #[test]
    fn the_window_reaches_from_the_first_to_the_last_full_moment() {
        let span = |from: u64, to: u64| (Nanos(from), Nanos(to));
        let spans = vec![span(0, 10), span(1, 5), span(5, 20), span(12, 18), span(19, 30)];
        assert_eq!(full_span(spans.clone(), 2), Some(span(1, 20)));
        assert_eq!(full_span(spans.clone(), 3), None);
        assert_eq!(full_span(spans, 1), Some(span(0, 30)));
    }

    proptest! {
        #[test]
        fn no_moment_outside_of_the_window_is_full(
            spans in prop::collection::vec((0_u64..50, 1_u64..20), 1..20), concurrency in 1_usize..25,
        ) {
            let spans: Vec<Span> = spans.into_iter().map(|(from, length)| (Nanos(from), Nanos(from + length))).collect();
            let needed = (concurrency * 95).div_ceil(100);
            let full: Vec<u64> =
                (0..70).filter(|at| spans.iter().filter(|s| s.0.0 <= *at && *at < s.1.0).count() >= needed).collect();
            let expected = full.first().zip(full.last()).map(|(first, last)| (Nanos(*first), Nanos(*last + 1)));
            prop_assert_eq!(full_span(spans, concurrency), expected);
        }
    }

    fn request(from_ms: u64, to_ms: u64) -> Arc<AttemptRecord> {
        let started = Nanos::from_millis(from_ms);
        let mut record = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), started);
        (record.status, record.ended) = (AttemptStatus::Ok, Nanos::from_millis(to_ms));
        Arc::new(record)
    }

    fn starts(window: Option<ProbeWindow>) -> Vec<u64> {
        window.map_or_else(Vec::new, |w| w.records.iter().map(|r| r.started.0 / 1_000_000).collect())
    }

    #[test]
    fn requests_sent_after_one_in_flight_are_not_known_yet() {
        // Two slots that begin together; their starts are spread out from the second end on.
        let mut records = vec![request(0, 10), request(0, 12), request(10, 30), request(12, 40), request(30, 50)];
        let now = Nanos::from_millis(100);
        let window = |records: &[Arc<AttemptRecord>], open: &[u64]| {
            let open: Vec<Nanos> = open.iter().map(|at| Nanos::from_millis(*at)).collect();
            probe_window(records.to_vec(), &open, Some(2), &[], now)
        };
        let running = window(&records, &[40, 50]);
        assert!((running.as_ref().unwrap().seconds - 0.088).abs() < 1e-9, "from 12 ms to now");
        assert_eq!(starts(running), [12, 30]);
        records.push(request(40, 60));
        assert_eq!(starts(window(&records, &[50])), [12, 30, 40], "one slot is free from 60 ms on");
        assert!(probe_window(records, &[], Some(9), &[], now).is_none(), "never full");
    }

    #[test]
    fn the_time_around_a_hold_is_not_steady() {
        // The run is held from 45 to 60 ms. The requests in flight end at 48 and 50 ms.
        let records = vec![
            request(0, 10),
            request(0, 12),
            request(10, 20),
            request(12, 25),
            request(20, 50),
            request(25, 48),
            request(60, 70),
            request(60, 72),
            request(70, 80),
            request(72, 84),
            request(80, 95),
            request(84, 99),
        ];
        let pause = (Nanos::from_millis(45), Nanos::from_millis(60));
        let window = probe_window(records, &[], Some(2), &[pause], Nanos::from_millis(100));
        assert!((window.as_ref().unwrap().seconds - 0.059).abs() < 1e-9, "12 to 48 ms and 72 to 95 ms");
        assert_eq!(starts(window), [12, 20, 25, 72, 80, 84]);
    }

    #[test]
    fn a_rate_is_steady_from_its_first_end_to_its_last_start() {
        let records = vec![request(0, 15), request(10, 30), request(20, 35), request(40, 60)];
        let window = probe_window(records, &[], None, &[], Nanos::from_millis(100));
        assert_eq!(starts(window), [20, 40]);
        assert!(probe_window(vec![request(0, 15)], &[], None, &[], Nanos::from_millis(100)).is_none());
    }
}
