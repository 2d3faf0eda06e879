//! The stages of a sweep: a table, and charts below or beside it if there is room.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Span;

use super::{Row, fitting, sweep_chart};
use crate::app::state::load::StagesSoFar;
use crate::domain::pass_rate::whole_percent;
use crate::domain::slo::SloUnit;
use crate::domain::sweep::{Saturation, Stage, knee, slo_summary};
use crate::domain::task::Task;
use crate::report::sweep_table::{KNEE, SweepColumn, columns_of, n_of_all, samples_needed_for, unresolved_in_words};
use crate::ui::view::View;
use crate::ui::{fit, number, pane};

/// Width below which the table has narrow columns, cells.
const NARROW: u16 = 30;
/// Cells between the table and the chart beside it.
const GUTTER: u16 = 2;
/// Rows below the table from which charts are there, after a blank row. With fewer rows, charts are beside the table.
const BELOW: u16 = 11;

/// Heading of the throughput. Its unit alone could also mean the speed per user.
const THROUGHPUT: &str = "throughput";
/// Heading of the concurrency in a narrow table, and width of concurrency and throughput there, cells.
const NARROW_CONCURRENCY: &str = "conc.";
const NARROW_COLUMNS: [usize; 2] = [6, 11];
/// Width of the concurrency, cells.
const CONCURRENCY: usize = 12;
/// Width of the sample count, cells.
const N: usize = 8;
/// Number of figures that take precedence over the sample count.
const BEFORE_N: usize = 2;
/// Width of the pass rate, cells.
const PASS: usize = 7;
/// Marks a stage with fewer requests than slots, as in the chart.
const UNFILLED: char = '+';

/// A column.
struct Column {
    heading: &'static str,
    /// Width, cells.
    width: usize,
    /// Percentile that the column shows; `None` for other figures.
    percent: Option<u32>,
    /// Formats the figure of a stage.
    text: Box<dyn Fn(&Stage) -> String>,
}

/// All columns, the most important first. The pass rate needs answers with checks.
fn columns(has_checks: bool, task: Task) -> Vec<Column> {
    let figure = |c: &'static SweepColumn| -> Column {
        let (cells, show): (usize, fn(Option<f64>) -> String) = match c.unit {
            SloUnit::Milliseconds => (10, number::millis),
            SloUnit::RequestsPerSecond => (7, number::rate),
            SloUnit::Tokens | SloUnit::TokensPerSecond | SloUnit::ItemsPerSecond | SloUnit::Percent => {
                (9, number::rate)
            }
        };
        let name = if c.unit == SloUnit::TokensPerSecond && c.label == c.unit.as_str() { THROUGHPUT } else { c.label };
        Column {
            heading: name,
            width: cells.max(fit::width(name) + 2),
            percent: Some(c.percent),
            text: Box::new(move |s| c.cell(s, show)),
        }
    };
    let plain = |heading, width, text| Column { heading, width, percent: None, text };
    let mut all = vec![plain("concurrency", CONCURRENCY, Box::new(|s: &Stage| s.concurrency.to_string()))];
    all.extend(columns_of(task).map(figure));
    let n = |stage: &Stage| if stage.requests > 0 { n_of_all(stage) } else { number::UNKNOWN.to_owned() };
    all.insert(BEFORE_N + 1, plain("n", N, Box::new(n)));
    if has_checks {
        let pass = |s: &Stage| s.pass_rate.percent().map_or_else(|| number::UNKNOWN.to_owned(), whole_percent);
        all.insert(BEFORE_N, plain("pass", PASS, Box::new(pass)));
    }
    all
}

