//! Keeps the attempts in flight, and publishes the live view from them.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::lag::Lags;
use super::pulse::{Beat, PULSE_EVERY};
use super::recorder::{Detail, Recorder};
use super::secrets::Secrets;
use super::standstill::Standstills;
use crate::domain::attempt::AttemptId;
use crate::domain::live::{LiveSnapshot, TRACED_STREAMS};
use crate::domain::race::Side;
use crate::domain::time::Nanos;

/// The case on the screen, which any thread may set. Without a case on the screen, the live view holds only counters.
#[derive(Clone, Debug)]
pub struct WatchedCase(Arc<AtomicUsize>);

impl Default for WatchedCase {
    fn default() -> Self {
        Self(Arc::new(AtomicUsize::new(Self::NOBODY)))
    }
}

impl WatchedCase {
    const NOBODY: usize = usize::MAX;

    /// Sets the case on the screen; `None` if the screen shows no case.
    pub fn set(&self, case: Option<usize>) {
        self.0.store(case.unwrap_or(Self::NOBODY), Ordering::Relaxed);
    }

    fn get(&self) -> Option<usize> {
        Some(self.0.load(Ordering::Relaxed)).filter(|case| *case != Self::NOBODY)
    }
}

/// Recorders of the attempts in flight.
#[derive(Debug)]
pub struct Board {
    in_flight: RefCell<Vec<Rc<RefCell<Recorder>>>>,
    finished_events: Cell<u64>,
    lags: RefCell<Lags>,
    /// Whether the run is active.
    active: Cell<bool>,
    standstills: Standstills,
    watched_from_now: Notify,
    watched: WatchedCase,
    publish: watch::Sender<Arc<LiveSnapshot>>,
    secrets: Rc<Secrets>,
    /// Whether the screen shows the newest request of each side of a race.
    shows_sides: bool,
}

impl Board {
    /// Creates an empty board that publishes the live view with `secrets` redacted.
    pub fn new(publish: watch::Sender<Arc<LiveSnapshot>>, watched: WatchedCase, secrets: Rc<Secrets>) -> Self {
        Self {
            in_flight: RefCell::default(),
            finished_events: Cell::default(),
            lags: RefCell::default(),
            active: Cell::default(),
            standstills: Standstills::default(),
            watched_from_now: Notify::new(),
            watched,
            publish,
            secrets,
            shows_sides: false,
        }
    }

    /// Has the live view carry the text of the newest request of each side of a race.
    #[must_use]
    pub const fn showing_sides(mut self, shows_sides: bool) -> Self {
        self.shows_sides = shows_sides;
        self
    }

    /// Adds a recorder to the live view. If the thread stalled while the request was waiting to start, its record gets
    /// these stalls.
    pub fn add(&self, recorder: Rc<RefCell<Recorder>>, now: Nanos) {
        self.check_standstill(now);
        {
            let record = &mut recorder.borrow_mut().record;
            record.observer_stalls.extend(self.standstills.since(record.began()));
        }
        self.in_flight.borrow_mut().push(recorder);
        self.begin_to_watch(now);
    }

    /// Removes a recorder from the live view; its events still count. Checks for a stall first: after a stall, the
    /// engine may handle the last data before the late beat.
    pub fn remove(&self, recorder: &Rc<RefCell<Recorder>>, now: Nanos) {
        self.check_standstill(now);
        self.in_flight.borrow_mut().retain(|r| !Rc::ptr_eq(r, recorder));
        if !self.is_watched() {
            self.standstills.end();
        }
        let events = recorder.borrow().record.arrivals.len() as u64;
        self.finished_events.set(self.finished_events.get() + events);
    }

    /// Starts or ends the run's active time at `now`.
    pub fn set_active(&self, active: bool, now: Nanos) {
        self.check_standstill(now);
        self.active.set(active);
        if active {
            self.begin_to_watch(now);
        } else if !self.is_watched() {
            self.standstills.end();
        }
    }

    fn begin_to_watch(&self, now: Nanos) {
        self.standstills.begin(now);
        self.watched_from_now.notify_one();
    }

    /// Records that this thread runs at `now`. Adds a stall that has just ended to every record in flight, and
    /// publishes the live view. Adds a warning if the machine slept, because the run's clock excludes sleep.
    pub fn check_standstill(&self, now: Nanos) {
        if let Some(slept) = self.standstills.newly_slept() {
            self.note_sleep(slept);
        }
        let Some((from, until)) = self.standstills.check(now) else { return };
        self.lags.borrow_mut().note(until.millis_since(from));
        for recorder in self.in_flight.borrow().iter() {
            recorder.borrow_mut().record.observer_stalls.push((from, until));
        }
        self.publish(now);
    }

    fn note_sleep(&self, slept: Duration) {
        let seconds = slept.as_secs_f64();
        self.lags.borrow_mut().note(seconds * 1000.0);
        self.warn(&format!(
            "this machine slept for {seconds:.1} s meanwhile; the times exclude the sleep and do not reflect the server"
        ));
    }

