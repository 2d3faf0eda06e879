//! What lies over the panes: help, questions, menus.

mod export;
mod help;
mod quit;
#[cfg(test)]
mod tests;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use super::fit::spans_width;
use super::keymap::Context;
use super::theme::Theme;
use super::view::View;
use crate::app::model::Overlay;

/// Draws the overlay there is, if there is one, over `area` (the whole screen).
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let area = area.intersection(frame.area());
    match view.app.ui.overlay {
        // Filter and search are typed in the footer.
        Overlay::None | Overlay::FilterInput | Overlay::SearchInput => {}
        Overlay::Help(line) => help::draw(frame, area, usize::from(line), view),
        Overlay::ConfirmQuit => quit::draw(frame, area, view),
        Overlay::ExportMenu(at) => export::draw(frame, area, at, view),
    }
}

/// Puts lines into a frame in the middle of `area`, no larger than they need; `hint` stands in its lower edge.
fn popup(frame: &mut Frame<'_>, area: Rect, title: &str, hint: Line<'static>, lines: Vec<Line<'static>>, theme: Theme) {
    let widest = lines.iter().map(|l| spans_width(&l.spans)).chain([hint.width() + 2, title.len() + 2]).max();
    let place = centred(area, widest.unwrap_or(0) + 4, lines.len() + 2);
    if place.is_empty() {
        return;
    }
    Clear.render(place, frame.buffer_mut());
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(format!(" {title} "), theme.title(true)))
        .title_bottom(hint.right_aligned());
    let inner = block.inner(place);
    frame.render_widget(block, place);
    let text = Rect { x: inner.x.saturating_add(1), width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Paragraph::new(lines), text.intersection(inner));
}

fn centred(area: Rect, columns: usize, rows: usize) -> Rect {
    let width = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(rows).unwrap_or(u16::MAX).min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// The keys of a dialog that have a word for the footer.
fn keys_of(context: Context, view: &View<'_>) -> Line<'static> {
    let mut spans = Vec::new();
    for row in view.keymap.rows_in(context) {
        let Some(label) = row.binding.footer else { continue };
        let Some(key) = row.keys.first() else { continue };
        spans.push(Span::styled(format!(" {key}"), view.theme.key()));
        spans.push(Span::styled(format!(" {label} "), view.theme.muted()));
    }
    Line::from(spans)
}
