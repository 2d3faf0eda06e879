//! Formatting of figures with precision, unit, and the mark of an estimate. Shared by reports, dashboard and summary.

use std::fmt;

/// Shown in place of a figure that is not available.
pub const UNKNOWN: &str = "–";
/// Precedes figures based on an estimated number of tokens.
pub const ESTIMATED: &str = "~";

/// A figure for display: `112.9`, `~43.1 ms`, `112.9 ± 1.4 tok/s`, or `–` if it is not available.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantity<'a> {
    value: Option<f64>,
    half_width: Option<f64>,
    lacks_half_width: bool,
    decimals: usize,
    unit: &'a str,
    is_grouped: bool,
    is_estimated: bool,
}

impl<'a> Quantity<'a> {
    /// Creates a figure with a fixed number of decimals and no unit.
    pub fn new(value: impl Into<Option<f64>>, decimals: usize) -> Self {
        let value = value.into();
        Self {
            value,
            half_width: None,
            lacks_half_width: false,
            decimals,
            unit: "",
            is_grouped: false,
            is_estimated: false,
        }
    }

    /// Creates a figure from a time in milliseconds, shown in the unit that suits its size: `812 µs`, `43.1 ms`, `703
    /// ms`, `7.03 s`.
    pub fn from_millis(ms: impl Into<Option<f64>>) -> Self {
        match ms.into() {
            Some(ms) if ms < 1.0 => Self::new(ms * 1000.0, 0).with_unit(" µs"),
            Some(ms) if ms < 99.95 => Self::new(ms, 1).with_unit(" ms"),
            Some(ms) if ms < 999.5 => Self::new(ms, 0).with_unit(" ms"),
            Some(ms) => Self::new(ms / 1000.0, 2).with_unit(" s"),
            None => Self::new(None, 0),
        }
    }

    /// Creates a figure from a time in milliseconds and half the width of the interval around it, shown in the unit
    /// that suits the time.
    pub fn from_millis_within(ms: f64, half_width_ms: Option<f64>) -> Self {
        let time = Self::from_millis(ms);
        let scale = time.value.filter(|_| ms > 0.0).map_or(1.0, |value| value / ms);
        time.with_half_width(half_width_ms.map(|half| half * scale))
    }

    /// Formats a whole number with thousands separators: `97,887`.
    pub fn grouped(value: impl Into<Option<f64>>) -> Self {
        Self { is_grouped: true, ..Self::new(value, 0) }
    }

    /// Appends a unit as written: include the space before the unit if it should have one.
    #[must_use]
    pub const fn with_unit(self, unit: &'a str) -> Self {
        Self { unit, ..self }
    }

    /// Appends half the width of an interval around the figure: `112.9 ± 1.4`.
    #[must_use]
    pub const fn with_half_width(self, half_width: Option<f64>) -> Self {
        Self { half_width, ..self }
    }

    /// Shows a dash in place of the interval if there are too few values for one: `112.9 ± –`.
    #[must_use]
    pub const fn lacking_half_width_if(self, lacks_half_width: bool) -> Self {
        Self { lacks_half_width, ..self }
    }

    /// Marks the figure as an estimate if `is_estimated`.
    #[must_use]
    pub const fn estimated_if(self, is_estimated: bool) -> Self {
        Self { is_estimated, ..self }
    }
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(value) = self.value else { return f.pad(UNKNOWN) };
        let decimals = self.decimals;
        let mark = if self.is_estimated { ESTIMATED } else { "" };
        let number = if self.is_grouped { grouped(value.round() as u64) } else { decimal(value, decimals) };
        let half = match self.half_width {
            Some(half) => format!(" ± {}", decimal(half, decimals)),
            None if self.lacks_half_width => format!(" ± {UNKNOWN}"),
            None => String::new(),
        };
        f.pad(&format!("{mark}{number}{half}{}", self.unit))
    }
}

