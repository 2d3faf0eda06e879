//! Charts in a document.

use maud::{Markup, html};

use crate::report::chart::{Chart, NARROW, Theme, WIDE, draw};

/// Returns a chart over the full width, drawn for wide and for narrow screens; the style shows one of both.
pub fn figure(chart: &Chart) -> Markup {
    let theme = Theme::default();
    html! {
        figure id={ "chart-" (chart.id) } {
            h3 { (chart.title) }
            div.wide { (draw(chart, WIDE, &theme)) }
            div.narrow { (draw(chart, NARROW, &theme)) }
            figcaption { (chart.about) }
        }
    }
}

/// Returns charts of half the width, two side by side where there is room.
pub fn halves(charts: &[Chart]) -> Markup {
    html! {
        @if !charts.is_empty() {
            div.halves {
                @for chart in charts {
                    figure id={ "chart-" (chart.id) } {
                        h3 { (chart.title) }
                        (draw(chart, NARROW, &Theme::default()))
                        figcaption { (chart.about) }
                    }
                }
            }
        }
    }
}
