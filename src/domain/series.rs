//! A bounded time series in which a missing sample is a gap, never zero.

use std::collections::VecDeque;
use std::time::Duration;

use super::time::Nanos;

/// Points in time with a value or a gap. Beyond the capacity the oldest points are dropped.
#[derive(Clone, Debug)]
pub struct Series {
    points: VecDeque<(Nanos, Option<f64>)>,
    capacity: usize,
    sum: f64,
    count: usize,
}

impl Series {
    /// Creates an empty series that keeps the last `capacity` points.
    pub fn new(capacity: usize) -> Self {
        Self { points: VecDeque::new(), capacity: capacity.max(1), sum: 0.0, count: 0 }
    }

    /// Adds a point; `None` is a gap.
    pub fn push(&mut self, at: Nanos, value: Option<f64>) {
        if self.points.len() == self.capacity {
            self.points.pop_front();
        }
        self.points.push_back((at, value));
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    /// All points, oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Nanos, Option<f64>)> + '_ {
        self.points.iter().copied()
    }

    /// The last point's value, unless it is a gap.
    pub fn last(&self) -> Option<f64> {
        self.points.back().and_then(|p| p.1)
    }

    /// Mean of all values ever added, including dropped ones; `None` without values.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// Mean of the values between two times, both included; `None` without one. Points that were dropped do not count.
    pub fn mean_between(&self, from: Nanos, to: Nanos) -> Option<f64> {
        let values = self.between(from, to, Duration::ZERO).into_iter().filter(|(at, _)| *at <= to);
        let (sum, count) = values.filter_map(|(_, value)| value).fold((0.0, 0), |(sum, n), value| (sum + value, n + 1));
        (count > 0).then(|| sum / f64::from(count))
    }

    /// Points from `before` earlier than `from` up to the first after `to`, oldest first. Reads only those points.
    pub fn between(&self, from: Nanos, to: Nanos, before: Duration) -> Vec<(Nanos, Option<f64>)> {
        let start = self.points.partition_point(|p| p.0.plus(before) < from);
        let end = self.points.partition_point(|p| p.0 <= to);
        self.points.range(start..(end + 1).min(self.points.len())).copied().collect()
    }

    /// Value at a time: that of the last point up to it, if that point is not older than `hold`.
    pub fn at(&self, at: Nanos, hold: Duration) -> Option<f64> {
        let point = self.points.get(self.points.partition_point(|p| p.0 <= at).checked_sub(1)?)?;
        point.1.filter(|_| at.since(point.0) <= hold)
    }

    /// Points not older than `from`, oldest first. Reads only those points.
    pub fn since(&self, from: Nanos) -> Vec<(Nanos, Option<f64>)> {
        let start = self.points.partition_point(|p| p.0 < from);
        self.points.iter().skip(start).copied().collect()
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
    fn gaps_are_kept_and_the_oldest_points_dropped() {
        let mut s = Series::new(2);
        s.push(Nanos(1), Some(1.0));
        s.push(Nanos(2), None);
        assert_eq!(s.last(), None);
        s.push(Nanos(3), Some(3.0));
        assert_eq!(s.iter().collect::<Vec<_>>(), vec![(Nanos(2), None), (Nanos(3), Some(3.0))]);
        assert_eq!(s.since(Nanos(3)).len(), 1);
        // The first value was dropped but still counts in the mean.
        assert_eq!(s.mean(), Some(2.0));
        assert_eq!(Series::new(1).mean(), None);
    }
}
