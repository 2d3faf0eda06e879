//! Context depths: a table of prefill, decode and TTFT at each depth, with charts below or beside it if there is room.
//! A run that measures depths shows them instead of the latency of single cases.

mod charts;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use crate::app::pane::PaneId;
use crate::app::state::Scene;
use crate::domain::quantity::ESTIMATED;
use crate::domain::session::CasePhase;
use crate::report::depth_rows::{DepthRow, MeanStd, depth_rows};

use crate::ui::pane::About;
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Rows below the table from which charts are there, after a blank row. With fewer rows, charts are beside the table.
const BELOW: u16 = 11;
/// Cells between the table and the chart beside it.
const GUTTER: u16 = 2;
/// Width of the mark behind a row, cells.
const MARK: usize = 2;
/// Number of columns of the table beside a chart.
const BESIDE: usize = 3;

/// A column: heading, width in cells, and text for a depth.
type Column = (&'static str, usize, fn(&DepthRow) -> String);

/// All columns, the most important first.
const COLUMNS: [Column; 5] = [
    ("depth", 8, |row| number::grouped(row.test.depth.into())),
    ("prefill", 9, |row| speed(row.prefill_tokens_per_s)),
    ("decode", 8, |row| {
        let mark = if row.is_estimated { ESTIMATED } else { "" };
        format!("{mark}{}", speed(row.decode_tokens_per_s))
    }),
    ("TTFT", 10, |row| number::millis(row.ttft_ms.map(|ttft| ttft.mean))),
    ("n", 5, |row| row.n.to_string()),
];

/// Whether the run measures depths.
pub fn is_shown(scene: &Scene) -> bool {
    scene.session.suite.depths().is_some()
}

/// Draws the pane.
pub fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let scene = view.scene();
    let rows = view.cache.depth_rows(&scene.session, || depth_rows(&scene.session));
    let measured = rows.iter().filter(|row| row.n > 0).count();
    let about = format!("{measured} of {} depths measured, tok/s", rows.len());
    let area = pane::rule(frame, area, view, PaneId::Latency, About::Words(&about), Vec::new());
    let table = table(&rows, view, area.width, COLUMNS.len());
    let (below, beside) = (table.len() as u16 + BELOW, table_width(BESIDE) as u16 + GUTTER);
    let has_chart = rows.len() > 1;
    if has_chart && area.width >= charts::MIN.0 && area.height >= below {
        let notes = notes(&rows, view, area.width, usize::from(area.height - below));
        let used = (table.len() + notes.len()) as u16;
        lines(frame, area, table.into_iter().chain(notes).collect());
        let charts = Rect { y: area.y + used + 1, height: area.height - used - 1, ..area };
        return charts::draw(frame, charts, view, &rows);
    }
    if has_chart && area.width >= beside + charts::MIN.0 && area.height >= charts::MIN.1 {
        let notes = notes(&rows, view, area.width, usize::from(area.height - charts::MIN.1));
        let above = Rect { height: area.height - notes.len() as u16, ..area };
        lines(frame, Rect { width: beside, ..above }, self::table(&rows, view, beside, BESIDE));
        let charts = Rect { x: above.x + beside, width: above.width - beside, ..above };
        charts::draw(frame, charts, view, &rows);
        return lines(frame, Rect { y: above.bottom(), height: area.height - above.height, ..area }, notes);
    }
    let room = usize::from(area.height).saturating_sub(table.len());
    let notes = notes(&rows, view, area.width, room);
    lines(frame, area, table.into_iter().chain(notes).collect());
}

/// Width of a table with `columns` columns and the marks after its rows, cells.
fn table_width(columns: usize) -> usize {
    COLUMNS.iter().take(columns).map(|column| column.1).sum::<usize>() + MARK
}

/// Draws the table. If there are too few rows, the heading stays, and the first depths are dropped.
fn lines(frame: &mut Frame<'_>, area: Rect, mut rows: Vec<Vec<Span<'static>>>) {
    let height = usize::from(area.height);
    if rows.len() > height && height > 1 {
        rows.drain(1..=rows.len() - height);
    }
    for (at, row) in (0..).zip(rows) {
        pane::line(frame, area, at, row);
    }
}

/// Returns the heading and a line for each depth, with at most `most` columns.
fn table(rows: &[DepthRow], view: &View<'_>, width: u16, most: usize) -> Vec<Vec<Span<'static>>> {
    let theme = view.theme;
    let fitting = (1..=most).rev().find(|n| table_width(*n) <= usize::from(width)).unwrap_or(1);
    let columns = COLUMNS.get(..fitting).unwrap_or(&COLUMNS);
    let heading = columns.iter().map(|c| Span::styled(fit::right(c.0, c.1), theme.muted())).collect();
    let line = |(case, row): (usize, &DepthRow)| {
        let is_running = is_running(view.scene(), case);
        let style = if is_running { theme.muted() } else { theme.text() };
        let mut spans: Vec<Span<'static>> =
            columns.iter().map(|c| Span::styled(fit::right(&(c.2)(row), c.1), style)).collect();
        if is_running {
            spans.push(Span::styled(" ○", theme.muted()));
        } else if row.why_missing.is_some() {
            spans.push(Span::styled(" ✗", theme.bad()));
        }
        spans
    };
    std::iter::once(heading).chain(rows.iter().enumerate().map(line)).collect()
}

/// Reasons for missing figures, in at most `most` lines.
fn notes(rows: &[DepthRow], view: &View<'_>, width: u16, most: usize) -> Vec<Vec<Span<'static>>> {
    let missing = rows.iter().filter_map(|row| Some((row.test.depth, row.why_missing.as_ref()?)));
    let note = |(depth, why): (u32, &String)| {
        let text = fit::cut(&format!("✗ d{depth}: {why}"), usize::from(width));
        vec![Span::styled(text, view.theme.warning())]
    };
    missing.map(note).take(most).collect()
}

fn speed(figure: Option<MeanStd>) -> String {
    number::rate(figure.map(|figure| figure.mean))
}

fn is_running(scene: &Scene, case: usize) -> bool {
    scene.session.cases.get(case).is_some_and(|case| case.phase == CasePhase::Running)
}

#[cfg(test)]
mod tests;
