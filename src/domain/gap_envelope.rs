//! Gaps between tokens over the whole run in bounded memory: minimum, median and maximum of each time bin. The bins
//! become longer as the run does.

use std::collections::VecDeque;

use super::time::Nanos;
use super::trace::Gap;

/// Maximum number of time bins.
const MAX_BINS: usize = 1024;
/// Initial length of a time bin, nanoseconds.
const FIRST_WIDTH_NS: u64 = 50_000_000;
/// Gap at the lower end of the first bucket of the histogram, milliseconds. Shorter gaps share that bucket.
const SHORTEST_MS: f64 = 0.02;
/// Number of buckets for each doubling of the gap, so that medians are exact to 3%.
const BUCKETS_PER_OCTAVE: f64 = 12.0;
/// Number of buckets. The last one begins at 28 minutes and has all longer gaps.
const BUCKETS: u16 = 320;

/// Gaps within a time bin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapSpread {
    /// Shortest gap, milliseconds.
    pub min_ms: f64,
    /// Median gap, milliseconds, exact to 3%.
    pub median_ms: f64,
    /// 95th percentile, exact to 3%, milliseconds.
    pub p95_ms: f64,
    /// Longest gap, milliseconds.
    pub max_ms: f64,
    /// Number of gaps that ended. If none ended, median and percentile are the longest gap.
    pub ended: u64,
}

/// Gaps within a time bin.
#[derive(Clone, Debug)]
struct Bin {
    min_ms: f32,
    max_ms: f32,
    /// Histogram of the gaps that ended: indices and counts of the non-empty buckets, ascending.
    counts: Vec<(u16, u32)>,
}

/// Gaps of many streams over the whole run.
#[derive(Clone, Debug)]
pub struct GapEnvelope {
    width_ns: u64,
    /// Index of the first bin, where bin 0 begins at the epoch of the run's clock.
    first: u64,
    bins: VecDeque<Bin>,
}

impl Default for GapEnvelope {
    fn default() -> Self {
        Self { width_ns: FIRST_WIDTH_NS, first: 0, bins: VecDeque::new() }
    }
}

impl GapEnvelope {
    /// Adds gaps. Each gap counts in the bin in which it ends, and may be an extreme of every bin that it overlaps.
    pub fn add(&mut self, gaps: impl IntoIterator<Item = Gap>) {
        for gap in gaps {
            self.cover(gap.from, gap.to);
            let (from, to) = (self.position(gap.from), self.position(gap.to));
            for bin in self.bins.range_mut(from..=to) {
                bin.extend_to(gap.ms());
            }
            if let Some(bin) = self.bins.get_mut(to) {
                bin.count(bucket_of(gap.ms()), 1);
            }
        }
    }

    /// Summarises the time between `from` and `to` in `count` columns of equal length.
    pub fn columns(&self, from: Nanos, to: Nanos, count: usize) -> Vec<Option<GapSpread>> {
        let span = u128::from(to.0.saturating_sub(from.0));
        let start_of = |column: usize| Nanos(from.0 + (span * column as u128 / count.max(1) as u128) as u64);
        let mut previous: Option<((u64, u64), Option<GapSpread>)> = None;
        let column = |column: usize| {
            let (from, until) = (start_of(column), start_of(column + 1));
            let bins = (from.0 / self.width_ns, until.0.saturating_sub(1).max(from.0) / self.width_ns);
            // Several narrow columns may share a bin.
            let spread = match previous {
                Some((before, spread)) if before == bins => spread,
                _ => self.spread_of(bins),
            };
            previous = Some((bins, spread));
            spread
        };
        (0..count).map(column).collect()
    }

    /// Summarises the time between `from` and `to`; `None` without a gap.
    pub fn spread(&self, from: Nanos, to: Nanos) -> Option<GapSpread> {
        self.spread_of((from.0 / self.width_ns, to.0 / self.width_ns))
    }

