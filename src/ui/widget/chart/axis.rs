//! Axes: the position of a value, and ticks at round numbers.

use crate::ui::number::grouped;

/// Mantissas of round numbers.
const ROUND: [f64; 4] = [1.0, 2.0, 5.0, 10.0];
/// Mantissas of the steps of a linear axis.
const STEPS: [f64; 5] = [1.0, 2.0, 2.5, 5.0, 10.0];
/// Mantissas of the steps of a linear axis with few ticks. With coarser steps, such an axis would end far above its
/// values.
const FINE_STEPS: [f64; 9] = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 8.0, 10.0];
/// Number of intervals up to which an axis has few ticks.
const FEW: usize = 3;
/// Tolerance of comparisons with the ends of an axis, as a share of the value.
const ROUNDING: f64 = 1e-9;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

/// An axis from one value to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    scale: Scale,
    from: f64,
    to: f64,
    /// Values with a tick, ascending. Empty until [`Self::fitted`] chooses them, unless the caller did.
    ticks: Vec<f64>,
    /// Decimals of the tick labels; `None` if each label has as many as its value needs.
    decimals: Option<usize>,
}

impl Axis {
    /// A linear axis from 0 to a round number at or above `max`.
    pub const fn from_zero(max: f64) -> Self {
        let to = if max > 0.0 && max.is_finite() { max } else { 1.0 };
        Self { scale: Scale::Linear, from: 0.0, to, ticks: Vec::new(), decimals: None }
    }

    /// A logarithmic axis from the lowest to the highest of these positive values, with a tick at each of them.
    pub fn logarithmic_at(values: impl IntoIterator<Item = f64>) -> Self {
        let mut ticks: Vec<f64> = values.into_iter().filter(|v| *v > 0.0 && v.is_finite()).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        let (from, to) = (ticks.first().copied().unwrap_or(1.0), ticks.last().copied().unwrap_or(1.0));
        Self { scale: Scale::Logarithmic, from, to, ticks, decimals: None }
    }

    /// A logarithmic axis around these values, from and to a round number. Values at or below 0 have no place on it.
    pub fn logarithmic(values: impl IntoIterator<Item = f64>) -> Self {
        let positive = values.into_iter().filter(|v| *v > 0.0 && v.is_finite());
        let (min, max) = positive.fold((f64::INFINITY, 0.0_f64), |(min, max), v| (min.min(v), max.max(v)));
        let (min, max) = if min.is_finite() { (min, max) } else { (1.0, 1.0) };
        let (from, to) = (round_number(min, &ROUND, false), round_number(max, &ROUND, true));
        let to = if to > from { to } else { from * 10.0 };
        Self { scale: Scale::Logarithmic, from, to, ticks: Vec::new(), decimals: None }
    }

    /// The axis with ticks at round numbers and at most `most` intervals. A linear axis ends at a tick.
    #[must_use]
    pub fn fitted(&self, most: usize) -> Self {
        if !self.ticks.is_empty() {
            return self.clone();
        }
        let most = most.max(1);
        match self.scale {
            Scale::Linear => {
                let steps: &[f64] = if most <= FEW { &FINE_STEPS } else { &STEPS };
                let step = round_number(self.to / most as f64, steps, true);
                let intervals = (self.to / step * (1.0 - ROUNDING)).ceil().max(1.0) as u32;
                let ticks: Vec<f64> = (0..=intervals).map(|i| f64::from(i) * step).collect();
                let to = ticks.last().copied().unwrap_or(self.to);
                Self { to, ticks, decimals: Some(decimals(step)), ..self.clone() }
            }
            Scale::Logarithmic => {
                let sets = [&ROUND[..3], &ROUND[..1]].map(|mantissas| self.round_numbers(mantissas));
                let ticks = sets.into_iter().find(|ticks| ticks.len() <= most + 1 && ticks.len() > 1);
                Self { ticks: ticks.unwrap_or_else(|| vec![self.from, self.to]), ..self.clone() }
            }
        }
    }

    /// Numbers with these mantissas on the axis, ascending.
    fn round_numbers(&self, mantissas: &[f64]) -> Vec<f64> {
        let exponents = self.from.log10().floor() as i32..=self.to.log10().ceil() as i32;
        let numbers = exponents.flat_map(|e| mantissas.iter().map(move |m| m * power_of_ten(e)));
        numbers.filter(|v| self.share(*v).is_some()).collect()
    }

    /// Position of a value from 0 at the start of the axis to 1 at its end; `None` if the value is not on the axis.
    pub fn share(&self, value: f64) -> Option<f64> {
        let slack = self.to.abs() * ROUNDING;
        if !value.is_finite() || value < self.from - slack || value > self.to + slack {
            return None;
        }
        let share = match self.scale {
            _ if self.to <= self.from => 0.5,
            Scale::Linear => (value - self.from) / (self.to - self.from),
            Scale::Logarithmic if value <= 0.0 => return None,
            Scale::Logarithmic => (value / self.from).ln() / (self.to / self.from).ln(),
        };
        Some(share.clamp(0.0, 1.0))
    }

