//! When the next sample is due.

use std::time::Duration;

use crate::domain::time::Nanos;

/// Ticks on a grid. One that is missed is skipped, never caught up with.
#[derive(Debug)]
pub(super) struct Ticker {
    interval: Duration,
    next: Option<Nanos>,
}

impl Ticker {
    /// No ticks until it is set active.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval: interval.max(Duration::from_millis(1)), next: None }
    }

    /// Starts the ticks, the first at once, or stops them.
    pub(super) fn set_active(&mut self, active: bool, now: Nanos) {
        self.next = active.then(|| self.next.unwrap_or(now));
    }

    /// The time until the next tick; `None`: there is none.
    pub(super) fn wait(&self, now: Nanos) -> Option<Duration> {
        self.next.map(|next| next.since(now))
    }

    /// Whether a tick is due. It is then taken, and the next lies after `now`.
    pub(super) fn take(&mut self, now: Nanos) -> bool {
        let Some(next) = self.next.filter(|next| *next <= now) else { return false };
        let interval = u64::try_from(self.interval.as_nanos()).unwrap_or(u64::MAX);
        let missed = (now.0 - next.0) / interval;
        self.next = Some(Nanos(next.0.saturating_add(interval.saturating_mul(missed + 1))));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Nanos {
        Nanos::from_millis(ms)
    }

    #[test]
    fn missed_ticks_are_skipped_and_the_grid_is_kept() {
        let mut pace = Ticker::new(Duration::from_millis(250));
        pace.set_active(true, ms(10));
        assert!(pace.take(ms(10)));
        assert_eq!(pace.wait(ms(11)), Some(Duration::from_millis(249)));
        assert!(!pace.take(ms(259)));
        assert!(pace.take(ms(1100)));
        assert!(!pace.take(ms(1100)));
        assert_eq!(pace.wait(ms(1100)), Some(Duration::from_millis(160)));
        assert!(pace.take(ms(1260)));
        assert_eq!(pace.wait(ms(1260)), Some(Duration::from_millis(250)));
    }

    #[test]
    fn inactive_there_is_nothing_to_wait_for() {
        let mut pace = Ticker::new(Duration::ZERO);
        assert_eq!((pace.wait(ms(1)), pace.take(ms(1))), (None, false));
        pace.set_active(true, ms(1));
        pace.set_active(true, ms(5));
        assert_eq!(pace.wait(ms(1)), Some(Duration::ZERO), "active twice is active once");
        pace.set_active(false, ms(6));
        assert_eq!((pace.wait(ms(9)), pace.take(ms(9))), (None, false));
    }
}
