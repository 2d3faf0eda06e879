//! The footer: the latest notice, and the keys that have an effect now.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::app::action::Action;
use crate::app::state::text_field::TextField;
use crate::app::state::{Notice, Overlay, UiState};
use crate::domain::text::sanitise_line;
use crate::ui::fit::{clauses, spans_width};
use crate::ui::keymap::{Context, DashboardRow, Key, footer_label, is_live};
use crate::ui::view::View;

const BETWEEN: &str = "  ";
/// Minimum number of cells between a notice and the keys beside it.
const MIN_GAP: usize = 3;
/// Actions whose keys take precedence over all others, the most important first.
const ESSENTIAL: [Action; 4] = [Action::Help, Action::Quit, Action::NextPane, Action::Export];
/// Label of the help key if some keys have no room.
const MORE: &str = "more";

/// Draws the footer.
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
        (_, Some(notice)) => notice_line(notice, columns, view),
        _ if has_own_hints(ui) => Line::default(),
        _ => Line::from(keys(Context::from_state(ui), columns, view)),
    };
    frame.buffer_mut().set_line(area.x, area.y, &line, area.width);
}

/// Whether an overlay is open, which has its keys in its border.
const fn has_own_hints(ui: &UiState) -> bool {
    !matches!(ui.overlay, Overlay::None | Overlay::FilterInput | Overlay::SearchInput)
}

/// The notice on the left, and on the right as many keys as fit.
fn notice_line(notice: &Notice, columns: usize, view: &View<'_>) -> Line<'static> {
    let remedy = notice.remedy.and_then(|action| remedy(action, view));
    let text = format!("{}{}", sanitise_line(&notice.text), remedy.unwrap_or_default());
    let notice = if notice.is_error {
        Span::styled(clauses(&format!("! {text}"), columns), view.theme.bad())
    } else {
        Span::styled(clauses(&text, columns), view.theme.accent())
    };
    let room = columns - notice.width();
    let room_for_keys = if has_own_hints(&view.app.ui) { 0 } else { room.saturating_sub(MIN_GAP) };
    let keys = keys(Context::from_state(&view.app.ui), room_for_keys, view);
    let blanks = Span::raw(" ".repeat(room.saturating_sub(spans_width(&keys))));
    [notice, blanks].into_iter().chain(keys).collect()
}

/// Key and label of an action that helps: ` · x cancel`.
fn remedy(action: Action, view: &View<'_>) -> Option<String> {
    let row = view.keymap.rows_in(Context::from_state(&view.app.ui)).find(|r| r.binding.action == action)?;
    if action == Action::TogglePauseCase && view.app.ui.discard.is_some() {
        return Some(format!(" {} again to confirm", row.keys.first()?));
    }
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

/// Returns as many keys of the context as fit, the essential ones last.
fn keys(context: Context, columns: usize, view: &View<'_>) -> Vec<Span<'static>> {
    let shown = |r: &&DashboardRow| is_live(view.app, r.binding);
    let rows: Vec<&DashboardRow> = view.keymap.rows_in(context).filter(shown).collect();
    let hint_of =
        |action| rows.iter().find(|r| r.binding.action == action).and_then(|r| Some((*r, hint(r, context, view)?)));
    let mut used = 0;
    let mut fits = |hint: &[Span<'_>]| {
        let wanted = spans_width(hint) + if used > 0 { BETWEEN.len() } else { 0 };
        let fits = used + wanted <= columns;
        used += if fits { wanted } else { 0 };
        fits
    };
    let mut essential: Vec<_> = ESSENTIAL.into_iter().filter_map(hint_of).filter(|(_, hint)| fits(hint)).collect();
    let others = rows.iter().filter(|r| !ESSENTIAL.contains(&r.binding.action));
    let others = others.filter_map(|r| Some((*r, hint(r, context, view)?)));
    let (mut hints, cut): (Vec<_>, Vec<_>) = others.partition(|(_, hint)| fits(hint));
    if cut.iter().any(|(row, _)| row.binding.on == context) {
        for (_, help) in essential.iter_mut().filter(|(row, _)| row.binding.action == Action::Help) {
            *help = labelled(help[0].content.to_string(), MORE, view);
        }
    }
    hints.extend(essential.into_iter().rev());
    let hints: Vec<_> = hints.into_iter().map(|(_, hint)| hint).collect();
    hints.join(&Span::raw(BETWEEN))
}

fn hint(row: &DashboardRow, context: Context, view: &View<'_>) -> Option<Vec<Span<'static>>> {
    let label = footer_label(view.app, row.binding)?;
    let mut hint = labelled(key_of(row, context, view)?, label, view);
    let beside = row.binding.beside.and_then(|other| view.keymap.rows_in(context).find(|r| r.binding.action == other));
    if let Some(key) = beside.and_then(|other| key_of(other, context, view)) {
        hint.splice(1..1, [Span::raw(" "), Span::styled(key, view.theme.key())]);
    }
    Some(hint)
}

/// The key to show for a row. Skips keys that trigger another row of the context first, such as one of the pane.
fn key_of(row: &DashboardRow, context: Context, view: &View<'_>) -> Option<String> {
    let means_this = |key: &&Key| {
        let first = view.keymap.rows_in(context).find(|r| r.keys.contains(*key));
        first.is_some_and(|first| std::ptr::eq(first, row))
    };
    Some(row.keys.iter().find(means_this)?.to_string())
}

fn labelled(key: String, label: &str, view: &View<'_>) -> Vec<Span<'static>> {
    vec![Span::styled(key, view.theme.key()), Span::styled(format!(" {label}"), view.theme.muted())]
}

#[cfg(test)]
mod tests;