    /// The value at a position from 0 to 1.
    pub fn value_at(&self, share: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.from + (self.to - self.from) * share,
            Scale::Logarithmic => self.from * (self.to / self.from).powf(share),
        }
    }

    /// Ticks with their labels, ascending.
    pub fn labels(&self) -> impl DoubleEndedIterator<Item = (f64, String)> {
        self.ticks.iter().map(|tick| (*tick, label(*tick, self.decimals.unwrap_or_else(|| decimals(*tick)))))
    }
}

/// The nearest number with one of these mantissas that is at least `value` (with `up`) or at most `value`. `value` is
/// positive.
fn round_number(value: f64, mantissas: &[f64], up: bool) -> f64 {
    let power = power_of_ten(value.log10().floor() as i32);
    let mut candidates = mantissas.iter().map(|mantissa| mantissa * power);
    let found = if up {
        candidates.find(|c| *c >= value * (1.0 - ROUNDING))
    } else {
        candidates.rfind(|c| *c <= value * (1.0 + ROUNDING))
    };
    found.unwrap_or(power)
}

/// A power of ten. Negative exponents divide, which is exact to the last decimal.
fn power_of_ten(exponent: i32) -> f64 {
    let power = 10_f64.powi(exponent.abs());
    if exponent < 0 { 1.0 / power } else { power }
}

/// Decimals that the first two digits of a value need.
fn decimals(value: f64) -> usize {
    let first_digit = (value.abs() * (1.0 + ROUNDING)).log10().floor();
    if !first_digit.is_finite() {
        return 0;
    }
    let (digits, exponent) = (value.abs() / power_of_ten(first_digit as i32), first_digit as i32);
    let has_second = (digits - digits.round()).abs() > ROUNDING.sqrt();
    usize::try_from(i32::from(has_second) - exponent).unwrap_or(0)
}

fn label(value: f64, decimals: usize) -> String {
    if decimals == 0 && value >= 0.0 { grouped(value.round() as u64) } else { format!("{value:.decimals$}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.labels().map(|(_, label)| label).collect()
    }

    #[test]
    fn a_linear_axis_ends_at_a_round_number() {
        assert_eq!(labels(&Axis::from_zero(525.0).fitted(4)), ["0", "200", "400", "600"]);
        assert_eq!(labels(&Axis::from_zero(555.0).fitted(2)), ["0", "300", "600"]);
        assert_eq!(labels(&Axis::from_zero(9.1).fitted(4)), ["0.0", "2.5", "5.0", "7.5", "10.0"]);
        assert_eq!(labels(&Axis::from_zero(400.0).fitted(2)), ["0", "200", "400"]);
        assert_eq!(labels(&Axis::from_zero(0.7).fitted(5)), ["0.0", "0.2", "0.4", "0.6", "0.8"]);
        assert_eq!(labels(&Axis::from_zero(12_345.0).fitted(3)), ["0", "5,000", "10,000", "15,000"]);
        assert_eq!(labels(&Axis::from_zero(f64::NAN).fitted(1)), ["0", "1"]);
    }

    #[test]
    fn a_logarithmic_axis_has_equal_steps_for_equal_factors() {
        let axis = Axis::logarithmic_at([1.0, 2.0, 4.0, 8.0, 16.0]);
        let shares: Vec<f64> = [1.0, 2.0, 4.0, 8.0, 16.0].iter().filter_map(|v| axis.share(*v)).collect();
        assert_eq!(shares, [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(labels(&axis.fitted(1)), ["1", "2", "4", "8", "16"]);
        assert_eq!([0.0, 0.5, 17.0, f64::NAN].map(|v| axis.share(v)), [None; 4]);
        assert!((axis.value_at(0.5) - 4.0).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_around_values_has_ticks_at_1_2_and_5_where_there_is_room() {
        let axis = Axis::logarithmic([8.7, 190.0]);
        assert_eq!(labels(&axis.fitted(9)), ["5", "10", "20", "50", "100", "200"]);
        assert_eq!(labels(&axis.fitted(3)), ["10", "100"]);
        assert_eq!(labels(&Axis::logarithmic([0.03, 0.4]).fitted(9)), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(labels(&Axis::logarithmic([0.0, f64::NAN]).fitted(1)), ["1", "10"]);
        assert_eq!(axis.share(0.0), None);
    }

    #[test]
    fn a_single_value_lies_in_the_middle() {
        assert_eq!(Axis::logarithmic_at([4.0]).share(4.0), Some(0.5));
    }

    proptest::proptest! {
        #[test]
        fn every_value_is_on_the_axis_made_for_it(values in proptest::collection::vec(1e-6_f64..1e12, 1..9), most in 0_usize..20) {
            let max = values.iter().copied().fold(0.0, f64::max);
            for axis in [Axis::from_zero(max), Axis::logarithmic(values.iter().copied()), Axis::logarithmic_at(values.iter().copied())] {
                let axis = axis.fitted(most);
                for value in &values {
                    proptest::prop_assert!(axis.share(*value).is_some_and(|s| (0.0..=1.0).contains(&s)), "{:?} {}", axis, value);
                }
                for (tick, _) in axis.labels() {
                    proptest::prop_assert!(axis.share(tick).is_some(), "{:?} {}", axis, tick);
                }
            }
        }
    }
}
