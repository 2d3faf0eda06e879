//! From values to pixels, and the ticks of an axis.

use super::axis::{Axis, AxisKind};
use crate::domain::quantity::grouped;

/// Maps the values of an axis to pixels.
#[derive(Clone, Debug)]
pub struct Scale<'a> {
    axis: &'a Axis,
    /// Pixel of the lowest value.
    low_px: f64,
    /// Pixel of the highest value.
    high_px: f64,
}

impl<'a> Scale<'a> {
    /// Creates a scale between two pixels.
    pub const fn new(axis: &'a Axis, low_px: f64, high_px: f64) -> Self {
        Self { axis, low_px, high_px }
    }

    /// Pixel of a value. A value that a logarithmic axis does not have is at its low end.
    pub fn px(&self, value: f64) -> f64 {
        let Axis { from, to, .. } = *self.axis;
        let share = match self.axis.kind {
            AxisKind::Log10 | AxisKind::Log2 => (value.max(from).max(f64::MIN_POSITIVE) / from).ln() / (to / from).ln(),
            AxisKind::Linear | AxisKind::Names(_) => (value - from) / (to - from),
        };
        self.low_px + share * (self.high_px - self.low_px)
    }

    /// Ticks: value and text, about one for each `room_px` pixels.
    pub fn ticks(&self, room_px: f64) -> Vec<(f64, String)> {
        let length = (self.high_px - self.low_px).abs();
        let most = (length / room_px).floor().clamp(2.0, 12.0);
        match &self.axis.kind {
            AxisKind::Names(names) => names.iter().enumerate().map(|(at, name)| (at as f64, name.clone())).collect(),
            _ if !self.axis.ticks.is_empty() => self.spaced(room_px),
            AxisKind::Linear => linear(self.axis.from, self.axis.to, most),
            AxisKind::Log10 | AxisKind::Log2 => logarithmic(self.axis.from, self.axis.to, most),
        }
    }

    /// The given ticks, without those that are too close to the one before.
    fn spaced(&self, room_px: f64) -> Vec<(f64, String)> {
        let digits = self.axis.ticks.iter().map(|tick| decimals(*tick)).max().unwrap_or(0);
        let mut last: Option<f64> = None;
        let mut out = Vec::new();
        for tick in &self.axis.ticks {
            let px = self.px(*tick);
            if last.is_none_or(|last| (px - last).abs() >= room_px * 0.55) {
                out.push((*tick, number(*tick, digits.min(3))));
                last = Some(px);
            }
        }
        out
    }
}

/// Round values between two ends.
fn linear(from: f64, to: f64, most: f64) -> Vec<(f64, String)> {
    let step = round_step((to - from) / most);
    let first = (from / step).ceil();
    let digits = (-step.log10().floor()).max(0.0) as usize;
    let count = ((to / step).floor() - first).clamp(0.0, 40.0) as usize;
    (0..=count).map(|n| (first + n as f64) * step).map(|value| (value, number(value, digits))).collect()
}

/// The next of 1, 2 and 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let least = if least.is_finite() && least > 0.0 { least } else { 1.0 };
    let power = 10.0_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|step| *step >= least * 0.999).unwrap_or(10.0 * power)
}

/// Powers of ten between two ends, with twice and five times each if there is room.
fn logarithmic(from: f64, to: f64, most: f64) -> Vec<(f64, String)> {
    let (low, high) = (from.log10().floor() as i32, to.log10().ceil() as i32);
    let factors: &[f64] = if f64::from(high - low) * 3.0 <= most + 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let values = (low..=high).flat_map(|power| factors.iter().map(move |factor| factor * 10.0_f64.powi(power)));
    let inside = values.filter(|value| (from..=to).contains(value));
    inside.map(|value| (value, number(value, (-value.log10().floor()).max(0.0) as usize))).collect()
}

/// Decimals that a value needs, at most three.
fn decimals(value: f64) -> usize {
    (0..3)
        .find(|digits| (value * 10_f64.powi(*digits) - (value * 10_f64.powi(*digits)).round()).abs() < 1e-6)
        .unwrap_or(3) as usize
}

/// A number with grouped thousands.
fn number(value: f64, digits: usize) -> String {
    if digits == 0 && value >= 10_000.0 {
        return grouped(value.round() as u64);
    }
    // Adding 0 turns −0 into 0.
    format!("{:.digits$}", value + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis, length: f64) -> Vec<String> {
        Scale::new(axis, 0.0, length).ticks(60.0).into_iter().map(|tick| tick.1).collect()
    }

    #[test]
    fn ticks_are_round_numbers_within_the_axis() {
        assert_eq!(labels(&Axis::between("", 0.0, 1.0), 300.0), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::between("", 3.0, 47.0), 300.0), ["10", "20", "30", "40"]);
        assert_eq!(labels(&Axis::between("", 0.0, 30_000.0), 180.0), ["0", "10,000", "20,000", "30,000"]);
        let wide = Axis::of_times("", [1.0, 5000.0]);
        assert_eq!(wide.kind, AxisKind::Log10);
        assert_eq!(labels(&wide, 240.0), ["1", "10", "100", "1000"]);
        assert_eq!(labels(&Axis::of_loads("", [1.0, 2.0, 4.0, 64.0]), 600.0), ["1", "2", "4", "64"]);
    }

    #[test]
    fn values_map_to_pixels_in_proportion() {
        let axis = Axis::between("", 10.0, 20.0);
        let scale = Scale::new(&axis, 100.0, 0.0);
        for (value, px) in [(10.0, 100.0), (15.0, 50.0), (20.0, 0.0)] {
            assert!((scale.px(value) - px).abs() < 1e-9, "{value}");
        }
        let axis = Axis { kind: AxisKind::Log10, ..Axis::between("", 1.0, 100.0) };
        let scale = Scale::new(&axis, 0.0, 200.0);
        assert!((scale.px(10.0) - 100.0).abs() < 1e-9);
        // Zero has no place on a logarithmic axis.
        assert!(scale.px(0.0).abs() < 1e-9);
    }

    #[test]
    fn an_axis_without_values_is_still_an_axis() {
        assert!(Axis::from_zero("", []).to > 0.0);
        assert_eq!(labels(&Axis::of_loads("", [4.0]), 300.0), ["4"]);
        assert!(labels(&Axis::of_times("", [0.0, 0.0]), 300.0).len() > 1);
    }
}
