//! The dialogs over the browser: the keys, and the question before a run is deleted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget};

use super::BrowserView;
use super::keymap::sections;
use crate::app::browser::entry::RunEntry;
use crate::app::browser::message::DrawnExtents;
use crate::app::browser::state::Dialog;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{left, width};
use crate::ui::number::UNKNOWN;

/// Maximum width of a dialog.
const MAX_COLUMNS: u16 = 76;
/// Width of the keys in the help.
const KEYS: usize = 16;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    match &view.browser.dialog {
        Dialog::None | Dialog::Filter => {}
        Dialog::Help(top) => draw_help(frame, area, *top, view, extents),
        Dialog::Delete(id) => {
            let lines = question(view.browser.by_id(id), id, view);
            popup(frame, area, " Delete this run? ", &lines, view.theme.bad(), view);
        }
    }
}

fn draw_help(frame: &mut Frame<'_>, area: Rect, top: usize, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    let theme = view.theme;
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (title, rows) in sections() {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(title, theme.title(false)));
        for (keys, help) in rows {
            let keys = Span::styled(format!("  {}", left(&keys, KEYS)), theme.key());
            lines.push(Line::from(vec![keys, Span::styled(help, theme.text())]));
        }
    }
    let rows = usize::from(area.height.saturating_sub(2));
    extents.help_limit = lines.len().saturating_sub(rows);
    let top = top.min(extents.help_limit);
    let below = lines.len().saturating_sub(top + rows);
    let shown = lines.get(top..).unwrap_or_default();
    let title = if below > 0 { format!(" Keys · j scrolls, {below} more ") } else { " Keys ".to_owned() };
    popup(frame, area, &title, shown, theme.border(true), view);
}

/// The run that would be deleted, and what that means.
fn question(run: Option<&RunEntry>, id: &str, view: &BrowserView<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    let mut lines = vec![Line::styled(sanitise_line(id), theme.value())];
    if let Some(why) = run.and_then(|run| run.error.as_ref()) {
        lines.push(Line::from(format!("cannot be read: {why}")));
    } else if let Some(run) = run {
        let or_unknown = |text: &str| if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() };
        lines.push(Line::from(format!("{} · {}", or_unknown(&run.started), or_unknown(&run.model))));
        lines.push(Line::from(format!("{}, {} of {} cases ok", run.state.word(), run.ok, run.cases)));
    }
    lines.push(Line::default());
    lines.push(Line::styled("Its journal is removed from the disk. This cannot be undone.", theme.warning()));
    lines.push(Line::default());
    lines.push(Line::from(vec![
        Span::styled("y", theme.key()),
        Span::raw(" delete    "),
        Span::styled("n", theme.key()),
        Span::raw(" keep"),
    ]));
    lines
}

/// Draws lines in a frame in the middle of `area`.
fn popup(
    frame: &mut Frame<'_>,
    area: Rect,
    title: &str,
    lines: &[Line<'static>],
    border: Style,
    view: &BrowserView<'_>,
) {
    let widest = lines.iter().map(Line::width).chain([width(title)]).max().unwrap_or(0);
    let columns = u16::try_from(widest + 4).unwrap_or(u16::MAX).min(MAX_COLUMNS + 4).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(u16::MAX).min(area.height);
    let at =
        Rect { x: area.x + (area.width - columns) / 2, y: area.y + (area.height - height) / 2, width: columns, height };
    Clear.render(at, frame.buffer_mut());
    let block = Block::bordered().border_style(border).title(Span::styled(title.to_owned(), view.theme.title(true)));
    let inner = block.inner(at);
    frame.render_widget(block, at);
    let inner = Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner };
    frame.render_widget(Paragraph::new(lines.to_vec()), inner);
}
