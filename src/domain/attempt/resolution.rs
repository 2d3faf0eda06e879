//! How well a stream resolves its own figures: what reads shared by many events do to times between tokens.
//!
//! A read gives all its events one time. An event alone in its read is taken to be on time; an event that shares a read
//! may have been held since the read before. From that follows how long the first and the last text may have been held
//! back, and from both the largest error of TTFT, inter-token latency and decode speed.

use serde::{Deserialize, Serialize};

use super::{Arrival, AttemptRecord, TextKind};
use crate::domain::time::Nanos;

/// No model decodes one stream faster than this; what arrives faster was made before.
const FASTEST_EVENTS_PER_MS: f64 = 5.0;

/// How the text of an attempt is spread over arrival times.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resolution {
    /// Distinct arrival times of text.
    pub arrival_times: usize,
    /// Events in the read that held most of them.
    pub largest_read_events: usize,
    /// Groups of reads that no decoding can stand between: a buffer was emptied.
    pub bunches: usize,
    /// Events in the first of them.
    pub first_bunch_events: usize,
    /// Events in the last of them.
    pub last_bunch_events: usize,
    /// From the first event of the first bunch to its last, milliseconds.
    pub first_bunch_ms: f64,
    /// Longest time for which the first text may have been held back, milliseconds; `None` where nothing says how long.
    pub first_hold_ms: Option<f64>,
    /// Longest time for which the last text may have been held back, milliseconds.
    pub last_hold_ms: f64,
    /// Longest time for which the first text of the answer may have been held back, milliseconds; like `first_hold_ms`.
    pub answer_hold_ms: Option<f64>,
}

/// Events that came together.
#[derive(Clone, Copy)]
struct Bunch {
    first: Nanos,
    last: Nanos,
    events: usize,
}

impl Resolution {
    /// The resolution of these arrivals, which are in order.
    pub fn from_arrivals(arrivals: &[Arrival]) -> Self {
        let bunches = bunches(arrivals);
        let (Some(first), Some(last)) = (bunches.first(), bunches.last()) else { return Self::default() };
        let reads = || arrivals.chunk_by(|a, b| a.at == b.at).map(<[Arrival]>::len);
        let mean_ms = mean_event_ms(first, last, arrivals.len());
        let first_hold_ms = match bunches.get(1) {
            _ if first.events > 1 => mean_ms.map(|ms| ms * first.events as f64),
            // A buffer that is emptied by the clock may hold one event the first time.
            Some(second) if second.events > 1 => mean_ms,
            _ => Some(0.0),
        };
        let before_last = bunches.len().checked_sub(2).and_then(|at| bunches.get(at));
        let last_hold_ms = match before_last {
            Some(before) if last.events > 1 || before.events > 1 => last.last.millis_since(before.last),
            _ => 0.0,
        };
        Self {
            arrival_times: reads().count(),
            largest_read_events: reads().max().unwrap_or(0),
            bunches: bunches.len(),
            first_bunch_events: first.events,
            last_bunch_events: last.events,
            first_bunch_ms: first.last.millis_since(first.first),
            first_hold_ms,
            last_hold_ms,
            answer_hold_ms: answer_hold_ms(arrivals, &bunches, first_hold_ms),
        }
    }

    /// The resolution of a stream whose every event came alone.
    pub(super) fn from_single_events(events: usize) -> Self {
        let one = events.min(1);
        Self {
            arrival_times: events,
            largest_read_events: one,
            bunches: events,
            first_bunch_events: one,
            last_bunch_events: one,
            first_hold_ms: (events > 0).then_some(0.0),
            answer_hold_ms: (events > 0).then_some(0.0),
            ..Self::default()
        }
    }

    /// Whether all text came at once, in one event or several.
    pub const fn is_one_bunch(&self) -> bool {
        self.bunches == 1
    }
}

/// Reads so close that their events cannot have been made between them belong together.
fn bunches(arrivals: &[Arrival]) -> Vec<Bunch> {
    let mut bunches: Vec<Bunch> = Vec::new();
    for read in arrivals.chunk_by(|a, b| a.at == b.at) {
        let (at, events) = (read[0].at, read.len());
        match bunches.last_mut() {
            Some(bunch) if at.millis_since(bunch.last) * FASTEST_EVENTS_PER_MS <= events as f64 => {
                bunch.last = at;
                bunch.events += events;
            }
            _ => bunches.push(Bunch { first: at, last: at, events }),
        }
    }
    bunches
}

/// Most time that an event took after the first bunch: the one that came right after it may already have been begun.
fn mean_event_ms(first: &Bunch, last: &Bunch, events: usize) -> Option<f64> {
    let after = events.checked_sub(first.events + 1).filter(|&n| n > 0)?;
    Some(last.last.millis_since(first.last) / after as f64)
}

fn answer_hold_ms(arrivals: &[Arrival], bunches: &[Bunch], first_hold_ms: Option<f64>) -> Option<f64> {
    let Some(answer) = arrivals.iter().find(|a| a.kind == TextKind::Answer) else { return Some(0.0) };
    let at = bunches.partition_point(|bunch| bunch.last < answer.at);
    match (at.checked_sub(1).and_then(|before| bunches.get(before)), bunches.get(at)) {
        (Some(before), Some(bunch)) if bunch.events > 1 => Some(answer.at.millis_since(before.last)),
        (None, Some(bunch)) if bunch.events > 1 => first_hold_ms,
        _ => Some(0.0),
    }
}

impl AttemptRecord {
    /// How its text is spread over arrival times; `None` for a record that an older version condensed.
    pub fn resolution(&self) -> Option<Resolution> {
        match &self.condensed {
            Some(condensed) => condensed.resolution.get(condensed.events),
            None => Some(Resolution::from_arrivals(&self.arrivals)),
        }
    }
}

#[cfg(test)]
mod tests;
