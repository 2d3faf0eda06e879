//! The Scope pane: gaps between token events as they arrive, and the machine's figures on the same time axis.

mod axis;
mod band;
mod cursor;
mod curve;
mod head;
mod ink;
mod lane;
mod lanes;
mod layout;
mod legend;
mod range;
mod stalls;
mod trace;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use self::layout::ScopeLayout;
use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::app::state::streams::StreamSelection;
use crate::domain::quantity::Quantity;
use crate::domain::time::Nanos;
use crate::ui::pane::About;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Width below which the pane has neither heads nor lanes, cells.
const NARROW: u16 = 40;
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

/// Number of rows that the pane can use for this run.
pub fn useful_rows(scene: &Scene) -> u16 {
    layout::useful_rows(&lanes::present(scene))
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let (scene, scope) = (view.scene(), view.app.ui.scope);
    let (from, to) = scope.window(scene);
    let window = Window { from, to };
    let mut shown = StreamSelection::new(scene, from, to, view.app.selected_row());
    let lanes = lanes::present(scene);
    let readout = scope.cursor.map(|at| cursor::items(view, at, &shown, &lanes)).unwrap_or_default();
    let inside = Rect { y: area.y.saturating_add(1), height: area.height.saturating_sub(1), ..area };
    let names = shown.streams.iter().map(|stream| fit::width(&trace::name_of(view, stream)));
    let names = names.max().filter(|_| scope.stacked).unwrap_or(0);
    let places = ScopeLayout::new(inside.intersection(frame.area()), &lanes, &readout, names);
    if scope.stacked {
        shown.keep_newest(places.stack());
    }
    let figures = if places.lanes.is_empty() { figures(view) } else { Vec::new() };
    let about = about(view, area.width, window, &shown);
    let area = pane::rule(frame, area, view, PaneId::Scope, About::Words(&about), figures);
    let is_text = scene.session.suite.task.generates();
    if !is_text || shown.streams.is_empty() && scene.traces.is_empty() {
        let why = if is_text { "No tokens yet." } else { "No streams: the API sends each answer as a whole." };
        pane::line(frame, area, 0, Line::styled(fit::cut(why, usize::from(area.width)), view.theme.muted()));
        return;
    }
    trace::draw(frame, &places, view, window, &shown);
    for (at, (data, rect)) in lanes.iter().zip(&places.lanes).enumerate() {
        lane::draw(frame, *rect, places.gutter, view, window, (at, data));
    }
    axis::draw(frame, places.axis, places.gutter, view, window, &shown);
    if let Some(at) = scope.cursor {
        cursor::draw(frame, &places, view, window.cell_of(at, places.cells()), &readout);
    }
}

/// Describes the part of the run that is shown and, if not all its streams are drawn, their number.
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
    } else if scene.session.is_active() && span > elapsed {
        format!("{}{:.0} s", if terse { "" } else { "run so far, " }, elapsed.floor())
    } else if scene.session.is_active() || span < elapsed {
        format!("{}{} s", if terse { "" } else { "last " }, (span * 100.0).round() / 100.0)
    } else {
        format!("{}{elapsed:.1} s", if terse { "" } else { "whole run, " })
    };
    if !scope.stacked && shown.is_crowded {
        return format!("{part} · {} streams", number::grouped(shown.count as u64));
    }
    if shown.streams.len() == shown.count {
        return part;
    }
    let (visible, all) = (shown.streams.len(), number::grouped(shown.count as u64));
    if terse { format!("{part} · {visible} of {all}") } else { format!("{part} · newest {visible} of {all} streams") }
}

/// Current throughput, and its mean over the run. The current one is an estimate, because its tokens are counted from
/// events.
fn figures(view: &View<'_>) -> Vec<Span<'static>> {
    let (theme, scene): (_, &Scene) = (view.theme, view.scene());
    let task = scene.session.suite.task;
    let (name, unit) = (Span::styled("throughput ", theme.muted()), Span::styled(" tok/s", theme.muted()));
    // Only streams have a throughput of this moment.
    let now = scene.throughput.last().filter(|_| scene.session.is_active() && task.generates());
    let (began, end) = scene.run_span();
    let mean = scene.mean_throughput(began, end);
    match (now, mean) {
        (Some(now), Some((mean, is_estimated))) => vec![
            name,
            Span::styled(format!("~{}", number::whole(now)), theme.value()),
            unit,
            Span::styled(format!("  mean {}", Quantity::grouped(mean).estimated_if(is_estimated)), theme.muted()),
        ],
        (None, Some(mean)) => vec![
            name,
            Span::styled(format!("mean {}", number::throughput(mean, task.throughput_unit())), theme.muted()),
        ],
        (_, None) => Vec::new(),
    }
}

/// The part of an area to the right of the gutter.
fn plot(area: Rect, gutter: u16) -> Rect {
    Rect { x: area.x + gutter.min(area.width), width: area.width.saturating_sub(gutter), ..area }
}

#[cfg(test)]
mod tests;
