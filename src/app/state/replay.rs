//! Reconstructs the scene of a saved run at a given time.

use std::sync::Arc;

use super::load::Load;
use super::scene::{FailedDiscoveries, Scene};
use super::traces::Traces;
use crate::domain::attempt::{Arrival, AttemptRecord, StoredRecord, TextKind};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::live::{
    InFlight, LiveSnapshot, StreamPhase, TRACED_STREAMS, arrival_times, live_tail, recent_gaps_ms,
};
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::{EventKind, RunEvent, Session};
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// Maximum number of attempts that are added to the figures one by one. For more, counting all attempts again is
/// faster.
const MAX_ADDED: usize = 256;

/// Everything that was saved of a run.
#[derive(Clone, Debug)]
pub struct Recording {
    /// The run at its end.
    pub whole: Scene,
    /// Events of the run, in order.
    pub events: Arc<[RunEvent]>,
    /// Telemetry of the machine and the server, in order.
    pub telemetry: Vec<TelemetryEvent>,
}

impl Recording {
    /// Time at which a replay ends: the end of the last request. Later events, such as those while the dashboard stayed
    /// open, appear in the final scene only.
    pub fn end(&self) -> Nanos {
        self.whole.end()
    }
}

/// Position of a scene in a recording, so that the next frame adds only later events.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    /// Time that the scene shows; `None` if unknown, so that the scene must be rebuilt.
    at: Option<Nanos>,
    events: usize,
    telemetry: usize,
    points: usize,
    /// Number of content events of the attempts that ended.
    content_events: u64,
}

impl Cursor {
    /// Moves the scene to time `at`. The case with index `selected` gets its full text. `scene` must be the one that
    /// this cursor moved last.
    pub fn show(&mut self, scene: &mut Scene, recording: &Recording, at: Nanos, selected: usize) {
        let whole = &recording.whole;
        let end = recording.end();
        if at >= end {
            if self.at.is_none_or(|shown| shown < end) {
                scene.clone_from(whole);
                self.at = Some(end);
            }
            scene.now = whole.now;
            return;
        }
        if self.at.is_none_or(|shown| at < shown) {
            *self = Self::default();
            *scene = before_anything(whole);
        }
        self.at = Some(at);
        self.follow_events(scene, recording, at);
        self.follow_telemetry(scene, recording, at);
        scene.traces = whole.traces.as_at(at);
        let live = self.live(&scene.session, &whole.session, at, selected);
        // Only the final engine lag is saved. The conclusion of a finished run needs it; earlier scenes have none.
        let lag = if scene.session.is_active() { live.lag } else { whole.live.lag };
        scene.live = Arc::new(LiveSnapshot { lag, ..live });
        scene.now = at;
    }

    fn follow_events(&mut self, scene: &mut Scene, recording: &Recording, at: Nanos) {
        let whole = &recording.whole.session;
        let remaining = recording.events.get(self.events..).unwrap_or_default();
        let events = remaining.split_at(remaining.partition_point(|e| e.at <= at)).0;
        let ended = events.iter().filter(|e| matches!(e.what, EventKind::Ended(_))).count();
        let recounts = ended > MAX_ADDED;
        for event in events {
            if let Some(record) = whole.record_of(event) {
                self.content_events += record.content_events() as u64;
                if !recounts {
                    scene.load.add(&record.get(), &scene.session);
                }
            }
            scene.session.apply_from(event, whole);
            if !recounts {
                scene.load.advance(event.at, &scene.session);
            }
        }
        self.events += events.len();
        scene.session.advance_to(at, whole);
        if recounts {
            scene.load = Load::from_session(&scene.session, at);
        } else {
            scene.load.advance(at, &scene.session);
        }
    }

    fn follow_telemetry(&mut self, scene: &mut Scene, recording: &Recording, at: Nanos) {
        while let Some(event) = recording.telemetry.get(self.telemetry).filter(|e| e.at().is_none_or(|t| t <= at)) {
            event.clone().apply(&mut scene.gpu, &mut scene.gauges, &mut scene.host);
            self.telemetry += 1;
        }
        let points = recording.whole.throughput.iter().skip(self.points).take_while(|p| p.0 <= at);
        for (at, value) in points {
            scene.throughput.push(at, value);
            self.points += 1;
        }
    }

