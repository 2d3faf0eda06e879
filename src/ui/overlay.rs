//! Overlays: help, report, palette, dialogs.

mod export;
mod help;
mod models;
mod palette;
mod quit;
mod report;
#[cfg(test)]
mod tests;
mod themes;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use super::fit::{cut, graphemes, spans_width, width};
use super::keymap::{Context, footer_label};
use super::theme::Theme;
use super::view::View;
use crate::app::state::Overlay;
use crate::app::state::text_field::TextField;
use crate::domain::text::sanitise_line;

/// Draws the open overlay, if any, over `area`, which is the whole screen.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let area = area.intersection(frame.area());
    match &view.app.ui.overlay {
        // The footer draws the text fields of filter and search.
        Overlay::None | Overlay::FilterInput | Overlay::SearchInput => {}
        Overlay::Help(help) => help::draw(frame, area, help, view),
        Overlay::ConfirmQuit => quit::draw(frame, area, view),
        Overlay::Export(dialog) => export::draw(frame, area, dialog, view),
        Overlay::Report(report) => report::draw(frame, area, report, view),
        Overlay::Models(choice) => models::draw(frame, area, choice, view),
        Overlay::Palette(palette) => palette::draw(frame, area, palette, view),
        Overlay::Themes(choice) => themes::draw(frame, area, choice, view),
    }
}

/// Draws lines inside a border in the middle of `area`, as large as they need, with `hint` in the bottom border.
fn popup(frame: &mut Frame<'_>, area: Rect, title: &str, hint: Line<'static>, lines: Vec<Line<'static>>, theme: Theme) {
    let widest = lines.iter().map(|l| spans_width(&l.spans)).chain([hint.width() + 2, title.len() + 2]).max();
    let popup_area = centred(area, widest.unwrap_or(0) + 4, lines.len() + 2);
    if popup_area.is_empty() {
        return;
    }
    Clear.render(popup_area, frame.buffer_mut());
    let block = Block::bordered()
        .border_style(theme.border(true))
        .title(Span::styled(format!(" {title} "), theme.title(true)))
        .title_bottom(hint.right_aligned());
    let inner = block.inner(popup_area);
    frame.render_widget(block, popup_area);
    let text = Rect { x: inner.x.saturating_add(1), width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Paragraph::new(lines), text.intersection(inner));
}

fn centred(area: Rect, columns: usize, rows: usize) -> Rect {
    let width = u16::try_from(columns).unwrap_or(u16::MAX).min(area.width);
    let height = u16::try_from(rows).unwrap_or(u16::MAX).min(area.height);
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// A text field in at most `columns` columns, scrolled so that its cursor is visible.
fn text_field(field: &TextField, columns: usize, theme: Theme) -> Vec<Span<'static>> {
    let (before, after) = field.around_cursor();
    let (before, after) = (sanitise_line(before), sanitise_line(after));
    let room = columns.saturating_sub(1);
    let before = tail(&before, room);
    let after = cut(&after, room.saturating_sub(width(&before)));
    vec![Span::styled(before, theme.value()), Span::styled("█", theme.accent()), Span::styled(after, theme.value())]
}

/// The end of a text in at most `columns` columns, with `…` before it if it was cut.
fn tail(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut room = columns.saturating_sub(1);
    let mut end: Vec<&str> = Vec::new();
    for (grapheme, cells) in graphemes(text).collect::<Vec<_>>().into_iter().rev() {
        if cells > room {
            break;
        }
        room -= cells;
        end.push(grapheme);
    }
    end.push("…");
    end.into_iter().rev().collect()
}

/// Keys and labels of an overlay, for its bottom border.
fn keys_of(context: Context, view: &View<'_>) -> Line<'static> {
    let mut spans = Vec::new();
    for row in view.keymap.rows_in(context) {
        let Some(label) = footer_label(view.app, row.binding) else { continue };
        let Some(key) = row.keys.first() else { continue };
        spans.push(Span::styled(format!(" {key}"), view.theme.key()));
        spans.push(Span::styled(format!(" {label} "), view.theme.muted()));
    }
    Line::from(spans)
}
