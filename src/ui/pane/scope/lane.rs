//! Draws a lane: an area for a single series, or a row of bars for each of several GPUs.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::lanes::{LaneData, Part};
use super::{Window, head, plot, range};
use crate::ui::view::View;
use crate::ui::widget::braille::Dots;
use crate::ui::widget::scale::round_up;
use crate::ui::widget::spark;
use crate::ui::{fit, number, pane};

/// Draws the lane with its head; `at` is its index among the lanes shown.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    gutter: u16,
    view: &View<'_>,
    window: Window,
    (at, data): (usize, &LaneData<'_>),
) {
    let style = view.theme.series(at);
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let cells = plot(body, gutter).width;
    let rows = usize::from(body.height);
    let values: Vec<_> = data.parts.iter().map(|p| data.columns(p, window, usize::from(cells) * 2)).collect();
    let value = match &data.parts[..] {
        [part] => value(view, data, part, window),
        // The head has no value if each GPU has a row with its own.
        parts if parts.len() <= rows => Vec::new(),
        parts => extremes(view, data, parts),
    };
    let name = vec![Span::styled(data.lane.name, style)];
    let name = if value.is_empty() {
        [name, vec![Span::styled(format!(" {}", data.lane.unit.trim()), view.theme.muted())]].concat()
    } else {
        name
    };
    head::draw(frame, Rect { height: 1, ..area }, view, name, Vec::new(), value);
    if data.parts.len() > 1 && data.parts.len() <= rows {
        for (row, (part, values)) in data.parts.iter().zip(&values).enumerate() {
            let row = Rect { y: body.y + row as u16, height: 1, ..body };
            bars(frame, row, gutter, view, data, (part, values, window), style);
        }
        return;
    }
    let most = values.iter().flatten().flatten().copied().fold(0.0, f64::max);
    let known = data.parts.iter().filter_map(|part| part.top).reduce(f64::max).filter(|top| *top >= most);
    let top = known.unwrap_or_else(|| round_up(most));
    let place = plot(body, gutter);
    let mut dots = Dots::new(place);
    match &values[..] {
        [values] => dots.area(values, top, style),
        several => several.iter().enumerate().for_each(|(at, v)| dots.line(v, top, view.theme.series(at))),
    }
    dots.draw(place, frame.buffer_mut());
    range::ticks_at(frame, body, gutter, view, [(1.0, tick(top)), (0.0, "0".to_owned())]);
}

fn tick(top: f64) -> String {
    if top < 10.0 && top.fract() > 0.0 { format!("{top:.1}") } else { number::grouped(top.round() as u64) }
}

/// The value at the cursor. Without a cursor: the current value, or the mean of a window that does not follow the run.
fn value(view: &View<'_>, data: &LaneData<'_>, part: &Part<'_>, window: Window) -> Vec<Span<'static>> {
    let theme = view.theme;
    let (about, value) = shown_value(view, data, part, window);
    vec![
        Span::styled(about, theme.muted()),
        Span::styled(data.number(value), theme.value()),
        Span::styled(data.lane.unit, theme.muted()),
    ]
}

fn shown_value(view: &View<'_>, data: &LaneData<'_>, part: &Part<'_>, window: Window) -> (&'static str, Option<f64>) {
    let scope = view.app.ui.scope;
    match scope.cursor {
        Some(at) => ("", data.at(part, at)),
        None if scope.follows() && view.scene().session.is_active() => ("now ", data.last(part)),
        None => ("mean ", data.mean(view.scene(), part, window)),
    }
}

/// The highest and the lowest value, each with its GPU.
fn extremes(view: &View<'_>, data: &LaneData<'_>, parts: &[Part<'_>]) -> Vec<Span<'static>> {
    let at = view.app.ui.scope.cursor;
    let values = parts.iter().filter_map(|p| Some((at.map_or_else(|| data.last(p), |at| data.at(p, at))?, &p.label)));
    let values: Vec<_> = values.collect();
    let by_value = |a: &&(f64, &String), b: &&(f64, &String)| a.0.total_cmp(&b.0);
    let (high, low) = (values.iter().max_by(by_value), values.iter().min_by(by_value));
    let Some(((high, busy), (low, idle))) = high.zip(low) else { return Vec::new() };
    let theme = view.theme;
    let figure = |value: f64| Span::styled(data.number(Some(value)), theme.value());
    let label = |text: String| Span::styled(text, theme.muted());
    vec![
        label(format!("highest {busy} ")),
        figure(*high),
        label(format!(", lowest {idle} ")),
        figure(*low),
        label(data.lane.unit.to_owned()),
    ]
}

/// Draws a row of bars with the part's name and value in the gutter.
fn bars(
    frame: &mut Frame<'_>,
    row: Rect,
    gutter: u16,
    view: &View<'_>,
    data: &LaneData<'_>,
    (part, values, window): (&Part<'_>, &[Option<f64>], Window),
    style: Style,
) {
    range::ticks_at(frame, row, gutter, view, []);
    let room = usize::from(gutter.saturating_sub(1));
    let (_, value) = shown_value(view, data, part, window);
    let value = data.number(value);
    let label = fit::left(&part.label, room.saturating_sub(fit::width(&value)));
    let spans = vec![Span::styled(label, view.theme.muted()), Span::styled(value, view.theme.value())];
    pane::line(frame, Rect { width: room as u16, ..row }, 0, Line::from(spans));
    let most = values.iter().flatten().copied().fold(0.0, f64::max);
    let top = part.top.filter(|top| *top >= most).unwrap_or_else(|| round_up(most));
    let cells: Vec<_> = values.chunks(2).map(|pair| pair.iter().flatten().copied().reduce(f64::max)).collect();
    pane::line(frame, plot(row, gutter), 0, Line::styled(spark::bars(&cells, top), style));
}
