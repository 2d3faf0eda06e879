//! The table of cases: one row each, live.

mod columns;
pub(super) mod status;
mod trace;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use self::columns::Column;
use crate::app::model::{PaneId, Scene};
use crate::domain::attempt::AttemptRecord;
use crate::domain::live::InFlight;
use crate::domain::session::{CasePhase, CaseState};
use crate::domain::suite::CaseSpec;
use crate::domain::text::sanitise_line;
use crate::ui::theme::Theme;
use crate::ui::view::View;
use crate::ui::{fit, pane};

/// Cells of marker and glyph before the name.
const LEAD: usize = 3;
/// What marks a case whose answer has findings.
const MARK: &str = " !";
/// Cells between two columns.
const GAP: usize = 2;

/// A case as its row needs it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    scene: &'a Scene,
    spec: &'a CaseSpec,
    state: &'a CaseState,
    /// Its request in flight.
    live: Option<&'a InFlight>,
    /// Its whole answer that is reported.
    record: Option<&'a AttemptRecord>,
}

impl<'a> Row<'a> {
    fn of(scene: &'a Scene, case: usize) -> Option<Self> {
        let (spec, state) = (scene.session.suite.cases.get(case)?, scene.session.cases.get(case)?);
        let live = (state.phase == CasePhase::Running).then(|| scene.in_flight_of(case)).flatten();
        let record = state.shown().map(std::convert::AsRef::as_ref).filter(|r| r.is_ok());
        Some(Self { scene, spec, state, live, record })
    }

    /// The reason that stands in place of figures.
    fn failure(&self) -> Option<String> {
        if self.state.phase != CasePhase::Failed || self.record.is_some() {
            return None;
        }
        let record = self.state.last_ended()?;
        let error = record.error.as_ref()?;
        let message = if error.message.is_empty() { &error.kind } else { &error.message };
        let came = record.content_events();
        let after = if came > 0 { format!(" · after {came} events") } else { String::new() };
        Some(format!("{}{after}", sanitise_line(message)))
    }
}

/// Draws it.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let scene = view.scene();
    let listed = view.app.listed_cases();
    let rows = usize::from(area.height.saturating_sub(2));
    let selected = listed.iter().position(|&i| i == view.app.ui.selected).unwrap_or(0);
    // The selection stays in the middle while there is something to scroll.
    let first = selected.saturating_sub(rows / 2).min(listed.len().saturating_sub(rows));
    let seen = &listed[first..(first + rows).min(listed.len())];

    let figures = figures(view, &listed, first, seen.len());
    let area = pane::rule(frame, area, view, PaneId::Cases, &sanitise_line(&scene.session.suite.name), figures);
    let names = |i: &usize| scene.session.suite.cases.get(*i).map_or(0, |c| fit::width(&c.name));
    let wanted_name = listed.iter().map(names).max().unwrap_or(0);
    let table = columns::choose(usize::from(area.width).saturating_sub(LEAD), wanted_name, scene);

    if listed.is_empty() {
        view.cache.set_case_rows([]);
        let text =
            if view.app.ui.filter.is_empty() { "The suite has no cases." } else { "No case matches the filter." };
        pane::line(frame, area, 1, Line::styled(text, view.theme.muted()));
        return;
    }
    let on_screen = seen.iter().enumerate().map(|(at, &case)| (area.y.saturating_add(at as u16 + 1), case));
    view.cache.set_case_rows(on_screen);
    pane::line(frame, area, 0, heading(&table, view));
    for (at, &case) in seen.iter().enumerate() {
        if let Some(row) = Row::of(scene, case) {
            let is_selected = case == view.app.ui.selected;
            pane::line(frame, area, at as u16 + 1, line(&row, &table, is_selected, view));
        }
    }
}

