//! Determines when the next sample is due.

use std::time::Duration;

use crate::domain::time::Nanos;

/// Ticks at fixed times, one interval apart. Missed ticks are skipped.
#[derive(Debug)]
pub(super) struct Ticker {
    interval: Duration,
    next: Option<Nanos>,
}

impl Ticker {
    /// Creates an inactive ticker.
    pub(super) fn new(interval: Duration) -> Self {
        Self { interval: interval.max(Duration::from_millis(1)), next: None }
    }

    /// Starts the ticks, the first one immediately, or stops them.
    pub(super) fn set_active(&mut self, active: bool, now: Nanos) {
        self.next = active.then(|| self.next.unwrap_or(now));
    }

    /// Returns the time until the next tick; `None` while inactive.
    pub(super) fn wait(&self, now: Nanos) -> Option<Duration> {
        self.next.map(|next| next.since(now))
    }

    /// Returns whether a tick is due and consumes it. The next tick is after `now`.
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
    fn missed_ticks_are_skipped_and_the_grid_stays() {
        let mut ticker = Ticker::new(Duration::from_millis(250));
        ticker.set_active(true, ms(10));
        assert!(ticker.take(ms(10)));
        assert_eq!(ticker.wait(ms(11)), Some(Duration::from_millis(249)));
        assert!(!ticker.take(ms(259)));
        assert!(ticker.take(ms(1100)));
        assert!(!ticker.take(ms(1100)));
        assert_eq!(ticker.wait(ms(1100)), Some(Duration::from_millis(160)));
        assert!(ticker.take(ms(1260)));
        assert_eq!(ticker.wait(ms(1260)), Some(Duration::from_millis(250)));
    }

    #[test]
    fn an_inactive_ticker_has_no_next_tick() {
        let mut ticker = Ticker::new(Duration::ZERO);
        assert_eq!((ticker.wait(ms(1)), ticker.take(ms(1))), (None, false));
        ticker.set_active(true, ms(1));
        ticker.set_active(true, ms(5));
        assert_eq!(ticker.wait(ms(1)), Some(Duration::ZERO), "active twice is active once");
        ticker.set_active(false, ms(6));
        assert_eq!((ticker.wait(ms(9)), ticker.take(ms(9))), (None, false));
    }
}
