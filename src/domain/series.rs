//! A time series in bounded memory, in which a missing sample is a gap, never zero. When the series is full, its
//! resolution is halved, so that the beginning of a long run is never lost.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Nanos;

/// Maximum share of the capacity, in percent, that is filled after the resolution was halved.
const FULL_AFTER_HALVING_PERCENT: usize = 75;

/// Points in time with a value or a gap. Each point is one sample until the series is full, then the mean of all
/// samples within a time bin.
#[derive(Clone, Debug)]
pub struct Series {
    points: VecDeque<Point>,
    capacity: usize,
    /// Length of the time bin of a point, nanoseconds; 0 while each sample has a point of its own.
    width_ns: u64,
    sum: f64,
    count: usize,
    /// The last sample.
    last: Option<f64>,
    /// The last sample that is not a gap.
    last_known: Option<f64>,
}

/// Samples of a time bin.
#[derive(Clone, Copy, Debug)]
struct Point {
    /// Time of the first sample in the bin.
    at: Nanos,
    /// Sum of the samples that are not gaps; `count` is their number.
    sum: f64,
    count: u32,
}

impl Point {
    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / f64::from(self.count))
    }

    fn add(&mut self, other: &Self) {
        self.sum += other.sum;
        self.count = self.count.saturating_add(other.count);
    }
}

impl Series {
    /// Creates an empty series of at most `capacity` points, but at least two.
    pub fn new(capacity: usize) -> Self {
        let points = VecDeque::new();
        Self { points, capacity: capacity.max(2), width_ns: 0, sum: 0.0, count: 0, last: None, last_known: None }
    }

    /// Creates an empty series with the capacity and the resolution of this one.
    #[must_use]
    pub fn emptied(&self) -> Self {
        Self { width_ns: self.width_ns, ..Self::new(self.capacity) }
    }

    /// Adds a sample, which must not be earlier than the last one; `None` is a gap.
    pub fn push(&mut self, at: Nanos, value: Option<f64>) {
        self.last = value;
        self.last_known = value.or(self.last_known);
        self.sum += value.unwrap_or(0.0);
        self.count += usize::from(value.is_some());
        let point = Point { at, sum: value.unwrap_or(0.0), count: u32::from(value.is_some()) };
        self.insert(point);
        while self.points.len() > self.capacity {
            self.halve();
        }
    }

    /// Adds a point, or merges it with the last one if both are in the same time bin.
    fn insert(&mut self, point: Point) {
        let stretch_of = |at: Nanos| at.0.checked_div(self.width_ns);
        match self.points.back_mut() {
            Some(last) if self.width_ns > 0 && stretch_of(last.at) == stretch_of(point.at) => last.add(&point),
            _ => self.points.push_back(point),
        }
    }

    /// Doubles the length of the time bins until the series has room again.
    fn halve(&mut self) {
        let span = |points: &VecDeque<Point>| points.back()?.at.0.checked_sub(points.front()?.at.0);
        let mean_ns = span(&self.points).unwrap_or(0) / self.points.len().saturating_sub(1).max(1) as u64;
        self.width_ns = (self.width_ns.max(mean_ns) * 2).max(1);
        let points = std::mem::take(&mut self.points);
        for point in points {
            self.insert(point);
        }
        if self.points.len() * 100 > self.capacity * FULL_AFTER_HALVING_PERCENT && self.points.len() > 1 {
            self.halve();
        }
    }

