//! The help: all keys by section, unavailable ones dimmed, then the marks and words beside figures.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{keys_of, popup};
use crate::app::state::ScrollExtent;
use crate::ui::fit::{spans_width, width};
use crate::ui::keymap::{Context, DashboardRow, Section, is_live, keys_label, sections};
use crate::ui::mark::MARKS;
use crate::ui::view::View;
use crate::ui::widget::wrap::wrap;

/// Width of one column of help including keys, cells.
const COLUMN: usize = 55;
/// Cells between the two columns.
const GAP: usize = 3;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, scroll: usize, view: &View<'_>) {
    let room = usize::from(area.width).saturating_sub(6);
    let rows = usize::from(area.height).saturating_sub(2);
    let mut lines =
        if room >= 2 * COLUMN + GAP { in_two_columns(view) } else { stacked(&sections_of(room.min(76), view)) };
    let all = lines.len();
    let limit = all.saturating_sub(rows);
    view.cache.set_overlay_extent(ScrollExtent { limit, page: rows.saturating_sub(1) });
    let from = scroll.min(limit);
    // As wide as the widest line of the whole text, so that scrolling does not change the width.
    let widest = lines.iter().map(|l| spans_width(&l.spans)).max().unwrap_or(0);
    lines.drain(..from);
    lines.truncate(rows);
    if let Some(first) = lines.first_mut() {
        let blanks = widest.saturating_sub(spans_width(&first.spans));
        first.spans.push(Span::raw(" ".repeat(blanks)));
    }
    let mut hint = keys_of(Context::Help, view);
    let below = all - from - lines.len();
    if below > 0 {
        hint.spans.insert(0, Span::styled(format!(" {below} more lines "), view.theme.muted()));
    }
    popup(frame, area, "Keys", hint, lines, view.theme);
}

/// The sections of the help with their headings; the last has the marks.
fn sections_of(columns: usize, view: &View<'_>) -> Vec<Vec<Line<'static>>> {
    let rows = view.keymap.rows();
    let keys_columns = rows.iter().map(|r| width(&keys_label(&r.keys))).max().unwrap_or(0) + 2;
    let section = |section: Section| {
        let mut lines = vec![Line::from(Span::styled(section.title(), view.theme.title(false)))];
        for row in rows.iter().filter(|r| section.has(r.binding)) {
            lines.extend(entry(row, keys_columns, columns, view));
        }
        lines
    };
    let mut all: Vec<_> = sections(rows.iter().map(|r| r.binding)).map(section).collect();
    all.push(marks(columns, view));
    all
}

/// Sections one below the other, separated by blank lines.
fn stacked(sections: &[Vec<Line<'static>>]) -> Vec<Line<'static>> {
    sections.join(&Line::default())
}

fn entry(row: &DashboardRow, keys_columns: usize, columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    let live = is_live(view.app, row.binding);
    let (key_style, text_style) = if live { (theme.key(), theme.text()) } else { (theme.muted(), theme.muted()) };
    explained(&keys_label(&row.keys), key_style, row.binding.help, text_style, keys_columns, columns)
}

/// The section of marks and words beside figures.
fn marks(columns: usize, view: &View<'_>) -> Vec<Line<'static>> {
    let theme = view.theme;
    let keys_columns = MARKS.iter().map(|(mark, _)| width(mark)).max().unwrap_or(0) + 2;
    let mut lines = vec![Line::from(Span::styled("Marks and words", theme.title(false)))];
    for (mark, meaning) in MARKS {
        lines.extend(explained(mark, theme.text(), meaning, theme.text(), keys_columns, columns));
    }
    lines
}

/// A sign, padded to `sign_columns`, and its wrapped meaning beside it.
fn explained(
    sign: &str,
    sign_style: Style,
    meaning: &'static str,
    text_style: Style,
    sign_columns: usize,
    columns: usize,
) -> Vec<Line<'static>> {
    let text = wrap(&[Span::styled(meaning, text_style)], columns.saturating_sub(sign_columns).max(1));
    let with_sign = |(i, mut spans): (usize, Vec<Span<'static>>)| {
        let sign = if i == 0 { sign } else { "" };
        let blanks = " ".repeat(sign_columns.saturating_sub(width(sign)));
        spans.insert(0, Span::styled(format!("{sign}{blanks}"), sign_style));
        Line::from(spans)
    };
    text.into_iter().enumerate().map(with_sign).collect()
}

/// The sections in two columns of heights as equal as possible, in the same order.
fn in_two_columns(view: &View<'_>) -> Vec<Line<'static>> {
    let sections = sections_of(COLUMN - 1, view);
    let height = |at: &usize| {
        let (left, right) = sections.split_at(*at);
        stacked(left).len().max(stacked(right).len())
    };
    let at = (1..sections.len()).min_by_key(height).unwrap_or(0);
    let (left, right) = sections.split_at(at);
    let (mut left, mut right) = (stacked(left), stacked(right));
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
