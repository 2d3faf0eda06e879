//! The cumulative distributions of a metric in both runs, drawn over each other: the share of requests up to each
//! value.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::keymap::BrowserContext;
use super::plot::{Axis, Curve, Plot};
use super::{BrowserView, line, rule, text};
use crate::app::browser::action::BrowserAction;
use crate::app::browser::comparison::ComparisonView;
use crate::domain::statistics::{enough_for, percentile};
use crate::ui::fit::spans_width;
use crate::ui::number::{grouped, millis};

/// Minimum height of each chart if several are shown, rows.
const CHART_ROWS: u16 = 14;
/// Maximum height of a chart, rows.
const MAX_CHART_ROWS: u16 = 24;
/// Columns for each tick of the time axis.
const TICK_COLUMNS: u16 = 10;

/// Curve of each run: its letter, the heights (0 to 1) at which the letter is written on the curve, and the sample of
/// its line in the legend.
const SIDES: [(&str, [f64; 2], &str); 2] = [("A", [0.35, 0.85], "━━━"), ("B", [0.15, 0.65], "━ ━")];

/// Draws the selected distribution, and below it as many of the next ones as there is room for.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, comparison: &ComparisonView, view: &BrowserView<'_>) {
    let count = comparison.distributions.len();
    if count == 0 || area.is_empty() {
        let area = rule(frame, area, ("Distribution", ""), "", view.theme);
        text(frame, area, 0, "Neither run has figures for single requests.", view.theme.muted());
        return;
    }
    let shown = usize::from(area.height / CHART_ROWS).clamp(1, count);
    let height = (area.height / shown as u16).min(MAX_CHART_ROWS);
    for at in 0..shown {
        let chart_area = Rect { y: area.y + height * at as u16, height, ..area };
        draw_one(frame, chart_area, comparison, (view.browser.distribution + at) % count, view);
    }
}

fn draw_one(frame: &mut Frame<'_>, area: Rect, comparison: &ComparisonView, at: usize, view: &BrowserView<'_>) {
    let theme = view.theme;
    let all = &comparison.distributions;
    let Some(shown) = all.get(at) else { return };
    let names: Vec<&str> = (0..all.len()).map(|other| if other == at { "●" } else { "○" }).collect();
    let key = view.keymap.key_of(BrowserAction::NextMetric, BrowserContext::Comparison);
    let figures = format!("{} {key}: next", names.join(" "));
    let is_low = area.height < CHART_ROWS;
    let stage = comparison.stage.map_or_else(String::new, |stage| format!(" · concurrency {stage}"));
    let values = [&shown.a_ms, &shown.b_ms];
    // Times from one second on are in seconds.
    let longest = values.into_iter().filter_map(|values| values.last()).copied().fold(0.0, f64::max);
    let (unit, unit_ms) = if longest < 1000.0 { ("ms", 1.0) } else { ("s", 1000.0) };
    let axes = format!("cumulative share of requests, by {} in {unit}", shown.label);
    let meaning = format!("{}{stage}", if is_low { &axes } else { shown.meaning });
    let area = rule(frame, area, (shown.label, &meaning), &figures, theme);
    let mut legends: Vec<Vec<Span<'static>>> = Vec::new();
    for (series, ((letter, _, sample), values)) in SIDES.iter().zip(values).enumerate() {
        let figures = if values.is_empty() {
            "no values for single requests".to_owned()
        } else {
            let percentile = |p: u32| percentile_of(values, f64::from(p)).filter(|_| enough_for(values.len(), p));
            let [p50, p95] = [50, 95].map(|p| millis(percentile(p)));
            let requests = grouped(values.len() as u64);
            if is_low {
                format!("p50 {p50} p95 {p95} n {requests}")
            } else {
                format!("p50 {p50}  p95 {p95}  {requests} requests")
            }
        };
        let style = theme.series(series);
        legends.push(vec![
            Span::styled(format!("{sample} {letter} "), style),
            Span::styled(format!(" {figures}"), theme.text()),
        ]);
    }
    let beside = legends.join(&Span::raw("   "));
    // A low chart has both legends in one row, if they fit.
    let legends = if is_low && spans_width(&beside) <= usize::from(area.width) { vec![beside] } else { legends };
    let rows = legends.len() as u16 + u16::from(!is_low);
    for (row, legend) in (0..).zip(legends) {
        line(frame, area, row, &Line::from(legend));
    }
    if !is_low {
        text(frame, area, rows - 1, &axes, theme.muted());
    }
    let in_unit = values.map(|values| values.iter().map(|ms| ms / unit_ms).collect::<Vec<f64>>());
    let area = Rect { y: area.y + rows, height: area.height.saturating_sub(rows), ..area };
    draw_curves(frame, area, [&in_unit[0], &in_unit[1]], view);
}

fn draw_curves(frame: &mut Frame<'_>, area: Rect, values: [&Vec<f64>; 2], view: &BrowserView<'_>) {
    let theme = view.theme;
    let ends = || values.into_iter().flat_map(|values| [values.first(), values.last()]).flatten().copied();
    let x = Axis::around(ends(), usize::from((area.width / TICK_COLUMNS).clamp(1, 8)));
    let tick = |percent: u32| (f64::from(percent), format!("{percent}%"));
    let y = Axis { low: 0.0, high: 100.0, ticks: [0, 25, 50, 75, 100].map(tick).to_vec() };
    let buf = frame.buffer_mut();
    let Some(plot) = Plot::with_axes(buf, area, &x, &y, theme) else { return };
    let points = usize::from(area.width) * 2;
    let at = |i: usize| x.low + (x.high - x.low) * i as f64 / points as f64;
    let curve = |(series, values): (usize, &Vec<f64>)| Curve {
        points: (0..=points)
            .map(at)
            .filter(|_| !values.is_empty())
            .map(|x| Some((x, share_up_to(values, x))))
            .collect(),
        style: theme.series(series),
        is_dashed: series == 1,
    };
    let curves: Vec<Curve> = values.into_iter().enumerate().map(curve).collect();
    plot.curves(buf, &curves);
    for (series, ((letter, shares, _), values)) in SIDES.iter().zip(values).enumerate() {
        for share in shares {
            if let Some(value) = percentile_of(values, share * 100.0) {
                plot.mark(buf, (value, share_up_to(values, value)), letter, theme.series(series));
            }
        }
    }
}

/// Share of ascending values up to `limit`, percent.
fn share_up_to(values: &[f64], limit: f64) -> f64 {
    values.partition_point(|value| *value <= limit) as f64 / values.len().max(1) as f64 * 100.0
}

/// A percentile of ascending values; `None` without any.
fn percentile_of(values: &[f64], p: f64) -> Option<f64> {
    (!values.is_empty()).then(|| percentile(values, p))
}
