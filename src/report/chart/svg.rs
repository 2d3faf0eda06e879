//! Elements of SVG, and the room that texts take.

use maud::{Markup, html};
use unicode_width::UnicodeWidthStr;

use super::mark::Shape;

/// Approximate width of a character cell, pixels.
const CELL_PX: f64 = 7.3;
/// Approximate width of a text, pixels.
pub fn text_px(text: &str) -> f64 {
    text.width() as f64 * CELL_PX
}

/// The beginning of a text that fits a width.
pub fn fitted(text: &str, width_px: f64) -> String {
    if text_px(text) <= width_px {
        return text.to_owned();
    }
    let cells = (width_px / CELL_PX).max(2.0) as usize;
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + 2 > cells {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// A coordinate with at most one decimal.
pub fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or_else(|| text.clone(), str::to_owned)
}

/// A text with its left end, or another place of the class, at a point.
pub fn label(x: f64, y: f64, class: &str, text: &str) -> Markup {
    html! { text x=(px(x)) y=(px(y)) class=[(!class.is_empty()).then_some(class)] { (text) } }
}

/// A shape around the origin.
pub fn shape(shape: Shape) -> Markup {
    match shape {
        Shape::Circle => html! { circle r="4" {} },
        Shape::Square => html! { rect x="-3.5" y="-3.5" width="7" height="7" {} },
        Shape::Diamond => html! { path class="open" d="M0 -5L5 0L0 5L-5 0Z" {} },
        Shape::Cross => html! { path class="open" d="M-4 -4L4 4M-4 4L4 -4" {} },
    }
}