    /// Summarises the bins with these indices, where bin 0 begins at the epoch.
    fn spread_of(&self, (from, to): (u64, u64)) -> Option<GapSpread> {
        let end = self.first + self.bins.len() as u64;
        let (from, to) = (from.max(self.first), (to + 1).min(end));
        if from >= to {
            return None;
        }
        let mut counts = [0_u64; BUCKETS as usize];
        let (mut min_ms, mut max_ms, mut all) = (f64::INFINITY, 0.0_f64, 0);
        for bin in self.bins.range((from - self.first) as usize..(to - self.first) as usize) {
            (min_ms, max_ms) = (min_ms.min(f64::from(bin.min_ms)), max_ms.max(f64::from(bin.max_ms)));
            for &(bucket, count) in &bin.counts {
                counts[usize::from(bucket)] += u64::from(count);
                all += u64::from(count);
            }
        }
        if min_ms.is_infinite() {
            return None;
        }
        let percentile = |percent: u64| {
            let mut below = 0;
            let bucket = (0..BUCKETS).find(|bucket| {
                below += counts[usize::from(*bucket)];
                all > 0 && below * 100 >= all * percent
            });
            bucket.map_or(max_ms, |bucket| length_of(bucket).clamp(min_ms, max_ms))
        };
        Some(GapSpread { min_ms, median_ms: percentile(50), p95_ms: percentile(95), max_ms, ended: all })
    }

    fn position(&self, at: Nanos) -> usize {
        ((at.0 / self.width_ns).saturating_sub(self.first) as usize).min(self.bins.len().saturating_sub(1))
    }

    /// Adds bins so that they cover the time between `from` and `to`. Joins bins in pairs while they are more than
    /// [`MAX_BINS`].
    fn cover(&mut self, from: Nanos, to: Nanos) {
        loop {
            let (from, to) = (from.0 / self.width_ns, to.0 / self.width_ns);
            if self.bins.is_empty() {
                self.first = from;
            }
            let (first, last) = (self.first.min(from), to.max(self.first + self.bins.len().max(1) as u64 - 1));
            if last - first < MAX_BINS as u64 {
                (first..self.first).for_each(|_| self.bins.push_front(Bin::new()));
                self.first = first;
                self.bins.resize((last - first + 1) as usize, Bin::new());
                return;
            }
            self.join_pairs();
        }
    }

    fn join_pairs(&mut self) {
        let mut joined: VecDeque<Bin> = VecDeque::new();
        for (index, bin) in (self.first..).zip(std::mem::take(&mut self.bins)) {
            match joined.back_mut().filter(|_| index % 2 == 1) {
                Some(before) => *before = std::mem::replace(before, Bin::new()).merged(&bin),
                None => joined.push_back(bin),
            }
        }
        self.bins = joined;
        self.first /= 2;
        self.width_ns *= 2;
    }
}

impl Bin {
    const fn new() -> Self {
        Self { min_ms: f32::INFINITY, max_ms: 0.0, counts: Vec::new() }
    }

    fn extend_to(&mut self, ms: f64) {
        self.min_ms = self.min_ms.min(ms as f32);
        self.max_ms = self.max_ms.max(ms as f32);
    }

    fn count(&mut self, bucket: u16, more: u32) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.counts[at].1 = self.counts[at].1.saturating_add(more),
            Err(at) => self.counts.insert(at, (bucket, more)),
        }
    }

    fn merged(mut self, other: &Self) -> Self {
        self.min_ms = self.min_ms.min(other.min_ms);
        self.max_ms = self.max_ms.max(other.max_ms);
        other.counts.iter().for_each(|&(bucket, count)| self.count(bucket, count));
        self
    }
}

fn bucket_of(ms: f64) -> u16 {
    let bucket = ((ms / SHORTEST_MS).log2() * BUCKETS_PER_OCTAVE).floor();
    (bucket.max(0.0) as u16).min(BUCKETS - 1)
}

