//! The trend of a model over its runs: generation speed and time to first token.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::plot::{Axis, Curve, Plot};
use super::{BrowserView, rule, text};
use crate::app::browser::trend::{Trend, TrendPoint};
use crate::domain::quantity::count;
use crate::ui::fit::width;

/// Height from which two charts are one above the other, rows.
const STACKED: u16 = 15;
/// Minimum columns for each date below the chart.
const DATE_COLUMNS: usize = 13;

/// A chart of the trend.
struct Chart {
    /// Name of the figure, and its unit.
    name: &'static str,
    unit: &'static str,
    value: fn(&TrendPoint) -> Option<f64>,
    series: usize,
}

const CHARTS: [Chart; 2] = [
    Chart { name: "speed p50", unit: "tok/s", value: |p| p.speed_tok_s, series: 0 },
    Chart { name: "TTFT p50", unit: "ms", value: |p| p.ttft_ms, series: 1 },
];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>) {
    let (theme, trend) = (view.theme, &view.browser.trend);
    let Some(selected) = view.browser.selected() else {
        rule(frame, area, ("Trend", ""), "", theme);
        return;
    };
    let simulated = if selected.simulated { " · simulated" } else { "" };
    let about = format!("{} · {}{simulated}", selected.model, selected.load_in_words());
    let runs = count(trend.points.len(), "run");
    let area = rule(frame, area, ("Trend", if selected.model.is_empty() { "" } else { &about }), &runs, theme);
    if trend.points.is_empty() {
        text(frame, area, 0, "No figures for this model yet.", theme.muted());
        return;
    }
    let areas: [Rect; 2] = if area.height >= STACKED {
        Layout::vertical([Constraint::Fill(1); 2]).areas(area)
    } else {
        Layout::horizontal([Constraint::Fill(1); 2]).spacing(2).areas(area)
    };
    for (chart, area) in CHARTS.iter().zip(areas) {
        draw_chart(frame, area, chart, trend, view);
    }
}

fn draw_chart(frame: &mut Frame<'_>, area: Rect, chart: &Chart, trend: &Trend, view: &BrowserView<'_>) {
    let theme = view.theme;
    let style = theme.series(chart.series);
    let selected = trend.points.get(trend.selected).and_then(chart.value);
    let now = selected.map_or_else(String::new, |value| format!("  ◆ {value:.1}"));
    let stage = trend.stage.map_or_else(String::new, |stage| format!(" at concurrency {stage}"));
    let Chart { name, unit, .. } = chart;
    let titles = [format!("{name}{stage}, {unit}{now}"), format!("{name}{stage}, {unit}"), format!("{name}, {unit}")];
    let fitting = titles.iter().find(|title| width(title) <= usize::from(area.width));
    text(frame, area, 0, fitting.map_or(*name, String::as_str), style);
    let area = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let values = || trend.points.iter().filter_map(chart.value);
    if values().next().is_none() {
        text(frame, area, 0, "Not measured in these runs.", theme.muted());
        return;
    }
    let y = Axis::over(values(), usize::from(area.height.saturating_sub(2) / 2).clamp(1, 5));
    let x = dates(&trend.points, usize::from(area.width));
    let buf = frame.buffer_mut();
    let Some(plot) = Plot::with_axes(buf, area, &x, &y, theme) else { return };
    let point = |(at, p): (usize, &TrendPoint)| (chart.value)(p).map(|value| (at as f64, value));
    let points: Vec<_> = trend.points.iter().enumerate().map(point).collect();
    plot.curves(buf, &[Curve { points: points.clone(), style, is_dashed: false }]);
    // Mark single runs while there is room between them.
    if points.len() * 3 <= usize::from(area.width) {
        for point in points.iter().flatten() {
            plot.mark(buf, *point, "•", style);
        }
    }
    if let Some(point) = points.get(trend.selected).copied().flatten() {
        plot.mark(buf, point, "◆", theme.value());
    }
}

/// The horizontal axis: runs in their order, labelled with dates, or with times of day if all runs are of one day.
fn dates(points: &[TrendPoint], columns: usize) -> Axis {
    let last = points.len().saturating_sub(1);
    let day = |p: &TrendPoint| p.started.get(..10).map(str::to_owned);
    // Runs are in the order of time, so it is enough to compare the first with the last.
    let is_one_day = points.first().and_then(day) == points.last().and_then(day);
    let label = |at: usize| {
        let started = &points[at].started;
        let part = if is_one_day { started.get(11..) } else { started.get(..10) };
        (at as f64, part.unwrap_or_default().to_owned())
    };
    let wanted = (columns / DATE_COLUMNS).clamp(1, 8).min(points.len());
    let mut places: Vec<usize> = (0..wanted).map(|i| if wanted > 1 { i * last / (wanted - 1) } else { 0 }).collect();
    places.dedup();
    Axis { low: 0.0, high: last.max(1) as f64, ticks: places.into_iter().map(label).collect() }
}
