//! The streams of the run as the scope draws them: those in flight, and what is kept of those that are over.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::app::model::Scene;
use crate::domain::attempt::{AttemptId, AttemptRecord};
use crate::domain::diagnosis::pause_limit_ms;
use crate::domain::live::{InFlight, TRACED_STREAMS};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// So many streams that are over are kept.
const MOST_STREAMS: usize = 4096;
/// And so many arrivals of them: 16 bytes each, and two for what is known of a stretch.
const MOST_ARRIVALS: usize = 1 << 20;

/// A stream that is over.
#[derive(Debug)]
pub(super) struct Ended {
    id: AttemptId,
    started: Nanos,
    until: Nanos,
    trace: Trace,
    observer_stalls: Vec<(Nanos, Nanos)>,
    limit_ms: Option<f64>,
}

/// What is kept of the run for the scope; the oldest is forgotten.
#[derive(Clone, Debug, Default)]
pub struct Traces {
    pub(super) ended: VecDeque<Arc<Ended>>,
    arrivals: usize,
    /// When the run was held; the last may go on.
    holds: Vec<(Nanos, Option<Nanos>)>,
}

/// A stream to draw.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// Whose.
    pub id: AttemptId,
    /// When its clock started.
    pub started: Nanos,
    /// When it was over.
    pub ended: Option<Nanos>,
    /// How its events came.
    pub trace: &'a Trace,
    /// When tokscope itself stood still.
    pub observer_stalls: &'a [(Nanos, Nanos)],
    /// Gaps longer than this are stalls, milliseconds.
    pub limit_ms: Option<f64>,
}

/// The streams of a part of the run.
#[derive(Debug)]
pub struct Shown<'a> {
    /// The newest of them, the oldest first.
    pub streams: Vec<Stream<'a>>,
    /// How many there are.
    pub count: usize,
}

impl Traces {
    /// A stream is over.
    pub fn add(&mut self, record: &AttemptRecord) {
        let trace = Trace::of(&record.arrivals);
        self.arrivals += trace.len();
        self.ended.push_back(Arc::new(Ended {
            id: record.id,
            started: record.clock_start(),
            until: record.ended,
            observer_stalls: record.observer_stalls.clone(),
            limit_ms: pause_limit_ms(&record.gaps_ms().collect::<Vec<_>>()),
            trace,
        }));
        while self.ended.len() > MOST_STREAMS || (self.arrivals > MOST_ARRIVALS && self.ended.len() > 1) {
            let Some(oldest) = self.ended.pop_front() else { break };
            self.arrivals -= oldest.trace.len();
        }
    }

    /// Whether the run is held from now on.
    pub fn hold(&mut self, at: Nanos, is_held: bool) {
        match self.holds.last_mut() {
            Some((_, end @ None)) if !is_held => *end = Some(at),
            Some((_, None)) => {}
            _ if is_held => self.holds.push((at, None)),
            _ => {}
        }
    }

    /// As they were at `at`.
    #[must_use]
    pub fn as_at(&self, at: Nanos) -> Self {
        let ended: VecDeque<_> = self.ended.iter().filter(|e| e.until <= at).map(Arc::clone).collect();
        let arrivals = ended.iter().map(|e| e.trace.len()).sum();
        let began = self.holds.iter().filter(|(from, _)| *from <= at);
        let holds = began.map(|&(from, to)| (from, to.filter(|to| *to <= at))).collect();
        Self { ended, arrivals, holds }
    }

    /// When the run was held; without an end, it still is.
    pub fn holds(&self) -> &[(Nanos, Option<Nanos>)] {
        &self.holds
    }

    /// No stream is over.
    pub fn is_empty(&self) -> bool {
        self.ended.is_empty()
    }
}

impl<'a> Stream<'a> {
    fn running(live: &'a InFlight) -> Self {
        Self {
            id: live.id,
            started: live.started,
            ended: None,
            trace: &live.arrivals,
            observer_stalls: &live.observer_stalls,
            limit_ms: None,
        }
    }

    fn over(over: &'a Ended) -> Self {
        Self {
            id: over.id,
            started: over.started,
            ended: Some(over.until),
            trace: &over.trace,
            observer_stalls: &over.observer_stalls,
            limit_ms: over.limit_ms,
        }
    }
}

impl<'a> Shown<'a> {
    /// The streams of which something lies between two times.
    pub fn of(scene: &'a Scene, from: Nanos, to: Nanos) -> Self {
        let running = scene.in_flight().filter(|f| f.started < to && scene.live.at > from).map(Stream::running);
        let over = scene.traces.ended.iter().filter(|e| e.started < to && e.until > from);
        let mut streams: Vec<_> = running.chain(over.map(|e| Stream::over(e))).collect();
        let count = streams.len();
        // A thousand may run: only those that are shown are put in order.
        let older = count.saturating_sub(TRACED_STREAMS);
        let begun = |s: &Stream<'_>| (s.started, s.id);
        if older > 0 {
            streams.select_nth_unstable_by_key(older, begun);
            streams.drain(..older);
        }
        streams.sort_unstable_by_key(begun);
        for stream in streams.iter_mut().filter(|s| s.ended.is_none()) {
            stream.limit_ms = stream.trace.stall_limit_ms();
        }
        Self { streams, count }
    }
}
