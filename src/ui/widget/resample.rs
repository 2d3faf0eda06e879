//! Resamples a time series to the width of the screen.

use std::time::Duration;

use crate::domain::time::Nanos;

/// Returns the mean of the points in each of `cells` equal slices of `from..=to`. A slice without a point repeats the
/// previous value for at most `max_silence`. Later slices, and slices in a gap of the series, are `None`. Points must
/// be in time order.
pub fn resample(
    points: &[(Nanos, Option<f64>)],
    from: Nanos,
    to: Nanos,
    cells: usize,
    max_silence: Duration,
) -> Vec<Option<f64>> {
    let span = to.since(from).as_nanos();
    let mut out = vec![None; cells];
    if span == 0 || cells == 0 {
        return out;
    }
    let start_of = |cell: usize| from.plus(Duration::from_nanos((span * cell as u128 / cells as u128) as u64));
    let mut next = points.partition_point(|p| p.0 < from);
    let previous = next.checked_sub(1).and_then(|i| points.get(i));
    let mut last = previous.and_then(|&(at, value)| Some((at, value?)));
    for (cell, value) in out.iter_mut().enumerate() {
        let end = start_of(cell + 1);
        let (mut sum, mut count) = (0.0, 0_u32);
        let mut gap = false;
        while let Some(&(at, point)) = points.get(next).filter(|p| p.0 < end || (cell + 1 == cells && p.0 <= to)) {
            next += 1;
            gap = point.is_none();
            last = point.map(|v| (at, v));
            if let Some(v) = point {
                sum += v;
                count += 1;
            }
        }
        *value = if count > 0 {
            Some(sum / f64::from(count))
        } else if gap {
            None
        } else {
            last.filter(|(at, _)| start_of(cell).since(*at) <= max_silence && next < points.len()).map(|(_, v)| v)
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampled(points: &[(u64, Option<f64>)], cells: usize) -> Vec<Option<f64>> {
        let points: Vec<_> = points.iter().map(|&(ms, v)| (Nanos::from_millis(ms), v)).collect();
        resample(&points, Nanos::from_millis(1000), Nanos::from_millis(2000), cells, Duration::from_millis(400))
    }

    #[test]
    fn a_slice_is_the_mean_of_its_points() {
        let points = [(900, Some(9.0)), (1000, Some(1.0)), (1499, Some(3.0)), (1500, Some(5.0)), (2000, Some(7.0))];
        assert_eq!(resampled(&points, 2), [Some(2.0), Some(6.0)]);
    }

    #[test]
    fn a_value_bridges_a_short_silence_but_not_a_gap_or_a_long_silence() {
        let points = [(1000, Some(1.0)), (1900, Some(2.0))];
        assert_eq!(
            resampled(&points, 10),
            [Some(1.0), Some(1.0), Some(1.0), Some(1.0), Some(1.0), None, None, None, None, Some(2.0)]
        );
        let points = [(1000, Some(1.0)), (1100, None), (1300, Some(2.0))];
        assert_eq!(resampled(&points, 10)[..4], [Some(1.0), None, None, Some(2.0)]);
    }

    #[test]
    fn a_point_shortly_before_the_first_slice_reaches_into_it() {
        let points = [(700, Some(1.0)), (1500, Some(2.0))];
        assert_eq!(resampled(&points, 10)[..3], [Some(1.0), Some(1.0), None]);
        assert_eq!(resampled(&[(700, None), (1500, Some(2.0))], 10)[..2], [None, None]);
    }

    #[test]
    fn nothing_is_drawn_after_the_last_point() {
        assert_eq!(resampled(&[(1000, Some(1.0))], 4), [Some(1.0), None, None, None]);
        assert_eq!(resampled(&[], 3), [None, None, None]);
        assert!(resampled(&[(1000, Some(1.0))], 0).is_empty());
    }
}
