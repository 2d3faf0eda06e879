//! What is in flight, and the live view that is made of it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, watch};

use super::lag::Lags;
use super::pulse::{Beat, PULSE_EVERY};
use super::recorder::{Detail, Recorder};
use super::secrets::Secrets;
use crate::domain::attempt::AttemptId;
use crate::domain::live::{LiveSnapshot, TRACED_STREAMS};
use crate::domain::time::Nanos;

/// A wake that is later than this is a stall that a timeline shows, milliseconds.
const STALL_MS: f64 = 100.0;

/// The case that somebody looks at, from any thread. Where nobody looks, the live view is only counters.
#[derive(Clone, Debug)]
pub struct Watched(Arc<AtomicUsize>);

impl Default for Watched {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(Self::NOBODY)))
    }
}

impl Watched {
    const NOBODY: usize = usize::MAX;

    /// From now on this case is looked at, or nothing is.
    pub fn set(&self, case: Option<usize>) {
        self.0.store(case.unwrap_or(Self::NOBODY), Ordering::Relaxed);
    }

    fn get(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|case| *case != Self::NOBODY)
    }
}

/// The recorders in flight.
#[derive(Debug)]
pub struct Board {
    in_flight: RefCell<Vec<Rc<RefCell<Recorder>>>>,
    finished_events: Cell<u64>,
    lags: RefCell<Lags>,
    /// When the next beat is due, while they come.
    next_beat: Cell<Option<Nanos>>,
    busy: Notify,
    watched: Watched,
    publish: watch::Sender<Arc<LiveSnapshot>>,
    secrets: Rc<Secrets>,
}

impl Board {
    /// An empty board that publishes there what somebody looks at, without these.
    pub fn new(publish: watch::Sender<Arc<LiveSnapshot>>, watched: Watched, secrets: Rc<Secrets>) -> Self {
        Self {
            in_flight: RefCell::default(),
            finished_events: Cell::default(),
            lags: RefCell::default(),
            next_beat: Cell::default(),
            busy: Notify::new(),
            watched,
            publish,
            secrets,
        }
    }

    /// Shows a recorder until it is removed.
    pub fn add(&self, recorder: Rc<RefCell<Recorder>>) {
        self.in_flight.borrow_mut().push(recorder);
        self.busy.notify_one();
    }

