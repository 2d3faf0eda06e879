//! Selection, order, unfolded cases and baseline of the table of cases.

use crate::app::state::App;
use crate::app::state::cases::{RowId, reported};
use crate::domain::difference::Figures;
use crate::domain::session::CasePhase;

/// Selects a row. The answer of another row is scrolled home.
fn select_row(app: &mut App, row: RowId) {
    if row != app.selected_row() {
        app.ui.answer.go_home();
    }
    (app.ui.selected, app.ui.selected_attempt) = (row.case, row.attempt);
}

/// Selects a case.
pub(super) fn select_case(app: &mut App, case: usize) {
    select_row(app, RowId { case, attempt: None });
}

/// Selects the row `by` further down, and stops following the run.
pub(super) fn move_selection(app: &mut App, by: isize) {
    app.ui.follows = false;
    let rows = app.table_rows();
    let at = app.row_place(app.selected_row()).unwrap_or(0);
    let to = at.saturating_add_signed(by).min(rows.len().saturating_sub(1));
    if let Some(&row) = rows.get(to) {
        select_row(app, row);
    }
}

/// Selects the first listed case if the filter hides the selected one.
pub(super) fn select_listed(app: &mut App) {
    let listed = app.listed_cases();
    match listed.first() {
        Some(&first) if !listed.contains(&app.ui.selected) => select_case(app, first),
        _ => {}
    }
}

/// Selects the running case, and follows each case that starts.
pub(super) fn follow(app: &mut App) {
    app.ui.follows = true;
    app.ui.answer.go_home();
    let running = app.scene.session.cases.iter().rposition(|c| c.phase == CasePhase::Running);
    select_case(app, running.unwrap_or(app.ui.selected));
}

/// Sorts by the next column.
pub(super) fn sort_by_next(app: &mut App) {
    let measures = app.measures();
    let table = &mut app.ui.cases;
    (table.sort, table.reversed) = (table.sort.next(measures), false);
}

/// Shows the attempts of the selected case as rows. The selection stays on the case.
pub(super) fn unfold(app: &mut App) {
    app.ui.follows = false;
    app.ui.cases.unfolded.insert(app.ui.selected);
}

/// Hides the attempts of the selected case.
pub(super) fn fold(app: &mut App) {
    app.ui.cases.unfolded.remove(&app.ui.selected);
    select_case(app, app.ui.selected);
}

/// Sets the current figures as the baseline, or drops the baseline. Returns the text of the notice.
pub(super) fn toggle_baseline(app: &mut App) -> String {
    if app.ui.cases.baseline.take().is_some() {
        return "Baseline dropped: differences now refer to the previous attempt".to_owned();
    }
    let stage = app.scene.shown_stage();
    let figures: Vec<Figures> = app.scene.session.cases.iter().map(|case| reported(case, stage)).collect();
    let known = figures.iter().filter(|f| !f.is_empty()).count();
    let all = figures.len();
    app.ui.cases.baseline = Some(figures);
    format!("Baseline set from {known} of {all} cases: differences now refer to it")
}

#[cfg(test)]
mod tests;
