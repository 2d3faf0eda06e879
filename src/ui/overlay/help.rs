//! All keys, by group; those that would do nothing now stand back.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::{keys_of, popup};
use crate::ui::fit::{spans_width, width};
use crate::ui::keymap::{BINDINGS, Binding, Context, Group, is_live, keys_label};
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

/// Columns of one column of help, keys included.
const COLUMN: usize = 55;
const GAP: usize = 3;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, scroll: usize, view: &View<'_>) {
    let room = usize::from(area.width).saturating_sub(6);
    let rows = usize::from(area.height).saturating_sub(2);
    let mut lines =
        if room >= 2 * COLUMN + GAP { in_two_columns(view) } else { column(&Group::ALL, room.min(76), view) };
    let all = lines.len();
    let limit = all.saturating_sub(rows);
    view.cache.set_help_limit(limit);
    let from = scroll.min(limit);
    // As wide as its widest line, wherever it is scrolled to.
    let widest = lines.iter().map(|l| spans_width(&l.spans)).max().unwrap_or(0);
    lines.drain(..from);
    lines.truncate(rows);
    if let Some(first) = lines.first_mut() {
        let blanks = widest.saturating_sub(spans_width(&first.spans));
        first.spans.push(Span::raw(" ".repeat(blanks)));
    }
    let mut hint = keys_of(Context::Help, view.theme);
    let below = all - from - lines.len();
    if below > 0 {
        hint.spans.insert(0, Span::styled(format!(" {below} more lines "), view.theme.muted()));
    }
    popup(frame, area, "Keys", hint, lines, view.theme);
}

/// The groups from the top down.
fn column(groups: &[Group], columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let keys_columns = BINDINGS.iter().map(|b| width(&keys_label(b))).max().unwrap_or(0) + 2;
    let mut lines = Vec::new();
    for &group in groups {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::from(Span::styled(group.title(), view.theme.title(false))));
        for binding in BINDINGS.iter().filter(|b| b.group == group) {
            lines.extend(entry(binding, keys_columns, columns, view));
        }
    }
    lines
}

fn entry(binding: &Binding, keys_columns: usize, columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    let live = is_live(view.app, binding);
    let (key_style, text_style) = if live { (theme.key(), theme.text()) } else { (theme.muted(), theme.muted()) };
    let text = wrap(&[Span::styled(binding.help, text_style)], columns.saturating_sub(keys_columns).max(1));
    let with_keys = |(i, mut spans): (usize, Vec<Span<'static>>)| {
        let keys = if i == 0 { keys_label(binding) } else { String::new() };
        let blanks = " ".repeat(keys_columns.saturating_sub(width(&keys)));
        spans.insert(0, Span::styled(keys + &blanks, key_style));
        Line::from(spans)
    };
    text.into_iter().enumerate().map(with_keys).collect()
}

fn in_two_columns(view: &View<'_>) -> Vec<Line<'static>> {
    let (left, right) = Group::ALL.split_at(3);
    let (mut left, mut right) = (column(left, COLUMN, view), column(right, COLUMN, view));
    let rows = left.len().max(right.len());
    left.resize(rows, Line::default());
    right.resize(rows, Line::default());
    let side_by_side = |(mut left, right): (Line<'static>, Line<'static>)| {
        let blanks = (COLUMN + GAP).saturating_sub(spans_width(&left.spans));
        left.spans.push(Span::raw(" ".repeat(blanks)));
        left.spans.extend(right.spans);
        left
    };
    left.into_iter().zip(right).map(side_by_side).collect()
}