/// Draws table, notes and charts.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &View<'_>) {
    let so_far = view.scene().stages_so_far();
    if so_far.stages.is_empty() {
        let text = fit::cut("No tokens yet.", usize::from(area.width));
        return pane::line(frame, area, 0, Span::styled(text, view.theme.muted()));
    }
    let table = table(view, &so_far, area.width);
    let wanted = table.len() as u16 + BELOW;
    let worthwhile = sweep_chart::MIN_CHART_SIZE;
    let beside = (NARROW_COLUMNS.iter().sum::<usize>() + marks_width(view, &so_far.stages)) as u16;
    let are_below = area.width >= worthwhile.0 && area.height >= wanted;
    let are_beside = area.width >= beside + GUTTER + worthwhile.0 && area.height >= worthwhile.1;
    let (table_width, has_latencies) = match (are_below, are_beside) {
        (true, _) => (area.width, sweep_chart::has_latencies(view, area.width, area.height - table.len() as u16 - 1)),
        (false, true) => (beside, sweep_chart::has_latencies(view, area.width - beside - GUTTER, area.height)),
        (false, false) => (area.width, false),
    };
    let in_table = fitting_columns(view, &so_far.stages, table_width).into_iter().filter_map(|c| c.percent);
    let in_charts = columns_of(view.scene().session.suite.task).map(|c| c.percent).filter(|_| has_latencies);
    let shown: Vec<u32> = in_table.chain(in_charts).collect();
    let mut notes = notes(view, &so_far, area.width, &shown);
    // Charts take precedence over notes, and notes of a low rank over those of a high one.
    notes.sort_by_key(|note| note.rank);
    if are_below {
        notes.truncate(usize::from(area.height - wanted));
        let (above, below) = split(area, (table.len() + notes.len()) as u16);
        lines(frame, above, table.into_iter().chain(notes).collect());
        let charts = Rect { y: below.y + 1, height: below.height - 1, ..below };
        return sweep_chart::draw(frame, charts, view, &so_far);
    }
    if are_beside {
        notes.truncate(usize::from(area.height - worthwhile.1));
        let (above, below) = split(area, area.height - notes.len() as u16);
        let rows = self::table(view, &so_far, beside);
        lines(frame, Rect { width: beside, ..above }, rows);
        let taken = beside + GUTTER;
        let charts = Rect { x: above.x + taken, width: above.width - taken, ..above };
        sweep_chart::draw(frame, charts, view, &so_far);
        return lines(frame, below, notes);
    }
    lines(frame, area, table.into_iter().chain(notes).collect());
}

fn split(area: Rect, height: u16) -> (Rect, Rect) {
    (Rect { height, ..area }, Rect { y: area.y + height, height: area.height - height, ..area })
}

fn lines(frame: &mut Frame<'_>, area: Rect, rows: Vec<Row>) {
    for (at, row) in (0..).zip(fitting(rows, area.height)) {
        pane::line(frame, area, at, row.spans);
    }
}

/// Width of the marks after a line, cells: two for each mark that may occur.
fn marks_width(view: &View<'_>, stages: &[Stage]) -> usize {
    let is_any_warm = stages.iter().any(|s| s.doubts.summary().is_some());
    2 + 2 * usize::from(is_any_warm) + 2 * usize::from(!view.scene().session.slos().is_empty())
}

/// Returns the columns that fit into `width` cells.
fn fitting_columns(view: &View<'_>, stages: &[Stage], width: u16) -> Vec<Column> {
    let mut used = marks_width(view, stages);
    let task = view.scene().session.suite.task;
    let mut all = columns(stages.iter().any(|stage| stage.pass_rate.checked > 0), task);
    if width < NARROW {
        all.iter_mut().zip(NARROW_COLUMNS).for_each(|(column, width)| column.width = width);
        all.iter_mut().take(1).for_each(|column| column.heading = NARROW_CONCURRENCY);
    }
    let fits = |column: &Column| {
        used += column.width;
        used <= usize::from(width)
    };
    all.into_iter().take_while(fits).collect()
}