    /// All points, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Nanos, Option<f64>)> + '_ {
        self.points.iter().map(|point| (point.at, point.value()))
    }

    /// The last sample, unless it is a gap.
    pub const fn last(&self) -> Option<f64> {
        self.last
    }

    /// The last sample that is not a gap.
    pub const fn last_known(&self) -> Option<f64> {
        self.last_known
    }

    /// Mean of all samples; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Mean of the samples between two times, both included; `None` without a sample. All samples of a time bin count
    /// at the time of the bin's first sample.
    pub fn mean_between(&self, from: Nanos, to: Nanos) -> Option<f64> {
        let start = self.points.partition_point(|point| point.at < from);
        let end = self.points.partition_point(|point| point.at <= to).max(start);
        let points = self.points.range(start..end);
        let (sum, count) = points.fold((0.0, 0), |(sum, count), point| (sum + point.sum, count + point.count));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Minimum time between two points that counts as a gap: `least`, or more if time bins are longer.
    pub fn hold(&self, least: Duration) -> Duration {
        least.max(Duration::from_nanos(self.width_ns * 2))
    }

    /// Points of a time range, oldest first: from `before` earlier than `from` up to the first point after `to`. Takes
    /// time only for these points.
    pub fn between(&self, from: Nanos, to: Nanos, before: Duration) -> Vec<(Nanos, Option<f64>)> {
        let before = self.hold(before);
        let start = self.points.partition_point(|p| p.at.plus(before) < from);
        let end = self.points.partition_point(|p| p.at <= to);
        self.points.range(start..(end + 1).min(self.points.len())).map(|point| (point.at, point.value())).collect()
    }

    /// Value at a time: that of the last point at or before this time, unless the point is older than `hold`.
    pub fn at(&self, at: Nanos, hold: Duration) -> Option<f64> {
        let point = self.points.get(self.points.partition_point(|p| p.at <= at).checked_sub(1)?)?;
        point.value().filter(|_| at.since(point.at) <= self.hold(hold))
    }

    /// Points not older than `from`, oldest first. Takes time only for these points.
    pub fn since(&self, from: Nanos) -> Vec<(Nanos, Option<f64>)> {
        let start = self.points.partition_point(|p| p.at < from);
        self.points.range(start..).map(|point| (point.at, point.value())).collect()
    }

    /// Points not older than `from` that no later sample can change, oldest first.
    pub fn settled_since(&self, from: Nanos) -> Vec<(Nanos, Option<f64>)> {
        let mut points = self.since(from);
        if self.width_ns > 0 {
            points.pop();
        }
        points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_includes_points_that_reach_into_it() {
        let mut s = Series::new(9);
        for (at, value) in [(10, Some(1.0)), (20, Some(2.0)), (30, None), (40, Some(4.0)), (50, Some(5.0))] {
            s.push(Nanos(at), value);
        }
        let times = |from, to| {
            s.between(Nanos(from), Nanos(to), Duration::from_nanos(5)).iter().map(|p| p.0.0).collect::<Vec<_>>()
        };
        assert_eq!(times(25, 35), [20, 30, 40]);
        assert_eq!(times(26, 30), [30, 40]);
        assert_eq!(times(56, 90), [0_u64; 0]);
        assert_eq!(times(55, 90), [50]);
        let at = |at| s.at(Nanos(at), Duration::from_nanos(5));
        let mean = |from, to| s.mean_between(Nanos(from), Nanos(to));
        assert_eq!((mean(10, 40), mean(11, 39), mean(30, 30)), (Some(7.0 / 3.0), Some(2.0), None));
        assert_eq!((at(9), at(10), at(15), at(16), at(32), at(90)), (None, Some(1.0), Some(1.0), None, None, None));
    }

    #[test]
    fn gaps_are_kept_and_the_mean_covers_all_samples() {
        let mut s = Series::new(3);
        s.push(Nanos(1), Some(1.0));
        s.push(Nanos(2), None);
        assert_eq!((s.last(), s.last_known()), (None, Some(1.0)));
        s.push(Nanos(3), Some(3.0));
        assert_eq!(s.iter().collect::<Vec<_>>(), vec![(Nanos(1), Some(1.0)), (Nanos(2), None), (Nanos(3), Some(3.0))]);
        assert_eq!(s.since(Nanos(3)).len(), 1);
        assert_eq!(s.mean(), Some(2.0));
        assert_eq!(Series::new(1).mean(), None);
    }

    #[test]
    fn a_full_series_halves_its_resolution() {
        let mut s = Series::new(4);
        (0..5_u32).for_each(|i| s.push(Nanos(u64::from(i) * 10), Some(f64::from(i))));
        assert_eq!(
            s.iter().collect::<Vec<_>>(),
            [(Nanos(0), Some(0.5)), (Nanos(20), Some(2.5)), (Nanos(40), Some(4.0))]
        );
        // The last sample is exact, and its point is settled only when the next time bin begins.
        s.push(Nanos(50), Some(9.0));
        assert_eq!((s.last(), s.iter().next_back()), (Some(9.0), Some((Nanos(40), Some(6.5)))));
        assert_eq!(s.settled_since(Nanos(20)), [(Nanos(20), Some(2.5))]);
        assert_eq!(s.at(Nanos(75), Duration::ZERO), Some(6.5));
    }

    /// Samples of a day, four per second, whose value is the hour of the day. The last quarter of the tenth hour is a
    /// gap.
    fn day(capacity: usize) -> Series {
        let mut series = Series::new(capacity);
        for quarter in 0..24 * 3600 * 4_u64 {
            let hour = quarter / (3600 * 4);
            let is_gap = hour == 9 && quarter % (3600 * 4) >= 2700 * 4;
            series.push(Nanos::from_millis(quarter * 250), (!is_gap).then_some(hour as f64));
        }
        series
    }

    #[test]
    fn a_day_keeps_its_beginning_in_bounded_memory() {
        let series = day(14_400);
        assert!(series.points.len() <= 14_400 && series.points.len() > 14_400 / 4, "{}", series.points.len());
        assert_eq!(series.iter().next().map(|p| p.0), Some(Nanos(0)));
        for hour in 0..24_u32 {
            let at =
                |minute: u64| series.at(Nanos::from_millis((u64::from(hour) * 60 + minute) * 60_000), Duration::ZERO);
            assert_eq!(at(30), Some(f64::from(hour)), "hour {hour}");
            assert_eq!(at(50), (hour != 9).then_some(f64::from(hour)), "hour {hour}");
        }
        let known: Vec<f64> = series.iter().filter_map(|p| p.1).collect();
        assert!(known.is_sorted(), "the values grow with the hours");
    }

    proptest::proptest! {
        #[test]
        fn no_sample_is_lost(steps in proptest::collection::vec((0_u64..1_000_000, proptest::option::of(0_u32..100)), 1..300), capacity in 1_usize..40) {
            let mut series = Series::new(capacity);
            let (mut now, mut sum, mut count) = (0, 0.0, 0_u32);
            for (step, value) in &steps {
                now += step;
                series.push(Nanos(now), value.map(f64::from));
                sum += f64::from(value.unwrap_or(0));
                count += u32::from(value.is_some());
            }
            proptest::prop_assert!(series.points.len() <= series.capacity);
            proptest::prop_assert_eq!(series.points.iter().map(|p| p.count).sum::<u32>(), count);
            proptest::prop_assert!((series.points.iter().map(|p| p.sum).sum::<f64>() - sum).abs() < 1e-6);
            proptest::prop_assert!(series.iter().is_sorted_by(|a, b| a.0 <= b.0));
        }
    }
}
