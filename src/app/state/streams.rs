//! The streams of a part of the run, as the scope draws them: in flight and ended.

use super::scene::Scene;
use super::traces::EndedStream;
use crate::domain::attempt::AttemptId;
use crate::domain::live::{InFlight, TRACED_STREAMS};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// A stream to draw.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// The attempt.
    pub id: AttemptId,
    /// Start of the attempt's clock.
    pub started: Nanos,
    /// End of the stream; `None` while in flight.
    pub ended: Option<Nanos>,
    /// Arrival times of its events.
    pub trace: &'a Trace,
    /// Times at which tokscope itself was stalled.
    pub observer_stalls: &'a [(Nanos, Nanos)],
    /// Gaps longer than this are stalls, milliseconds.
    pub limit_ms: Option<f64>,
}

/// The streams of a part of the run.
#[derive(Debug)]
pub struct StreamSelection<'a> {
    /// The newest streams, oldest first.
    pub streams: Vec<Stream<'a>>,
    /// Number of all streams in the part.
    pub count: usize,
}

impl<'a> Stream<'a> {
    fn in_flight(live: &'a InFlight) -> Self {
        Self {
            id: live.id,
            started: live.started,
            ended: None,
            trace: &live.arrivals,
            observer_stalls: &live.observer_stalls,
            limit_ms: None,
        }
    }

    fn ended(ended: &'a EndedStream) -> Self {
        Self {
            id: ended.id,
            started: ended.started,
            ended: Some(ended.ended),
            trace: &ended.trace,
            observer_stalls: &ended.observer_stalls,
            limit_ms: ended.limit_ms,
        }
    }
}

impl<'a> StreamSelection<'a> {
    /// The streams with a part between `from` and `to`.
    pub fn new(scene: &'a Scene, from: Nanos, to: Nanos) -> Self {
        let in_flight = scene.in_flight().filter(|f| f.started < to && scene.live.at > from).map(Stream::in_flight);
        let ended = scene.traces.ended.iter().filter(|e| e.started < to && e.ended > from);
        let mut streams: Vec<_> = in_flight.chain(ended.map(|e| Stream::ended(e))).collect();
        let count = streams.len();
        // A thousand may be in flight: only the newest are sorted.
        let older = count.saturating_sub(TRACED_STREAMS);
        let start = |s: &Stream<'_>| (s.started, s.id);
        if older > 0 {
            streams.select_nth_unstable_by_key(older, start);
            streams.drain(..older);
        }
        streams.sort_unstable_by_key(start);
        for stream in streams.iter_mut().filter(|s| s.ended.is_none()) {
            stream.limit_ms = stream.trace.stall_limit_ms();
        }
        Self { streams, count }
    }
}
