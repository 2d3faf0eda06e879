//! The vertical axis of the gaps. Its range fits the usual gaps, so that one stall does not flatten the rest.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::ui::view::View;
use crate::ui::widget::chart::Axis;
use crate::ui::widget::scale::round_up;
use crate::ui::{fit, pane};

/// Share of the columns whose longest gap fits into the range.
const FITTED_SHARE: f64 = 0.95;
/// Share of the means that may lie below the range.
const LOW_SHARE: f64 = 0.02;
/// Factor of room above the longest usual gap.
const HEADROOM: f64 = 1.3;
/// Factor of room below the shortest mean on a logarithmic axis.
const FOOTROOM: f64 = 0.85;
/// Minimum and maximum top of a linear axis, as factors of the highest mean, so that the line stays off both edges.
const TOP_OF_LINEAR: (f64, f64) = (1.5, 3.0);
/// Minimum and maximum top of a logarithmic axis, as factors of the highest mean.
const TOP_OF_LOGARITHMIC: (f64, f64) = (1.5, 10.0);
/// Minimum bottom of a logarithmic axis, as a share of its top.
const LEAST_SHARE: f64 = 0.005;
/// Range without gaps, milliseconds.
const EMPTY_MS: (f64, f64) = (10.0, 100.0);
/// Rows of the plot for each interval of the axis.
const ROWS_PER_TICK: u16 = 2;

/// Gaps that determine the range, milliseconds.
#[derive(Debug, Default)]
pub struct Gaps {
    /// Mean or median gaps.
    pub means: Vec<f64>,
    /// Longest gaps, without stalls.
    pub highs: Vec<f64>,
}

impl Gaps {
    /// Computes the axis for these gaps.
    pub fn axis(self, linear: bool) -> Axis {
        let Self { mut means, mut highs } = self;
        let low = quantile(&mut means, LOW_SHARE);
        let (mean, high) = (quantile(&mut means, FITTED_SHARE), quantile(&mut highs, FITTED_SHARE));
        let Some(((low, mean), high)) = low.zip(mean).zip(high.or(mean)) else {
            return if linear { Axis::from_zero(EMPTY_MS.1) } else { Axis::logarithmic([EMPTY_MS.0, EMPTY_MS.1]) };
        };
        let (least, most) = if linear { TOP_OF_LINEAR } else { TOP_OF_LOGARITHMIC };
        let top = (high * HEADROOM).clamp(mean * least, mean * most);
        if linear {
            Axis::from_zero(round_up(top))
        } else {
            Axis::logarithmic([(low * FOOTROOM).max(top * LEAST_SHARE), top])
        }
    }
}

/// The value below which this share of the values lies.
fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let at = (values.len().checked_sub(1)? as f64 * share) as usize;
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Position of a gap on the axis, from 0 at the bottom to 1. Gaps off the axis are clamped.
pub fn share(axis: &Axis, ms: f64) -> f64 {
    axis.share(ms).unwrap_or(if ms < axis.value_at(0.5) { 0.0 } else { 1.0 })
}

/// Formats a gap on the axis.
fn tick(ms: f64, label: &str) -> String {
    if ms < 1000.0 { format!("{label} ms") } else { format!("{} s", ms / 1000.0) }
}

/// Range of the axis in words.
pub fn about(axis: &Axis) -> String {
    let fitted = axis.fitted(1);
    let labels: Vec<_> = fitted.labels().map(|(ms, label)| tick(ms, &label)).collect();
    match (labels.first(), labels.last()) {
        (Some(from), Some(to)) => format!("{} to {to}", from.trim_end_matches(" ms")),
        _ => String::new(),
    }
}

/// Draws the axis with its ticks into the gutter of a plot.
pub fn draw(frame: &mut Frame<'_>, area: Rect, gutter: u16, view: &View<'_>, axis: &Axis) {
    let most = usize::from((area.height / ROWS_PER_TICK).max(1));
    let fitted = axis.fitted(most);
    let ticks = fitted.labels().map(|(ms, label)| (share(axis, ms), tick(ms, &label)));
    ticks_at(frame, area, gutter, view, ticks);
}

/// Draws a vertical line at the end of the gutter, and ticks at shares of the height, from 0 at the bottom to 1.
pub fn ticks_at(
    frame: &mut Frame<'_>,
    area: Rect,
    gutter: u16,
    view: &View<'_>,
    ticks: impl IntoIterator<Item = (f64, String)>,
) {
    if area.is_empty() || gutter < 2 || area.width < gutter {
        return;
    }
    let line = Rect { x: area.x + gutter - 1, width: 1, ..area };
    let labels = Rect { width: gutter - 1, ..area };
    let style = view.theme.muted();
    (0..area.height).for_each(|row| pane::line(frame, line, row, Line::styled("│", style)));
    let mut taken: Option<u16> = None;
    for (share, label) in ticks {
        let row = ((1.0 - share) * f64::from(area.height.saturating_sub(1))).round() as u16;
        if taken == Some(row) {
            continue;
        }
        taken = Some(row);
        pane::line(frame, line, row, Line::styled("┤", style));
        pane::line(frame, labels, row, Line::styled(fit::right(&label, usize::from(labels.width)), style));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.fitted(4).labels().map(|(ms, label)| tick(ms, &label)).collect()
    }

    fn gaps(means: &[f64], highs: &[f64]) -> Gaps {
        Gaps { means: means.to_vec(), highs: highs.to_vec() }
    }

    #[test]
    fn one_long_gap_does_not_change_the_range() {
        let means = [9.0; 50];
        let mut highs = [12.0; 50];
        for linear in [false, true] {
            let before = gaps(&means, &highs).axis(linear);
            highs[7] = 900.0;
            assert_eq!(gaps(&means, &highs).axis(linear), before);
        }
    }

    #[test]
    fn the_mean_keeps_a_third_of_a_linear_axis_however_long_the_usual_peaks() {
        let top = |high: f64| labels(&gaps(&[9.0; 9], &[high; 9]).axis(true)).pop().unwrap();
        assert_eq!([9.1, 14.0, 200.0].map(top), ["15 ms", "20 ms", "30 ms"]);
    }

    #[test]
    fn a_logarithmic_axis_begins_near_the_shortest_mean() {
        assert_eq!(labels(&gaps(&[8.0, 9.0, 10.0], &[12.0, 13.0, 13.0]).axis(false)), ["5 ms", "10 ms", "20 ms"]);
        assert_eq!(labels(&gaps(&[300.0; 5], &[900.0; 5]).axis(false)), ["200 ms", "500 ms", "1 s", "2 s"]);
    }

    #[test]
    fn without_gaps_there_is_still_an_axis() {
        assert_eq!(labels(&Gaps::default().axis(false)), ["10 ms", "20 ms", "50 ms", "100 ms"]);
        assert_eq!(labels(&Gaps::default().axis(true)).pop().unwrap(), "100 ms");
    }
}
