//! The footer: the filter while the user types it, the latest notice, and the keys that have an effect now.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::keymap::{BrowserContext, BrowserKeymap, BrowserRow};
use super::{BrowserView, TWO_PANES};
use crate::app::browser::action::BrowserAction;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{clauses, spans_width};
use crate::ui::theme::Theme;

const BETWEEN: &str = "  ";
/// Actions whose keys are shown even if others have no room.
const ESSENTIAL: [BrowserAction; 2] = [BrowserAction::Quit, BrowserAction::Help];

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>) {
    let (browser, theme) = (view.browser, view.theme);
    let context = BrowserContext::from_state(browser);
    let columns = usize::from(area.width);
    let mut spans: Vec<Span<'static>> = Vec::new();
    if context == BrowserContext::Filter {
        let (before, after) = browser.filter.around_cursor();
        spans.push(Span::styled("/", theme.key()));
        spans.push(Span::styled(sanitise_line(before), theme.value()));
        spans.push(Span::styled("█", theme.accent()));
        spans.push(Span::styled(sanitise_line(after), theme.value()));
    } else if let Some(notice) = &browser.notice {
        let (mark, style) = if notice.is_error { ("! ", theme.bad()) } else { ("", theme.accent()) };
        spans.push(Span::styled(clauses(&format!("{mark}{}", sanitise_line(&notice.text)), columns), style));
    }
    if !spans.is_empty() {
        spans.push(Span::raw("   "));
    }
    // The question before a deletion has its own keys.
    let room = if context == BrowserContext::Delete { 0 } else { columns.saturating_sub(spans_width(&spans)) };
    spans.extend(keys(view.keymap, context, room, area.width < TWO_PANES, theme));
    frame.buffer_mut().set_line(area.x, area.y, &Line::from(spans), area.width);
}

/// Keys with their labels: as many as fit, but always the essential ones.
fn keys(
    keymap: &BrowserKeymap,
    context: BrowserContext,
    columns: usize,
    has_one_pane: bool,
    theme: Theme,
) -> Vec<Span<'static>> {
    let hint = |row: &BrowserRow| {
        let (key, label) = (row.keys.first()?, row.binding.footer?);
        Some((
            row.binding.action,
            vec![Span::styled(key.to_string(), theme.key()), Span::styled(format!(" {label}"), theme.muted())],
        ))
    };
    let rows = keymap.rows_in(context).filter(|row| has_one_pane || row.binding.action != BrowserAction::SwitchPane);
    let all: Vec<_> = rows.filter_map(hint).collect();
    let width_of = |hint: &[Span<'_>]| spans_width(hint) + BETWEEN.len();
    let is_essential = |action: &BrowserAction| ESSENTIAL.contains(action);
    let reserved: usize = all.iter().filter(|(a, _)| is_essential(a)).map(|(_, hint)| width_of(hint)).sum();
    let mut used = reserved;
    let mut shown = Vec::new();
    for (action, hint) in all {
        if !is_essential(&action) {
            if used + width_of(&hint) > columns + BETWEEN.len() {
                continue;
            }
            used += width_of(&hint);
        }
        if !shown.is_empty() {
            shown.push(Span::raw(BETWEEN));
        }
        shown.extend(hint);
    }
    if reserved <= columns + BETWEEN.len() { shown } else { Vec::new() }
}
