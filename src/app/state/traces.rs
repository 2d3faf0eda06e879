//! Arrival times of the streams that ended, and the holds of the run.

use std::cell::OnceCell;
use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::attempt::{AttemptId, AttemptRecord, StoredRecord};
use crate::domain::diagnosis::pause_limit_ms;
use crate::domain::gap_envelope::GapEnvelope;
use crate::domain::statistics::median;
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// Maximum number of streams to keep.
const MAX_STREAMS: usize = 4096;
/// Maximum number of arrivals to keep, about 16 bytes each.
const MAX_ARRIVALS: usize = 1 << 20;

/// A stream that ended.
#[derive(Debug)]
pub(in crate::app) struct EndedStream {
    pub id: AttemptId,
    /// Start of the attempt's clock.
    pub started: Nanos,
    /// Time at which the request was sent.
    pub sent: Nanos,
    pub ended: Nanos,
    pub trace: Trace,
    /// Times at which tokscope itself was stalled.
    pub observer_stalls: Vec<(Nanos, Nanos)>,
    /// Minimum length of a stall, milliseconds; `None` without enough gaps to tell.
    pub limit_ms: Option<f64>,
    /// Median gap, milliseconds.
    median_gap_ms: Option<f64>,
}

/// Streams and holds of the run, for the scope. Beyond the limits the oldest streams are dropped, but the envelope
/// keeps their gaps.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    pub(in crate::app) ended: VecDeque<Arc<EndedStream>>,
    arrivals: usize,
    /// End of the last stream that was dropped.
    dropped_until: Option<Nanos>,
    /// Gaps of all streams that ended, including dropped ones.
    envelope: Arc<GapEnvelope>,
    /// Median over the streams' median gaps, milliseconds; computed when a frame needs it.
    typical_gap_ms: OnceCell<Option<f64>>,
    /// Holds of the run; the last may have no end yet.
    holds: Vec<(Nanos, Option<Nanos>)>,
}

impl Traces {
    /// Adds a stream that ended.
    pub fn add(&mut self, record: &AttemptRecord) {
        let trace = Trace::from_arrivals(&record.arrivals);
        self.arrivals += trace.len();
        Arc::make_mut(&mut self.envelope).add(trace.gaps());
        let gaps: Vec<f64> = record.gaps_ms().collect();
        self.ended.push_back(Arc::new(EndedStream {
            id: record.id,
            started: record.clock_start(),
            sent: record.started,
            ended: record.ended,
            observer_stalls: record.observer_stalls.clone(),
            limit_ms: pause_limit_ms(&gaps),
            median_gap_ms: median(gaps),
            trace,
        }));
        while self.ended.len() > MAX_STREAMS || (self.arrivals > MAX_ARRIVALS && self.ended.len() > 1) {
            let Some(oldest) = self.ended.pop_front() else { break };
            self.arrivals -= oldest.trace.len();
            self.dropped_until = self.dropped_until.max(Some(oldest.ended));
        }
        self.typical_gap_ms = OnceCell::new();
    }

    /// Adds streams in the order of their ends. Older records without arrivals are not read.
    pub fn add_all(&mut self, records: &[&StoredRecord]) {
        let (older, newer) = records.split_at(records.len().saturating_sub(MAX_STREAMS));
        for record in older {
            if record.is_packed() {
                self.dropped_until = self.dropped_until.max(Some(record.ended()));
            } else {
                self.add(&record.get());
            }
        }
        for record in newer {
            self.add(&record.get());
        }
    }

    /// Records that the run is held, or no longer held, from `at` on.
    pub fn hold(&mut self, at: Nanos, is_held: bool) {
        match self.holds.last_mut() {
            Some((_, end @ None)) if !is_held => *end = Some(at),
            Some((_, None)) => {}
            _ if is_held => self.holds.push((at, None)),
            _ => {}
        }
    }

    /// The traces as they were at `at`. The envelope also has gaps after `at`.
    #[must_use]
    pub fn as_at(&self, at: Nanos) -> Self {
        let ended: VecDeque<_> = self.ended.iter().filter(|e| e.ended <= at).map(Arc::clone).collect();
        let arrivals = ended.iter().map(|e| e.trace.len()).sum();
        let earlier = self.holds.iter().filter(|(from, _)| *from <= at);
        let holds = earlier.map(|&(from, to)| (from, to.filter(|to| *to <= at))).collect();
        let envelope = Arc::clone(&self.envelope);
        Self { typical_gap_ms: OnceCell::new(), ended, arrivals, dropped_until: self.dropped_until, envelope, holds }
    }

    /// Typical gap of the run: median over the median gaps of the streams that ended, milliseconds. `None` before the
    /// first stream ended.
    pub fn typical_gap_ms(&self) -> Option<f64> {
        *self.typical_gap_ms.get_or_init(|| median(self.ended.iter().filter_map(|stream| stream.median_gap_ms)))
    }

    /// Gaps of all streams that ended.
    pub fn envelope(&self) -> &GapEnvelope {
        &self.envelope
    }

    /// Whether a stream that ended after `from` was dropped, so that only the envelope has its gaps.
    pub fn has_dropped(&self, from: Nanos) -> bool {
        self.dropped_until.is_some_and(|until| until > from)
    }

    /// Minimum length of a stall of this attempt, milliseconds; `None` if its stream is too short or was dropped.
    pub fn stall_limit_ms(&self, id: AttemptId) -> Option<f64> {
        self.ended.iter().rev().find(|ended| ended.id == id)?.limit_ms
    }

    /// Holds of the run. The run is still held where the end is `None`.
    pub fn holds(&self) -> &[(Nanos, Option<Nanos>)] {
        &self.holds
    }

    /// Whether no stream has ended.
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }
}
