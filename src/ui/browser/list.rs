//! The list of runs. Only the visible rows are formatted.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::keymap::BrowserContext;
use super::{BrowserView, line, rule, text};
use crate::app::browser::action::BrowserAction;
use crate::app::browser::entry::{RunEntry, RunState};
use crate::app::browser::message::DrawnExtents;
use crate::app::browser::sort::SortColumn;
use crate::app::browser::state::Browser;
use crate::domain::pass_rate::{PassRate, whole_percent};
use crate::domain::quantity::ESTIMATED;
use crate::domain::text::sanitise_line;
use crate::ui::fit::{left, right};
use crate::ui::number::{UNKNOWN, grouped, millis, rate};
use crate::ui::theme::Theme;

/// Blanks between two columns of the list.
const GAP: usize = 2;
/// Width of the signs before the columns: selection, mark and state.
const MARKS: usize = 6;
/// Width of the model below which a column is dropped.
const MIN_MODEL: usize = 16;
/// Maximum width of the model.
const MAX_MODEL: usize = 40;

/// A column of the list.
struct Column {
    heading: &'static str,
    /// Width, cells; 0 for the model, which takes the remaining width.
    width: usize,
    is_right: bool,
    /// Importance: the column with the highest rank is dropped first on a narrow screen.
    rank: u8,
    sort: Option<SortColumn>,
    cell: fn(&RunEntry) -> String,
}

/// All columns, in their order.
const COLUMNS: &[Column] = &[
    Column {
        heading: "STARTED",
        width: 16,
        is_right: false,
        rank: 0,
        sort: Some(SortColumn::Started),
        cell: |r| known(&r.started),
    },
    Column {
        heading: "MODEL",
        width: 0,
        is_right: false,
        rank: 0,
        sort: Some(SortColumn::Model),
        cell: |r| known(&r.model),
    },
    Column { heading: "LOAD", width: 8, is_right: true, rank: 2, sort: None, cell: load },
    Column { heading: "OK", width: 7, is_right: true, rank: 4, sort: None, cell: ok },
    Column {
        heading: "TIME",
        width: 9,
        is_right: true,
        rank: 5,
        sort: Some(SortColumn::Duration),
        cell: |r| millis(r.duration_s.map(|s| s * 1000.0)),
    },
    Column { heading: "SPEED P50", width: 10, is_right: true, rank: 0, sort: Some(SortColumn::Speed), cell: speed },
    Column {
        heading: "TTFT P50",
        width: 9,
        is_right: true,
        rank: 1,
        sort: Some(SortColumn::Ttft),
        cell: |r| millis(r.ttft_ms),
    },
    Column { heading: AT, width: 3, is_right: true, rank: 1, sort: None, cell: stage_concurrency },
    Column { heading: PASS, width: 4, is_right: true, rank: 2, sort: None, cell: pass },
    Column {
        heading: "STATE",
        width: 10,
        is_right: false,
        rank: 3,
        sort: Some(SortColumn::State),
        cell: |r| r.state.word().to_owned(),
    },
    Column { heading: "SUITE", width: 22, is_right: false, rank: 6, sort: None, cell: |r| known(&r.suite) },
    Column { heading: "ENDPOINT", width: 24, is_right: false, rank: 7, sort: None, cell: |r| known(&r.endpoint) },
    Column { heading: "RUN", width: 16, is_right: false, rank: 8, sort: None, cell: |r| sanitise_line(&r.id) },
];

/// Heading of the concurrency to which the figures of a sweep belong. The column is absent if the list has no sweep.
const AT: &str = "AT";
/// Heading of the pass rate. The column is absent if no listed run has checks.
const PASS: &str = "PASS";

/// Whether some listed run has a value in the column.
fn is_used(column: &Column, browser: &Browser) -> bool {
    let mut listed = browser.visible.iter().filter_map(|at| browser.runs.get(*at));
    match column.heading {
        AT => listed.any(|run| run.stage.is_some()),
        PASS => listed.any(|run| run.pass_rate.is_some()),
        _ => true,
    }
}

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, view: &BrowserView<'_>, extents: &mut DrawnExtents) {
    let browser = view.browser;
    let count = browser.visible.len();
    let position = if count == 0 {
        String::new()
    } else {
        let marked = match browser.marks.len() {
            0 => String::new(),
            n => format!("{} marked · ", grouped(n as u64)),
        };
        format!("{marked}{} of {}", grouped(browser.cursor as u64 + 1), grouped(count as u64))
    };
    let filter = browser.filter.as_str();
    let about = if filter.is_empty() { String::new() } else { format!("filter: {filter}") };
    let area = rule(frame, area, ("Runs", &about), &position, view.theme);
    let columns = Columns::new(usize::from(area.width), browser);
    if count > 0 {
        line(frame, area, 0, &columns.headings(browser.sort, browser.is_reversed, view.theme));
    }
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
    let rows = usize::from(body.height);
    extents.page = rows.saturating_sub(1);
    if count == 0 {
        let (why, style) = why_empty(view);
        text(frame, body, 1, &format!("  {why}"), style);
        return;
    }
    let top = browser.cursor.saturating_sub(rows / 2).min(count.saturating_sub(rows));
    for (row, at) in (top..count).take(rows).enumerate() {
        if let Some(run) = browser.listed(at) {
            let is_selected = at == browser.cursor;
            let (mark, width) = (browser.mark_of(&run.id), usize::from(body.width));
            line(frame, body, row as u16, &columns.row(run, is_selected, mark, width, view.theme));
        }
    }
}

