//! Effect of a changing load over time, for charts: throughput, TTFT and queueing delay in equal time spans.

use super::attempt::{AttemptRecord, AttemptStatus};
use super::probe_window::output_span;
use super::session::{AttemptState, Session};
use super::time::Nanos;

/// Maximum number of spans. Beyond it, spans are merged in pairs.
const MAX_SPANS: usize = 240;
/// Length of the first spans, nanoseconds.
const FIRST_SPAN_NS: u64 = 250_000_000;

/// Running mean of a figure.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Mean {
    sum: f64,
    count: u32,
}

impl Mean {
    fn add(&mut self, figure: Option<f64>) {
        if let Some(figure) = figure.filter(|figure| figure.is_finite()) {
            *self = Self { sum: self.sum + figure, count: self.count + 1 };
        }
    }

    const fn merge(&mut self, other: Self) {
        self.sum += other.sum;
        self.count += other.count;
    }

    fn get(self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Span {
    work: f64,
    ttft_ms: Mean,
    queue_ms: Mean,
}

impl Span {
    fn merge(&mut self, other: Self) {
        self.work += other.work;
        self.ttft_ms.merge(other.ttft_ms);
        self.queue_ms.merge(other.queue_ms);
    }
}

/// Figures of one span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadPoint {
    /// Start of the span, seconds since the run began.
    pub from_s: f64,
    /// End of the span, seconds since the run began.
    pub to_s: f64,
    /// Output tokens per second. The tokens of an answer are spread evenly from its first to its last one.
    pub throughput_per_s: f64,
    /// Mean TTFT of the complete answers that were due, or in a closed loop sent, in the span, milliseconds.
    pub ttft_ms: Option<f64>,
    /// Mean delay of these answers' starts behind the schedule, milliseconds; `None` in a closed loop.
    pub queue_ms: Option<f64>,
}

/// Figures of a run over time, in a bounded number of spans.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadTimeline {
    began: Nanos,
    span_ns: u64,
    spans: Vec<Span>,
}

impl LoadTimeline {
    /// Creates the timeline of a run that began at `began`.
    pub const fn new(began: Nanos) -> Self {
        Self { began, span_ns: FIRST_SPAN_NS, spans: Vec::new() }
    }

    /// Creates the timeline of all ended attempts of a session; `None` before the run began.
    pub fn from_session(session: &Session) -> Option<Self> {
        let mut timeline = Self::new(session.began?);
        for record in session.attempts().filter_map(AttemptState::record) {
            timeline.add(&record);
        }
        Some(timeline)
    }

    /// Adds an attempt that ended. Warm-ups and cancelled attempts do not count.
    pub fn add(&mut self, record: &AttemptRecord) {
        if record.warmup || record.status == AttemptStatus::Cancelled {
            return;
        }
        let ttft_ms = record.time_to_first_token_ms().filter(|_| record.is_ok());
        let span = self.span_at(record.clock_start());
        span.ttft_ms.add(ttft_ms);
        span.queue_ms.add(record.dispatch_delay_ms());
        if let Some(amount) = record.work().filter(|_| record.is_ok()) {
            self.add_work(amount as f64, output_span(record));
        }
    }

    fn add_work(&mut self, amount: f64, (from, to): (Nanos, Nanos)) {
        // Lengthens the spans first if necessary.
        let _span = self.span_at(to);
        let (first, last) = (self.index(from), self.index(to));
        let length_ns = to.0.saturating_sub(from.0);
        if first == last || length_ns == 0 {
            self.span_at(to).work += amount;
            return;
        }
        for index in first..=last {
            let (start, end) = (self.start(index), self.start(index + 1));
            let within_ns = end.0.min(to.0).saturating_sub(start.0.max(from.0));
            if let Some(span) = self.spans.get_mut(index) {
                span.work += amount * within_ns as f64 / length_ns as f64;
            }
        }
    }

    fn index(&self, at: Nanos) -> usize {
        (at.0.saturating_sub(self.began.0) / self.span_ns) as usize
    }

    fn start(&self, index: usize) -> Nanos {
        Nanos(self.began.0.saturating_add(self.span_ns.saturating_mul(index as u64)))
    }

    /// Returns the span at a time. All spans become longer if there would be too many.
    fn span_at(&mut self, at: Nanos) -> &mut Span {
        while self.index(at) >= MAX_SPANS {
            self.lengthen();
        }
        let index = self.index(at);
        if self.spans.len() <= index {
            self.spans.resize(index + 1, Span::default());
        }
        &mut self.spans[index]
    }