    /// Adds a warning to every record in flight.
    pub fn warn(&self, warning: &str) {
        for recorder in self.in_flight.borrow().iter() {
            recorder.borrow_mut().record.warnings.push(warning.to_owned());
        }
    }

    /// Whether any attempt is in flight.
    pub fn is_busy(&self) -> bool {
        !self.in_flight.borrow().is_empty()
    }

    /// Whether stalls of this thread matter: the run is active, or an attempt is in flight.
    pub fn is_watched(&self) -> bool {
        self.active.get() || self.is_busy()
    }

    /// Waits until stalls of this thread matter.
    pub async fn wait_until_watched(&self) {
        while !self.is_watched() {
            self.watched_from_now.notified().await;
        }
    }

    /// Records how late these beats arrived at `now`. The beats are in the order in which they were sent.
    pub fn note_beats(&self, beats: impl IntoIterator<Item = Beat>, now: Nanos) {
        for (i, beat) in beats.into_iter().enumerate() {
            if i == 0 {
                self.standstills.expect_beat(beat.due);
                self.check_standstill(now);
            }
            // Count the lag from the time of sending: if the beat was already sent late, the whole process stalled.
            self.lags.borrow_mut().note(now.millis_since(beat.sent));
            // Charge the late beat to every request in flight: the same thread reads their streams.
            for recorder in self.in_flight.borrow().iter() {
                recorder.borrow_mut().note_lag(now.millis_since(beat.due));
            }
            self.standstills.expect_beat(beat.sent.plus(PULSE_EVERY));
        }
    }

