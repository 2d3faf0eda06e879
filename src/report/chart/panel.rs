//! Draws a panel: its axes and marks.

use maud::{Markup, html};

use super::axis::AxisKind;
use super::figure::Panel;
use super::mark::{Mark, Point, Segment, Shape, Stroke};
use super::scale::Scale;
use super::svg::{fitted, label, px, shape, text_px};

/// Height of the line with the label of the vertical axis, pixels.
const LABEL_PX: f64 = 27.0;
/// Height of the ticks below a plot, pixels.
const TICKS_PX: f64 = 20.0;
/// Distance between two ticks of a vertical axis, pixels.
const TICK_ROOM_PX: f64 = 36.0;
/// Distance between a tick's text and the plot, pixels.
const TICK_GAP_PX: f64 = 7.0;

/// Place of a panel in its drawing.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Left end of the plot.
    pub left: f64,
    /// Right end of the plot.
    pub right: f64,
    /// Top of the panel, above the label of its vertical axis.
    pub top: f64,
    /// Whether the horizontal axis has ticks and a label. The panel below may have the same axis.
    pub has_x_axis: bool,
}

impl Panel {
    /// Height of the panel with its labels, pixels.
    pub fn full_height(&self, has_x_axis: bool) -> f64 {
        let label = if self.y.label.is_empty() { 6.0 } else { LABEL_PX };
        let below = match (has_x_axis, self.x.label.is_empty()) {
            (false, _) => 6.0,
            (true, true) => TICKS_PX,
            (true, false) => TICKS_PX + 16.0,
        };
        label + self.height + below
    }

    /// Room that the ticks of the vertical axis need, pixels.
    pub fn left_room(&self) -> f64 {
        let ticks = Scale::new(&self.y, self.height, 0.0).ticks(TICK_ROOM_PX);
        ticks.iter().map(|(_, text)| text_px(text)).fold(0.0, f64::max) + TICK_GAP_PX + 2.0
    }

    /// Draws the panel.
    pub fn draw(&self, place: Place) -> Markup {
        let Place { left, right, top, has_x_axis } = place;
        let top_of_plot = top + if self.y.label.is_empty() { 6.0 } else { LABEL_PX };
        let (width, height) = (right - left, self.height);
        let is_rows = matches!(self.y.kind, AxisKind::Names(_));
        let x = Scale::new(&self.x, 0.0, width);
        let y = if is_rows { Scale::new(&self.y, 0.0, height) } else { Scale::new(&self.y, height, 0.0) };
        let kind = match self.x.kind {
            AxisKind::Linear => "linear",
            AxisKind::Log10 | AxisKind::Log2 => "log",
            AxisKind::Names(_) => "names",
        };
        let fixed = !self.x.ticks.is_empty();
        html! {
            @if !self.y.label.is_empty() {
                (label(0.0, top + 13.0, "name", &fitted(&self.y.label, right)))
            }
            g class="panel" transform={ "translate(" (px(left)) " " (px(top_of_plot)) ")" }
                data-x={ (self.x.from) " " (self.x.to) " " (kind) " " (if fixed { "fixed" } else { "round" }) }
                data-y={ (self.y.from) " " (self.y.to) " " (if is_rows { "names" } else if self.y.kind == AxisKind::Linear { "linear" } else { "log" }) }
                data-xl=(self.x.label) data-yl=(self.y.label) {
                (self.y_axis(&y, width, left))
                g class="xaxis" {
                    @for (value, text) in x.ticks(text_px("00000") + 22.0) {
                        g class="tick" transform={ "translate(" (px(x.px(value))) " 0)" } data-v=(value) {
                            path class="grid" d={ "M0 0V" (px(height)) } {}
                            @if has_x_axis { (label(0.0, height + 15.0, "mid", &text)) }
                        }
                    }
                }
                @if has_x_axis && !self.x.label.is_empty() {
                    (label(width, height + 32.0, "end name", &fitted(&self.x.label, right)))
                }
                path class="axis" d={ "M0 " (px(height)) "H" (px(width)) } {}
                svg class="plot" width=(px(width)) height=(px(height)) {
                    rect class="hit" width=(px(width)) height=(px(height)) {}
                    g class="data" { @for mark in &self.marks { (scaled(mark, &x, &y, row_px(&y))) } }
                }
                @for mark in &self.marks { (placed(mark, &x, &y, width, height)) }
            }
        }
    }

    fn y_axis(&self, y: &Scale<'_>, width: f64, left: f64) -> Markup {
        let is_rows = matches!(self.y.kind, AxisKind::Names(_));
        html! {
            @for (value, text) in y.ticks(TICK_ROOM_PX) {
                @let at = y.px(value);
                @let shown = fitted(&text, left - TICK_GAP_PX);
                @if !is_rows { path class="grid" d={ "M0 " (px(at)) "H" (px(width)) } {} }
                text class="end" x=(px(-TICK_GAP_PX)) y=(px(at + 4.0)) {
                    (shown)
                    @if shown != text { title { (text) } }
                }
            }
        }
    }
}

/// Height of a row, pixels.
fn row_px(y: &Scale<'_>) -> f64 {
    (y.px(1.0) - y.px(0.0)).abs()
}