    /// Live view of the requests in flight at time `at`.
    fn live(&self, session: &Session, whole: &Session, at: Nanos, selected: usize) -> LiveSnapshot {
        let record = |id| whole.attempt(id)?.record.as_ref();
        let open: Vec<&StoredRecord> = session.open_ids().into_iter().filter_map(record).collect();
        let is_in_flight = |r: &&&StoredRecord| r.started() <= at && at < r.ended();
        let mut records: Vec<_> = open.iter().filter(is_in_flight).map(|r| r.get()).collect();
        records.sort_by_key(|r| (r.started, r.id));
        let traced = records.len().saturating_sub(TRACED_STREAMS);
        let in_flight =
            records.iter().enumerate().map(|(i, r)| flight(r, at, i >= traced, r.id.case == selected)).collect();
        // A condensed attempt has lost its arrivals, so its events count only after its end.
        let so_far: u64 = open.iter().map(|r| arrived(&r.get(), at).len() as u64).sum();
        LiveSnapshot { at, content_events_total: self.content_events + so_far, in_flight, ..LiveSnapshot::default() }
    }
}

/// The scene of a run before anything happened.
fn before_anything(whole: &Scene) -> Scene {
    let session = whole.session.without_events();
    Scene {
        now: Nanos::default(),
        target: whole.target.clone(),
        failed_discoveries: FailedDiscoveries::default(),
        stop: None,
        live: Arc::default(),
        load: Load::new(&session),
        session,
        workload_notes: whole.workload_notes.clone(),
        gpu: GpuHistory::default(),
        gauges: whole.gauges.as_ref().map(|_| GaugeHistory::default()),
        host: HostHistory::default(),
        throughput: whole.throughput.emptied(),
        traces: Traces::default(),
        tokens_per_event: whole.tokens_per_event,
    }
}

/// The events of an answer that had arrived at time `at`.
fn arrived(record: &AttemptRecord, at: Nanos) -> &[Arrival] {
    record.arrivals.get(..record.arrivals.partition_point(|a| a.at <= at)).unwrap_or_default()
}

fn flight(record: &AttemptRecord, at: Nanos, is_traced: bool, is_selected: bool) -> InFlight {
    let arrivals = arrived(record, at);
    let mut flight = InFlight {
        id: record.id,
        phase: StreamPhase::from_arrivals(arrivals),
        started: record.clock_start(),
        sent: record.started,
        ttft_ms: arrivals.first().map(|a| a.at.millis_since(record.clock_start())),
        content_events: arrivals.len() as u32,
        arrival_times: arrival_times(arrivals),
        trace: Vec::new(),
        recent_gaps_ms: Vec::new(),
        arrivals: Trace::default(),
        observer_stalls: Vec::new(),
        reasoning: Arc::default(),
        text: Arc::default(),
        tool_calls: Vec::new(),
        reasoning_cut: false,
        text_cut: false,
        thinking_ms: None,
        sent_request: record.sent_request.clone(),
    };
    let so_far = || AttemptRecord {
        arrivals: arrivals.to_vec(),
        ..AttemptRecord { started: record.started, ..AttemptRecord::default() }
    };
    if is_traced {
        flight.trace = so_far().trace();
        flight.arrivals = Trace::from_arrivals(arrivals);
        flight.observer_stalls = record.observer_stalls.iter().filter(|s| s.1 <= at).copied().collect();
    }
    if is_selected {
        flight.recent_gaps_ms = recent_gaps_ms(arrivals);
        flight.thinking_ms = so_far().thinking_ms();
        (flight.reasoning, flight.reasoning_cut) =
            live_tail(share_of(&record.reasoning, record, arrivals, TextKind::Reasoning));
        (flight.text, flight.text_cut) = live_tail(share_of(&record.text, record, arrivals, TextKind::Answer));
    }
    flight
}

/// Cuts a text in proportion to the events that had arrived. The text of single events is not saved.
fn share_of<'a>(text: &'a str, record: &AttemptRecord, arrived: &[Arrival], kind: TextKind) -> &'a str {
    let count = |arrivals: &[Arrival]| arrivals.iter().filter(|a| a.kind == kind).count();
    let (here, all) = (count(arrived), count(&record.arrivals));
    if here == all && arrived.len() == record.arrivals.len() {
        return text;
    }
    let mut to = text.len() * here / all.max(1);
    while !text.is_char_boundary(to) {
        to -= 1;
    }
    text.split_at(to).0
}

#[cfg(test)]
mod tests;
