//! The gaps of the streams over time: all in one plot, or each stream in a lane of its own. With many streams, the plot
//! shows the spread of their gaps, and lines only for streams in flight and the selected one.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::curve::Curve;
use super::ink::{Emphasis, selected_sign};
use super::layout::ScopeLayout;
use super::range::Gaps;
use super::{Window, band, head, legend, plot, range, stalls};
use crate::app::state::streams::{Stream, StreamSelection};
use crate::domain::gap_envelope::GapSpread;
use crate::domain::live::StreamPhase;
use crate::domain::text::sanitise_line;
use crate::domain::trace::Column;
use crate::ui::view::View;
use crate::ui::widget::braille::Dots;
use crate::ui::widget::chart::Axis;
use crate::ui::widget::wrap::wrap;
use crate::ui::{fit, number, pane};

/// Width below which the name in the head is short, cells.
const ROOMY: u16 = 80;

/// Draws the head and the plots.
pub fn draw(frame: &mut Frame<'_>, places: &ScopeLayout, view: &View<'_>, window: Window, shown: &StreamSelection<'_>) {
    let (area, gutter) = (places.trace, places.gutter);
    let scope = view.app.ui.scope;
    let dots = usize::from(places.cells()) * 2;
    let now = view.scene().live.at;
    let curve = |(at, stream)| Curve::new(stream, window, now, dots, emphasis(view, shown, at));
    let mut curves: Vec<_> = shown.streams.iter().enumerate().map(curve).collect();
    let spreads = if shown.is_crowded && !scope.stacked { spreads(view, window, dots) } else { Vec::new() };
    let has_band = spreads.iter().any(Option::is_some);
    let axis = axis_of(&curves, &spreads, scope.linear);
    let name = name(view, places.head.width, scope.stacked.then_some(&axis));
    let value = value(view, window, shown);
    head::draw(frame, places.head, view, name, legend::entries(view, shown, has_band), value);
    if scope.stacked && curves.len() > 1 {
        stack(frame, places, view, window, &curves, &axis);
        return;
    }
    // Draw streams in flight over ended ones, and the selected stream over all.
    curves.sort_by_key(|curve| curve.emphasis != Emphasis::Low);
    curves.sort_by_key(|curve| curve.emphasis.is_selected());
    range::draw(frame, area, gutter, view, &axis);
    plot_curves(frame, plot(area, gutter), view, window, &curves, &axis, &spreads);
    if let Some(selected) = curves.iter().find(|curve| curve.emphasis.is_selected()) {
        mark_end(frame, area, gutter, view, selected, &axis);
    }
}

/// Prominence of a stream.
fn emphasis(view: &View<'_>, shown: &StreamSelection<'_>, at: usize) -> Emphasis {
    let Some(stream) = shown.streams.get(at) else { return Emphasis::Usual };
    let (now, is_stacked) = (view.scene().live.at, view.app.ui.scope.stacked);
    let end = |s: &Stream<'_>| s.ended.unwrap_or(now);
    if shown.selected == Some(at) && shown.count > 1 && !is_stacked {
        let is_beside = |s: &Stream<'_>| s.id != stream.id && s.started < end(stream) && end(s) > stream.started;
        let is_alone = !shown.is_crowded && !shown.streams.iter().any(is_beside);
        return if is_alone { Emphasis::Alone } else { Emphasis::High };
    }
    let is_done_beside_others = stream.phase.is_none() && shown.streams.iter().any(|s| s.phase.is_some());
    if is_done_beside_others { Emphasis::Low } else { Emphasis::Usual }
}

/// Spread of the gaps of the ended streams in each dot column, up to now.
fn spreads(view: &View<'_>, window: Window, dots: usize) -> Vec<Option<GapSpread>> {
    let now = view.scene().end();
    let mut spreads = view.scene().traces.envelope().columns(window.from, window.to, dots);
    if let Some(end) = window.cell_of(now, dots as u16) {
        spreads.truncate(usize::from(end) + 1);
    }
    spreads
}

