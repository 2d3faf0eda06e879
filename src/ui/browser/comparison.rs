//! The comparison of two runs: verdict, table, distributions.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::{BrowserView, distribution, line, rule, text};
use crate::app::browser::comparison::{ComparedRow, ComparisonView, Judged, MetricRows, RowsBy};
use crate::app::browser::message::DrawnExtents;
use crate::ui::fit::{cut, left, right, width};
use crate::ui::theme::Theme;
use crate::ui::widget::wrap::wrap;

/// Width from which the table is beside the chart, columns.
const BESIDE: u16 = 130;
/// Maximum width of the table beside the chart, columns.
const TABLE_WIDTH: u16 = 96;
/// Maximum number of warnings on the screen.
const MAX_WARNINGS: usize = 3;
/// Maximum number of warnings on a low screen.
const FEW_WARNINGS: usize = 1;
/// Height below which a screen is low, rows.
const LOW: u16 = 30;
/// Height of the charts below the table as a share of both, percent.
const CHART_PERCENT: u16 = 55;
/// Minimum height of a readable chart below the table, rows.
const LEAST_CHART: u16 = 11;
/// Minimum height of the table above a chart, rows.
const LEAST_TABLE: u16 = 5;
/// Width of a figure, columns.
const FIGURE: usize = 15;
/// Width of the difference, columns.
const DIFFERENCE: usize = 9;
/// Width of the judgement, columns.
const JUDGED: usize = 17;

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    let theme = view.theme;
    let comparison = match &view.browser.comparison {
        Some(Ok(comparison)) => comparison,
        Some(Err(why)) => return text(frame, area, 1, &format!("The runs cannot be compared: {why}"), theme.bad()),
        None => return text(frame, area, 1, "Reading both runs …", theme.muted()),
    };
    let warnings = if area.height < LOW { FEW_WARNINGS } else { MAX_WARNINGS };
    let head = head(comparison, usize::from(area.width), warnings, theme);
    let head_rows = (head.len() as u16).min(area.height / 2);
    for (row, shown) in (0..head_rows).zip(&head) {
        line(frame, area, row, shown);
    }
    let below = Rect { y: area.y + head_rows, height: area.height - head_rows, ..area };
    let (table_area, chart_area) = if area.width >= BESIDE {
        let table_width = TABLE_WIDTH.min(area.width * 11 / 20);
        let [table, _, chart] =
            Layout::horizontal([Constraint::Length(table_width), Constraint::Length(2), Constraint::Min(0)])
                .areas(below);
        (table, chart)
    } else {
        let least = LEAST_CHART.min(below.height.saturating_sub(LEAST_TABLE));
        let chart_rows = (below.height * CHART_PERCENT / 100).max(least);
        let [table, chart] = Layout::vertical([Constraint::Min(0), Constraint::Length(chart_rows)]).areas(below);
        (table, chart)
    };
    draw_table(frame, table_area, comparison, view, extents);
    distribution::draw(frame, chart_area, comparison, view);
}

/// Lines above the table: verdict, both runs, and at most `most` warnings.
fn head(comparison: &ComparisonView, columns: usize, most: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut add = |text: String, style: Style| {
        lines.extend(wrap(&[Span::styled(text, style)], columns).into_iter().map(Line::from));
    };
    add(comparison.verdict.clone(), theme.value());
    for (letter, about, series) in [("A", &comparison.a, 0), ("B", &comparison.b, 1)] {
        add(cut(&format!("{letter}  {about}"), columns), theme.series(series));
    }
    // The row that counts the other warnings could hold the last warning itself.
    let shown = if comparison.warnings.len() > most + 1 { most } else { comparison.warnings.len() };
    for warning in comparison.warnings.iter().take(shown) {
        add(format!("!  {warning}"), theme.warning());
    }
    let more = comparison.warnings.len() - shown;
    if more > 0 {
        add(format!("!  {more} more: tokscope compare A B | cat"), theme.warning());
    }
    lines
}

/// A line of the table.
enum TableLine<'a> {
    /// Heading of a metric's rows by case or by turn.
    Heading(&'a str, RowsBy),
    Row(&'a ComparedRow),
    Blank,
}

/// All lines of the table: the totals of all metrics, then the cases or turns of each metric. A metric without cases
/// and turns has no heading.
fn table_lines(metrics: &[MetricRows]) -> Vec<TableLine<'_>> {
    let mut lines: Vec<TableLine<'_>> = Vec::new();
    lines.extend(metrics.iter().flat_map(|metric| metric.rows.iter().filter(|row| row.is_total)).map(TableLine::Row));
    for metric in metrics {
        let mut cases = metric.rows.iter().filter(|row| !row.is_total).map(TableLine::Row).peekable();
        if cases.peek().is_some() {
            lines.extend([TableLine::Blank, TableLine::Heading(&metric.label, metric.by)]);
            lines.extend(cases);
        }
    }
    lines
}

