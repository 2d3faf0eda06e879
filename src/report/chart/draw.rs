//! Draws a chart as SVG.

use maud::{Markup, PreEscaped, html};

use super::STYLE;
use super::figure::{Chart, Panel};
use super::legend;
use super::panel::Place;
use super::svg::{fitted, px};

/// Width of a drawing for a wide page, pixels.
pub const WIDE: f64 = 960.0;
/// Width of a drawing for half a wide page, pixels.
pub const HALF: f64 = 480.0;
/// Width of a drawing for a phone, pixels.
pub const NARROW: f64 = 372.0;
/// Room right of the plots, pixels.
const RIGHT_PX: f64 = 20.0;
/// Maximum share of the width that names of rows take.
const MOST_LEFT: f64 = 0.4;

/// Text around a drawing that is a file of its own.
#[derive(Clone, Debug, Default)]
pub struct Theme {
    /// Lines above the chart, the first one as its title; empty for a drawing within a page that has its own style.
    pub heading: Vec<String>,
}

/// Draws a chart at a width.
pub fn draw(chart: &Chart, width_px: f64, theme: &Theme) -> Markup {
    let heading = &theme.heading;
    let top = if heading.is_empty() { 0.0 } else { heading.len() as f64 * 18.0 + 14.0 };
    let legend_px = legend::height(&chart.legend, width_px);
    let left = chart.panels.iter().map(Panel::left_room).fold(0.0, f64::max).min(width_px * MOST_LEFT);
    let mut y = top + legend_px;
    let mut places = Vec::new();
    for (at, panel) in chart.panels.iter().enumerate() {
        let below = chart.panels.get(at + 1).map(|next| &next.x);
        let has_x_axis = below != Some(&panel.x);
        places.push(Place { left, right: width_px - RIGHT_PX, top: y, has_x_axis });
        y += panel.full_height(has_x_axis);
    }
    let margin = if heading.is_empty() { 0.0 } else { 16.0 };
    let (full_width, full_height) = (width_px + 2.0 * margin, y + 2.0 * margin);
    let is_file = !heading.is_empty();
    html! {
        svg xmlns=[is_file.then_some("http://www.w3.org/2000/svg")] class={ "chart" @if is_file { " file" } } role="img"
            aria-label=(chart.title)
            viewBox={ (px(-margin)) " " (px(-margin)) " " (px(full_width)) " " (px(full_height)) }
            width=[is_file.then(|| px(full_width))] height=[is_file.then(|| px(full_height))] {
            title { (chart.title) }
            desc { (chart.about) }
            @if is_file {
                style { (PreEscaped(STYLE)) }
                rect class="paper" x=(px(-margin)) y=(px(-margin)) width=(px(full_width)) height=(px(full_height)) {}
                @for (at, line) in heading.iter().enumerate() {
                    text class=(if at == 0 { "title" } else { "note" }) x="0" y=(px(14.0 + at as f64 * 18.0)) {
                        (fitted(line, width_px * if at == 0 { 0.85 } else { 1.0 }))
                    }
                }
            }
            (legend::draw(&chart.legend, 0.0, top, width_px))
            @for (panel, place) in chart.panels.iter().zip(places) { (panel.draw(place)) }
        }
    }
}
