//! The time axis: its two ends, the starts of attempts, and the holds of the run.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Window, plot};
use crate::app::state::streams::StreamSelection;
use crate::domain::time::Nanos;
use crate::ui::view::View;
use crate::ui::{fit, number};

/// Label of a hold, if there is room.
const HELD: &str = " held ";

/// Draws the axis.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    gutter: u16,
    view: &View<'_>,
    window: Window,
    shown: &StreamSelection<'_>,
) {
    let axis = plot(area, gutter);
    if axis.is_empty() {
        return;
    }
    let (scene, style) = (view.scene(), view.theme.muted());
    let buf = frame.buffer_mut();
    let cells = usize::from(axis.width);
    let began = scene.run_span().0;
    let span = window.to.since(window.from);
    let (from, to) = (time(window.from.since(began), span), time(window.to.since(began), span));
    let ends = Some((format!("└ {from} "), format!(" {to}")));
    let ends = ends.filter(|(from, to)| fit::width(from) + fit::width(to) <= cells);
    // The label of a hold must not overlap the labels of the two ends.
    let [start_width, end_width] =
        ends.as_ref().map_or([0, 0], |(from, to)| [from, to].map(|end| fit::width(end) as u16));
    buf.set_stringn(axis.x, axis.y, "─".repeat(cells), cells, style);
    for (held, until) in scene.traces.holds() {
        let until = until.unwrap_or(scene.now);
        if *held >= window.to || until <= window.from {
            continue;
        }
        let cell = |at: Nanos| window.cell_of(at.clamp(window.from, window.to), axis.width).unwrap_or(0);
        let (from, to) = (cell(*held), cell(until));
        let width = usize::from(to - from + 1);
        buf.set_stringn(axis.x + from, axis.y, "═".repeat(width), width, view.theme.warning());
        let (start, end) = ((from + 1).max(start_width), to.min(axis.width - end_width));
        if usize::from(end.saturating_sub(start)) >= HELD.len() {
            buf.set_stringn(axis.x + start, axis.y, HELD, HELD.len(), view.theme.warning());
        }
    }
    // Without marks if only some streams are drawn, because some marks would look like all.
    let has_starts = !shown.is_crowded || view.app.ui.scope.stacked;
    for cell in shown.streams.iter().filter(|_| has_starts).filter_map(|s| window.cell_of(s.started, axis.width)) {
        buf[(axis.x + cell, axis.y)].set_char('┴');
    }
    if let Some((from, to)) = ends {
        buf.set_stringn(axis.x, axis.y, &from, cells, style);
        buf.set_stringn(axis.right() - fit::width(&to) as u16, axis.y, &to, cells, style);
    }
}

/// Formats a time of the run, as precisely as a window of `span` needs.
fn time(at: Duration, span: Duration) -> String {
    match span.as_millis() {
        0..1_000 => format!("{:.3} s", at.as_secs_f64()),
        1_000..10_000 => format!("{:.1} s", at.as_secs_f64()),
        _ => number::clock(at),
    }
}