/// Formats a number with this many decimals, rounded half away from zero as in [`Quantity::grouped`]. The standard
/// library rounds half to even, so the same figure could differ from place to place.
pub fn decimal(value: f64, decimals: usize) -> String {
    let scale = 10_f64.powi(i32::try_from(decimals).unwrap_or(i32::MAX));
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { format!("{rounded:.decimals$}") } else { format!("{value:.decimals$}") }
}

/// Formats a whole number with thousands separators: `97,887`.
pub fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Formats a change in percent with its sign, like `+1.2%`. A change that rounds to zero has a plus sign.
pub fn signed_percent(percent: f64) -> String {
    format!("{:+.1}%", (percent * 10.0).round() / 10.0 + 0.0)
}

/// Formats a number with its noun: `1 case`, `2 cases`.
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {}", plural(n, noun))
}

/// Returns the noun alone, in the plural unless `n` is 1.
pub fn plural(n: usize, noun: &str) -> String {
    if n == 1 { noun.to_owned() } else { format!("{noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_available_figures_have_a_mark_a_half_width_and_a_unit() {
        let full = |value| {
            Quantity::new(value, 1).with_half_width(Some(1.44)).with_unit(" tok/s").estimated_if(true).to_string()
        };
        assert_eq!([full(Some(112.94)), full(None)], ["~112.9 ± 1.4 tok/s", "–"]);
        assert_eq!(Quantity::new(2.0, 0).to_string(), "2");
        assert_eq!(format!("[{:>6}]", Quantity::new(1.25, 2)), "[  1.25]");
        assert_eq!(format!("[{:>3}]", Quantity::new(None, 2)), "[  –]");
    }

    #[test]
    fn times_use_the_unit_that_suits_their_size() {
        let times = [0.8124, 99.94, 99.96, 999.4, 999.6].map(|ms| Quantity::from_millis(ms).to_string());
        assert_eq!(times, ["812 µs", "99.9 ms", "100 ms", "999 ms", "1.00 s"]);
        assert_eq!(Quantity::from_millis(None).estimated_if(true).to_string(), "–");
        let within = |ms, half| Quantity::from_millis_within(ms, Some(half)).to_string();
        assert_eq!([within(195.0, 12.4), within(1500.0, 250.0)], ["195 ± 12 ms", "1.50 ± 0.25 s"]);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 97_887, 1_234_567].map(grouped), ["0", "999", "1,000", "97,887", "1,234,567"]);
        assert_eq!(Quantity::grouped(Some(1999.6)).estimated_if(true).to_string(), "~2,000");
    }

    #[test]
    fn one_figure_is_rounded_the_same_everywhere() {
        for value in [492.5, 493.5, 0.5, 1.5, 2.5] {
            let plain = Quantity::new(value, 0).to_string();
            assert_eq!(plain, Quantity::grouped(value).to_string(), "{value}");
        }
        assert_eq!([decimal(492.5, 0), decimal(0.25, 1), decimal(-0.25, 1)], ["493", "0.3", "-0.3"]);
        assert_eq!(decimal(f64::MAX, 1), format!("{:.1}", f64::MAX));
    }

    #[test]
    fn only_one_is_singular() {
        assert_eq!([0, 1, 2].map(|n| count(n, "case")), ["0 cases", "1 case", "2 cases"]);
    }

    #[test]
    fn an_interval_with_too_few_values_is_a_dash() {
        let lacking = Quantity::new(1.5, 1).lacking_half_width_if(true).with_unit(" s");
        assert_eq!(lacking.to_string(), "1.5 ± – s");
        assert_eq!(lacking.with_half_width(Some(0.3)).to_string(), "1.5 ± 0.3 s");
    }

    #[test]
    fn no_change_is_negative_zero() {
        assert_eq!([-0.04, -0.06, 0.04, 12.34].map(signed_percent), ["+0.0%", "-0.1%", "+0.0%", "+12.3%"]);
    }
}
