//! The legend, in rows that fit the width.

use maud::{Markup, html};

use super::figure::{Legend, LegendEntry};
use super::svg::{fitted, label, px, shape, text_px};

/// Height of a row, pixels.
const ROW_PX: f64 = 18.0;
/// Width of the sample before a label, pixels.
const SAMPLE_PX: f64 = 22.0;
/// Distance between two entries, pixels.
const GAP_PX: f64 = 16.0;

/// Entries with their places, and the height of all rows.
fn places(legend: &Legend, width_px: f64) -> (Vec<(f64, f64, &LegendEntry)>, f64) {
    let (mut x, mut row, mut out) = (0.0, 0.0, Vec::new());
    for entry in legend {
        let room = SAMPLE_PX + text_px(&entry.label) + GAP_PX;
        if x > 0.0 && x + room - GAP_PX > width_px {
            (x, row) = (0.0, row + 1.0);
        }
        out.push((x, row * ROW_PX, entry));
        x += room;
    }
    let height = if legend.is_empty() { 0.0 } else { (row + 1.0) * ROW_PX + 4.0 };
    (out, height)
}

/// Height of a legend, pixels.
pub fn height(legend: &Legend, width_px: f64) -> f64 {
    places(legend, width_px).1
}

/// Draws a legend.
pub fn draw(legend: &Legend, x_px: f64, y_px: f64, width_px: f64) -> Markup {
    html! {
        @for (x, y, entry) in places(legend, width_px).0 {
            g transform={ "translate(" (px(x_px + x)) " " (px(y_px + y + 9.0)) ")" } {
                @match entry.shape {
                    Some(kind) => { g transform="translate(8 0)" class={ "c" (entry.color) } { (shape(kind)) } }
                    None => { path class={ "line c" (entry.color) } d="M0 0H16" {} }
                }
                (label(SAMPLE_PX, 4.0, "", &fitted(&entry.label, width_px - SAMPLE_PX)))
            }
        }
    }
}
