//! Detects servers that decode one request at a time although several are in flight.

use crate::domain::attempt::AttemptRecord;
use crate::domain::statistics::median;
use crate::domain::time::Nanos;

/// Minimum number of overlapping requests; with fewer, the order of their answers may be chance.
const ENOUGH_WAITS: usize = 3;
/// Minimum share of overlapping requests whose first text came after the previous answer had ended.
const APART: f64 = 0.9;
/// Minimum median share of the wait for the first text during which the server decoded other answers. The rest is the
/// request's own prefill.
const COVERED: f64 = 0.5;

/// Times of one request: when it was sent, and when its first and last text arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    began: Nanos,
    first: Nanos,
    last: Nanos,
}

impl Exchange {
    /// Returns the times of a complete, streamed answer; `None` for any other attempt.
    pub fn new(record: &AttemptRecord) -> Option<Self> {
        let (first, last) = (record.first_arrival()?, record.last_arrival()?);
        (record.is_ok() && first < last).then(|| Self { began: record.began(), first, last })
    }
}

/// Evidence that a server decodes one request at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct OneAtATime {
    /// Requests whose first text came only after the previous answer had ended.
    pub apart: usize,
    /// Requests sent while an earlier one was being answered.
    pub waited: usize,
    /// Shortest and longest time from sending a request to its first text, milliseconds.
    pub first_text_ms: (f64, f64),
}

impl OneAtATime {
    /// Returns the evidence if answers never overlap although their requests do, and decoding of other answers fills
    /// the waits.
    pub fn find(mut exchanges: Vec<Exchange>) -> Option<Self> {
        exchanges.sort_by_key(|e| (e.first, e.last));
        let (mut apart, mut covers) = (0, Vec::new());
        for (at, own) in exchanges.iter().enumerate() {
            // The list is sorted by first text, so the answers that may still be decoding come right before this one.
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
