//! Axes: what they show, and the range that they cover.

/// Maximum ratio between the ends of a linear axis of loads. Beyond it, doublings have equal lengths.
const MOST_LINEAR_RATIO: f64 = 6.0;

/// Scale of an axis.
#[derive(Clone, Debug, PartialEq)]
pub enum AxisKind {
    /// Equal differences have equal lengths.
    Linear,
    /// Equal ratios have equal lengths; ticks at powers of ten and their multiples.
    Log10,
    /// Equal ratios have equal lengths; ticks at the given values.
    Log2,
    /// Rows with a name each, from top to bottom.
    Names(Vec<String>),
}

/// An axis of a panel.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Quantity and unit; empty to leave it out.
    pub label: String,
    /// Scale.
    pub kind: AxisKind,
    /// Lowest value.
    pub from: f64,
    /// Highest value.
    pub to: f64,
    /// Values with a tick; empty for round numbers.
    pub ticks: Vec<f64>,
}

impl Axis {
    /// Creates a linear axis from 0 that covers all values, with room above the highest.
    pub fn from_zero(label: impl Into<String>, values: impl IntoIterator<Item = f64>) -> Self {
        let most = values.into_iter().filter(|value| value.is_finite()).fold(0.0, f64::max);
        let to = if most > 0.0 { most * 1.06 } else { 1.0 };
        Self { label: label.into(), kind: AxisKind::Linear, from: 0.0, to, ticks: Vec::new() }
    }

    /// Creates a linear axis between two values.
    pub fn between(label: impl Into<String>, from: f64, to: f64) -> Self {
        let to = if to > from { to } else { from + 1.0 };
        Self { label: label.into(), kind: AxisKind::Linear, from, to, ticks: Vec::new() }
    }

    /// Creates an axis around values, not always from 0: logarithmic if they span more than two powers of ten.
    pub fn around(label: impl Into<String>, values: &[f64]) -> Self {
        let covering = Self::of_times(label, values.iter().copied());
        let finite = || values.iter().copied().filter(|value| value.is_finite());
        let (least, most) = (finite().fold(f64::INFINITY, f64::min), finite().fold(0.0, f64::max));
        if covering.kind != AxisKind::Linear || least > most || least < most * 0.4 {
            return covering;
        }
        let margin = ((most - least) * 0.06).max(most * 0.005).max(1e-3);
        Self { from: (least - margin).max(0.0), to: most + margin, ..covering }
    }

    /// Creates an axis of times that covers all values: logarithmic if they span more than two powers of ten.
    pub fn of_times(label: impl Into<String>, values: impl IntoIterator<Item = f64> + Clone) -> Self {
        let positive = || values.clone().into_iter().filter(|value| value.is_finite() && *value > 0.0);
        let (least, most) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
        if most > 0.0 && most / least > 100.0 {
            let (from, to) = (least * 0.9, most * 1.1);
            return Self { label: label.into(), kind: AxisKind::Log10, from, to, ticks: Vec::new() };
        }
        Self::from_zero(label, values)
    }

    /// Creates an axis of loads with a tick at each of them: by doublings if they differ much.
    pub fn of_loads(label: impl Into<String>, loads: impl IntoIterator<Item = f64>) -> Self {
        let mut ticks: Vec<f64> = loads.into_iter().filter(|load| load.is_finite()).collect();
        ticks.sort_by(f64::total_cmp);
        ticks.dedup();
        let (first, last) = (ticks.first().copied().unwrap_or(0.0), ticks.last().copied().unwrap_or(1.0));
        if first > 0.0 && last / first > MOST_LINEAR_RATIO {
            let margin = (last / first).powf(0.04);
            let (from, to) = (first / margin, last * margin);
            return Self { label: label.into(), kind: AxisKind::Log2, from, to, ticks };
        }
        let margin = ((last - first) * 0.05).max(last.abs() * 0.02).max(0.05);
        let (from, to) = ((first - margin).min(first), last + margin);
        Self { label: label.into(), kind: AxisKind::Linear, from, to, ticks }
    }

    /// Creates an axis of rows with names, from top to bottom. Row `n` has the value `n`.
    pub fn names(names: Vec<String>) -> Self {
        let to = names.len().max(1) as f64 - 0.5;
        Self { label: String::new(), kind: AxisKind::Names(names), from: -0.5, to, ticks: Vec::new() }
    }

    /// Creates an axis of rows without names, from top to bottom. Row `n` has the value `n`.
    pub fn rows(label: impl Into<String>, count: usize) -> Self {
        Self { label: label.into(), to: count.max(1) as f64 - 0.5, ..Self::names(Vec::new()) }
    }
}
