//! Resolution of a stream: how reads that several events share affect the times between tokens.
//!
//! All events of one socket read get the same arrival time. An event alone in its read counts as on time. An event that
//! shares a read may have waited in a buffer since the read before. That wait bounds how long the first and the last
//! text may have been held back, and so the largest error of TTFT, ITL and decode speed.

use serde::{Deserialize, Serialize};

use super::{Arrival, AttemptRecord, TextKind};
use crate::domain::time::Nanos;

/// Fastest plausible decoding of one stream, tokens per millisecond. Text that arrives faster was generated earlier and
/// buffered.
pub const FASTEST_TOKENS_PER_MS: f64 = 5.0;

/// How precisely an attempt's arrivals show when its text was generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Resolution {
    /// Distinct arrival times of text.
    pub arrival_times: usize,
    /// Events in the largest read.
    pub largest_read_events: usize,
    /// Number of bunches: groups of reads so close together that a buffer must have been emptied, because no model
    /// decodes in between.
    pub bunches: usize,
    /// Events in the first bunch.
    pub first_bunch_events: usize,
    /// Events in the last bunch.
    pub last_bunch_events: usize,
    /// Time from the first to the last event of the first bunch, milliseconds.
    pub first_bunch_ms: f64,
    /// Longest time for which the first text may have been held back, milliseconds; `None` if unbounded.
    pub first_hold_ms: Option<f64>,
    /// Longest time for which the last text may have been held back, milliseconds.
    pub last_hold_ms: f64,
    /// Longest time for which the first text of the answer (not of the reasoning) may have been held back,
    /// milliseconds; `None` if unbounded.
    pub answer_hold_ms: Option<f64>,
}

impl Resolution {
    /// Returns the resolution of these arrivals, which must be in order.
    pub fn from_arrivals(arrivals: &[Arrival]) -> Self {
        let bunches = Bunches::from_arrivals(arrivals);
        let (Some(first), Some(last)) = (bunches.first, bunches.last) else { return Self::default() };
        let event_ms = longest_event_ms(first, last, arrivals.len());
        let first_hold_ms = match bunches.second {
            _ if first.events > 1 => event_ms.map(|ms| ms * first.events as f64),
            // A buffer that is flushed periodically may hold only one event at its first flush.
            Some(second) if second.events > 1 => event_ms,
            _ => Some(0.0),
        };
        let last_hold_ms = match bunches.before_last {
            Some(before) if last.events > 1 || before.events > 1 => last.last.millis_since(before.last),
            _ => 0.0,
        };
        let answer_hold_ms = match bunches.answer {
            Some(answer) if answer.events > 1 => {
                answer.after.map_or(first_hold_ms, |after| Some(answer.at.millis_since(after)))
            }
            _ => Some(0.0),
        };
        Self {
            arrival_times: bunches.reads,
            largest_read_events: bunches.largest_read,
            bunches: bunches.count,
            first_bunch_events: first.events,
            last_bunch_events: last.events,
            first_bunch_ms: first.last.millis_since(first.first),
            first_hold_ms,
            last_hold_ms,
            answer_hold_ms,
        }
    }

    /// Returns the resolution of a stream whose events all arrived alone.
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

    /// Returns whether all text arrived at once, in one event or several.
    pub const fn is_one_bunch(&self) -> bool {
        self.bunches == 1
    }
}

/// Events that arrived together: in one read, or in reads too close for decoding in between.
#[derive(Clone, Copy)]
struct Bunch {
    first: Nanos,
    last: Nanos,
    events: usize,
}

/// Bunch with the first text of the answer.
#[derive(Clone, Copy)]
struct AnswerBunch {
    /// Arrival time of the answer's first text.
    at: Nanos,
    /// End of the bunch before this one; `None` for the first bunch.
    after: Option<Nanos>,
    events: usize,
    /// Number of the bunch, from 1.
    number: usize,
}

/// Bunches of a stream, reduced to the facts that its resolution needs.
#[derive(Default)]
struct Bunches {
    count: usize,
    reads: usize,
    largest_read: usize,
    first: Option<Bunch>,
    second: Option<Bunch>,
    before_last: Option<Bunch>,
    last: Option<Bunch>,
    answer: Option<AnswerBunch>,
}

impl Bunches {
    fn from_arrivals(arrivals: &[Arrival]) -> Self {
        let mut bunches = Self::default();
        for read in arrivals.chunk_by(|a, b| a.at == b.at) {
            bunches.add(read);
        }
        bunches
    }

    /// Adds the events of a read. Reads so close that no event can have been generated in between belong to one bunch.
    fn add(&mut self, read: &[Arrival]) {
        let (at, events) = (read[0].at, read.len());
        self.reads += 1;
        self.largest_read = self.largest_read.max(events);
        let bunch = match self.last {
            Some(last) if at.millis_since(last.last) * FASTEST_TOKENS_PER_MS < events as f64 => {
                Bunch { last: at, events: last.events + events, ..last }
            }
            last => {
                self.count += 1;
                self.before_last = last;
                Bunch { first: at, last: at, events }
            }
        };
        self.last = Some(bunch);
        match self.count {
            1 => self.first = self.last,
            2 => self.second = self.last,
            _ => {}
        }
        if self.answer.is_none() && read.iter().any(|a| a.kind == TextKind::Answer) {
            self.answer = Some(AnswerBunch { at, after: self.before_last.map(|b| b.last), events, number: self.count });
        }
        if let Some(answer) = self.answer.as_mut().filter(|answer| answer.number == self.count) {
            answer.events = bunch.events;
        }
    }
}

/// Longest time per event after the first bunch, milliseconds: the server may have begun an event as soon as the bunch
/// before was complete.
fn longest_event_ms(first: Bunch, last: Bunch, events: usize) -> Option<f64> {
    let after = events.checked_sub(first.events + 1).filter(|&n| n > 0)?;
    Some(last.last.millis_since(first.last) / after as f64)
}

impl AttemptRecord {
    /// Returns the resolution of the stream; `None` for a record that an older version condensed.
    pub fn resolution(&self) -> Option<Resolution> {
        match &self.condensed {
            Some(condensed) => condensed.resolution.get(condensed.events),
            None => Some(Resolution::from_arrivals(&self.arrivals)),
        }
    }
}

#[cfg(test)]
mod tests;
