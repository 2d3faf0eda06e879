//! The scope: gaps between token events as they arrive, and the machine's figures on the same time axis.

mod axis;
mod cursor;
mod lanes;
mod layout;
mod trace;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use self::lanes::Lane;
use self::layout::ScopeLayout;
use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::app::state::streams::StreamSelection;
use crate::domain::time::Nanos;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Width below which scales have no names and there are no lanes, cells.
const NARROW: u16 = 40;
/// Height from which a scale also labels its middle, rows.
const LABELS_MIDDLE_FROM: u16 = 8;
/// Width below which the title is short, cells.
const TERSE: u16 = 60;

/// The part of the run that is shown.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Nanos,
    to: Nanos,
}

impl Window {
    /// Returns the cell of `at` in a plot of `cells` cells; `None` outside the window.
    fn cell_of(self, at: Nanos, cells: u16) -> Option<u16> {
        if at < self.from || at > self.to || cells == 0 || self.to == self.from {
            return None;
        }
        let cell = u128::from(cells) * at.since(self.from).as_nanos() / self.to.since(self.from).as_nanos();
        Some((cell as u16).min(cells - 1))
    }
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let scene = view.scene();
    let (from, to) = view.app.ui.scope.window(scene);
    let window = Window { from, to };
    let mut shown = StreamSelection::new(scene, from, to);
    let lanes = lanes::present(scene);
    let cursor = view.app.ui.scope.cursor;
    let readout = cursor.map(|at| cursor::items(view, at, &shown, &lanes)).unwrap_or_default();
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let names = shown.streams.iter().map(|stream| fit::width(&trace::name_of(view, stream)));
    let names = names.max().filter(|_| view.app.ui.scope.stacked).unwrap_or(0);
    let places = ScopeLayout::new(inside.intersection(frame.area()), &lanes, &readout, names);
    if view.app.ui.scope.stacked {
        let older = shown.streams.len().saturating_sub(places.stack());
        shown.streams.drain(..older);
    }
    let area = pane::rule(frame, area, view, PaneId::Scope, &about(view, area.width, window, &shown), figures(view));
    if shown.streams.is_empty() && scene.traces.is_empty() {
        pane::line(frame, area, 0, Line::styled("No tokens yet.", view.theme.muted()));
        return;
    }
    trace::draw(frame, &places, view, window, &shown);
    for (at, (lane, rect)) in places.lanes.iter().enumerate() {
        lanes::draw(frame, *rect, places.gutter, view, window, (at, lane));
    }
    axis::draw(frame, places.axis, places.gutter, view, window, &shown);
    if let Some(at) = cursor {
        cursor::draw(frame, &places, view, window.cell_of(at, places.cells()), &readout);
    }
}

/// Describes the part of the run that is shown, and how many of its streams if not all.
fn about(view: &View<'_>, width: u16, window: Window, shown: &StreamSelection<'_>) -> String {
    let (scene, scope) = (view.scene(), view.app.ui.scope);
    if scene.session.began.is_none() {
        return String::new();
    }
    let (began, now) = scene.run_span();
    let (from, to) = (window.from.since(began).as_secs_f64(), window.to.min(now).since(began).as_secs_f64());
    let (span, elapsed) = (window.to.since(window.from).as_secs_f64(), now.since(began).as_secs_f64());
    let terse = width < TERSE;
    let part = if !scope.follows() {
        let digits = if span < 1.0 { 2 } else { 1 };
        let of = if terse { String::new() } else { format!(" of {elapsed:.0} s") };
        format!("{from:.digits$}–{to:.digits$} s{of}")
    } else if scene.session.is_active() || span < elapsed {
        format!("{}{} s", if terse { "" } else { "last " }, (span * 100.0).round() / 100.0)
    } else {
        format!("{}{elapsed:.1} s", if terse { "" } else { "whole run, " })
    };
    if shown.streams.len() == shown.count {
        return part;
    }
    let (visible, all) = (shown.streams.len(), number::grouped(shown.count as u64));
    if terse { format!("{part} · {visible} of {all}") } else { format!("{part} · newest {visible} of {all} streams") }
}

/// Tokens per second, now and on average over the run. They are counted from events, so they are estimates.
fn figures(view: &View<'_>) -> Vec<Span<'static>> {
    let (theme, scene): (_, &Scene) = (view.theme, view.scene());
    let unit = Span::styled(" tok/s", theme.muted());
    let now = scene.throughput.last().filter(|_| scene.session.is_active());
    match (now, scene.throughput.mean()) {
        (Some(now), Some(mean)) => vec![
            Span::styled(format!("~{now:.0}"), theme.value()),
            unit,
            Span::styled(format!("  mean ~{mean:.0}"), theme.muted()),
        ],
        (None, Some(mean)) => vec![Span::styled(format!("mean ~{mean:.0}"), theme.muted()), unit],
        (_, None) => Vec::new(),
    }
}

/// The part of an area to the right of the gutter.
fn plot(area: Rect, gutter: u16) -> Rect {
    Rect { x: area.x + gutter.min(area.width), width: area.width.saturating_sub(gutter), ..area }
}

/// Draws a scale into the gutter: label and top in the first row, 0 in the last, and the middle if the plot is high enough.
fn scale(
    frame: &mut Frame<'_>,
    area: Rect,
    gutter: u16,
    view: &View<'_>,
    label: &str,
    top: f64,
    tick: fn(f64) -> String,
) {
    let gutter = Rect { width: gutter.saturating_sub(1), ..area };
    let style = view.theme.muted();
    let mut label_row = |row: u16, text: &str| {
        pane::line(frame, gutter, row, Line::styled(fit::right(text, usize::from(gutter.width)), style));
    };
    let top_label = tick(top);
    label_row(0, &top_label);
    if area.height >= LABELS_MIDDLE_FROM {
        label_row(area.height / 2, &tick(top / 2.0));
    }
    if area.height > 1 {
        label_row(area.height - 1, "0");
    }
    if fit::width(label) + fit::width(&top_label) < usize::from(gutter.width) {
        let label = Line::styled(label.to_owned(), style);
        pane::line(frame, Rect { width: label.width() as u16, ..gutter }, 0, label);
    }
}

#[cfg(test)]
mod tests;
