//! Tokens per second of all streams over the run. It comes from the events while they arrive, so it is an estimate.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::model::{PaneId, Scene};
use crate::domain::time::Nanos;
use crate::ui::view::View;
use crate::ui::widget::line_chart::{self, LineChart};
use crate::ui::widget::resample::resample;
use crate::ui::{number, pane};

/// Longer silence than this between two points is a gap.
const HOLD: Duration = Duration::from_secs(1);

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (theme, scene) = (view.theme, view.scene());
    let (from, to) = scene.window();
    let points = scene.throughput.since(from);
    let figures: Vec<f64> = points.iter().filter_map(|p| p.1).collect();
    // The chart shows the last minutes; this is of the whole run.
    let mean = scene.throughput.mean();
    let now = scene.throughput.last().filter(|_| scene.session.is_active());

    let unit = Span::styled(" tok/s", theme.muted());
    let title = match (now, mean) {
        (Some(now), Some(mean)) => vec![
            Span::styled(format!("~{now:.0}"), theme.value()),
            unit,
            Span::styled(format!("  mean ~{mean:.0}"), theme.muted()),
        ],
        (None, Some(mean)) => vec![Span::styled(format!("mean ~{mean:.0}"), theme.muted()), unit],
        (_, None) => Vec::new(),
    };
    let area = pane::rule(frame, area, view, PaneId::Throughput, "", title);
    if figures.is_empty() {
        let text = if scene.session.last_ended.is_some() { "No answer lasted long enough." } else { "No tokens yet." };
        pane::line(frame, area, 0, Line::styled(text, theme.muted()));
        return;
    }
    let top = line_chart::round_up(figures.iter().copied().fold(0.0, f64::max));
    let values = resample(&points, from, to, line_chart::dots(area, top), HOLD);
    let began = scene.session.began.unwrap_or(from);
    let chart = LineChart {
        values: &values,
        top,
        from: &number::clock(from.since(began)),
        to: &number::clock(to.since(began)),
        marks: &starts(scene, from, to),
        line: theme.series(0),
        axis: theme.muted(),
    };
    chart.draw(area, frame.buffer_mut());
}

/// Where attempts began, as shares of the window.
fn starts(scene: &Scene, from: Nanos, to: Nanos) -> Vec<f64> {
    let ended =
        scene.session.cases.iter().flat_map(|c| &c.attempts).filter_map(|a| a.record.as_ref()).map(|r| r.started);
    let running = scene.in_flight().map(|f| f.started);
    let span = to.millis_since(from).max(1.0);
    ended.chain(running).filter(|at| *at >= from && *at <= to).map(|at| at.millis_since(from) / span).collect()
}
