//! Labels of stalls above the plot of gaps.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::Window;
use crate::domain::time::Nanos;
use crate::domain::trace::Stall;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Labels stalls with a mark and, if it fits, the length. The longest stalls are labelled first.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>, window: Window, mut stalls: Vec<Stall>) {
    stalls.sort_by(|a, b| b.gap.ms().total_cmp(&a.gap.ms()));
    let mut taken: Vec<(u16, u16)> = Vec::new();
    for stall in stalls {
        let middle = Nanos(stall.gap.from.max(window.from).0.midpoint(stall.gap.to.min(window.to).0));
        let Some(cell) = window.cell_of(middle, area.width) else { continue };
        let (mark, style) =
            if stall.is_own { ("△ client ", view.theme.muted()) } else { ("▲ ", view.theme.warning()) };
        let long = format!("{mark}{}", number::millis(Some(stall.gap.ms())));
        let mark_only = mark.split(' ').next().unwrap_or(mark);
        // In a plot of one row, the length would hide the trace.
        for text in [if area.height > 1 { long.as_str() } else { mark_only }, mark_only] {
            let width = fit::width(text) as u16;
            if width > area.width {
                continue;
            }
            let x = cell.saturating_sub(width / 2).min(area.width - width);
            if taken.iter().all(|(from, to)| x + width < *from || x > *to) {
                taken.push((x, x + width));
                let place = Rect { x: area.x + x, width, height: 1, ..area };
                frame.render_widget(ratatui::widgets::Clear, place);
                pane::line(frame, place, 0, Line::styled(text.to_owned(), style));
                break;
            }
        }
    }
}
