//! The last line: what just happened, else the keys that do something now.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::message::Action;
use crate::app::model::{Notice, Overlay};
use crate::domain::text::sanitise_line;
use crate::ui::fit::{cut, spans_width};
use crate::ui::keymap::{Binding, Context, bindings_in, footer_label, is_live};
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
        (Overlay::None, Some(notice)) => notice_line(notice, columns, view),
        (overlay, _) => Line::from(keys(Context::of(overlay), columns, view)),
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
    let mut spans = vec![
        Span::styled("/", theme.key()),
        Span::styled(sanitise_line(&view.app.ui.filter), theme.value()),
        Span::styled("█", theme.accent()),
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
    let shown = |b: &&Binding| is_live(view.app, b);
    let is_help = |b: &&Binding| b.action == Action::Help;
    let help = bindings_in(context).filter(is_help).find_map(|b| hint(b, view));
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
    for binding in bindings_in(context).filter(shown).filter(|b| !is_help(b)) {
        if let Some(hint) = hint(binding, view) {
            push(hint, columns.saturating_sub(help_columns));
        }
    }
    if let Some(help) = help {
        push(help, columns);
    }
    spans
}

fn hint(binding: &Binding, view: &View<'_>) -> Option<Vec<Span<'static>>> {
    let label = footer_label(view.app, binding)?;
    let key = binding.keys.first()?.to_string();
    Some(vec![Span::styled(key, view.theme.key()), Span::styled(format!(" {label}"), view.theme.muted())])
}

#[cfg(test)]
mod tests;
