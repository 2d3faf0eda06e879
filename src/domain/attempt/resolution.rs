//! How well a stream resolves its own figures: what reads shared by many events do to times between tokens.
//!
//! A read gives all its events one time. An event alone in its read is taken to be on time; an event that shares a read
//! may have been held since the read before. From that follows how long the first and the last text may have been held
//! back, and from both the largest error of TTFT, inter-token latency and decode speed.

use serde::{Deserialize, Serialize};

use super::{Arrival, AttemptRecord, TextKind};
use crate::domain::time::Nanos;

/// No model decodes one stream faster than this; what arrives faster was made before.
pub const FASTEST_TOKENS_PER_MS: f64 = 5.0;

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

impl Resolution {
    /// The resolution of these arrivals, which are in order.
    pub fn from_arrivals(arrivals: &[Arrival]) -> Self {
        let bunches = Bunches::from_arrivals(arrivals);
        let (Some(first), Some(last)) = (bunches.first, bunches.last) else { return Self::default() };
        let event_ms = longest_event_ms(first, last, arrivals.len());
        let first_hold_ms = match bunches.second {
            _ if first.events > 1 => event_ms.map(|ms| ms * first.events as f64),
            // A buffer that is emptied by the clock may hold one event the first time.
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

/// Events that came together.
#[derive(Clone, Copy)]
struct Bunch {
    first: Nanos,
    last: Nanos,
    events: usize,
}

/// The bunch that holds the first text of the answer.
#[derive(Clone, Copy)]
struct AnswerBunch {
    /// When that text came.
    at: Nanos,
    /// When the bunch before ended; `None` in the first bunch.
    after: Option<Nanos>,
    events: usize,
    /// Its number, from 1.
    number: usize,
}

/// The bunches of a stream, as far as a resolution needs them.
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

    /// Adds the events of a read; reads so close that their events cannot have been made between them belong together.
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

/// Most time that an event took after the first bunch: the one that came right after it may already have been begun.
fn longest_event_ms(first: Bunch, last: Bunch, events: usize) -> Option<f64> {
    let after = events.checked_sub(first.events + 1).filter(|&n| n > 0)?;
    Some(last.last.millis_since(first.last) / after as f64)
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
