//! A chart with labelled axes, whose curves are drawn in Braille dots.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::ui::fit::{right, width};
use crate::ui::theme::Theme;
use crate::ui::widget::braille::Dots;

/// Length of a dash and of the gap after it in a dashed curve, dot columns.
const DASH: usize = 3;
/// Maximum number of decimals of a tick.
const MAX_DECIMALS: i32 = 4;

/// An axis: its range, and the labelled values on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// Value at the left or lower end.
    pub low: f64,
    /// Value at the right or upper end.
    pub high: f64,
    /// Values with their labels.
    pub ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Creates an axis over these values with at most `max_ticks` ticks at round numbers. The axis starts at 0, unless
    /// the values lie close together and far from 0.
    pub fn over(values: impl Iterator<Item = f64>, max_ticks: usize) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if !low.is_finite() || !high.is_finite() {
            return Self { low: 0.0, high: 1.0, ticks: Vec::new() };
        }
        // Span at least a tenth of the highest value, so that noise does not fill the chart.
        let span = (high - low).max(high.abs() * 0.1).max(f64::MIN_POSITIVE);
        let is_narrow = low > 0.0 && span < 0.4 * high;
        let (from, to) = if is_narrow { (low - span * 0.25, high + span * 0.25) } else { (low.min(0.0), high) };
        Self::between(from, to, max_ticks)
    }

    /// Creates an axis that fits closely around these values.
    pub fn around(values: impl Iterator<Item = f64>, max_ticks: usize) -> Self {
        let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
        if high - low < high.abs() * 0.1 || !low.is_finite() {
            return Self::over([low, high].into_iter(), max_ticks);
        }
        Self::between(low, high, max_ticks)
    }

    /// Creates an axis over a range, extended to ticks at round numbers.
    fn between(from: f64, to: f64, max_ticks: usize) -> Self {
        let step = round_step((to - from) / max_ticks.max(1) as f64);
        let (low, high) = ((from / step).floor() * step, (to / step).ceil() * step);
        let is_whole = |decimals: &i32| {
            let scaled = step * 10_f64.powi(*decimals);
            (scaled - scaled.round()).abs() < 1e-6
        };
        let decimals = (0..MAX_DECIMALS).find(is_whole).unwrap_or(MAX_DECIMALS) as usize;
        let count = ((high - low) / step).round() as usize;
        let tick = |i: usize| {
            let value = low + i as f64 * step;
            (value, format!("{value:.decimals$}"))
        };
        Self { low, high, ticks: (0..=count).map(tick).collect() }
    }

    fn share(&self, value: f64) -> f64 {
        let span = self.high - self.low;
        if span > 0.0 { ((value - self.low) / span).clamp(0.0, 1.0) } else { 0.5 }
    }
}

/// The smallest of 1, 2, 2.5 and 5 times a power of ten that is at least `wanted`.
fn round_step(wanted: f64) -> f64 {
    let power = 10_f64.powf(wanted.log10().floor());
    [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|s| s * power).find(|s| *s >= wanted * 0.999).unwrap_or(10.0 * power)
}

/// A curve through points, from left to right.
#[derive(Clone, Debug)]
pub struct Curve {
    /// Points; `None` leaves a gap.
    pub points: Vec<Option<(f64, f64)>>,
    /// Style of the line.
    pub style: Style,
    /// Whether the line is dashed, so that it differs without colour.
    pub is_dashed: bool,
}

/// The area inside the axes.
#[derive(Debug)]
pub struct Plot<'a> {
    inner: Rect,
    x: &'a Axis,
    y: &'a Axis,
}

impl<'a> Plot<'a> {
    /// Draws the axes into `area` and returns the plot inside them; `None` without room.
    pub fn with_axes(buf: &mut Buffer, area: Rect, x: &'a Axis, y: &'a Axis, theme: Theme) -> Option<Self> {
        let gutter = y.ticks.iter().map(|(_, label)| width(label)).max().unwrap_or(0);
        let left = u16::try_from(gutter).ok()? + 1;
        if area.width < left + 4 || area.height < 4 {
            return None;
        }
        let inner = Rect { x: area.x + left + 1, y: area.y, width: area.width - left - 1, height: area.height - 2 };
        let plot = Plot { inner, x, y };
        for row in inner.y..inner.bottom() {
            buf.set_string(inner.x - 1, row, "│", theme.muted());
        }
        buf.set_string(inner.x - 1, inner.bottom(), "└", theme.muted());
        for column in inner.x..inner.right() {
            buf.set_string(column, inner.bottom(), "─", theme.muted());
        }
        let rows: Vec<u16> = y.ticks.iter().map(|(value, _)| plot.cell(x.low, *value).1).collect();
        let is_apart = |every: &usize| {
            let labelled: Vec<u16> = rows.iter().step_by(*every).copied().collect();
            labelled.windows(2).all(|pair| pair[0].abs_diff(pair[1]) > 1)
        };
        // Label every tick, every second, … : the steps between labels stay equal.
        let every = (1..=rows.len()).find(is_apart).unwrap_or(1);
        // If only two labels fit, show both ends instead of one end and a middle.
        let every = if rows.len().div_ceil(every) > 2 { every } else { rows.len().saturating_sub(1).max(1) };
        for ((_, label), row) in y.ticks.iter().zip(&rows).step_by(every) {
            buf.set_string(area.x, *row, right(label, gutter), theme.muted());
            buf.set_string(inner.x - 1, *row, "┤", theme.muted());
        }
        plot.draw_x_ticks(buf, theme);
        Some(plot)
    }