/// Length of a gap in the middle of a bucket, milliseconds.
fn length_of(bucket: u16) -> f64 {
    SHORTEST_MS * ((f64::from(bucket) + 0.5) / BUCKETS_PER_OCTAVE).exp2()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::attempt::TextKind;

    /// Consecutive gaps of these lengths in milliseconds, from `start_ms` on.
    fn gaps(start_ms: u64, lengths: &[u64]) -> Vec<Gap> {
        let mut from = Nanos::from_millis(start_ms);
        let gap = |ms: &u64| {
            let to = from.plus(Duration::from_millis(*ms));
            let gap = Gap { from, to, kind: TextKind::Answer };
            from = to;
            gap
        };
        lengths.iter().map(gap).collect()
    }

    fn s(seconds: u64) -> Nanos {
        Nanos::from_millis(seconds * 1000)
    }

    #[test]
    fn a_column_has_the_extremes_and_the_median_of_its_gaps() {
        let mut envelope = GapEnvelope::default();
        envelope.add(gaps(0, &[8, 9, 10, 11, 12]));
        envelope.add(gaps(1000, &[20, 30, 40]));
        let columns = envelope.columns(s(0), s(2), 2);
        let [Some(first), Some(second)] = columns[..] else { panic!("{columns:?}") };
        assert_eq!((first.min_ms, first.max_ms), (8.0, 12.0));
        assert!((first.median_ms / 10.0 - 1.0).abs() < 0.03, "{first:?}");
        assert_eq!((second.min_ms, second.max_ms), (20.0, 40.0));
        assert!((second.median_ms / 30.0 - 1.0).abs() < 0.03, "{second:?}");
    }

    #[test]
    fn one_long_gap_is_the_maximum_but_not_the_95th_percentile() {
        let mut envelope = GapEnvelope::default();
        envelope.add(gaps(0, &[10; 99]));
        envelope.add(gaps(0, &[900]));
        let spread = envelope.spread(s(0), s(1)).unwrap();
        assert!((spread.p95_ms / 10.0 - 1.0).abs() < 0.03 && spread.max_ms > 899.0, "{spread:?}");
    }

    #[test]
    fn a_long_gap_is_shown_wherever_it_lasts_and_counts_where_it_ends() {
        let mut envelope = GapEnvelope::default();
        envelope.add(gaps(500, &[4000]));
        let columns = envelope.columns(s(0), s(6), 6);
        let longest: Vec<_> = columns.iter().map(|c| c.map(|c| (c.max_ms, c.ended))).collect();
        let during = Some((4000.0, 0));
        assert_eq!(longest, [during, during, during, during, Some((4000.0, 1)), None]);
    }

    #[test]
    fn memory_is_bounded_and_no_part_of_a_long_run_is_blank() {
        const HOURS_S: u64 = 36_000;
        let mut envelope = GapEnvelope::default();
        for second in (0..HOURS_S).step_by(2) {
            envelope.add(gaps(second * 1000, &[10 + second % 7; 100]));
        }
        assert!(envelope.bins.len() <= MAX_BINS);
        let columns = envelope.columns(s(0), s(HOURS_S), 300);
        assert!(columns.iter().all(|c| c.is_some_and(|c| c.min_ms >= 10.0 && c.max_ms <= 16.0)), "{columns:?}");
        let close = envelope.columns(s(100), s(101), 300);
        assert!(close.iter().all(Option::is_some), "a bin wider than a column fills all columns in it");
    }

    #[test]
    fn a_stream_that_began_earlier_may_be_added_later() {
        let mut envelope = GapEnvelope::default();
        envelope.add(gaps(60_000, &[10; 10]));
        envelope.add(gaps(5_000, &[30; 10]));
        let at = |second| envelope.spread(s(second), s(second + 1)).map(|spread| spread.max_ms);
        assert_eq!((at(5), at(30), at(60)), (Some(30.0), None, Some(10.0)));
    }

    proptest::proptest! {
        #[test]
        fn no_extreme_is_lost_when_stretches_are_joined(starts in proptest::collection::vec(0_u64..10_000_000, 1..20), length in 1_u64..100_000) {
            let mut envelope = GapEnvelope::default();
            for start in &starts {
                envelope.add(gaps(*start, &[length, 1]));
            }
            let all = envelope.spread(Nanos(0), Nanos(u64::MAX)).unwrap();
            proptest::prop_assert_eq!((all.min_ms, all.max_ms), (1.0, length as f64));
            proptest::prop_assert!(envelope.bins.len() <= MAX_BINS);
        }
    }
}