    fn lengthen(&mut self) {
        self.span_ns = self.span_ns.saturating_mul(2);
        self.spans = self.spans.chunks(2).map(merged).collect();
    }

    /// Figures of at most `most` spans up to `end`, in order. The last span ends there.
    pub fn points(&self, most: usize, end: Nanos) -> Vec<LoadPoint> {
        let together = self.spans.len().div_ceil(most.max(1)).max(1);
        let seconds = |at: Nanos| at.since(self.began).as_secs_f64();
        let point = |(index, spans): (usize, &[Span])| {
            let (from, to) = (self.start(index * together), self.start((index + 1) * together));
            let (from_s, to_s) = (seconds(from), seconds(to.min(end).max(from)));
            let span = merged(spans);
            LoadPoint {
                from_s,
                to_s,
                throughput_per_s: if to_s > from_s { span.work / (to_s - from_s) } else { 0.0 },
                ttft_ms: span.ttft_ms.get(),
                queue_ms: span.queue_ms.get(),
            }
        };
        self.spans.chunks(together).enumerate().map(point).collect()
    }
}

fn merged(spans: &[Span]) -> Span {
    let mut all = Span::default();
    for span in spans {
        all.merge(*span);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Arrival, AttemptId, TextKind};

    fn at(ms: u64) -> Nanos {
        Nanos::from_millis(ms)
    }

    /// An answer of `tokens` tokens. The first one arrives after a tenth of the answer's `millis`.
    fn answer(started: Nanos, millis: u64, tokens: u64) -> AttemptRecord {
        let mut r = AttemptRecord::started(AttemptId::default(), false, String::new(), String::new(), started);
        let arrivals = [millis / 10, millis].map(|ms| started.plus(std::time::Duration::from_millis(ms)));
        r.arrivals = arrivals.map(|at| Arrival { at, kind: TextKind::Answer, coalesced: false }).to_vec();
        (r.status, r.ended, r.usage.completion_tokens) = (AttemptStatus::Ok, arrivals[1], Some(tokens));
        r
    }

    fn total(points: &[LoadPoint]) -> f64 {
        points.iter().map(|p| p.throughput_per_s * (p.to_s - p.from_s)).sum()
    }

    #[test]
    fn tokens_lie_between_the_first_and_the_last_one() {
        let mut timeline = LoadTimeline::new(at(1000));
        // The first of 100 tokens after 100 ms, the last after 1,000 ms.
        timeline.add(&answer(at(1000), 1000, 100));
        let points = timeline.points(100, at(2000));
        assert!((total(&points) - 100.0).abs() < 1e-9, "{points:?}");
        // 150 of the 900 ms with tokens lie in the first quarter of a second, and 250 in each later one.
        let tokens: Vec<f64> = points.iter().map(|p| (p.throughput_per_s * 0.25).round()).collect();
        assert_eq!(tokens[..4], [17.0, 28.0, 28.0, 28.0]);
        assert_eq!((points[0].ttft_ms, points[1].ttft_ms, points[0].queue_ms), (Some(100.0), None, None));
    }

    #[test]
    fn a_long_run_has_a_bounded_number_of_spans_and_loses_nothing() {
        let mut timeline = LoadTimeline::new(Nanos(0));
        for second in 1..=3000 {
            timeline.add(&answer(at(second * 1000), 500, 10));
        }
        assert!(timeline.spans.len() <= MAX_SPANS);
        for most in [1, 7, 40, 1000] {
            let points = timeline.points(most, at(4_000_000));
            assert!(points.len() <= most && (total(&points) - 30_000.0).abs() < 1e-6, "{most}");
            assert!(points.windows(2).all(|w| w[0].to_s <= w[1].from_s + 1e-9));
        }
    }

    #[test]
    fn the_queue_is_that_of_the_requests_due_in_a_span() {
        let mut timeline = LoadTimeline::new(Nanos(0));
        for due_ms in [0, 100, 300] {
            let mut record = answer(at(400), 500, 10);
            record.intended = Some(at(due_ms));
            timeline.add(&record);
        }
        let points = timeline.points(100, at(1000));
        assert_eq!([points[0].queue_ms, points[1].queue_ms], [Some(350.0), Some(100.0)]);
    }
}
