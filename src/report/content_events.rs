//! Events with generated text of an attempt, as exports list them.

use serde::Serialize;

use crate::domain::attempt::{Arrival, AttemptRecord, TextKind};
use crate::domain::time::Nanos;

/// Kind of text in an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Reasoning that precedes the answer.
    Reasoning,
    /// The answer, a refusal, or a tool call.
    Answer,
}

impl Kind {
    /// Name in exports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reasoning => "reasoning",
            Self::Answer => "answer",
        }
    }
}

/// Events of one attempt, in order.
#[derive(Clone, Copy)]
pub struct ContentEvents<'a> {
    clock_start: Nanos,
    arrivals: &'a [Arrival],
}

impl<'a> ContentEvents<'a> {
    /// Returns the events of a record; `None` if the record was condensed and no longer has them.
    pub fn from_record(record: &'a AttemptRecord) -> Option<Self> {
        record.condensed.is_none().then_some(Self { clock_start: record.clock_start(), arrivals: &record.arrivals })
    }

    /// Number of events.
    pub fn len(self) -> usize {
        self.arrivals.len()
    }

    /// Times from the start of the clock for TTFT and latency, milliseconds.
    pub fn times_ms(self) -> impl Iterator<Item = f64> + use<'a> {
        self.arrivals.iter().map(move |arrival| arrival.at.millis_since(self.clock_start))
    }

    /// Kinds of text.
    pub fn kinds(self) -> impl Iterator<Item = Kind> + use<'a> {
        self.arrivals.iter().map(|arrival| match arrival.kind {
            TextKind::Reasoning => Kind::Reasoning,
            TextKind::Answer => Kind::Answer,
        })
    }

    /// Whether each event shared a read with the event before.
    pub fn coalesced(self) -> impl Iterator<Item = bool> + use<'a> {
        self.arrivals.iter().map(|arrival| arrival.coalesced)
    }
}
