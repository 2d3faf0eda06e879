//! Servers that decode one request after another although several are in flight.

use crate::domain::attempt::AttemptRecord;
use crate::domain::statistics::median;
use crate::domain::time::Nanos;

/// Requests that came while another was being answered; fewer may be chance.
const ENOUGH_WAITS: usize = 3;
/// Share of them that got their first text only after the other had its last.
const APART: f64 = 0.9;
/// Share of their wait in which others were being decoded: else it was their own prefill.
const COVERED: f64 = 0.5;

/// From when to when a request was in flight, and when its text came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    began: Nanos,
    first: Nanos,
    last: Nanos,
}

impl Exchange {
    /// Of a whole answer that was streamed; `None` of any other.
    pub fn new(record: &AttemptRecord) -> Option<Self> {
        let (first, last) = (record.first_arrival()?, record.last_arrival()?);
        (record.is_ok() && first < last).then(|| Self { began: record.began(), first, last })
    }
}

/// A server that decodes one request at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OneAtATime {
    /// Requests that waited for another one to end.
    pub apart: usize,
    /// Requests that came while another was being answered.
    pub waited: usize,
    /// Shortest and longest time from a request to its first text, milliseconds.
    pub first_text_ms: (f64, f64),
}

impl OneAtATime {
    /// Whether the decode phases of requests that were in flight together never overlap, and those of others fill their waits.
    pub fn find(mut exchanges: Vec<Exchange>) -> Option<Self> {
        exchanges.sort_by_key(|e| (e.first, e.last));
        let (mut apart, mut covers) = (0, Vec::new());
        for (at, own) in exchanges.iter().enumerate() {
            // Sorted by their first text: those that can still be decoding stand right before.
            let before = exchanges.split_at(at).0;
            let Some(previous) = before.last().filter(|previous| own.began < previous.last) else { continue };
            apart += usize::from(previous.last <= own.first);
            let wait_ms = own.first.millis_since(own.began);
            let others = before.iter().rev().take_while(|other| other.last > own.began);
            let decoding_ms: f64 = others.map(|o| o.last.min(own.first).millis_since(o.first.max(own.began))).sum();
            covers.push(if wait_ms > 0.0 { decoding_ms / wait_ms } else { 0.0 });
        }
        let waited = covers.len();
        let is_enough = waited >= ENOUGH_WAITS && apart as f64 >= waited as f64 * APART;
        let is_covered = median(covers).is_some_and(|share| share >= COVERED);
        let waits_ms = || exchanges.iter().map(|e| e.first.millis_since(e.began));
        let first_text_ms = (waits_ms().reduce(f64::min)?, waits_ms().reduce(f64::max)?);
        (is_enough && is_covered).then_some(Self { apart, waited, first_text_ms })
    }
}
