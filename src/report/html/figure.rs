//! Charts in a document.

use maud::{Markup, html};

use crate::report::chart::{Chart, HALF, NARROW, Theme, WIDE, draw};

/// Returns a chart over the full width.
pub fn figure(chart: &Chart) -> Markup {
    drawn(chart, WIDE)
}

/// Returns charts of half the width, two side by side where there is room.
pub fn halves(charts: &[Chart]) -> Markup {
    html! {
        @if !charts.is_empty() {
            div.halves { @for chart in charts { (drawn(chart, HALF)) } }
        }
    }
}

/// Returns a chart, drawn for wide and for narrow screens; the style shows one of both.
fn drawn(chart: &Chart, width_px: f64) -> Markup {
    let theme = Theme::default();
    html! {
        figure id={ "chart-" (chart.id) } {
            h3 { (chart.title) }
            div.wide { (draw(chart, width_px, &theme)) }
            div.narrow { (draw(chart, NARROW, &theme)) }
            figcaption { (chart.about) }
        }
    }
}
