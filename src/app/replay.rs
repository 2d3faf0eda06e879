//! A saved run as it was at some time: a scene out of what was kept. Pure: the time comes in.

mod counted;

use std::sync::Arc;

use self::counted::Counted;
use super::model::{Refusals, Scene};
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

/// The run as it was at `at`, with the case in the place `looked_at` in full.
pub fn scene_at(whole: &Scene, telemetry: &[TelemetryEvent], at: Nanos, looked_at: usize) -> Scene {
    Tape::default().scene(whole, telemetry, at, looked_at)
}

/// What was told up to a time, so that the next time need not begin at the first.
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
    /// [`scene_at`].
    pub fn scene(&mut self, whole: &Scene, telemetry: &[TelemetryEvent], at: Nanos, looked_at: usize) -> Scene {
        if at >= whole.now {
            return whole.clone();
        }
        self.go_to(telemetry, at);
        let session = whole.session.as_at(at);
        let mut throughput = Series::new(THROUGHPUT_POINTS);
        whole.throughput.iter().take_while(|p| p.0 <= at).for_each(|(at, value)| throughput.push(at, value));
        let asked = whole.gauges.as_ref().map(|_| GaugeHistory::default());
        Scene {
            now: at,
            target: whole.target.clone(),
            live: Arc::new(live_at(&whole.session, at, looked_at)),
            load: self.counted.load(&whole.session, &session, at),
            refusals: Refusals::default(),
            session,
            gpu: self.gpu.clone(),
            gauges: self.gauges.clone().or(asked),
            host: self.host.clone(),
            throughput,
            traces: whole.traces.as_at(at),
            tokens_per_event: whole.tokens_per_event,
        }
    }

    fn go_to(&mut self, telemetry: &[TelemetryEvent], at: Nanos) {
        if at < self.at {
            *self = Self::default();
        }
        self.at = at;
        while let Some(event) = telemetry.get(self.next).filter(|e| e.at().is_none_or(|told| told <= at)) {
            event.clone().apply(&mut self.gpu, &mut self.gauges, &mut self.host);
            self.next += 1;
        }
    }
}

/// What was in flight at `at`.
fn live_at(session: &Session, at: Nanos, looked_at: usize) -> LiveSnapshot {
    let kept = || session.attempts().filter_map(|a| a.record.as_ref());
    let mut flying: Vec<_> = kept().filter(|r| r.started() <= at && at < r.ended()).map(KeptRecord::get).collect();
    flying.sort_by_key(|r| (r.started, r.id));
    let traced = flying.len().saturating_sub(TRACED_STREAMS);
    let in_flight =
        flying.iter().enumerate().map(|(i, r)| flight(r, at, i >= traced, r.id.case == looked_at)).collect();
    // Of one that was condensed, what had come is not known while it was in flight.
    let events = |r: &KeptRecord| if r.ended() <= at { r.content_events() } else { come(&r.get(), at).len() };
    LiveSnapshot {
        at,
        content_events_total: kept().filter(|r| r.began() <= at).map(|r| events(r) as u64).sum(),
        in_flight,
        ..LiveSnapshot::default()
    }
}

/// What had come by then.
fn come(record: &AttemptRecord, at: Nanos) -> &[Arrival] {
    record.arrivals.get(..record.arrivals.partition_point(|a| a.at <= at)).unwrap_or_default()
}

fn flight(record: &AttemptRecord, at: Nanos, is_traced: bool, is_looked_at: bool) -> InFlight {
    let arrivals = come(record, at);
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
    if is_looked_at {
        flight.recent_gaps_ms = recent_gaps_ms(arrivals);
        flight.thinking_ms = so_far().thinking_ms();
        (flight.reasoning, flight.reasoning_cut) =
            live_end(share_of(&record.reasoning, record, arrivals, TextKind::Reasoning));
        (flight.text, flight.text_cut) = live_end(share_of(&record.text, record, arrivals, TextKind::Answer));
    }
    flight
}

/// As much of a text as events of its kind had come, of all: which text came with which event is not kept.
fn share_of<'a>(text: &'a str, record: &AttemptRecord, come: &[Arrival], kind: TextKind) -> &'a str {
    let count = |arrivals: &[Arrival]| arrivals.iter().filter(|a| a.kind == kind).count();
    let (here, all) = (count(come), count(&record.arrivals));
    if here == all && come.len() == record.arrivals.len() {
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
