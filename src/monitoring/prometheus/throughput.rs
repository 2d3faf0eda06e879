//! Throughput over the last seconds, from a running total.

use std::collections::VecDeque;
use std::time::Duration;

use crate::domain::time::Nanos;

/// Time that the throughput covers.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Minimum time between two totals, so that frequent scrapes need no memory.
const MIN_STEP: Duration = Duration::from_millis(100);

/// Totals of the last [`WINDOW`].
#[derive(Debug, Default)]
pub struct Throughput {
    totals: VecDeque<(Nanos, u64)>,
}

impl Throughput {
    /// Adds the total at a time, and drops totals that are too old.
    pub fn add(&mut self, at: Nanos, total: u64) {
        if self.totals.back().is_some_and(|(last, _)| at.since(*last) < MIN_STEP) {
            return;
        }
        self.totals.push_back((at, total));
        // Keep one total at or before the beginning of the window.
        while self.totals.get(1).is_some_and(|(second, _)| at.since(*second) >= WINDOW) {
            self.totals.pop_front();
        }
    }

    /// Increase per second; `None` before the second total.
    pub fn per_s(&self) -> Option<f64> {
        let ((first, from), (last, to)) = (self.totals.front()?, self.totals.back()?);
        let time_s = last.since(*first).as_secs_f64();
        (time_s > 0.0).then(|| to.saturating_sub(*from) as f64 / time_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throughput_covers_the_last_ten_seconds() {
        let mut throughput = Throughput::default();
        assert_eq!(throughput.per_s(), None);
        // 100 events per second, then 10.
        let total = |s: u64| if s <= 20 { s * 100 } else { 2000 + (s - 20) * 10 };
        for s in 0..=20 {
            throughput.add(Nanos::from_millis(s * 1000), total(s));
        }
        assert_eq!(throughput.per_s(), Some(100.0));
        for s in 21..=30 {
            throughput.add(Nanos::from_millis(s * 1000), total(s));
        }
        assert_eq!(throughput.per_s(), Some(10.0));
        // Frequent scrapes add nothing.
        throughput.add(Nanos::from_millis(30_000), 9999);
        throughput.add(Nanos::from_millis(30_099), 9999);
        assert_eq!((throughput.per_s(), throughput.totals.len()), (Some(10.0), 11));
    }
}
