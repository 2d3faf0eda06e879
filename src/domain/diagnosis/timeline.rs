//! Gaps, bursts and stalls in the arrivals of an attempt, as diagnoses need them.

use super::super::attempt::{Arrival, AttemptRecord};
use super::super::statistics::median;
use super::super::time::Nanos;

/// Minimum events for a pattern of bursts; with fewer, a pattern may be chance.
pub const MIN_EVENTS: usize = 32;
/// Minimum number of gaps whose median counts as the usual gap of the stream.
const MIN_GAPS: usize = 8;
/// Maximum gap between events sent together, milliseconds.
const TOGETHER_MS: f64 = 1.0;
/// Maximum gap between events sent together, as a share of the mean gap. Without this limit, fast streams would count
/// as bursts.
const TOGETHER_SHARE: f64 = 0.1;
/// Minimum time between bursts, milliseconds. Shorter times may come from the thread scheduler of client or server.
const APART_MS: f64 = 20.0;
/// Minimum silence before a burst that counts as buffering, milliseconds; a thread scheduler never causes as much.
const SILENCE_MS: f64 = 500.0;
/// Minimum number of bursts for a pattern.
const MIN_BURSTS: usize = 5;
/// Time after a stall of the observer (the thread that reads streams) in which it reads the events that piled up,
/// milliseconds.
const CATCHING_UP_MS: f64 = 50.0;
/// Minimum length of a stall of the stream: in milliseconds, and in multiples of the usual gap.
const PAUSE: (f64, f64) = (500.0, 10.0);

/// Figures about the arrivals of an attempt. All times are in milliseconds.
#[derive(Debug)]
pub struct Timeline {
    /// Number of events with text.
    pub events: usize,
    /// Number of events from the same read as the event before, except for those that piled up in a stall.
    pub coalesced: usize,
    /// Time from the request to the first event.
    pub wait_ms: f64,
    /// Time from the first event to the last.
    pub window_ms: f64,
    /// Pattern of bursts, if there is one.
    pub bursts: Option<Bursts>,
    /// Stalls of the observer up to the last event.
    pub stalls: Vec<Stall>,
    gaps_ms: Vec<f64>,
}

/// A stall of the observer. Times count from the start of the request, so earlier times are negative.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    /// Start of the stall.
    pub from_ms: f64,
    /// End of the stall.
    pub until_ms: f64,
}

impl Stall {
    /// Length, milliseconds.
    pub const fn length_ms(&self) -> f64 {
        self.until_ms - self.from_ms
    }

    /// Length of the part of the stall between two times, milliseconds.
    fn within(&self, from_ms: f64, until_ms: f64) -> f64 {
        (self.until_ms.min(until_ms) - self.from_ms.max(from_ms)).max(0.0)
    }
}

/// A repeated pattern of events that arrive together.
#[derive(Clone, Copy, Debug)]
pub struct Bursts {
    /// Mean number of events in a burst.
    pub mean_events: f64,
    /// Median time between two bursts, milliseconds.
    pub apart_ms: f64,
}

/// Stalls of the stream: gaps far longer than usual.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// Number of stalls.
    pub count: usize,
    /// Total length of the stalls, milliseconds.
    pub total_ms: f64,
    /// Length of the longest stall, milliseconds.
    pub longest_ms: f64,
    /// Start of the longest stall, milliseconds after the request.
    pub longest_at_ms: f64,
}

/// A run of events that arrived together.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// Number of events.
    pub events: usize,
    /// Time from the first event of the burst to its last, milliseconds.
    pub span_ms: f64,
    /// Silence before the burst, milliseconds.
    pub wait_ms: f64,
    /// Start of the silence before the burst, milliseconds after the request.
    since_ms: f64,
}

impl Timeline {
    pub fn from_record(record: &AttemptRecord) -> Self {
        let arrivals = &record.arrivals;
        let gaps_ms: Vec<f64> = record.gaps_ms().collect();
        let between = |a: Option<&Arrival>, from| a.map_or(0.0, |a| a.at.millis_since(from));
        let wait_ms = between(arrivals.first(), record.started);
        let window_ms = gaps_ms.iter().sum();
        let bursts = Bursts::from_gaps(&gaps_ms, window_ms);
        let last_ms = wait_ms + window_ms;
        let since = |at: Nanos| at.millis_since(record.started) - record.started.millis_since(at);
        let stall = |&(from, until): &(Nanos, Nanos)| Stall { from_ms: since(from), until_ms: since(until) };
        // Without a complete answer, the whole attempt counts as waiting.
        let end_ms = if record.is_ok() { last_ms } else { since(record.ended).max(last_ms) };
        let began_ms = since(record.began());
        let touches = |s: &Stall| s.from_ms < end_ms && s.until_ms > began_ms;
        let stalls: Vec<Stall> = record.observer_stalls.iter().map(stall).filter(touches).collect();
        // Events that piled up in a stall of the observer were not sent together.
        let piled_up =
            |a: &Arrival| stalls.iter().any(|s| (s.from_ms..=s.until_ms + CATCHING_UP_MS).contains(&since(a.at)));
        let coalesced = arrivals.iter().filter(|a| a.coalesced && !piled_up(a)).count();
        Self { events: arrivals.len(), coalesced, wait_ms, window_ms, bursts, stalls, gaps_ms }
    }

