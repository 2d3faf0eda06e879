//! Detects stalls of the engine's thread: the process was stopped or starved, or the machine slept. A late beat reveals
//! a stall. Other checks do so, too, because the engine may handle data before the late beat.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use super::pulse::PULSE_EVERY;
use super::sleep;
use crate::domain::time::Nanos;

/// Minimum delay of a beat that counts as a stall, milliseconds.
const STANDSTILL_MS: f64 = 100.0;
/// Maximum number of stalls to keep, for requests that waited through them.
const MAX_REMEMBERED: usize = 64;

/// Start and end of a stall.
pub type Span = (Nanos, Nanos);

/// Stalls of the thread.
#[derive(Debug, Default)]
pub struct Standstills {
    /// State of the beats; `None` while nothing is watched and no beats arrive.
    seen: Cell<Option<Heartbeat>>,
    /// Total sleep of the machine at the last check.
    slept: Cell<Option<Duration>>,
    recent: RefCell<VecDeque<Span>>,
}

#[derive(Clone, Copy, Debug)]
struct Heartbeat {
    /// Last time at which the thread ran.
    alive: Nanos,
    /// Latest time at which the next beat is due.
    next_beat: Nanos,
}

impl Standstills {
    /// Starts watching at `now`, unless already watching.
    pub fn begin(&self, now: Nanos) {
        if self.seen.get().is_none() {
            self.seen.set(Some(Heartbeat { alive: now, next_beat: now.plus(PULSE_EVERY) }));
        }
    }

    /// Stops watching.
    pub fn end(&self) {
        self.seen.set(None);
    }

    /// Sets the time at which the next beat is due.
    pub fn expect_beat(&self, due: Nanos) {
        self.seen.set(self.seen.get().map(|seen| Heartbeat { next_beat: due, ..seen }));
    }

    /// Records that the thread runs at `now`. If a beat is long overdue, returns the stall, which began when the beat
    /// was due or when the thread last ran. Returns each stall once.
    pub fn check(&self, now: Nanos) -> Option<Span> {
        let seen = self.seen.get()?;
        self.seen.set(Some(Heartbeat { alive: seen.alive.max(now), ..seen }));
        let from = seen.alive.max(seen.next_beat);
        if now.millis_since(from) < STANDSTILL_MS {
            return None;
        }
        let mut recent = self.recent.borrow_mut();
        if recent.len() >= MAX_REMEMBERED {
            recent.pop_front();
        }
        recent.push_back((from, now));
        Some((from, now))
    }

    /// Returns the stalls that ended after `due`, the scheduled time of a request.
    pub fn since(&self, due: Nanos) -> Vec<Span> {
        self.recent.borrow().iter().filter(|(_, until)| *until > due).copied().collect()
    }

    /// Returns how long the machine slept since the last check; `None` if not long enough to matter.
    pub fn newly_slept(&self) -> Option<Duration> {
        self.newly_slept_of(sleep::total()?)
    }

    fn newly_slept_of(&self, total: Duration) -> Option<Duration> {
        let before = self.slept.replace(Some(total)).unwrap_or(total);
        let slept = total.saturating_sub(before);
        (self.seen.get().is_some() && slept.as_secs_f64() * 1000.0 >= STANDSTILL_MS).then_some(slept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(n: u64) -> Nanos {
        Nanos::from_millis(n)
    }

    #[test]
    fn a_standstill_is_noticed_once_and_remembered() {
        let standstills = Standstills::default();
        assert_eq!(standstills.check(ms(5000)), None, "nothing is watched");
        standstills.begin(ms(0));
        assert_eq!((standstills.check(ms(20)), standstills.check(ms(149))), (None, None));
        assert_eq!(standstills.check(ms(1000)), Some((ms(149), ms(1000))));
        assert_eq!(standstills.check(ms(1001)), None);
        assert_eq!(standstills.since(ms(999)), [(ms(149), ms(1000))]);
        assert_eq!(standstills.since(ms(1000)), []);
        standstills.end();
        standstills.begin(ms(9000));
        assert_eq!(standstills.check(ms(9149)), None);
    }

    #[test]
    fn a_sleep_counts_while_something_is_watched() {
        let standstills = Standstills::default();
        let at = |total_ms| standstills.newly_slept_of(Duration::from_millis(total_ms));
        assert_eq!((at(5_000), at(9_000)), (None, None));
        standstills.begin(ms(0));
        assert_eq!((at(9_050), at(17_350), at(17_350)), (None, Some(Duration::from_millis(8_300)), None));
    }

    #[test]
    fn only_the_last_ones_are_remembered() {
        let standstills = Standstills::default();
        standstills.begin(ms(0));
        for second in 1..=100 {
            assert!(standstills.check(ms(second * 1000)).is_some());
        }
        assert_eq!(standstills.since(ms(0)).len(), MAX_REMEMBERED);
    }
}
