//! The last line: what just happened, else the keys that do something now.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::message::Action;
use crate::app::model::{Notice, Overlay};
use crate::app::text_field::TextField;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{cut, spans_width};
use crate::ui::keymap::{Context, Key, Row, footer_label, is_live};
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
        (Overlay::FilterInput, _) => typed_line(&ui.filter, Context::FilterInput, columns, view),
        (Overlay::SearchInput, _) => typed_line(&ui.answer.search.field, Context::SearchInput, columns, view),
        // A question has its keys in its own frame.
        (_, Some(notice)) => notice_line(notice, columns, view),
        _ => Line::from(keys(Context::of(ui), columns, view)),
    };
    frame.buffer_mut().set_line(area.x, area.y, &line, area.width);
}

fn notice_line(notice: &Notice, columns: usize, view: &View<'_>) -> Line<'static> {
    let remedy = notice.remedy.and_then(|action| remedy(action, view));
    let text = format!("{}{}", sanitise_line(&notice.text), remedy.unwrap_or_default());
    if notice.is_error {
        Line::styled(cut(&format!("! {text}"), columns), view.theme.bad())
    } else {
        Line::styled(cut(&text, columns), view.theme.accent())
    }
}

/// What helps, with its key: ` · x cancel`.
fn remedy(action: Action, view: &View<'_>) -> Option<String> {
    let row = view.keymap.rows_in(Context::of(&view.app.ui)).find(|r| r.binding.action == action)?;
    let label = footer_label(view.app, row.binding)?;
    Some(format!(" · {} {label}", row.keys.first()?))
}

fn typed_line(field: &TextField, context: Context, columns: usize, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let (before, after) = field.around_cursor();
    let mut spans = vec![
        Span::styled("/", theme.key()),
        Span::styled(sanitise_line(before), theme.value()),
        Span::styled("█", theme.accent()),
        Span::styled(sanitise_line(after), theme.value()),
    ];
    let used = spans_width(&spans) + BETWEEN.len();
    let hints = keys(context, columns.saturating_sub(used), view);
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
    let help = view.keymap.rows_in(context).filter(is_help).find_map(|r| hint(r, context, view));
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
        if let Some(hint) = hint(row, context, view) {
            push(hint, columns.saturating_sub(help_columns));
        }
    }
    if let Some(help) = help {
        push(help, columns);
    }
    spans
}

fn hint(row: &Row, context: Context, view: &View<'_>) -> Option<Vec<Span<'static>>> {
    let label = footer_label(view.app, row.binding)?;
    // A key that means something else there, as a pane's own, does not do this.
    let means_this = |key: &&Key| {
        let first = view.keymap.rows_in(context).find(|r| r.keys.contains(*key));
        first.is_some_and(|first| std::ptr::eq(first, row))
    };
    let key = row.keys.iter().find(means_this)?.to_string();
    Some(vec![Span::styled(key, view.theme.key()), Span::styled(format!(" {label}"), view.theme.muted())])
}

#[cfg(test)]
mod tests;