    /// Publishes a new live view.
    pub fn publish(&self, now: Nanos) {
        let recorders = self.in_flight.borrow();
        let watched = self.watched.get();
        // The screen shows the newest attempt of each case.
        let mut newest: HashMap<usize, u32> = HashMap::new();
        if watched.is_some() {
            for recorder in recorders.iter() {
                let AttemptId { case, number } = recorder.borrow().record.id;
                let highest = newest.entry(case).or_default();
                *highest = number.max(*highest);
            }
        }
        let newest_of = |side| {
            let is_shown = self.shows_sides && watched.is_some();
            let is_on = |recorder: &Rc<RefCell<Recorder>>| Side::from_case(recorder.borrow().record.id.case) == side;
            recorders.iter().rposition(is_on).filter(|_| is_shown)
        };
        let of_sides = Side::BOTH.map(newest_of);
        let traced_from = recorders.len().saturating_sub(TRACED_STREAMS);
        let in_flight: Vec<_> = recorders
            .iter()
            .enumerate()
            .map(|(at, recorder)| {
                let mut recorder = recorder.borrow_mut();
                let AttemptId { case, number } = recorder.record.id;
                let detail = match newest.get(&case) {
                    _ if of_sides.contains(&Some(at)) => Detail::All,
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
            lag: self.lags.borrow().summary(),
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
    fn in_a_race_the_newest_request_of_each_side_is_shown_with_its_text() {
        let watch = WatchedCase::default();
        watch.set(Some(9));
        let board = Board::new(watch::channel(Arc::default()).0, watch, Rc::default()).showing_sides(true);
        for (case, number) in [(0, 1), (3, 1), (2, 1), (1, 1)] {
            let recorder = recorder(case, number);
            recorder.borrow_mut().record.text = format!("answer {case}");
            board.add(recorder, ms(1));
        }
        board.publish(ms(2));
        let live = board.publish.borrow().clone();
        let texts: Vec<&str> = live.in_flight.iter().map(|f| &*f.text).collect();
        assert_eq!(texts, ["", "", "answer 2", "answer 1"]);
    }

    fn board() -> Board {
        Board::new(watch::channel(Arc::default()).0, WatchedCase::default(), Rc::default())
    }

    const fn ms(n: u64) -> Nanos {
        Nanos::from_millis(n)
    }

    fn beat(due: u64, sent: u64) -> Beat {
        Beat { due: ms(due), sent: ms(sent) }
    }

    fn stalls(recorder: &Rc<RefCell<Recorder>>) -> Vec<(u64, u64)> {
        let stalls = &recorder.borrow().record.observer_stalls;
        stalls.iter().map(|(from, until)| (from.0 / 1_000_000, until.0 / 1_000_000)).collect()
    }

    #[test]
    fn a_long_stall_is_noted_once_with_what_is_in_flight() {
        let (board, recorder) = (board(), recorder(0, 1));
        board.note_beats([beat(0, 0)], ms(400));
        board.add(Rc::clone(&recorder), ms(480));
        board.note_beats([beat(500, 501)], ms(599));
        board.note_beats([beat(600, 600), beat(650, 650)], ms(800));
        // The whole process stalled, so the beat was also sent late.
        board.note_beats([beat(850, 1849)], ms(1850));
        board.remove(&recorder, ms(1850));
        board.note_beats([beat(2000, 2000)], ms(2400));
        assert_eq!(stalls(&recorder), [(600, 800), (850, 1850)]);
        assert_eq!(recorder.borrow().record.observer_lag_ms, Some((99.0 + 200.0 + 150.0 + 1000.0) / 4.0));
        assert_eq!(board.lags.borrow().summary().max_ms, Some(1000.0));
    }

    #[test]
    fn an_attempt_that_ends_before_the_late_beat_still_records_the_stall() {
        let board = board();
        let [in_time, late, again] = [1, 2, 3].map(|number| recorder(0, number));
        board.add(Rc::clone(&in_time), ms(0));
        board.add(Rc::clone(&late), ms(0));
        board.note_beats([beat(50, 50)], ms(50));
        // The next beat is due at 100.
        board.remove(&in_time, ms(199));
        board.remove(&late, ms(900));
        // Nothing is in flight now, so no beat arrives.
        board.add(Rc::clone(&again), ms(5000));
        board.remove(&again, ms(5020));
        assert_eq!([&in_time, &late].map(stalls), [vec![], vec![(199, 900)]]);
        assert_eq!(board.lags.borrow().summary().max_ms, Some(701.0));
    }

    #[test]
    fn a_request_that_starts_and_ends_between_two_beats_records_its_stall() {
        let (board, recorder) = (board(), recorder(0, 1));
        board.set_active(true, ms(0));
        board.note_beats([beat(50, 50)], ms(50));
        // The request starts, stalls and is answered between two beats.
        board.add(Rc::clone(&recorder), ms(60));
        board.remove(&recorder, ms(980));
        assert_eq!(stalls(&recorder), [(100, 980)]);
    }

    #[test]
    fn a_stall_with_nothing_in_flight_counts_and_goes_to_the_delayed_request() {
        let board = board();
        board.set_active(true, ms(0));
        board.note_beats([beat(50, 50)], ms(50));
        board.note_beats([beat(100, 1000)], ms(1001));
        let [waited, later] = [1, 2].map(|number| recorder(0, number));
        waited.borrow_mut().record.intended = Some(ms(300));
        later.borrow_mut().record.started = ms(1010);
        board.add(Rc::clone(&waited), ms(1002));
        board.add(Rc::clone(&later), ms(1010));
        assert_eq!([&waited, &later].map(stalls), [vec![(100, 1001)], vec![]]);
        assert_eq!(board.lags.borrow().summary().max_ms, Some(901.0));
    }

    #[test]
    fn the_end_of_a_run_checks_for_a_stall_once_more() {
        let board = board();
        board.set_active(true, ms(0));
        board.set_active(false, ms(900));
        assert_eq!(board.lags.borrow().summary().max_ms, Some(850.0));
        assert!(!board.is_watched());
        board.check_standstill(ms(9000));
        assert_eq!(board.lags.borrow().summary().max_ms, Some(850.0));
    }

    #[test]
    fn a_sleep_of_the_machine_is_a_warning_to_what_is_in_flight() {
        let (board, recorder) = (board(), recorder(0, 1));
        board.add(Rc::clone(&recorder), ms(0));
        board.note_sleep(Duration::from_millis(12_300));
        let warnings = recorder.borrow().record.warnings.clone();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("this machine slept for 12.3 s meanwhile"), "{warnings:?}");
        assert_eq!(board.lags.borrow().summary().max_ms, Some(12_300.0));
    }

    #[test]
    fn a_beat_that_was_sent_late_adds_no_lag_of_the_engine() {
        let board = board();
        board.set_active(true, ms(0));
        board.note_beats([beat(50, 110)], ms(111));
        assert_eq!(board.lags.borrow().summary().max_ms, Some(1.0));
        // A beat that was sent very late while this thread ran adds no lag either.
        board.check_standstill(ms(200));
        board.check_standstill(ms(290));
        board.note_beats([beat(160, 300)], ms(301));
        assert_eq!(board.lags.borrow().summary().max_ms, Some(1.0));
    }

    /// Returns whether the live view holds text, gaps and trace of each of these attempts, in the order of `attempts`.
    fn shown(watched: Option<usize>, attempts: &[(usize, u32)]) -> Vec<(bool, bool, bool)> {
        let (publish, live) = watch::channel(Arc::default());
        let watch = WatchedCase::default();
        watch.set(watched);
        let board = Board::new(publish, watch, Rc::default());
        for &(case, number) in attempts {
            let recorder = recorder(case, number);
            for at in [10, 20] {
                let event = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
                recorder.borrow_mut().event(Nanos::from_millis(at), at, event).unwrap();
            }
            board.add(recorder, Nanos(0));
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
        // The number of attempts in flight does not matter.
        let many: Vec<_> = (0..100).map(|case| (case, 1)).collect();
        assert_eq!(shown(Some(99), &many)[99], all);
    }

    #[test]
    fn the_newest_streams_carry_their_arrivals_while_a_case_is_on_the_screen() {
        let (publish, live) = watch::channel(Arc::default());
        let watch = WatchedCase::default();
        let board = Board::new(publish, watch.clone(), Rc::default());
        for case in 0..TRACED_STREAMS + 2 {
            let recorder = recorder(case, 1);
            let event = r#"{"choices":[{"delta":{"content":"a"}}]}"#;
            recorder.borrow_mut().event(Nanos::from_millis(10), 1, event).unwrap();
            board.add(recorder, Nanos(0));
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
