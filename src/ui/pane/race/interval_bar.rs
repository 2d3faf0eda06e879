//! An interval on a scale around zero, with the margin of no difference.

use ratatui::style::Style;
use ratatui::text::Span;

use crate::domain::race::Race;
use crate::domain::race_results::RaceDifference;
use crate::ui::theme::Theme;

/// Minimum half width of the scale, in margins.
const LEAST_MARGINS: f64 = 3.0;
/// Maximum half width of the scale: the logarithm of a factor of two.
const MAX_SCALE: f64 = std::f64::consts::LN_2;

/// A scale of logarithms of ratios, symmetric around zero.
pub struct IntervalBar {
    width: usize,
    /// Logarithm at either end.
    scale: f64,
    margin: f64,
}

impl IntervalBar {
    /// A scale that has room for these intervals, as far as they are not far off.
    pub fn new(race: &Race, differences: &[RaceDifference], width: usize) -> Self {
        let margin = race.log_margin();
        let ends = differences.iter().filter_map(|d| d.interval).flat_map(|(low, high)| [low.abs(), high.abs()]);
        let scale = ends.fold(LEAST_MARGINS * margin, f64::max).min(MAX_SCALE.max(LEAST_MARGINS * margin));
        Self { width, scale, margin }
    }

    /// Cell of a logarithm; values off the scale are in the outermost cells.
    fn cell(&self, log: f64) -> usize {
        let last = self.width.saturating_sub(1) as f64;
        (f64::midpoint(log / self.scale, 1.0) * last).round().clamp(0.0, last) as usize
    }

    /// Returns the cells: `│` at zero, `┊` at the margins, `━` for the interval, `●` for the estimate.
    pub fn spans(
        &self,
        interval: Option<(f64, f64)>,
        estimate: Option<&RaceDifference>,
        style: Style,
        theme: Theme,
    ) -> Vec<Span<'static>> {
        let ends = interval.map(|(low, high)| (self.cell(low), self.cell(high)));
        let estimate = estimate.map(|d| self.cell((d.means[1] / d.means[0]).ln()));
        let margins = [self.cell(-self.margin), self.cell(self.margin)];
        let zero = self.cell(0.0);
        let cell = |at: usize| {
            if estimate == Some(at) {
                ("●", style)
            } else if ends.is_some_and(|(low, high)| (low..=high).contains(&at)) {
                ("━", style)
            } else if at == zero {
                ("│", theme.muted())
            } else if margins.contains(&at) {
                ("┊", theme.muted())
            } else {
                (" ", theme.muted())
            }
        };
        (0..self.width).map(cell).map(|(sign, style)| Span::styled(sign, style)).collect()
    }
}
