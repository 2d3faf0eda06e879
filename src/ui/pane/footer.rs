//! The last line: what just happened, else the keys that do something now.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::message::Action;
use crate::app::model::{Notice, Overlay};
use crate::domain::text::sanitise_line;
use crate::ui::fit::{cut, spans_width};
use crate::ui::keymap::{Context, Row, footer_label, is_live};
use crate::ui::view::View;

const BETWEEN: &str = "  ";

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let area = area.intersection(frame.area());
    if area.is_empty() {
        return;
    }
    let ui = &view.app.ui;
    let columns = usize::from(area.width);
    let line = match (&ui.overlay, &ui.notice) {
        (Overlay::FilterInput, _) => filter_line(columns, view),
        // A question has its keys in its own frame.
        (_, Some(notice)) => notice_line(notice, columns, view),
        _ => Line::from(keys(Context::of(ui), columns, view)),
    };
    frame.buffer_mut().set_line(area.x, area.y, &line, area.width);
}

fn notice_line(notice: &Notice, columns: usize, view: &View<'_>) -> Line<'static> {
    let text = sanitise_line(&notice.text);
    if notice.is_error {
        Line::styled(cut(&format!("! {text}"), columns), view.theme.bad())
    } else {
        Line::styled(cut(&text, columns), view.theme.accent())
    }
}

fn filter_line(columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let (before, after) = view.app.ui.filter.around_cursor();
    let mut spans = vec![
        Span::styled("/", theme.key()),
        Span::styled(sanitise_line(before), theme.value()),
        Span::styled("█", theme.accent()),
        Span::styled(sanitise_line(after), theme.value()),
    ];
    let used = spans_width(&spans) + BETWEEN.len();
    let hints = keys(Context::FilterInput, columns.saturating_sub(used), view);
    if !hints.is_empty() {
        spans.push(Span::raw(BETWEEN));
        spans.extend(hints);
    }
    Line::from(spans)
}

/// As many keys of the table as there is room for; of those of the panes, the one for the help is always there.
fn keys(context: Context, columns: usize, view: &View<'_>) -> Vec<Span<'static>> {
    let shown = |r: &&Row| is_live(view.app, r.binding);
    let is_help = |r: &&Row| r.binding.action == Action::Help;
    let help = view.keymap.rows_in(context).filter(is_help).find_map(|r| hint(r, view));
    let help_columns = help.as_ref().map_or(0, |h| spans_width(h) + BETWEEN.len());
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut push = |hint: Vec<Span<'static>>, room: usize| {
        let gap = if spans.is_empty() { 0 } else { BETWEEN.len() };
        if spans_width(&spans) + gap + spans_width(&hint) <= room {
            if gap > 0 {
                spans.push(Span::raw(BETWEEN));
            }
            spans.extend(hint);
        }
    };
    for row in view.keymap.rows_in(context).filter(shown).filter(|r| !is_help(r)) {
        if let Some(hint) = hint(row, view) {
            push(hint, columns.saturating_sub(help_columns));
        }
    }
    if let Some(help) = help {
        push(help, columns);
    }
    spans
}

fn hint(row: &Row, view: &View<'_>) -> Option<Vec<Span<'static>>> {
    let label = footer_label(view.app, row.binding)?;
    let key = row.keys.first()?.to_string();
    Some(vec![Span::styled(key, view.theme.key()), Span::styled(format!(" {label}"), view.theme.muted())])
}

#[cfg(test)]
mod tests;
