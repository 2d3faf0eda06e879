//! A time series of bounded length in which a missing sample is a gap, never a zero.

use std::collections::VecDeque;

use super::time::Nanos;

/// Points in time with a value, or a gap; the oldest fall out beyond the capacity.
#[derive(Clone, Debug)]
pub struct Series {
    points: VecDeque<(Nanos, Option<f64>)>,
    capacity: usize,
    sum: f64,
    count: usize,
}

impl Series {
    /// An empty series that keeps the last `capacity` points.
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

    /// The mean of all values ever added, those that fell out too; `None` without any.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }

    /// The points not older than `from`, oldest first. Touches only those.
    pub fn since(&self, from: Nanos) -> Vec<(Nanos, Option<f64>)> {
        let start = self.points.partition_point(|p| p.0 < from);
        self.points.iter().skip(start).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_gaps_and_forgets_the_oldest() {
        let mut s = Series::new(2);
        s.push(Nanos(1), Some(1.0));
        s.push(Nanos(2), None);
        assert_eq!(s.last(), None);
        s.push(Nanos(3), Some(3.0));
        assert_eq!(s.iter().collect::<Vec<_>>(), vec![(Nanos(2), None), (Nanos(3), Some(3.0))]);
        assert_eq!(s.since(Nanos(3)).len(), 1);
        // The first value is gone, and counts all the same.
        assert_eq!(s.mean(), Some(2.0));
        assert_eq!(Series::new(1).mean(), None);
    }
}