    /// The burst that is (almost) the whole answer, if there is one. It has at least nine tenths of the events, is
    /// faster than any model decodes, takes at most a twentieth of the request's latency, and follows a silence that
    /// the observer did not cause.
    pub fn whole_answer_burst(&self, latency_ms: f64) -> Option<Burst> {
        const FEWEST: usize = 16;
        const PER_MS: f64 = 5.0;
        let burst = self.largest_burst()?;
        let most = burst.events >= FEWEST && burst.events * 10 >= self.events * 9;
        let sudden = burst.span_ms < latency_ms * 0.05
            && burst.wait_ms - self.own_ms(burst.since_ms, burst.wait_ms) >= SILENCE_MS;
        (most && sudden && (burst.events - 1) as f64 >= burst.span_ms * PER_MS).then_some(burst)
    }

    /// Returns whether stalls of the observer explain the wait for the first text: without them, no long silence
    /// remains.
    pub fn observer_explains_wait(&self) -> bool {
        let own_ms = self.own_ms(0.0, self.wait_ms);
        own_ms > 0.0 && self.wait_ms - own_ms < SILENCE_MS
    }

    fn largest_burst(&self) -> Option<Burst> {
        let mut now = Burst { events: 1, span_ms: 0.0, wait_ms: self.wait_ms, since_ms: 0.0 };
        let mut largest = (self.events > 0).then_some(now)?;
        let mut at_ms = self.wait_ms;
        for &gap_ms in &self.gaps_ms {
            now = if gap_ms < TOGETHER_MS {
                Burst { events: now.events + 1, span_ms: now.span_ms + gap_ms, ..now }
            } else {
                Burst { events: 1, span_ms: 0.0, wait_ms: gap_ms, since_ms: at_ms }
            };
            at_ms += gap_ms;
            if now.events > largest.events {
                largest = now;
            }
        }
        Some(largest)
    }

    /// Part of this span in which the observer stalled, milliseconds.
    fn own_ms(&self, from_ms: f64, length_ms: f64) -> f64 {
        self.stalls.iter().map(|s| s.within(from_ms, from_ms + length_ms)).sum()
    }

    /// Stalls of the stream: gaps far longer than usual, or in a stream of bursts, far longer than usual between
    /// bursts. Excludes stalls of the observer, and the time that a buffer needs to collect the events of one read.
    pub fn pauses(&self) -> Option<Pauses> {
        let limit_ms = limit_ms(&self.gaps_ms, self.bursts)?;
        let event_ms = self.usual_event_ms().unwrap_or(0.0);
        let mut pauses: Option<Pauses> = None;
        let mut at_ms = self.wait_ms;
        for (at, &gap_ms) in self.gaps_ms.iter().enumerate() {
            let explained_ms = |s: &Self| s.own_ms(at_ms, gap_ms) + event_ms * s.in_same_read(at) as f64;
            if gap_ms > limit_ms && gap_ms - explained_ms(self) > limit_ms {
                let p = pauses.get_or_insert(Pauses { count: 0, total_ms: 0.0, longest_ms: 0.0, longest_at_ms: 0.0 });
                p.count += 1;
                p.total_ms += gap_ms;
                if gap_ms > p.longest_ms {
                    (p.longest_ms, p.longest_at_ms) = (gap_ms, at_ms);
                }
            }
            at_ms += gap_ms;
        }
        pauses
    }
}

impl Timeline {
    /// Usual time per event, milliseconds. A read with several events counts as if they shared the gap before it
    /// equally.
    fn usual_event_ms(&self) -> Option<f64> {
        let starts = self.gaps_ms.iter().enumerate().filter(|(_, gap)| **gap > 0.0);
        median(starts.map(|(at, gap)| gap / (self.in_same_read(at) + 1) as f64))
    }

    /// Number of further events in the read that ended this gap.
    fn in_same_read(&self, gap: usize) -> usize {
        self.gaps_ms.iter().skip(gap + 1).take_while(|&&gap| gap <= 0.0).count()
    }
}

/// Minimum length of a stall among these gaps, milliseconds; `None` if there are too few gaps to know the usual one.
pub fn pause_limit_ms(gaps_ms: &[f64]) -> Option<f64> {
    limit_ms(gaps_ms, Bursts::from_gaps(gaps_ms, gaps_ms.iter().sum()))
}

fn limit_ms(gaps_ms: &[f64], bursts: Option<Bursts>) -> Option<f64> {
    if gaps_ms.len() < MIN_GAPS {
        return None;
    }
    let usual_ms = bursts.map(|b| b.apart_ms).or_else(|| median(gaps_ms.iter().copied()))?;
    Some((usual_ms * PAUSE.1).max(PAUSE.0))
}

impl Bursts {
    /// Finds a pattern of bursts: at least every other gap is close to zero, and the other gaps are noticeable.
    fn from_gaps(gaps_ms: &[f64], window_ms: f64) -> Option<Self> {
        let events = gaps_ms.len() + 1;
        if events < MIN_EVENTS {
            return None;
        }
        let together_ms = (window_ms / gaps_ms.len() as f64 * TOGETHER_SHARE).min(TOGETHER_MS);
        let apart: Vec<f64> = gaps_ms.iter().copied().filter(|&gap| gap >= together_ms).collect();
        let count = apart.len() + 1;
        if count < MIN_BURSTS || events < 2 * count {
            return None;
        }
        let apart_ms = median(apart)?;
        (apart_ms >= APART_MS).then(|| Self { mean_events: events as f64 / count as f64, apart_ms })
    }
}
