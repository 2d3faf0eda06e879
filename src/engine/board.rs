//! What is in flight, and the live view that is made of it.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, watch};

use super::recorder::Recorder;
use crate::domain::live::{EngineLag, LiveSnapshot};
use crate::domain::statistics::percentile;
use crate::domain::time::Nanos;

/// Only so many requests carry their text in the live view.
const WITH_TEXT: usize = 8;
/// So many lag samples are kept: at 20 a second, the last three quarters of an hour.
const MAX_LAGS: usize = 54_000;
/// A timer that runs later than this is a stall that a timeline shows, milliseconds.
const STALL_MS: f64 = 100.0;

/// The recorders in flight.
#[derive(Debug)]
pub struct Board {
    in_flight: RefCell<Vec<Rc<RefCell<Recorder>>>>,
    finished_events: Cell<u64>,
    sorted_lags_ms: RefCell<Vec<f64>>,
    busy: Notify,
    publish: watch::Sender<Arc<LiveSnapshot>>,
}

impl Board {
    /// An empty board that publishes there.
    pub fn new(publish: watch::Sender<Arc<LiveSnapshot>>) -> Self {
        Self {
            in_flight: RefCell::default(),
            finished_events: Cell::default(),
            sorted_lags_ms: RefCell::default(),
            busy: Notify::new(),
            publish,
        }
    }

    /// Shows a recorder until it is removed.
    pub fn add(&self, recorder: Rc<RefCell<Recorder>>) {
        self.in_flight.borrow_mut().push(recorder);
        self.busy.notify_one();
    }

    /// Shows it no longer; its events still count.
    pub fn remove(&self, recorder: &Rc<RefCell<Recorder>>) {
        self.in_flight.borrow_mut().retain(|r| !Rc::ptr_eq(r, recorder));
        let events = recorder.borrow().record.arrivals.len() as u64;
        self.finished_events.set(self.finished_events.get() + events);
    }

    /// Adds a warning to all that is in flight.
    pub fn warn(&self, warning: &str) {
        for recorder in self.in_flight.borrow().iter() {
            recorder.borrow_mut().record.warnings.push(warning.to_owned());
        }
    }

    /// Whether anything is in flight.
    pub fn is_busy(&self) -> bool {
        !self.in_flight.borrow().is_empty()
    }

    /// Returns once something is.
    pub async fn wait_until_busy(&self) {
        while !self.is_busy() {
            self.busy.notified().await;
        }
    }

    /// The engine's timer ran at `now`, and was due before. A long stall is noted with all that is in flight.
    pub fn note_lag(&self, due: Nanos, now: Nanos) {
        let ms = now.millis_since(due);
        if ms >= STALL_MS {
            for recorder in self.in_flight.borrow().iter() {
                recorder.borrow_mut().record.observer_stalls.push((due, now));
            }
        }
        let mut lags = self.sorted_lags_ms.borrow_mut();
        if lags.len() < MAX_LAGS {
            let place = lags.partition_point(|&l| l < ms);
            lags.insert(place, ms);
        }
    }

    /// Makes the live view; the latest wins.
    pub fn publish(&self, now: Nanos) {
        let in_flight: Vec<_> =
            self.in_flight.borrow().iter().enumerate().map(|(i, r)| r.borrow().in_flight(i < WITH_TEXT)).collect();
        let running: u64 = in_flight.iter().map(|f| u64::from(f.content_events)).sum();
        let snapshot = LiveSnapshot {
            at: now,
            content_events_total: self.finished_events.get() + running,
            in_flight,
            lag: self.lag(),
        };
        self.publish.send_replace(Arc::new(snapshot));
    }

    fn lag(&self) -> EngineLag {
        let sorted = self.sorted_lags_ms.borrow();
        if sorted.is_empty() {
            return EngineLag::default();
        }
        EngineLag {
            p50_ms: Some(percentile(&sorted, 50.0)),
            p99_ms: Some(percentile(&sorted, 99.0)),
            max_ms: sorted.last().copied(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{AttemptId, AttemptRecord};

    #[test]
    fn a_long_stall_is_noted_with_what_is_in_flight() {
        let board = Board::new(watch::channel(Arc::default()).0);
        let record = AttemptRecord::started(AttemptId::default(), false, "r".into(), "m".into(), Nanos(0));
        let recorder = Rc::new(RefCell::new(Recorder::new(record, &crate::protocol::api::CHAT)));
        let lag = |from, until| board.note_lag(Nanos::from_millis(from), Nanos::from_millis(until));
        lag(0, 400);
        board.add(Rc::clone(&recorder));
        lag(500, 599);
        lag(600, 700);
        board.remove(&recorder);
        lag(800, 1200);
        let stalls = recorder.borrow().record.observer_stalls.clone();
        assert_eq!(stalls, [(Nanos::from_millis(600), Nanos::from_millis(700))]);
        assert_eq!(board.lag().max_ms, Some(400.0));
    }
}