/// What stands at the right of the rule: the filter, or where in a long list this is.
fn figures(view: &View<'_>, listed: &[usize], first: usize, seen: usize) -> Vec<Span<'static>> {
    let all = view.scene().session.cases.len();
    let filter = sanitise_line(view.app.ui.filter.as_str());
    if !filter.is_empty() {
        return vec![
            Span::styled(format!("/{filter}"), view.theme.key()),
            Span::styled(format!("  {} of {all}", listed.len()), view.theme.muted()),
        ];
    }
    if seen < listed.len() {
        return vec![Span::styled(format!("{}–{} of {}", first + 1, first + seen, listed.len()), view.theme.muted())];
    }
    Vec::new()
}

fn heading(table: &columns::Table, view: &View<'_>) -> Line<'static> {
    let mut text = format!("{}{}", " ".repeat(LEAD), " ".repeat(table.name));
    for column in &table.columns {
        text.push_str(&" ".repeat(GAP));
        text.push_str(&aligned(column, column.heading));
    }
    Line::styled(text, view.theme.muted())
}

fn aligned(column: &Column, text: &str) -> String {
    if column.is_text { fit::left(text, column.width) } else { fit::right(text, column.width) }
}

fn line(row: &Row<'_>, table: &columns::Table, is_selected: bool, view: &View<'_>) -> Line<'static> {
    let theme = view.theme;
    let (glyph, word, style) = status::of(row, theme);
    let name_style = match row.state.phase {
        _ if is_selected => theme.title(view.is_focused(PaneId::Cases)),
        CasePhase::Queued | CasePhase::Cancelled | CasePhase::Unreached => theme.muted(),
        _ => theme.text(),
    };
    let mut spans = vec![
        if is_selected { Span::styled("▸", theme.key()) } else { Span::raw(" ") },
        Span::styled(glyph, style),
        Span::raw(" "),
        Span::styled(fit::left(&sanitise_line(&row.spec.name), table.name), name_style),
    ];
    let failure = row.failure();
    for (at, column) in table.columns.iter().enumerate() {
        spans.push(Span::raw(" ".repeat(GAP)));
        match &failure {
            Some(why) if !column.survives_failure => {
                let rest = &table.columns[at..];
                let room = rest.iter().map(|c| c.width + GAP).sum::<usize>() - GAP;
                spans.push(Span::styled(fit::cut(why, room), theme.text()));
                break;
            }
            _ if column.is_state => spans.extend(state(row, &word, column.width, style, theme)),
            _ => spans.extend(column.cell(row, theme)),
        }
    }
    Line::from(spans)
}

/// The word of a case's state, and a quiet mark behind it where the shown answer has findings: the preview says which.
fn state(row: &Row<'_>, word: &str, cells: usize, style: Style, theme: Theme) -> Vec<Span<'static>> {
    let marked = row.state.phase == CasePhase::Done && row.record.is_some_and(|r| !r.findings.is_empty());
    let room = cells.saturating_sub(fit::width(word));
    if !marked || room < MARK.len() {
        return vec![Span::styled(fit::left(word, cells), style)];
    }
    vec![Span::styled(word.to_owned(), style), Span::styled(fit::left(MARK, room), theme.muted())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnosis::Finding;
    use crate::ui::testing::{script_of, ten_cases, text};

    #[test]
    fn a_case_with_findings_has_a_mark_and_the_others_have_none() {
        let mut stage = ten_cases(0);
        for case in 0..2 {
            stage.start(case, 1, script_of(case));
            stage.pass(60_000);
            stage.end(case, |r| {
                r.status = crate::domain::attempt::AttemptStatus::Ok;
                if case == 1 {
                    r.findings.push(Finding { key: "pauses", message: "it paused".into() });
                }
            });
        }
        let shown = text(&stage.draw_with(100, 14, Theme::ansi(), draw));
        let rows: Vec<&str> = shown.lines().filter(|l| l.contains("done")).collect();
        assert_eq!(rows.iter().map(|r| r.contains("done !")).collect::<Vec<_>>(), [false, true], "{shown}");
    }
}
