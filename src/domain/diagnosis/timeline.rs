//! The arrivals of an attempt in the figures that diagnoses need: gaps, bursts, pauses.

use super::super::attempt::{Arrival, AttemptRecord};
use super::super::statistics::median;
use super::super::time::Nanos;

/// Below so many events a pattern may be chance.
pub const ENOUGH_EVENTS: usize = 32;
/// Gaps that a median needs to say what is usual.
const ENOUGH_GAPS: usize = 8;
/// Events closer than this were sent together, milliseconds.
const TOGETHER_MS: f64 = 1.0;
/// Events are together only if they also are so much closer than the mean gap: fast streams are not bursts.
const TOGETHER_SHARE: f64 = 0.1;
/// Bursts closer than this may be the scheduler's doing, on either side, milliseconds.
const APART_MS: f64 = 20.0;
/// A silence before a burst that is no scheduler's doing, milliseconds.
const SILENCE_MS: f64 = 500.0;
/// So many bursts make a pattern.
const ENOUGH_BURSTS: usize = 5;
/// What waited while the observer stood still is read within this time after it.
const CATCHING_UP_MS: f64 = 50.0;
/// A pause lasts at least so long, milliseconds, and so many usual gaps.
const PAUSE: (f64, f64) = (500.0, 10.0);

/// The arrivals in figures. Times are milliseconds.
#[derive(Debug)]
pub struct Timeline {
    /// Events with text.
    pub events: usize,
    /// Of those, out of the same read as the one before.
    pub coalesced: usize,
    /// From the request to the first.
    pub wait_ms: f64,
    /// From the first to the last.
    pub window_ms: f64,
    /// The pattern of bursts, if there is one.
    pub bursts: Option<Bursts>,
    /// The observer's own, up to the last event.
    pub stalls: Vec<Stall>,
    gaps_ms: Vec<f64>,
}

/// A time in which the observer stood still, after the request; negative before it.
#[derive(Clone, Copy, Debug)]
pub struct Stall {
    /// From when on.
    pub from_ms: f64,
    /// Until when.
    pub until_ms: f64,
}

impl Stall {
    /// How long.
    pub const fn length_ms(&self) -> f64 {
        self.until_ms - self.from_ms
    }

    /// How much of it lies between two times.
    fn within(&self, from_ms: f64, until_ms: f64) -> f64 {
        (self.until_ms.min(until_ms) - self.from_ms.max(from_ms)).max(0.0)
    }
}

/// Events that come together, again and again.
#[derive(Clone, Copy, Debug)]
pub struct Bursts {
    /// Events in one.
    pub mean_events: f64,
    /// The median time between two.
    pub apart_ms: f64,
}

/// Gaps far longer than usual.
#[derive(Clone, Copy, Debug)]
pub struct Pauses {
    /// How many.
    pub count: usize,
    /// All together.
    pub total_ms: f64,
    /// The longest.
    pub longest_ms: f64,
    /// When that began, after the request.
    pub longest_at_ms: f64,
}

/// One run of events that came together.
#[derive(Clone, Copy, Debug)]
pub struct Burst {
    /// How many.
    pub events: usize,
    /// From the first to the last of them.
    pub span_ms: f64,
    /// The silence before it.
    pub wait_ms: f64,
    /// When that began, after the request.
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
        // Without a whole answer all of the attempt was waiting.
        let end_ms = if record.is_ok() { last_ms } else { since(record.ended).max(last_ms) };
        let began_ms = since(record.began());
        let touches = |s: &Stall| s.from_ms < end_ms && s.until_ms > began_ms;
        let stalls: Vec<Stall> = record.observer_stalls.iter().map(stall).filter(touches).collect();
        // What piled up while the observer stood still was not sent together.
        let piled_up =
            |a: &Arrival| stalls.iter().any(|s| (s.from_ms..=s.until_ms + CATCHING_UP_MS).contains(&since(a.at)));
        let coalesced = arrivals.iter().filter(|a| a.coalesced && !piled_up(a)).count();
        Self { events: arrivals.len(), coalesced, wait_ms, window_ms, bursts, stalls, gaps_ms }
    }

    /// The one burst that is (almost) the whole answer: nine tenths of the events, at a speed no model decodes at, in a
    /// twentieth of the request's time, after a silence that the observer did not make.
    pub fn whole_answer_burst(&self, latency_ms: f64) -> Option<Burst> {
        const FEWEST: usize = 16;
        const PER_MS: f64 = 5.0;
        let burst = self.largest_burst()?;
        let most = burst.events >= FEWEST && burst.events * 10 >= self.events * 9;
        let sudden = burst.span_ms < latency_ms * 0.05
            && burst.wait_ms - self.own_ms(burst.since_ms, burst.wait_ms) >= SILENCE_MS;
        (most && sudden && (burst.events - 1) as f64 >= burst.span_ms * PER_MS).then_some(burst)
    }

    /// Whether the observer stood still while it waited for the first text, and no long silence is left without that.
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

    /// How long the observer itself stood still in that time.
    fn own_ms(&self, from_ms: f64, length_ms: f64) -> f64 {
        self.stalls.iter().map(|s| s.within(from_ms, from_ms + length_ms)).sum()
    }

    /// Gaps that are far longer than what is usual here: between bursts, where events come in bursts. What the observer
    /// itself stood still is taken off, and the time that the events of one read usually take: a buffer held those.
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
    /// Usual time that an event takes: of reads that hold several, their share of the gap before.
    fn usual_event_ms(&self) -> Option<f64> {
        let starts = self.gaps_ms.iter().enumerate().filter(|(_, gap)| **gap > 0.0);
        median(starts.map(|(at, gap)| gap / (self.in_same_read(at) + 1) as f64))
    }

    /// Further events in the read that ended this gap.
    fn in_same_read(&self, gap: usize) -> usize {
        self.gaps_ms.iter().skip(gap + 1).take_while(|&&gap| gap <= 0.0).count()
    }
}

/// Gaps longer than this are far longer than what is usual among these, milliseconds; `None` where they are too few to tell.
pub fn pause_limit_ms(gaps_ms: &[f64]) -> Option<f64> {
    limit_ms(gaps_ms, Bursts::from_gaps(gaps_ms, gaps_ms.iter().sum()))
}

fn limit_ms(gaps_ms: &[f64], bursts: Option<Bursts>) -> Option<f64> {
    if gaps_ms.len() < ENOUGH_GAPS {
        return None;
    }
    let usual_ms = bursts.map(|b| b.apart_ms).or_else(|| median(gaps_ms.iter().copied()))?;
    Some((usual_ms * PAUSE.1).max(PAUSE.0))
}

impl Bursts {
    /// At least every other gap is next to nothing, and those between are noticeable.
    fn from_gaps(gaps_ms: &[f64], window_ms: f64) -> Option<Self> {
        let events = gaps_ms.len() + 1;
        if events < ENOUGH_EVENTS {
            return None;
        }
        let together_ms = (window_ms / gaps_ms.len() as f64 * TOGETHER_SHARE).min(TOGETHER_MS);
        let apart: Vec<f64> = gaps_ms.iter().copied().filter(|&gap| gap >= together_ms).collect();
        let count = apart.len() + 1;
        if count < ENOUGH_BURSTS || events < 2 * count {
            return None;
        }
        let apart_ms = median(apart)?;
        (apart_ms >= APART_MS).then(|| Self { mean_events: events as f64 / count as f64, apart_ms })
    }
}