/// Returns the table; the knee is known once all stages are over.
fn table(view: &View<'_>, so_far: &StagesSoFar, width: u16) -> Vec<Row> {
    let (theme, scene) = (view.theme, view.scene());
    let stages = &so_far.stages;
    let knee = knee(stages).filter(|_| !scene.session.is_active());
    let columns = fitting_columns(view, stages, width);
    let heading = columns.iter().map(|c| Span::styled(fit::right(c.heading, c.width), theme.muted())).collect();
    let mut rows = vec![Row { rank: 1, spans: heading }];
    for (at, stage) in stages.iter().enumerate() {
        let is_running = so_far.running == Some(at);
        let style = if is_running { theme.muted() } else { theme.text() };
        let mut spans: Vec<Span<'static>> =
            columns.iter().map(|c| Span::styled(fit::right(&(c.text)(stage), c.width), style)).collect();
        if knee == Some(at) {
            spans.push(Span::styled(format!(" {KNEE}"), theme.accent()));
        }
        if is_running {
            spans.push(Span::styled(" ○", theme.muted()));
        } else if !stage.fills_slots() {
            spans.push(Span::styled(format!(" {UNFILLED}"), theme.warning()));
        }
        if stage.doubts.summary().is_some() {
            spans.push(Span::styled(" w", theme.warning()));
        }
        if stage.slo_met == Some(false) && !is_running {
            spans.push(Span::styled(" ✗", theme.bad()));
        }
        // A higher rank for earlier stages: they are dropped first.
        rows.push(Row { rank: 10 - u8::try_from(at.min(8)).unwrap_or(8), spans });
    }
    rows
}

/// Notes that qualify the figures, and the saturation once all stages are over. `shown` are the visible percentiles.
fn notes(view: &View<'_>, so_far: &StagesSoFar, width: u16, shown: &[u32]) -> Vec<Row> {
    let (theme, stages) = (view.theme, &so_far.stages);
    let note = |rank, text: &str, style| {
        let text = fit::clauses(text, usize::from(width));
        Row { rank, spans: vec![Span::styled(text, style)] }
    };
    let mut rows = Vec::new();
    if let Some(words) = stages.iter().rev().find_map(|s| Some((s.concurrency, s.doubts.summary()?))) {
        let text = format!("w: prefix cache, concurrency {}: {}", words.0, words.1);
        rows.push(note(2, &text, theme.warning()));
    }
    let over = || stages.iter().enumerate().filter(|(at, _)| so_far.running != Some(*at)).map(|(_, stage)| stage);
    if over().any(|stage| !stage.fills_slots()) {
        let text = format!("{UNFILLED} fewer requests than slots: no knee, no best (see --repeat)");
        rows.push(note(3, &text, theme.warning()));
    }
    if let Some(needed) = samples_needed_for(stages, |percent| shown.contains(&percent)) {
        let text = format!("{} {needed}", number::UNKNOWN);
        rows.push(note(9, &text, theme.muted()));
    }
    if let Some(unresolved) = unresolved_in_words(stages) {
        rows.push(note(2, &format!("unresolved: {unresolved}"), theme.warning()));
    }
    if !view.scene().session.is_active() {
        let slo = slo_summary(stages).map(|met| format!("SLO {met}"));
        let knee = format!("{KNEE} knee: more load mostly adds waiting");
        let both = slo.as_ref().map(|slo| format!("{slo} · {knee}"));
        let is_knee = matches!(Saturation::from_stages(stages), Saturation::Knee(_));
        let is_joined = is_knee && both.as_ref().is_some_and(|both| fit::width(both) <= usize::from(width));
        let slo = if is_joined { both } else { slo };
        // The result for the SLOs takes precedence over the explanation of a mark.
        rows.extend(slo.map(|text| note(8, &text, theme.text())));
        let text = match Saturation::from_stages(stages) {
            Saturation::FromStart(found) => Some(found.to_string()),
            Saturation::NoneUpTo(last) => Some(format!("no saturation up to concurrency {last}")),
            Saturation::Knee(_) => Some(knee).filter(|_| !is_joined),
            Saturation::Unknown => None,
        };
        rows.extend(text.map(|text| note(9, &text, theme.muted())));
    }
    rows
}