fn axis_of(curves: &[Curve<'_>], spreads: &[Option<GapSpread>], linear: bool) -> Axis {
    let mut gaps = Gaps::default();
    for curve in curves {
        let limit = curve.limit_ms();
        gaps.means.extend(curve.columns.iter().flatten().map(Column::mean_ms).filter(|ms| *ms <= limit));
        gaps.highs.extend(curve.columns.iter().flatten().map(|c| f64::from(c.high_ms)).filter(|ms| *ms <= limit));
    }
    let spreads = || spreads.iter().flatten().filter(|s| s.ended > 0);
    gaps.means.extend(spreads().map(|s| s.median_ms));
    gaps.highs.extend(spreads().map(|s| s.p95_ms));
    gaps.axis(linear)
}

/// Name in the head, shorter in a narrow pane. `axis` adds its range to the name, for plots without ticks.
fn name(view: &View<'_>, cells: u16, axis: Option<&Axis>) -> Vec<Span<'static>> {
    let kind = if view.app.ui.scope.linear { "linear" } else { "log" };
    let about = match axis {
        Some(axis) => format!(" ({}, {kind})", range::about(axis)),
        None => format!(" ({kind})"),
    };
    let name = if cells < ROOMY { "token gaps" } else { "gap between tokens" };
    vec![Span::styled(name, view.theme.text()), Span::styled(about, view.theme.muted())]
}

/// The last gap of the selected stream while it is in flight; otherwise the median gap of the streams that ended.
fn value(view: &View<'_>, window: Window, shown: &StreamSelection<'_>) -> Vec<Span<'static>> {
    let theme = view.theme;
    let selected = shown.selected.and_then(|at| shown.streams.get(at)).filter(|s| s.phase.is_some());
    if let Some(gap) = selected.and_then(|s| s.trace.last_gap()).filter(|_| view.app.ui.scope.follows()) {
        let about = if shown.count > 1 {
            Span::styled(format!("{} ", selected_sign(view)), theme.value())
        } else {
            Span::raw("")
        };
        return vec![
            Span::styled("last ", theme.muted()),
            about,
            Span::styled(number::millis(Some(gap.ms())), theme.value()),
        ];
    }
    match view.scene().traces.envelope().spread(window.from, window.to) {
        Some(spread) => vec![
            Span::styled("median ", theme.muted()),
            Span::styled(number::millis(Some(spread.median_ms)), theme.value()),
        ],
        None => Vec::new(),
    }
}

/// Draws each curve in a lane of its own. Rows left over go to the first lanes.
fn stack(
    frame: &mut Frame<'_>,
    places: &ScopeLayout,
    view: &View<'_>,
    window: Window,
    curves: &[Curve<'_>],
    axis: &Axis,
) {
    let (area, gutter) = (places.trace, places.gutter);
    let (rows, spare) = (area.height / curves.len() as u16, usize::from(area.height) % curves.len());
    let mut y = area.y;
    for (at, curve) in curves.iter().enumerate() {
        let lane = Rect { y, height: rows + u16::from(at < spare), ..area };
        y = lane.bottom();
        range::ticks_at(frame, lane, gutter, view, []);
        plot_curves(frame, plot(lane, gutter), view, window, std::slice::from_ref(curve), axis, &[]);
        label_lane(frame, Rect { width: gutter.saturating_sub(2), ..lane }, view, curve.stream);
    }
}

/// Labels a lane with the name of its stream and, in a second row if there is one, the phase.
fn label_lane(frame: &mut Frame<'_>, gutter: Rect, view: &View<'_>, stream: &Stream<'_>) {
    let (cells, rows) = (usize::from(gutter.width.max(1)), usize::from(gutter.height));
    let is_selected = stream.id.case == view.app.ui.selected;
    let style = if is_selected { view.theme.value() } else { view.theme.text() };
    let name = if is_selected { format!("▸{}", name_of(view, stream)) } else { name_of(view, stream) };
    let lines = wrap(&[Span::styled(name.clone(), style)], cells);
    let lines = if lines.len() <= rows.max(1) {
        lines.into_iter().map(Line::from).collect()
    } else {
        vec![Line::styled(fit::left(&name, cells), style)]
    };
    let has_phase = lines.len() < rows;
    for (row, line) in (0..gutter.height).zip(lines) {
        pane::line(frame, gutter, row, line);
    }
    if has_phase {
        let phase = fit::right(phase_of(stream), cells);
        pane::line(frame, gutter, gutter.height - 1, Line::styled(phase, view.theme.muted()));
    }
}

/// Phase of a stream in a word.
const fn phase_of(stream: &Stream<'_>) -> &'static str {
    match stream.phase {
        None => "ended",
        Some(StreamPhase::Waiting) => "prefill",
        Some(StreamPhase::Reasoning) => "reasoning",
        Some(StreamPhase::Answering) => "answer",
    }
}

/// Name of a stream: its case, with the number of any attempt but the first.
pub fn name_of(view: &View<'_>, stream: &Stream<'_>) -> String {
    let name = view.scene().session.suite.cases.get(stream.id.case).map(|c| sanitise_line(&c.name)).unwrap_or_default();
    if stream.id.number > 1 { format!("{name} #{}", stream.id.number) } else { name }
}

fn plot_curves(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &View<'_>,
    window: Window,
    curves: &[Curve<'_>],
    axis: &Axis,
    spreads: &[Option<GapSpread>],
) {
    let mut dots = Dots::new(area);
    if dots.rows() == 0 || dots.columns() == 0 {
        return;
    }
    band::draw(&mut dots, view, axis, spreads);
    // The band has the gaps of streams that ended, but not the labels of their stalls.
    let is_drawn = |c: &&Curve<'_>| spreads.is_empty() || c.stream.phase.is_some() || c.emphasis.is_selected();
    for curve in curves.iter().filter(is_drawn) {
        curve.draw(&mut dots, view, window, axis);
    }
    dots.draw_as(area, frame.buffer_mut(), view.ascii);
    stalls::draw(frame, area, view, window, curves.iter().flat_map(|c| c.stalls.iter().copied()).collect());
}

/// Marks the end of the selected stream's line.
fn mark_end(frame: &mut Frame<'_>, area: Rect, gutter: u16, view: &View<'_>, curve: &Curve<'_>, axis: &Axis) {
    let cell = curve.end(area, gutter, axis).and_then(|position| frame.buffer_mut().cell_mut(position));
    if let Some(cell) = cell {
        cell.set_char(selected_sign(view)).set_style(view.theme.value());
    }
}
