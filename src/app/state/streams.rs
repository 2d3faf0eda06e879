//! The streams of a part of the run, as the scope draws them: in flight and ended.

use super::cases::RowId;
use super::scene::Scene;
use super::traces::EndedStream;
use crate::domain::attempt::AttemptId;
use crate::domain::live::{InFlight, StreamPhase, TRACED_STREAMS};
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// A stream to draw.
#[derive(Clone, Copy, Debug)]
pub struct Stream<'a> {
    /// The attempt.
    pub id: AttemptId,
    /// Start of the attempt's clock.
    pub started: Nanos,
    /// Time at which the request was sent. Until then it was queued.
    pub sent: Nanos,
    /// Phase while in flight; `None` once the stream ended.
    pub phase: Option<StreamPhase>,
    /// End of the stream; `None` while in flight.
    pub ended: Option<Nanos>,
    /// Arrival times of its events.
    pub trace: &'a Trace,
    /// Times at which tokscope itself was stalled.
    pub observer_stalls: &'a [(Nanos, Nanos)],
    /// Minimum length of a stall, milliseconds; `None` without enough gaps to tell.
    pub limit_ms: Option<f64>,
}

/// The streams of a part of the run.
#[derive(Debug)]
pub struct StreamSelection<'a> {
    /// The newest streams and that of the selected row, oldest first.
    pub streams: Vec<Stream<'a>>,
    /// Number of all streams in this part of the run.
    pub count: usize,
    /// Stream of the selected row: an index into `streams`.
    pub selected: Option<usize>,
    /// Whether some streams are missing in `streams`, so that only the envelope has all gaps.
    pub is_crowded: bool,
}

impl<'a> Stream<'a> {
    fn in_flight(live: &'a InFlight) -> Self {
        Self {
            id: live.id,
            started: live.started,
            sent: live.sent,
            phase: Some(live.phase),
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
            sent: ended.sent,
            phase: None,
            ended: Some(ended.ended),
            trace: &ended.trace,
            observer_stalls: &ended.observer_stalls,
            limit_ms: ended.limit_ms,
        }
    }
}

impl<'a> StreamSelection<'a> {
    /// Collects the streams that were active between `from` and `to`. `row` is the selected row of the table.
    pub fn new(scene: &'a Scene, from: Nanos, to: Nanos, row: RowId) -> Self {
        let in_flight = scene.in_flight().filter(|f| f.started < to && scene.live.at > from).map(Stream::in_flight);
        let ended = scene.traces.ended.iter().filter(|e| e.started < to && e.ended > from);
        let mut streams: Vec<_> = in_flight.chain(ended.map(|e| Stream::ended(e))).collect();
        let count = streams.len();
        let start = |s: &Stream<'_>| (s.started, s.id);
        let is_of_row =
            |s: &&Stream<'_>| s.id.case == row.case && row.attempt.is_none_or(|number| s.id.number == number);
        let selected = streams.iter().filter(is_of_row).max_by_key(|s| start(s)).copied();
        // A thousand streams may be in flight, so sort only the newest.
        let older = count.saturating_sub(TRACED_STREAMS);
        if older > 0 {
            streams.select_nth_unstable_by_key(older, start);
            streams.drain(..older);
        }
        if let Some(selected) = selected.filter(|selected| streams.iter().all(|s| s.id != selected.id)) {
            streams.push(selected);
        }
        streams.sort_unstable_by_key(start);
        for stream in streams.iter_mut().filter(|s| s.ended.is_none()) {
            stream.limit_ms = stream.trace.stall_limit_ms();
        }
        let selected = selected.and_then(|selected| streams.iter().position(|s| s.id == selected.id));
        let is_crowded = count > streams.len() || scene.traces.has_dropped(from);
        Self { streams, count, selected, is_crowded }
    }

    /// Keeps the `most` newest streams; that of the selected row takes the place of the oldest of them.
    pub fn keep_newest(&mut self, most: usize) {
        let older = self.streams.len().saturating_sub(most.max(1));
        let selected = self.selected.map(|at| self.streams[at].id);
        if let Some(at) = self.selected.filter(|at| *at < older) {
            self.streams.swap(at, older);
        }
        self.streams.drain(..older);
        self.selected = selected.and_then(|id| self.streams.iter().position(|s| s.id == id));
    }
}