    fn draw_x_ticks(&self, buf: &mut Buffer, theme: Theme) {
        let mut free_from = self.inner.x.saturating_sub(1);
        let mut draw = |value: f64, label: &str| {
            let (column, _) = self.cell(value, self.y.low);
            let columns = width(label) as u16;
            // Centred below the tick, but within the chart.
            let most = self.inner.right().saturating_sub(columns);
            let from = column.saturating_sub(columns / 2).min(most).max(self.inner.x.saturating_sub(1));
            if from >= free_from && from + columns <= self.inner.right() {
                buf.set_string(column, self.inner.bottom(), "┬", theme.muted());
                buf.set_string(from, self.inner.bottom() + 1, label, theme.muted());
                free_from = from + columns + 2;
            }
        };
        for (value, label) in &self.x.ticks {
            draw(*value, label);
        }
    }

    /// The cell of a point.
    pub fn cell(&self, x: f64, y: f64) -> (u16, u16) {
        let column = self.x.share(x) * f64::from(self.inner.width.saturating_sub(1));
        let row = (1.0 - self.y.share(y)) * f64::from(self.inner.height.saturating_sub(1));
        (self.inner.x + column.round() as u16, self.inner.y + row.round() as u16)
    }

    /// Draws the curves, later ones over earlier ones.
    pub fn curves(&self, buf: &mut Buffer, curves: &[Curve]) {
        for curve in curves {
            let mut dots = Dots::new(self.inner);
            let (columns, rows) = (dots.columns().saturating_sub(1) as f64, dots.rows().saturating_sub(1) as f64);
            let dot = |(x, y): (f64, f64)| {
                ((self.x.share(x) * columns).round() as usize, ((1.0 - self.y.share(y)) * rows).round() as usize)
            };
            let mut previous: Option<(usize, usize)> = None;
            for point in &curve.points {
                let here = point.map(dot);
                if let Some(here) = here {
                    segment(&mut dots, previous.unwrap_or(here), here, curve);
                }
                previous = here;
            }
            dots.draw(self.inner, buf);
        }
    }

    /// Writes a mark at a point.
    pub fn mark(&self, buf: &mut Buffer, (x, y): (f64, f64), mark: &str, style: Style) {
        let position = self.cell(x, y);
        if let Some(cell) = buf.cell_mut(position) {
            cell.set_symbol(mark).set_style(style);
        }
    }
}

/// Draws the straight line between two dots.
fn segment(dots: &mut Dots, from: (usize, usize), to: (usize, usize), curve: &Curve) {
    let steps = from.0.abs_diff(to.0).max(from.1.abs_diff(to.1));
    for step in 0..=steps {
        let share = if steps == 0 { 0.0 } else { step as f64 / steps as f64 };
        let between = |a: usize, b: usize| (a as f64 + (b as f64 - a as f64) * share).round() as usize;
        let (column, row) = (between(from.0, to.0), between(from.1, to.1));
        if !curve.is_dashed || ((column + row) / DASH).is_multiple_of(2) {
            dots.stroke(column, row..=row, curve.style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f64], max: usize) -> Vec<String> {
        Axis::over(values.iter().copied(), max).ticks.into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_and_enclose_all_values() {
        assert_eq!(labels(&[0.0, 97.0], 5), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&[3.0, 11.0], 3), ["0", "5", "10", "15"]);
        assert_eq!(labels(&[0.2, 0.9], 4), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
    }

    #[test]
    fn an_axis_leaves_zero_out_only_if_the_values_lie_close_together() {
        let narrow = Axis::over([100.0, 104.0].into_iter(), 4);
        assert!(narrow.low > 90.0 && narrow.low <= 100.0 && narrow.high >= 104.0, "{narrow:?}");
        assert!(Axis::over([40.0, 104.0].into_iter(), 4).low.abs() < f64::EPSILON);
        assert_eq!(Axis::over(std::iter::empty(), 4).ticks, []);
        let one = Axis::over(std::iter::once(50.0), 4);
        assert!(one.low < 50.0 && one.high > 50.0, "{one:?}");
    }
}
