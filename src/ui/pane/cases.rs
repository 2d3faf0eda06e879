//! The table of cases: one live row per case, followed by its attempts if the case is unfolded.

mod cell;
mod columns;
mod line;
mod row;
pub(super) mod status;
#[cfg(test)]
mod tests;
mod trace;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use self::line::row_line;
use self::row::Row;
use crate::app::action::Action;
use crate::app::pane::PaneId;
use crate::app::state::App;
use crate::app::state::cases::RowId;
use crate::app::state::cases::order::SortBy;
use crate::domain::text::sanitise_line;
use crate::ui::pane::About;
use crate::ui::view::View;
use crate::ui::{fit, pane};

/// Cells before the name: selection marker and status glyph.
const LEAD: usize = 3;
/// Mark of a case whose answer has findings.
const MARK: &str = " !";
/// Cells between two columns.
const GAP: usize = 2;

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let suite = &view.scene().session.suite;
    let rows = view.app.table_rows();
    let room = usize::from(area.height.saturating_sub(2));
    let selected = selected(view.app);
    // Scroll so that the selection stays in the middle.
    let first = selected.unwrap_or(0).saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    let visible = &rows[first..(first + room).min(rows.len())];

    let mut figures = figures(view, &rows, first, visible.len());
    figures.extend(stage(view, figures.is_empty()));
    figures.extend(legend(view, visible, figures.is_empty()));
    let area = pane::rule(frame, area, view, PaneId::Cases, About::Name(&sanitise_line(&suite.title())), figures);
    let wanted_name = view.cache.name_width(&rows, || {
        let names = rows.iter().filter(|r| r.attempt.is_none()).filter_map(|r| suite.cases.get(r.case));
        names.map(|c| fit::width(&c.name)).max().unwrap_or(0)
    });
    let table = columns::choose(usize::from(area.width).saturating_sub(LEAD), wanted_name, view.app);

    if rows.is_empty() {
        view.cache.set_case_rows([]);
        let text = if view.app.ui.filter.is_empty() {
            "The suite has no cases.".to_owned()
        } else {
            format!("No case matches the filter. {} clears it.", view.key_of(Action::Back))
        };
        pane::line(frame, area, 1, Line::styled(text, view.theme.muted()));
        return;
    }
    let on_screen = visible.iter().enumerate().map(|(at, row)| (area.y.saturating_add(at as u16 + 1), row.case));
    view.cache.set_case_rows(on_screen);
    let has_means = visible.iter().filter_map(|id| Row::find(view.app, *id)).any(|row| row.is_mean());
    pane::line(frame, area, 0, heading(&table, has_means, view));
    for (at, &id) in visible.iter().enumerate() {
        if let Some(row) = Row::find(view.app, id).map(|row| row.cached_in(view.cache, id.case)) {
            let is_selected = selected == Some(first + at);
            pane::line(frame, area, at as u16 + 1, row_line(&row, &table, is_selected, view));
        }
    }
}

/// Index of the selected row. Falls back to the row of the case, because a frozen screen lacks attempts that started
/// later.
fn selected(app: &App) -> Option<usize> {
    let wanted = app.selected_row();
    app.row_place(wanted).or_else(|| app.row_place(RowId { attempt: None, ..wanted }))
}

/// Figures of the title rule: the filter, and which part of a long list is visible.
fn figures(view: &View<'_>, rows: &[RowId], first: usize, visible: usize) -> Vec<Span<'static>> {
    let all = view.scene().session.cases.len();
    let muted = view.theme.muted();
    let mut spans = Vec::new();
    let filter = sanitise_line(view.app.ui.filter.as_str());
    let cases = view.app.listed_case_count();
    if !filter.is_empty() {
        spans.push(Span::styled(format!("/{filter}"), view.theme.key()));
        spans.push(Span::styled(format!("  {cases} of {all}"), muted));
    }
    if visible < rows.len() {
        // Attempts are rows too, so count rows instead of cases.
        let noun = if rows.len() > cases { "rows " } else { "" };
        let between = if spans.is_empty() { "" } else { "  " };
        let (from, to) = (first + 1, first + visible);
        spans.push(Span::styled(format!("{between}{noun}{from}–{to} of {}", rows.len()), muted));
    }
    spans
}

/// Names the stage of the sweep to which the figures of the cases belong.
fn stage(view: &View<'_>, is_first: bool) -> Option<Span<'static>> {
    let scene = view.scene();
    let concurrency = scene.session.sweep.get(scene.shown_stage())?;
    let between = if is_first { "" } else { "  " };
    Some(Span::styled(format!("{between}figures at concurrency {concurrency}"), view.theme.text()))
}

/// Explains the marks in the visible rows.
fn legend(view: &View<'_>, visible: &[RowId], is_first: bool) -> Option<Span<'static>> {
    let rows: Vec<Row<'_>> = visible.iter().filter_map(|id| Row::find(view.app, *id)).collect();
    let words = [
        ("! findings: see the answer's end", rows.iter().any(Row::has_findings)),
        ("capped: cut at max_tokens", rows.iter().any(Row::is_at_length)),
        ("wrong: failed a check, see the answer's end", rows.iter().any(|row| row.wrong().is_some())),
    ];
    let shown: Vec<&str> = words.into_iter().filter(|(_, is_used)| *is_used).map(|(text, _)| text).collect();
    let between = if is_first { "" } else { "  " };
    (!shown.is_empty()).then(|| Span::styled(format!("{between}{}", shown.join(" · ")), view.theme.muted()))
}

fn heading(table: &columns::Table, has_means: bool, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let sorting = &view.app.ui.cases;
    let arrow = columns::arrow(sorting.reversed);
    let name = match (sorting.sort, sorting.reversed) {
        (SortBy::Name, _) => format!("Case {arrow}"),
        (SortBy::Suite, true) => format!("Suite order {arrow}"),
        _ => "Case".to_owned(),
    };
    // Say "means", because the header has medians.
    let name = if has_means { format!("{name} · means") } else { name };
    let mut spans = vec![Span::raw(" ".repeat(LEAD)), Span::styled(fit::left(&name, table.name), theme.key())];
    for column in &table.columns {
        spans.push(Span::raw(" ".repeat(GAP)));
        let style = if column.is_sorted { theme.key() } else { theme.muted() };
        spans.push(Span::styled(column.aligned(&column.heading), style));
    }
    Line::from(spans)
}
