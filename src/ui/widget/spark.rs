//! Sparklines: small bars, one cell per value.

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the bar of `value` on a scale from 0 to `max`. The bar is never empty, so that a small value differs from a
/// missing one, and never fills the cell, so that bars on neighbouring lines stay apart.
pub fn level(value: f64, max: f64) -> char {
    let share = if max > 0.0 && value.is_finite() { (value / max).clamp(0.0, 1.0) } else { 0.0 };
    LEVELS[((share * 7.0).ceil() as usize).clamp(1, 7) - 1]
}

/// Returns one bar per value on a scale from 0 to `max`; a missing value is a blank.
pub fn bars(values: &[Option<f64>], max: f64) -> String {
    values.iter().map(|v| v.map_or(' ', |v| level(v, max))).collect()
}

/// Returns the part of a column in cell `row`, counted from the bottom; a blank above the column. The column is
/// `eighths` eighths of a cell high.
pub fn column(eighths: usize, row: usize) -> char {
    match eighths.saturating_sub(row * 8) {
        0 => ' ',
        n => LEVELS[n.min(8) - 1],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_differs_from_a_missing_value() {
        assert_eq!(bars(&[Some(0.0), None, Some(50.0), Some(100.0), Some(500.0)], 100.0), "▁ ▄▇▇");
        assert_eq!(bars(&[Some(3.0)], 0.0), "▁");
    }

    #[test]
    fn a_column_fills_several_rows() {
        let tower = |eighths| (0..3).map(|row| column(eighths, row)).collect::<String>();
        assert_eq!(tower(0), "   ");
        assert_eq!(tower(3), "▃  ");
        assert_eq!(tower(8), "█  ");
        assert_eq!(tower(12), "█▄ ");
        assert_eq!(tower(99), "███");
    }
}
