//! Course of a sampled figure over a run, in bounded memory.

use crate::domain::series::Series;
use crate::domain::time::Nanos;

/// Maximum number of spans of a course.
const MAX_SPANS: usize = 360;

/// Samples of a span of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoursePoint {
    /// Middle of the span, seconds since the first request.
    pub at_s: f64,
    /// Lowest value.
    pub min: f64,
    /// Mean of the values.
    pub mean: f64,
    /// Highest value.
    pub max: f64,
}

/// Course of a figure from the first request to the end of the run; `None` is a gap. Empty without a value.
pub type Course = Vec<Option<CoursePoint>>;

/// Returns the course of a series between two times.
pub fn course(series: &Series, began: Nanos, end: Nanos) -> Course {
    let samples: Vec<(Nanos, Option<f64>)> = series.iter().filter(|(at, _)| (began..=end).contains(at)).collect();
    if samples.iter().all(|(_, value)| value.is_none()) {
        return Vec::new();
    }
    let together = samples.len().div_ceil(MAX_SPANS).max(1);
    samples.chunks(together).map(|span| point(span, began)).collect()
}

fn point(samples: &[(Nanos, Option<f64>)], began: Nanos) -> Option<CoursePoint> {
    let values = || samples.iter().filter_map(|(_, value)| *value);
    let count = values().count();
    let (first, last) = (samples.first()?.0.since(began), samples.last()?.0.since(began));
    (count > 0).then(|| CoursePoint {
        at_s: f64::midpoint(first.as_secs_f64(), last.as_secs_f64()),
        min: values().fold(f64::INFINITY, f64::min),
        mean: values().sum::<f64>() / count as f64,
        max: values().fold(f64::NEG_INFINITY, f64::max),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(values: impl Iterator<Item = Option<f64>>) -> Series {
        let mut series = Series::new(4096);
        values.enumerate().for_each(|(at, value)| series.push(Nanos::from_millis(at as u64 * 1000), value));
        series
    }

    #[test]
    fn a_course_covers_the_run_and_keeps_gaps_and_extremes() {
        let all = series([Some(9.0), Some(1.0), None, Some(3.0), Some(9.0)].into_iter());
        let point = |at_s, value| Some(CoursePoint { at_s, min: value, mean: value, max: value });
        let run = course(&all, Nanos::from_millis(1000), Nanos::from_millis(3000));
        assert_eq!(run, [point(0.0, 1.0), None, point(2.0, 3.0)]);
        let long = series((0..3600).map(|at| Some(if at == 1801 { 100.0 } else { 1.0 })));
        let run = course(&long, Nanos(0), Nanos::from_millis(3_600_000));
        assert!(run.len() <= MAX_SPANS, "{}", run.len());
        assert!(run.iter().flatten().any(|point| (point.max - 100.0).abs() < 1e-9 && point.mean < 50.0));
        assert!(course(&series([None, None].into_iter()), Nanos(0), Nanos::from_millis(9000)).is_empty());
    }
}