    /// Shows it no longer from `now` on; its events still count. A long stall that is not over yet is noted: what came
    /// meanwhile may be taken before the beat that tells of it.
    pub fn remove(&self, recorder: &Rc<RefCell<Recorder>>, now: Nanos) {
        self.in_flight.borrow_mut().retain(|r| !Rc::ptr_eq(r, recorder));
        if let Some(due) = self.next_beat.get().filter(|due| now.millis_since(*due) >= STALL_MS) {
            recorder.borrow_mut().record.observer_stalls.push((due, now));
        }
        if !self.is_busy() {
            self.next_beat.set(None);
        }
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

    /// Beats came at `now`, in the order they were sent. How late each came counts; a long stall is counted whole, also
    /// where the whole process stood still, and noted once with all that is in flight.
    pub fn note_beats(&self, beats: impl IntoIterator<Item = Beat>, now: Nanos) {
        for (i, beat) in beats.into_iter().enumerate() {
            self.next_beat.set(Some(beat.sent.plus(PULSE_EVERY)));
            let whole = now.millis_since(beat.due);
            let stalled = whole >= STALL_MS;
            self.lags.borrow_mut().note(if stalled { whole } else { now.millis_since(beat.sent) });
            if stalled && i == 0 {
                for recorder in self.in_flight.borrow().iter() {
                    recorder.borrow_mut().record.observer_stalls.push((beat.due, now));
                }
            }
        }
    }

    /// Makes the live view; the latest wins.
    pub fn publish(&self, now: Nanos) {
        let recorders = self.in_flight.borrow();
        let watched = self.watched.get();
        // The screen shows of each case its newest attempt.
        let mut newest: HashMap<usize, u32> = HashMap::new();
        if watched.is_some() {
            for recorder in recorders.iter() {
                let AttemptId { case, number } = recorder.borrow().record.id;
                let highest = newest.entry(case).or_default();
                *highest = number.max(*highest);
            }
        }
        let traced_from = recorders.len().saturating_sub(TRACED_STREAMS);
        let in_flight: Vec<_> = recorders
            .iter()
            .enumerate()
            .map(|(at, recorder)| {
                let mut recorder = recorder.borrow_mut();
                let AttemptId { case, number } = recorder.record.id;
                let detail = match newest.get(&case) {
                    Some(highest) if *highest == number && watched == Some(case) => Detail::All,
                    Some(highest) if *highest == number => Detail::Trace,
                    _ => Detail::Counters,
                };
                let mut live = recorder.in_flight(detail, &self.secrets);
                if watched.is_some() && at >= traced_from {
                    live.arrivals = recorder.arrivals();
                    live.observer_stalls.clone_from(&recorder.record.observer_stalls);
                }
                live
            })
            .collect();
        let running: u64 = in_flight.iter().map(|f| u64::from(f.content_events)).sum();
        let snapshot = LiveSnapshot {
            at: now,
            content_events_total: self.finished_events.get() + running,
            in_flight,
            lag: self.lags.borrow().told(),
        };
        self.publish.send_replace(Arc::new(snapshot));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::AttemptRecord;
    use crate::domain::live::InFlight;

    fn recorder(case: usize, number: u32) -> Rc<RefCell<Recorder>> {
        let id = AttemptId { case, number };
        let record = AttemptRecord::started(id, false, "r".into(), "m".into(), Nanos(0));
        Rc::new(RefCell::new(Recorder::new(record, &crate::protocol::api::CHAT)))
    }

    #[test]
    fn a_long_stall_is_noted_once_with_what_is_in_flight() {
        let board = Board::new(watch::channel(Arc::default()).0, Watched::default(), Rc::default());
        let recorder = recorder(0, 1);
        let ms = Nanos::from_millis;
        let beat = |due, sent| Beat { due: ms(due), sent: ms(sent) };
        board.note_beats([beat(0, 0)], ms(400));
        board.add(Rc::clone(&recorder));
        board.note_beats([beat(500, 501)], ms(599));
        board.note_beats([beat(600, 600), beat(650, 650)], ms(800));
        // The whole process stood still.
        board.note_beats([beat(850, 1849)], ms(1850));
        board.remove(&recorder, ms(1850));
        board.note_beats([beat(2000, 2000)], ms(2400));
        let stalls = recorder.borrow().record.observer_stalls.clone();
        assert_eq!(stalls, [(ms(600), ms(800)), (ms(850), ms(1850))]);
        assert_eq!(board.lags.borrow().told().max_ms, Some(1000.0));
    }

    #[test]
    fn what_ends_before_the_beat_that_tells_of_a_stall_has_it_noted() {
        let board = Board::new(watch::channel(Arc::default()).0, Watched::default(), Rc::default());
        let [in_time, late, again] = [1, 2, 3].map(|number| recorder(0, number));
        let ms = Nanos::from_millis;
        board.add(Rc::clone(&in_time));
        board.add(Rc::clone(&late));
        board.note_beats([Beat { due: ms(50), sent: ms(50) }], ms(50));
        // The next beat is due at 100.
        board.remove(&in_time, ms(199));
        board.remove(&late, ms(900));
        // Then nothing was in flight, and no beat wanted.
        board.add(Rc::clone(&again));
        board.remove(&again, ms(5000));
        let stalls = [in_time, late, again].map(|r| r.borrow().record.observer_stalls.clone());
        assert_eq!(stalls, [vec![], vec![(ms(100), ms(900))], vec![]]);
    }

    #[test]
    fn a_beat_that_was_sent_late_is_not_the_engine_s_lag() {
        let board = Board::new(watch::channel(Arc::default()).0, Watched::default(), Rc::default());
        board.note_beats([Beat { due: Nanos::from_millis(0), sent: Nanos::from_millis(60) }], Nanos::from_millis(61));
        assert_eq!(board.lags.borrow().told().max_ms, Some(1.0));
    }

    /// What the live view holds of each of these attempts: its text, its gaps, its trace.
    fn shown(watched: Option<usize>, attempts: &[(usize, u32)]) -> Vec<(bool, bool, bool)> {
        let (publish, live) = watch::channel(Arc::default());
        let watch = Watched::default();
        watch.set(watched);
        let board = Board::new(publish, watch, Rc::default());
        for &(case, number) in attempts {
            let recorder = recorder(case, number);
            for at in [10, 20] {
                let event = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
                recorder.borrow_mut().event(Nanos::from_millis(at), at, event).unwrap();
            }
            board.add(recorder);
        }
        board.publish(Nanos::from_millis(30));
        let live = live.borrow();
        assert_eq!(live.content_events_total, 2 * attempts.len() as u64);
        let held = |f: &InFlight| {
            assert!(f.content_events == 2 && f.ttft_ms == Some(10.0));
            (f.text.as_ref() == "aa", f.recent_gaps_ms == [10.0], f.trace == [2])
        };
        live.in_flight.iter().map(held).collect()
    }

    #[test]
    fn only_what_the_screen_shows_is_in_the_live_view() {
        let (all, trace, counters) = ((true, true, true), (false, false, true), (false, false, false));
        let attempts = [(0, 1), (1, 1), (1, 3), (1, 2)];
        assert_eq!(shown(Some(1), &attempts), [trace, counters, all, counters]);
        assert_eq!(shown(None, &attempts), [counters; 4]);
        // However many are in flight.
        let many: Vec<_> = (0..100).map(|case| (case, 1)).collect();
        assert_eq!(shown(Some(99), &many)[99], all);
    }

    #[test]
    fn the_newest_streams_carry_their_arrivals_as_long_as_somebody_looks() {
        let (publish, live) = watch::channel(Arc::default());
        let watch = Watched::default();
        let board = Board::new(publish, watch.clone(), Rc::default());
        for case in 0..TRACED_STREAMS + 2 {
            let recorder = recorder(case, 1);
            let event = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
            recorder.borrow_mut().event(Nanos::from_millis(10), 1, event).unwrap();
            board.add(recorder);
        }
        let traced = || live.borrow().in_flight.iter().map(|f| f.arrivals.len()).collect::<Vec<_>>();
        board.publish(Nanos::from_millis(30));
        assert!(traced().iter().all(|n| *n == 0));
        watch.set(Some(0));
        board.publish(Nanos::from_millis(40));
        assert_eq!(traced()[..3], [0, 0, 1]);
        assert_eq!(traced().iter().sum::<usize>(), TRACED_STREAMS);
    }
}