/// Heading of the first visible row: that of its metric, unless the heading itself is still visible.
fn heading_at(lines: &[TableLine<'_>], top: usize) -> String {
    let above = lines.iter().take(top).rev().find_map(|line| match line {
        TableLine::Heading(label, by) => Some((*label, *by)),
        TableLine::Row(_) | TableLine::Blank => None,
    });
    match (lines.get(top), above) {
        (Some(TableLine::Row(row)), None) if row.is_total => "ALL CASES".to_owned(),
        (Some(TableLine::Row(_)), Some((label, by))) => heading_of(label, by),
        _ => String::new(),
    }
}

fn heading_of(label: &str, by: RowsBy) -> String {
    format!("{label}, {}", by.words())
}

fn draw_table(
    frame: &mut Frame<'_>,
    area: Rect,
    comparison: &ComparisonView,
    view: &BrowserView<'_>,
    extents: &mut DrawnExtents,
) {
    let theme = view.theme;
    let lines = table_lines(&comparison.metrics);
    let all = lines.len();
    let rows = usize::from(area.height.saturating_sub(2));
    extents.comparison_limit = all.saturating_sub(rows);
    extents.page = rows.saturating_sub(1);
    if all == 0 {
        let area = rule(frame, area, ("Figures", ""), "", theme);
        return text(frame, area, 0, "There is nothing to compare.", theme.muted());
    }
    let top = view.browser.comparison_top.min(extents.comparison_limit);
    let position = format!("{}–{} of {all}", (top + 1).min(all), (top + rows).min(all));
    let area = rule(frame, area, ("Figures", "mean ± half of its 95% interval"), &position, theme);
    let name_columns = usize::from(area.width).saturating_sub(2 * FIGURE + DIFFERENCE + JUDGED + 3).clamp(8, 36);
    let heads = [("A", theme.series(0)), ("B", theme.series(1)), ("DIFF", theme.muted())];
    // A long heading may extend into the column of run A, up to the letter `A`.
    let heading = heading_at(&lines, top);
    let heading_columns = width(&heading).clamp(name_columns, name_columns + FIGURE - 2);
    let mut spans = vec![Span::styled(left(&heading, heading_columns), theme.muted())];
    let figure_columns = [name_columns + FIGURE - heading_columns, FIGURE, DIFFERENCE];
    for ((head, style), columns) in heads.into_iter().zip(figure_columns) {
        spans.push(Span::styled(right(head, columns), style));
    }
    line(frame, area, 0, &Line::from(spans));
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let mut visible: Vec<&TableLine<'_>> = lines.iter().skip(top).take(rows).collect();
    // Drop a heading at the bottom whose rows are all below the screen.
    while matches!(visible.last(), Some(TableLine::Heading(..) | TableLine::Blank)) {
        visible.pop();
    }
    for (row, shown) in visible.into_iter().enumerate() {
        let shown = match shown {
            TableLine::Blank => continue,
            TableLine::Heading(label, by) => Line::styled(heading_of(label, *by), theme.title(false)),
            TableLine::Row(compared) => table_row(compared, name_columns, theme),
        };
        line(frame, body, row as u16, &shown);
    }
}

fn table_row(row: &ComparedRow, name_columns: usize, theme: Theme) -> Line<'static> {
    let style = if row.is_total { theme.value() } else { theme.text() };
    let judged = match row.judged {
        Judged::Better => theme.good(),
        Judged::Worse => theme.bad(),
        Judged::Differs => theme.accent(),
        Judged::Same | Judged::TooFew | Judged::Unknown => theme.muted(),
    };
    // A figure with a wide interval uses the blanks of the next column, so that no digit is cut.
    let figure = |text: &str| if width(text) < FIGURE { right(text, FIGURE) } else { format!(" {text}") };
    Line::from(vec![
        Span::styled(left(&row.name, name_columns), style),
        Span::styled(figure(&row.a), style),
        Span::styled(figure(&row.b), style),
        Span::styled(right(&row.difference, DIFFERENCE), judged),
        Span::styled(format!("  {}", row.judged.words()), judged),
    ])
}
