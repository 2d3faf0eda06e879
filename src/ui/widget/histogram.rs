//! The distribution of values as columns on a logarithmic scale, and their range as a line with marks.

use crate::ui::widget::spark;

/// Values counted into columns of equal ratio.
#[derive(Debug)]
pub struct Histogram {
    /// Number of values in each column.
    pub counts: Vec<usize>,
    /// Left end of the scale.
    pub from: f64,
    /// Right end of the scale.
    pub to: f64,
}

impl Histogram {
    /// Counts `sorted`, in ascending order, into `columns`. Values below `floor` go to the first column. `None` without
    /// values or columns.
    pub fn new(sorted: &[f64], columns: usize, floor: f64) -> Option<Self> {
        let (first, last) = (sorted.first()?, sorted.last()?);
        if columns == 0 {
            return None;
        }
        let mut from = first.max(floor);
        let mut to = last.max(from);
        // Nearly equal values get a wider scale with themselves in the middle.
        if to / from < 1.5 {
            (from, to) = (from / 1.5, to * 1.5);
        }
        let width = (to / from).ln();
        let mut counts = vec![0; columns];
        for value in sorted {
            let share = (value.max(from) / from).ln() / width;
            counts[((share * columns as f64) as usize).min(columns - 1)] += 1;
        }
        Some(Self { counts, from, to })
    }

    /// Draws the columns in `rows` lines, the top line first. A column with a value is never empty.
    pub fn lines(&self, rows: usize) -> Vec<String> {
        let max = self.counts.iter().copied().max().unwrap_or(0).max(1);
        let eighths = |count: usize| if count == 0 { 0 } else { (count * rows * 8).div_ceil(max) };
        let line = |row| self.counts.iter().map(|c| spark::column(eighths(*c), row)).collect();
        (0..rows).rev().map(line).collect()
    }
}

/// Draws a range with its median and one marked value in `cells` cells: `├──┼───●─┤`.
pub fn range(min: f64, median: f64, max: f64, marked: Option<f64>, cells: usize) -> String {
    if cells == 0 {
        return String::new();
    }
    let cell_of = |value: f64| {
        let share = if max > min { ((value - min) / (max - min)).clamp(0.0, 1.0) } else { 0.5 };
        (share * (cells - 1) as f64).round() as usize
    };
    let mut line = vec!['─'; cells];
    if max > min {
        line[0] = '├';
        line[cells - 1] = '┤';
        line[cell_of(median)] = '┼';
    }
    if let Some(marked) = marked {
        line[cell_of(marked)] = '●';
    }
    line.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_equal_ratios_and_count_every_value() {
        let histogram = Histogram::new(&[0.0, 1.0, 1.0, 9.0, 50.0, 100.0], 2, 1.0).unwrap();
        assert_eq!(histogram.counts, [4, 2]);
        assert_eq!((histogram.from, histogram.to), (1.0, 100.0));
        assert_eq!(histogram.lines(2), ["█ ", "██"]);
    }

    #[test]
    fn equal_values_fill_the_middle_column() {
        let histogram = Histogram::new(&[8.0, 8.0], 5, 0.1).unwrap();
        assert_eq!(histogram.counts, [0, 0, 2, 0, 0]);
    }

    #[test]
    fn a_single_outlier_is_visible() {
        let mut gaps = vec![1.0; 1000];
        gaps.push(500.0);
        assert_eq!(Histogram::new(&gaps, 4, 0.1).unwrap().lines(1), ["█  ▁"]);
        assert!(Histogram::new(&[], 4, 0.1).is_none());
        assert!(Histogram::new(&gaps, 0, 0.1).is_none());
    }

    #[test]
    fn the_range_marks_one_value() {
        assert_eq!(range(10.0, 12.0, 20.0, Some(15.0), 11), "├─┼──●────┤");
        assert_eq!(range(10.0, 12.0, 20.0, Some(10.0), 11), "●─┼───────┤");
        assert_eq!(range(10.0, 10.0, 10.0, Some(10.0), 5), "──●──");
        assert_eq!(range(1.0, 1.0, 2.0, None, 0), "");
        assert_eq!(range(1.0, 1.0, 2.0, None, 1).chars().count(), 1);
    }
}