/// Reason why no run is listed, and its style.
fn why_empty(view: &BrowserView<'_>) -> (String, Style) {
    let browser = view.browser;
    if let Some(why) = &browser.reading.failure {
        return (format!("The runs cannot be read: {why}"), view.theme.bad());
    }
    let text = if browser.is_reading() {
        "Reading the saved runs …"
    } else if browser.runs.is_empty() {
        "No saved runs yet. Try: tokscope --demo"
    } else {
        let key = view.keymap.key_of(BrowserAction::Back, BrowserContext::List);
        return (format!("No run matches the filter. {key} clears it."), view.theme.muted());
    };
    (text.to_owned(), view.theme.muted())
}

/// The columns that fit, and the width of the model.
struct Columns {
    shown: Vec<&'static Column>,
    model_width: usize,
}

impl Columns {
    fn new(width: usize, browser: &Browser) -> Self {
        let mut shown: Vec<&Column> = COLUMNS.iter().filter(|column| is_used(column, browser)).collect();
        loop {
            let fixed: usize = shown.iter().map(|column| column.width + GAP).sum::<usize>() + MARKS;
            let most = shown.iter().map(|column| column.rank).max().unwrap_or(0);
            if most == 0 || width >= fixed + MIN_MODEL {
                let model_width = width.saturating_sub(fixed).clamp(1, MAX_MODEL);
                return Self { shown, model_width };
            }
            shown.retain(|column| column.rank < most);
        }
    }

    fn padded(&self, column: &Column, text: &str) -> String {
        let width = if column.width == 0 { self.model_width } else { column.width };
        if column.is_right { right(text, width) } else { left(text, width) }
    }

    fn headings(&self, sort: SortColumn, is_reversed: bool, theme: Theme) -> Line<'static> {
        let mut spans = vec![Span::raw(" ".repeat(MARKS))];
        for column in &self.shown {
            let is_sorted = column.sort == Some(sort);
            let mark = match (is_sorted, is_reversed) {
                (false, _) => "",
                (true, false) => "▾",
                (true, true) => "▴",
            };
            let style = if is_sorted { theme.accent() } else { theme.muted() };
            spans.push(Span::styled(self.padded(column, &format!("{}{mark}", column.heading)), style));
            spans.push(Span::raw(" ".repeat(GAP)));
        }
        Line::from(spans)
    }

    /// Formats the row of a run, `columns` wide.
    fn row(
        &self,
        run: &RunEntry,
        is_selected: bool,
        mark: Option<char>,
        columns: usize,
        theme: Theme,
    ) -> Line<'static> {
        let pointer = if is_selected { "▸" } else { " " };
        let mark = mark.map_or_else(|| "  ".to_owned(), |letter| format!("{letter} "));
        let mut spans = vec![Span::styled(pointer, theme.accent()), Span::styled(mark, theme.warning())];
        spans.push(Span::styled(format!("{}  ", sign(run)), state_style(run, theme)));
        if let Some(why) = &run.error {
            spans.push(Span::styled(left("unreadable", 16), theme.bad()));
            let text = format!("  {}: {why}", sanitise_line(&run.id));
            spans.push(Span::styled(left(&text, self.width().saturating_sub(MARKS + 16)), theme.muted()));
        } else {
            for column in &self.shown {
                spans.push(Span::styled(self.padded(column, &(column.cell)(run)), style_of(column, run, theme)));
                spans.push(Span::raw(" ".repeat(GAP)));
            }
        }
        let row = Line::from(spans);
        if is_selected { theme.highlight(&row, columns) } else { row }
    }

    fn width(&self) -> usize {
        let columns: usize = self.shown.iter().map(|column| column.width + GAP).sum();
        MARKS + columns + self.model_width
    }
}

fn style_of(column: &Column, run: &RunEntry, theme: Theme) -> Style {
    match column.heading {
        "STATE" => state_style(run, theme),
        PASS if run.pass_rate.is_some_and(|rate| rate.failed() > 0) => theme.bad(),
        PASS => theme.good(),
        "SPEED P50" | "TTFT P50" => theme.value(),
        "MODEL" => theme.text(),
        "OK" if run.failed > 0 || run.failed_attempts > 0 => theme.bad(),
        _ => theme.muted(),
    }
}

fn known(text: &str) -> String {
    if text.is_empty() { UNKNOWN.to_owned() } else { text.to_owned() }
}

/// Load of a run, cut to the column: `--stages` can be long.
fn load(run: &RunEntry) -> String {
    if run.load.contains(':') { "stages".to_owned() } else { known(&run.load) }
}

fn ok(run: &RunEntry) -> String {
    format!("{}/{}", run.ok, run.cases)
}

fn stage_concurrency(run: &RunEntry) -> String {
    run.stage.filter(|_| run.speed_tok_s.is_some()).map_or_else(String::new, |stage| stage.to_string())
}

fn pass(run: &RunEntry) -> String {
    run.pass_rate.and_then(PassRate::percent).map_or_else(String::new, whole_percent)
}

fn speed(run: &RunEntry) -> String {
    let mark = if run.estimated && run.speed_tok_s.is_some() { ESTIMATED } else { "" };
    format!("{mark}{}", rate(run.speed_tok_s))
}

fn state_style(run: &RunEntry, theme: Theme) -> Style {
    match run.state {
        RunState::Complete if run.is_clean() => theme.good(),
        RunState::Complete | RunState::Partial | RunState::Unfinished => theme.warning(),
        RunState::Running => theme.accent(),
        RunState::Unreadable => theme.bad(),
    }
}

/// Sign of a state, which also shows it on screens without room for its word. A complete run with failed attempts or
/// wrong answers has a sign of its own.
fn sign(run: &RunEntry) -> &'static str {
    match run.state {
        RunState::Complete if run.is_clean() => "✓",
        RunState::Complete => "!",
        RunState::Partial => "◐",
        RunState::Running => "▶",
        RunState::Unfinished => "‖",
        RunState::Unreadable => "✗",
    }
}
