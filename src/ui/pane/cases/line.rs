//! The line of a row in the table.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::row::Row;
use super::{GAP, LEAD, MARK, cell, columns, status};
use crate::app::pane::PaneId;
use crate::domain::attempt::AttemptId;
use crate::domain::session::{CasePhase, warmup_name};
use crate::domain::text::sanitise_line;
use crate::ui::fit;
use crate::ui::theme::Theme;
use crate::ui::view::View;

/// Draws a row in the columns of the table.
pub(super) fn row_line(row: &Row<'_>, table: &columns::Table, is_selected: bool, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let state_cells = table.columns.iter().find(|c| c.is_state()).map_or(0, |c| c.width);
    let (glyph, word, style) = status::row_status(row, state_cells, theme);
    let name_style = match row.phase {
        _ if is_selected => theme.title(view.is_focused(PaneId::Cases)),
        _ if row.attempt.is_some() => theme.muted(),
        CasePhase::Queued | CasePhase::Cancelled | CasePhase::Unreached => theme.muted(),
        _ => theme.text(),
    };
    let mut spans = vec![
        if is_selected { Span::styled("▸", theme.key()) } else { Span::raw(" ") },
        Span::styled(fit::left(glyph, LEAD - 1), style),
        Span::styled(fit::left(&name(row), table.name), name_style),
    ];
    let failure = row.failure();
    for (at, column) in table.columns.iter().enumerate() {
        spans.push(Span::raw(" ".repeat(GAP)));
        match &failure {
            Some((why, after)) if !column.survives_failure() => {
                let rest = &table.columns[at..];
                let room = rest.iter().map(|c| c.width + GAP).sum::<usize>() - GAP;
                let both = format!("{why}{after}");
                let text = if fit::width(&both) <= room { both } else { fit::cut(why, room) };
                spans.push(Span::styled(text, theme.text()));
                break;
            }
            _ if column.is_state() => spans.extend(state(row, &word, column.width, style, theme)),
            _ => spans.extend(column.cell(row, theme)),
        }
    }
    Line::from(spans)
}

/// Status word of a row, with a muted mark if its answer has findings, which the Answer pane lists.
fn state(row: &Row<'_>, word: &str, cells: usize, style: Style, theme: Theme) -> Vec<Span<'static>> {
    let marked = row.has_findings();
    let room = cells.saturating_sub(fit::width(word));
    if !marked || room < MARK.len() {
        return vec![Span::styled(fit::left(word, cells), style)];
    }
    vec![Span::styled(word.to_owned(), style), Span::styled(fit::left(MARK, room), theme.muted())]
}

/// Name of the case; in the row of an attempt, its number, kind and stage.
fn name(row: &Row<'_>) -> String {
    let Some(attempt) = row.attempt else { return sanitise_line(&row.spec.name) };
    let is_last = row.state.attempts.len() == attempt.number as usize;
    let session = &row.scene.session;
    let id = AttemptId { case: row.case, number: attempt.number };
    let warmup = if attempt.warmup { format!(" · {}", warmup_name(session, id)) } else { String::new() };
    let stage = session.stage_name_of(attempt).map_or_else(String::new, |stage| format!(" · {stage}"));
    let cache = row.record.as_deref().and_then(cell::cache).map_or_else(String::new, |word| format!(" · {word}"));
    let turn = attempt.turn.map_or_else(String::new, |turn| format!(" · turn {}/{}", turn.number, turn.of));
    format!("{} {}{warmup}{stage}{turn}{cache}", if is_last { "└" } else { "├" }, attempt.number)
}
