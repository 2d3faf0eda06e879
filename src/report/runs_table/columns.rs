//! Columns of the list of runs. Columns without information are omitted, and so are those that exceed the terminal's
//! width.

use std::collections::HashMap;

use unicode_width::UnicodeWidthStr;

use super::{Outcome, RunRow};
use crate::domain::pass_rate::{PassRate, whole_percent};
use crate::domain::quantity::{Quantity, UNKNOWN};
use crate::domain::suite;
use crate::domain::text::sanitise_line;
use crate::report::style::Style;
use crate::report::text_table::{BETWEEN, cut, table};

/// Maximum width of a cell, columns of the terminal.
const MAX_WIDTH: usize = 44;
/// Minimum width to which names are cut before a column is dropped.
const MIN_WIDTH: usize = 12;
/// Minimum width of a name once no more columns can be dropped.
const LEAST_WIDTH: usize = 4;
/// Request path of most endpoints, which is not shown.
const USUAL_PATH: &str = "/v1/chat/completions";

/// A column of the table.
struct Column {
    heading: &'static str,
    is_right: bool,
    /// Priority when space is short: columns with a higher rank are dropped first; rank 0 always stays.
    rank: u8,
    /// Whether the cells are names, which may be cut.
    is_name: bool,
    cell: fn(&RunRow) -> String,
    /// Returns whether a cell holds only the default value.
    is_default: fn(&RunRow) -> bool,
}

const fn never(_run: &RunRow) -> bool {
    false
}

/// All columns, in order.
const COLUMNS: &[Column] = &[
    Column { heading: "RUN", is_right: false, rank: 0, is_name: false, cell: id, is_default: never },
    Column { heading: "DATE", is_right: false, rank: 1, is_name: false, cell: date, is_default: never },
    Column {
        heading: "MODEL",
        is_right: false,
        rank: 0,
        is_name: true,
        cell: |r| name(r.model.as_deref()),
        is_default: never,
    },
    Column { heading: "ENDPOINT", is_right: false, rank: 4, is_name: true, cell: endpoint, is_default: never },
    Column {
        heading: "SUITE",
        is_right: false,
        rank: 5,
        is_name: true,
        cell: |r| name(r.suite.as_ref().map(|name| suite::title(name, &r.case_patterns)).as_deref()),
        is_default: never,
    },
    Column {
        heading: "CONC",
        is_right: true,
        rank: 0,
        is_name: false,
        cell: concurrency,
        is_default: |r| r.concurrency.is_none_or(|n| n == 1),
    },
    Column {
        heading: "RATE/S",
        is_right: true,
        rank: 0,
        is_name: false,
        cell: |r| r.rate.map_or_else(String::new, |rate| rate.to_string()),
        is_default: |r| r.rate.is_none(),
    },
    Column {
        heading: "SWEEP",
        is_right: false,
        rank: 0,
        is_name: true,
        cell: |r| r.sweep.iter().map(usize::to_string).collect::<Vec<_>>().join(","),
        is_default: |r| r.sweep.is_empty(),
    },
    Column {
        heading: "STAGES",
        is_right: false,
        rank: 0,
        is_name: true,
        cell: |r| r.stages.as_deref().map_or_else(String::new, sanitise_line),
        is_default: |r| r.stages.is_none(),
    },
    Column {
        heading: "TRACE",
        is_right: true,
        rank: 0,
        is_name: false,
        cell: |r| r.trace_speed.map_or_else(String::new, |speed| format!("{speed}x")),
        is_default: |r| r.trace_speed.is_none(),
    },
    Column {
        heading: "FOUND",
        is_right: true,
        rank: 0,
        is_name: false,
        cell: |r| r.find.map_or_else(String::new, |found| found.to_string()),
        is_default: |r| r.find.is_none(),
    },
    Column {
        heading: "LIMIT",
        is_right: true,
        rank: 2,
        is_name: false,
        cell: limit,
        is_default: |r| limit(r).is_empty(),
    },
    Column { heading: "CASES", is_right: false, rank: 0, is_name: false, cell: cases, is_default: never },
    Column { heading: "TIME", is_right: true, rank: 3, is_name: false, cell: time, is_default: never },
    Column { heading: "SPEED P50", is_right: true, rank: 0, is_name: false, cell: speed, is_default: never },
    Column {
        heading: "AT",
        is_right: true,
        rank: 0,
        is_name: false,
        cell: |r| {
            r.stage_concurrency
                .filter(|_| r.output_token_throughput_p50.is_some())
                .map_or_else(String::new, |n| n.to_string())
        },
        is_default: |r| r.stage_concurrency.is_none(),
    },
    Column {
        heading: "PASS",
        is_right: true,
        rank: 0,
        is_name: false,
        cell: |r| r.pass_rate.and_then(PassRate::percent).map_or_else(String::new, whole_percent),
        is_default: |r| r.pass_rate.is_none(),
    },
    Column { heading: "STATE", is_right: false, rank: 0, is_name: false, cell: state, is_default: never },
];

/// Columns chosen for a list of runs.
pub struct Columns {
    shown: Vec<&'static Column>,
    /// Maximum width of names.
    name_width: usize,
}

