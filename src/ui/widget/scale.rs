//! Round upper ends for chart scales.

/// Rounds up to the next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15 …; returns 1 for zero, negative and non-finite values.
pub fn round_up(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.iter().map(|s| s * power).find(|s| *s >= value * 0.999).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_at_round_numbers() {
        let cases = [(0.0, 1.0), (117.3, 150.0), (100.0, 100.0), (0.7, 0.8), (9_001.0, 10_000.0), (f64::NAN, 1.0)];
        for (value, top) in cases {
            let got = round_up(value);
            assert!((got - top).abs() < 1e-9, "{value}: {got}");
        }
    }
}