/// Marks that a zoom stretches: lines, areas and bars.
fn scaled(mark: &Mark, x: &Scale<'_>, y: &Scale<'_>, row_px: f64) -> Markup {
    match mark {
        Mark::Line { color, points, stroke, name } => html! {
            path class={ "line c" (color) (stroke_class(*stroke)) } d=(path(points, x, y)) data-n=[(!name.is_empty()).then_some(name)] {}
        },
        Mark::Band { color, points } => html! { path class={ "band c" (color) } d=(area(points, x, y)) {} },
        Mark::Segments(segments) => html! { @for segment in segments { (bar(segment, x, y, row_px)) } },
        Mark::Points { .. } | Mark::RuleX(..) | Mark::RuleY(..) => html! {},
    }
}

const fn stroke_class(stroke: Stroke) -> &'static str {
    match stroke {
        Stroke::Solid => "",
        Stroke::Thin => " thin",
        Stroke::Dashed => " dashed",
    }
}

/// Marks that a zoom moves but does not stretch: points, rules and texts.
fn placed(mark: &Mark, x: &Scale<'_>, y: &Scale<'_>, width: f64, height: f64) -> Markup {
    match mark {
        Mark::Points { color, shape: kind, points } => html! {
            @for point in points { (marker(point, *color, *kind, x, y, width)) }
        },
        Mark::RuleX(at, text) => {
            let at = x.px(*at);
            // Text at the right end would be cut off.
            let (class, dx) = if at + text_px(text) + 6.0 > width { ("end", -4.0) } else { ("", 4.0) };
            html! {
                g class="at rule" transform={ "translate(" (px(at)) " 0)" } {
                    path d={ "M0 0V" (px(height)) } {}
                    (label(dx, 11.0, class, text))
                }
            }
        }
        Mark::RuleY(at, text) => html! {
            g class="rule" transform={ "translate(0 " (px(y.px(*at))) ")" } {
                path d={ "M0 0H" (px(width)) } {}
                (label(width - 4.0, -4.0, "end", text))
            }
        },
        Mark::Segments(segments) => html! {
            @for segment in segments.iter().filter(|segment| !segment.tag.is_empty()) {
                @let (at, middle) = (x.px(segment.to), y.px(segment.row));
                @let is_outside = at + text_px(&segment.tag) + 8.0 > width;
                g class="at" transform={ "translate(" (px(at)) " " (px(middle)) ")" } {
                    (label(if is_outside { -5.0 } else { 5.0 }, 4.0, if is_outside { "end inside" } else { "" }, &segment.tag))
                }
            }
        },
        Mark::Line { .. } | Mark::Band { .. } => html! {},
    }
}

fn marker(point: &Point, color: usize, kind: Shape, x: &Scale<'_>, y: &Scale<'_>, width: f64) -> Markup {
    let (at, height) = (x.px(point.x), y.px(point.y));
    let is_right = at + text_px(&point.tag) + 10.0 > width;
    html! {
        g class={ "at c" (color) } transform={ "translate(" (px(at)) " " (px(height)) ")" } {
            @if !point.title.is_empty() { title { (point.title) } }
            @if let Some((low, high)) = point.interval {
                @let (low, high) = (y.px(low) - height, y.px(high) - height);
                path class="interval" d={ "M-4 " (px(low)) "H4M0 " (px(low)) "V" (px(high)) "M-4 " (px(high)) "H4" } {}
            }
            (shape(kind))
            @if !point.tag.is_empty() {
                (label(if is_right { -7.0 } else { 7.0 }, -6.0, if is_right { "end" } else { "" }, &point.tag))
            }
        }
    }
}

fn bar(segment: &Segment, x: &Scale<'_>, y: &Scale<'_>, row_px: f64) -> Markup {
    let (from, to) = (x.px(segment.from), x.px(segment.to));
    let thick = (row_px * 0.76).max(0.7);
    html! {
        rect class={ "c" (segment.color) } x=(px(from)) y=(px(y.px(segment.row) - thick / 2.0))
            width=(px((to - from).max(0.5))) height=(px(thick)) {
            @if !segment.title.is_empty() { title { (segment.title) } }
        }
    }
}

/// Path of a line; each gap begins a new part. A point between two gaps is a dot.
fn path(points: &[Option<(f64, f64)>], x: &Scale<'_>, y: &Scale<'_>) -> String {
    let mut out = String::new();
    for part in points.split(Option::is_none) {
        for (index, (at, value)) in part.iter().flatten().enumerate() {
            out.push(if index == 0 { 'M' } else { ' ' });
            out.extend([&px(x.px(*at)), " ", &px(y.px(*value))]);
        }
        if part.len() == 1 {
            out.push_str("h0");
        }
    }
    out
}

/// Outline of an area: the upper ends from left to right, the lower ends back.
fn area(points: &[Option<(f64, f64, f64)>], x: &Scale<'_>, y: &Scale<'_>) -> String {
    let mut out = String::new();
    for part in points.split(Option::is_none) {
        let part: Vec<(f64, f64, f64)> = part.iter().copied().flatten().collect();
        let upper = part.iter().map(|(at, _, high)| (*at, *high));
        let lower = part.iter().rev().map(|(at, low, _)| (*at, *low));
        for (index, (at, value)) in upper.chain(lower).enumerate() {
            out.push(if index == 0 { 'M' } else { ' ' });
            out.extend([&px(x.px(at)), " ", &px(y.px(value))]);
        }
        if !part.is_empty() {
            out.push('Z');
        }
    }
    out
}
