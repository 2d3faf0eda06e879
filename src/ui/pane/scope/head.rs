//! The head of a lane: name, legend and current value on a thin rule, which separates the lane from the one above.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::ui::fit;
use crate::ui::view::View;

/// Character of the rule.
const STROKE: &str = "┈";
/// Minimum cells of the rule between two texts.
const LEAST_RULE: usize = 2;

/// Draws a head. On a short line, the last `entries` of the legend are dropped first, then `value`.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    view: &View<'_>,
    name: Vec<Span<'static>>,
    entries: Vec<Vec<Span<'static>>>,
    value: Vec<Span<'static>>,
) {
    let area = area.intersection(frame.area());
    let cells = usize::from(area.width);
    if area.is_empty() {
        return;
    }
    let between = || Span::raw("  ");
    let mut spans = name;
    spans.push(Span::raw(" "));
    let has_value = !value.is_empty() && fit::spans_width(&spans) + LEAST_RULE + 1 + fit::spans_width(&value) <= cells;
    let value = if has_value { value } else { Vec::new() };
    let value_width = if has_value { fit::spans_width(&value) + 1 } else { 0 };
    let room = cells.saturating_sub(fit::spans_width(&spans) + LEAST_RULE + value_width);
    let mut legend = Vec::new();
    for entry in entries {
        let used = fit::spans_width(&legend) + 2 + fit::spans_width(&entry) + 1;
        if used > room {
            break;
        }
        legend.push(between());
        legend.extend(entry);
    }
    if !legend.is_empty() {
        legend.push(Span::raw(" "));
        // One blank before the first entry is enough.
        legend.remove(0);
        legend.insert(0, Span::raw(" "));
    }
    let rest = cells.saturating_sub(fit::spans_width(&spans) + fit::spans_width(&legend) + value_width);
    spans.extend(legend);
    spans.push(Span::styled(STROKE.repeat(rest), view.theme.muted()));
    if has_value {
        spans.push(Span::raw(" "));
        spans.extend(value);
    }
    frame.buffer_mut().set_line(area.x, area.y, &Line::from(spans), area.width);
}
