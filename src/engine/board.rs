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

    /// The engine's timer ran this late.
    pub fn note_lag(&self, ms: f64) {
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
