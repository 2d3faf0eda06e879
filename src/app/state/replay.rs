//! The scene of a saved run at any time, rebuilt from the saved attempts and telemetry.

mod counted;

use std::sync::Arc;

use self::counted::Counted;
use super::scene::{Refusals, Scene};
use crate::domain::attempt::{Arrival, AttemptRecord, KeptRecord, TextKind};
use crate::domain::gpu_history::GpuHistory;
use crate::domain::host::HostHistory;
use crate::domain::live::{
    InFlight, LiveSnapshot, StreamPhase, THROUGHPUT_POINTS, TRACED_STREAMS, arrival_times, live_end, recent_gaps_ms,
};
use crate::domain::series::Series;
use crate::domain::server_gauges::GaugeHistory;
use crate::domain::session::Session;
use crate::domain::telemetry_event::TelemetryEvent;
use crate::domain::time::Nanos;
use crate::domain::trace::Trace;

/// The run at `at`, with the texts and gaps of the case `selected`.
pub fn scene_at(whole: &Scene, telemetry: &[TelemetryEvent], at: Nanos, selected: usize) -> Scene {
    Tape::default().scene(whole, telemetry, at, selected)
}

/// Telemetry and counts up to the last position, so that the next scene need not start at the first event.
#[derive(Clone, Debug, Default)]
pub struct Tape {
    at: Nanos,
    next: usize,
    gpu: GpuHistory,
    gauges: Option<GaugeHistory>,
    host: HostHistory,
    counted: Counted,
}

impl Tape {
    /// The same as [`scene_at`]; faster if `at` is not before the last position.
    pub fn scene(&mut self, whole: &Scene, telemetry: &[TelemetryEvent], at: Nanos, selected: usize) -> Scene {
        if at >= whole.now {
            return whole.clone();
        }
        self.advance(telemetry, at);
        let session = whole.session.as_at(at);
        let mut throughput = Series::new(THROUGHPUT_POINTS);
        whole.throughput.iter().take_while(|p| p.0 <= at).for_each(|(at, value)| throughput.push(at, value));
        let asked = whole.gauges.as_ref().map(|_| GaugeHistory::default());
        Scene {
            now: at,
            target: whole.target.clone(),
            live: Arc::new(live_at(&whole.session, at, selected)),
            load: self.counted.load(&whole.session, &session, at),
            refusals: Refusals::default(),
            stop: None,
            session,
            gpu: self.gpu.clone(),
            gauges: self.gauges.clone().or(asked),
            host: self.host.clone(),
            throughput,
            traces: whole.traces.as_at(at),
            tokens_per_event: whole.tokens_per_event,
        }
    }

    /// Applies the telemetry up to `at`. Starts again if `at` is before the last position.
    fn advance(&mut self, telemetry: &[TelemetryEvent], at: Nanos) {
        if at < self.at {
            *self = Self::default();
        }
        self.at = at;
        while let Some(event) = telemetry.get(self.next).filter(|e| e.at().is_none_or(|time| time <= at)) {
            event.clone().apply(&mut self.gpu, &mut self.gauges, &mut self.host);
            self.next += 1;
        }
    }
}

/// Snapshot of the requests in flight at `at`.
fn live_at(session: &Session, at: Nanos, selected: usize) -> LiveSnapshot {
    let kept = || session.attempts().filter_map(|a| a.record.as_ref());
    let mut open: Vec<_> = kept().filter(|r| r.started() <= at && at < r.ended()).map(KeptRecord::get).collect();
    open.sort_by_key(|r| (r.started, r.id));
    let traced = open.len().saturating_sub(TRACED_STREAMS);
    let in_flight =
        open.iter().enumerate().map(|(i, r)| in_flight_at(r, at, i >= traced, r.id.case == selected)).collect();
    // A condensed record has no arrivals: its events count from its end on.
    let events = |r: &KeptRecord| if r.ended() <= at { r.content_events() } else { arrived(&r.get(), at).len() };
    LiveSnapshot {
        at,
        content_events_total: kept().filter(|r| r.began() <= at).map(|r| events(r) as u64).sum(),
        in_flight,
        ..LiveSnapshot::default()
    }
}

/// Arrivals of an attempt up to `at`.
fn arrived(record: &AttemptRecord, at: Nanos) -> &[Arrival] {
    record.arrivals.get(..record.arrivals.partition_point(|a| a.at <= at)).unwrap_or_default()
}

/// An attempt in flight at `at`; its trace and its texts only where asked for.
fn in_flight_at(record: &AttemptRecord, at: Nanos, is_traced: bool, is_selected: bool) -> InFlight {
    let arrivals = arrived(record, at);
    let mut flight = InFlight {
        id: record.id,
        phase: StreamPhase::after(arrivals),
        started: record.clock_start(),
        ttft_ms: arrivals.first().map(|a| a.at.millis_since(record.clock_start())),
        content_events: arrivals.len() as u32,
        arrival_times: arrival_times(arrivals),
        ..InFlight::default()
    };
    let so_far = || AttemptRecord {
        arrivals: arrivals.to_vec(),
        ..AttemptRecord { started: record.started, ..AttemptRecord::default() }
    };
    if is_traced {
        flight.trace = so_far().trace();
        flight.arrivals = Trace::of(arrivals);
        flight.observer_stalls = record.observer_stalls.iter().filter(|s| s.1 <= at).copied().collect();
    }
    if is_selected {
        flight.recent_gaps_ms = recent_gaps_ms(arrivals);
        flight.thinking_ms = so_far().thinking_ms();
        (flight.reasoning, flight.reasoning_cut) =
            live_end(share_of(&record.reasoning, record, arrivals, TextKind::Reasoning));
        (flight.text, flight.text_cut) = live_end(share_of(&record.text, record, arrivals, TextKind::Answer));
    }
    flight
}

/// Share of a text proportional to the events of its kind that had arrived: records do not keep which event carried
/// which text.
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
