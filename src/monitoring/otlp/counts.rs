//! Counts of what a receiver did not get.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::OnFailure;
use crate::domain::quantity::count;

/// Counts of what was not delivered.
pub struct Counts {
    dropped_spans: AtomicU64,
    failed_requests: AtomicU64,
    first_failure: Mutex<Option<String>>,
    on_failure: OnFailure,
}

impl Counts {
    /// Creates counts of zero. `on_failure` gets a sentence about the first failure.
    pub fn new(on_failure: OnFailure) -> Self {
        let (dropped_spans, failed_requests) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { dropped_spans, failed_requests, first_failure: Mutex::default(), on_failure }
    }

    /// Counts requests whose spans or measurements were dropped.
    pub fn drop_spans(&self, number: u64) {
        self.dropped_spans.fetch_add(number, Ordering::Relaxed);
    }

    /// Counts a request that the receiver did not accept.
    pub fn note_failure(&self, why: &str) {
        self.failed_requests.fetch_add(1, Ordering::Relaxed);
        let mut first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some(why.to_owned());
            (self.on_failure)(format!(
                "the receiver of --otlp does not accept exports ({why}); the run continues without them"
            ));
        }
    }

    /// Describes what was not delivered; `None` if nothing is missing. `in_time` is whether the thread finished.
    pub fn summary(&self, in_time: bool) -> Option<String> {
        let (failed, dropped) =
            (self.failed_requests.load(Ordering::Relaxed), self.dropped_spans.load(Ordering::Relaxed));
        if in_time && failed == 0 && dropped == 0 {
            return None;
        }
        let first = self.first_failure.lock().unwrap_or_else(PoisonError::into_inner);
        let why = first.as_ref().map_or_else(String::new, |why| format!(" ({why})"));
        let late = if in_time { "" } else { "; the receiver was too slow for the rest" };
        Some(format!(
            "--otlp: {} failed{why}, and {} missing at the receiver{late}",
            count(failed as usize, "export"),
            count(dropped as usize, "span")
        ))
    }
}