impl Columns {
    /// Chooses the columns that hold information about these runs and fit the width.
    pub fn new(runs: &[RunRow], width: Option<usize>) -> Self {
        let says_something = |column: &&Column| !runs.iter().all(|run| (column.is_default)(run));
        let mut columns = Self { shown: COLUMNS.iter().filter(says_something).collect(), name_width: MAX_WIDTH };
        let Some(width) = width else { return columns };
        // Format each cell only once, because several widths may be tried.
        let cells = |column: &&'static Column| {
            let longest = runs.iter().map(|run| (column.cell)(run).width()).max().unwrap_or(0);
            (column.heading, longest)
        };
        let widths: HashMap<&str, usize> = columns.shown.iter().map(cells).collect();
        while columns.width(&widths) > width {
            let most = columns.shown.iter().map(|column| column.rank).max().unwrap_or(0);
            if columns.name_width > MIN_WIDTH {
                columns.name_width -= 1;
            } else if most > 0 {
                columns.shown.retain(|column| column.rank < most);
                columns.name_width = MAX_WIDTH;
            } else if columns.name_width > LEAST_WIDTH {
                columns.name_width -= 1;
            } else {
                break;
            }
        }
        columns
    }

    /// Returns the width of the table. `cells` has the width of each column's longest uncut cell, by heading.
    fn width(&self, cells: &HashMap<&str, usize>) -> usize {
        let gaps = BETWEEN.len() * self.shown.len().saturating_sub(1);
        let width = |column: &&Column| {
            let longest = cells.get(column.heading).copied().unwrap_or(0);
            let longest = if column.is_name { longest.min(self.name_width) } else { longest };
            longest.max(column.heading.width())
        };
        self.shown.iter().map(width).sum::<usize>() + gaps
    }

    /// Returns the cells of all rows, starting with the headings.
    fn rows(&self, runs: &[RunRow]) -> Vec<Vec<String>> {
        let headings = self.shown.iter().map(|column| column.heading.to_owned()).collect();
        let cell = |column: &Column, run: &RunRow| {
            let text = (column.cell)(run);
            if column.is_name { cut(&text, self.name_width) } else { text }
        };
        let row = |run: &RunRow| self.shown.iter().map(|column| cell(column, run)).collect();
        std::iter::once(headings).chain(runs.iter().map(row)).collect()
    }

    /// Formats the table.
    pub fn table(&self, runs: &[RunRow], style: Style) -> String {
        let right: Vec<usize> = (0..self.shown.len()).filter(|&i| self.shown[i].is_right).collect();
        let paint = |row: usize, column: usize, text: &str| {
            let Some(run) = row.checked_sub(1).and_then(|row| runs.get(row)) else { return style.bold(text) };
            match self.shown.get(column).map(|column| column.heading) {
                Some("DATE") => style.dim(text),
                Some("CASES") if run.failed > 0 => style.bad(text),
                Some("STATE") if run.state == Outcome::Unreadable => style.bad(text),
                Some("PASS") if run.wrong() > 0 => style.bad(text),
                Some("STATE") if !run.is_clean() || run.simulated => style.warning(text),
                Some("STATE") => style.good(text),
                _ => text.to_owned(),
            }
        };
        table(&self.rows(runs), &right, paint)
    }
}

fn id(run: &RunRow) -> String {
    sanitise_line(&run.id)
}

fn date(run: &RunRow) -> String {
    run.started_at.as_deref().map_or_else(|| UNKNOWN.to_owned(), minute)
}

/// Shortens an RFC 3339 time to the minute: `2026-11-30 12:55`.
pub fn minute(time: &str) -> String {
    sanitise_line(time).chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

fn name(name: Option<&str>) -> String {
    name.map_or_else(|| UNKNOWN.to_owned(), sanitise_line)
}

/// Shortens a URL by the scheme and path that most endpoints share.
fn endpoint(run: &RunRow) -> String {
    let url = name(run.url.as_deref());
    let short = url.strip_suffix(USUAL_PATH).unwrap_or(&url);
    short.strip_prefix("http://").unwrap_or(short).to_owned()
}

fn concurrency(run: &RunRow) -> String {
    run.concurrency.map_or_else(String::new, |n| n.to_string())
}

/// Describes the limit of the run; empty for one attempt per case.
fn limit(run: &RunRow) -> String {
    match (run.requests, run.duration_limit_s) {
        (_, Some(seconds)) => format!("{seconds} s"),
        (Some(requests), None) => format!("n {requests}"),
        (None, None) if run.repeat > 1 => format!("{}×", run.repeat),
        (None, None) => String::new(),
    }
}

fn cases(run: &RunRow) -> String {
    match (run.state, run.failed) {
        (Outcome::Unreadable, _) => UNKNOWN.to_owned(),
        (_, 0) => format!("{}/{} ok", run.ok, run.cases),
        (_, failed) => format!("{}/{} ok, {failed} failed", run.ok, run.cases),
    }
}

fn time(run: &RunRow) -> String {
    Quantity::from_millis(run.duration_s.map(|s| s * 1000.0)).to_string()
}

fn speed(run: &RunRow) -> String {
    Quantity::new(run.output_token_throughput_p50, 1).estimated_if(run.estimated).to_string()
}

fn state(run: &RunRow) -> String {
    let count = |n: usize, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
    let failed = count(run.failed_attempts.max(run.failed), "failed");
    let wrong = count(run.wrong(), "wrong");
    let simulated = if run.simulated { ", simulated" } else { "" };
    format!("{}{failed}{wrong}{simulated}", run.state.word())
}
