//! Times of the rows of a trace, as recorded.

use std::sync::Arc;
use std::time::Duration;

/// Intended starts of the rows, as time since the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowTimes {
    /// Times in ascending order; never empty.
    times: Arc<[Duration]>,
    /// Time from the first row to the first row of the next pass.
    period: Duration,
}

impl RowTimes {
    /// Creates the times of rows that are sent in this order; `None` without rows. The next pass over the rows begins
    /// after the mean gap between two rows.
    pub fn new(times: Arc<[Duration]>) -> Option<Self> {
        let span = *times.last()?;
        let gaps = u32::try_from(times.len() - 1).unwrap_or(u32::MAX);
        let mean_gap = span.checked_div(gaps).unwrap_or_default();
        Some(Self { times, period: span.saturating_add(mean_gap) })
    }

    /// Time of the start after the first `taken` ones.
    pub fn at(&self, taken: u64) -> Duration {
        let rows = self.times.len() as u64;
        let in_pass = self.times.get((taken % rows) as usize).copied().unwrap_or_default();
        let passes = u32::try_from(taken / rows).unwrap_or(u32::MAX);
        self.period.saturating_mul(passes).saturating_add(in_pass)
    }
}

/// Schedule of starts at recorded times. Times count from the first start, even if that start lies in the middle of the
/// trace: a resumed run does not wait for rows that were already sent.
#[derive(Clone, Debug)]
pub struct TracedStarts {
    times: RowTimes,
    taken: u64,
    from: Duration,
}

impl TracedStarts {
    /// Creates the schedule of the starts after the first `taken` ones.
    pub fn new(times: RowTimes, taken: u64) -> Self {
        // The rows of a shard keep their distance from the first row of the whole trace.
        let from = if taken == 0 { Duration::ZERO } else { times.at(taken) };
        Self { times, taken, from }
    }

    /// Time of the next start.
    pub fn next(&self) -> Duration {
        self.after(0)
    }

    /// Time of the start that comes `further` starts after the next one.
    pub fn after(&self, further: u64) -> Duration {
        self.times.at(self.taken.saturating_add(further)).saturating_sub(self.from)
    }

    /// Advances to the following start.
    pub const fn advance(&mut self) {
        self.taken = self.taken.saturating_add(1);
    }

    /// Advances to the first start at or after `until`; returns the number of starts skipped.
    pub fn skip_to(&mut self, until: Duration) -> usize {
        // Bounds the work if all rows have the same time.
        const MAX_STEPS: usize = 10_000_000;
        let mut skipped = 0;
        while skipped < MAX_STEPS && self.next() < until {
            self.advance();
            skipped += 1;
        }
        skipped
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(ms: &[u64]) -> RowTimes {
        RowTimes::new(ms.iter().copied().map(Duration::from_millis).collect()).unwrap()
    }

    #[test]
    fn the_second_pass_follows_after_the_mean_gap() {
        let times = times(&[0, 10, 90, 300]);
        let at: Vec<u128> = (0..6).map(|taken| times.at(taken).as_millis()).collect();
        assert_eq!(at, [0, 10, 90, 300, 400, 410]);
        assert_eq!(RowTimes::new(Arc::default()), None);
    }

    #[test]
    fn starts_that_follow_others_begin_at_once_and_keep_their_distances() {
        let mut starts = TracedStarts::new(times(&[0, 10, 90, 300]), 2);
        assert_eq!((starts.next(), starts.after(1)), (Duration::ZERO, Duration::from_millis(210)));
        assert_eq!(starts.skip_to(Duration::from_millis(210)), 1);
        assert_eq!(starts.next(), Duration::from_millis(210));
    }

    #[test]
    fn rows_of_the_same_moment_do_not_hang_the_end_of_the_run() {
        assert!(TracedStarts::new(times(&[0]), 0).skip_to(Duration::from_secs(1)) > 0);
    }

    proptest! {
        #[test]
        fn starts_ascend_over_all_passes(mut ms in prop::collection::vec(0_u64..5000, 1..40), taken in 0_u64..100) {
            ms.sort_unstable();
            let first = ms[0];
            for at in &mut ms {
                *at -= first;
            }
            let starts = TracedStarts::new(times(&ms), taken);
            let at: Vec<Duration> = (0..100).map(|further| starts.after(further)).collect();
            prop_assert_eq!(at[0], Duration::ZERO);
            prop_assert!(at.is_sorted());
        }
    }
}
