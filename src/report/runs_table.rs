//! The list of saved runs.

use std::time::Duration;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::journal::JournalSummaryHeader;
use super::run_figures::RunFigures;
use crate::domain::quantity::{Quantity, UNKNOWN, count};
use crate::domain::text::sanitise_line;
use crate::domain::time::clock;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All that was asked for was measured.
    Whole,
    /// It ended in order with something missing.
    Partial,
    /// A process writes it now.
    Running,
    /// It did not end in order.
    Unfinished,
    /// Its journal cannot be read.
    Unreadable,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partial => "partial",
            Self::Running => "running",
            Self::Unfinished => "not ended",
            Self::Unreadable => "unreadable",
        }
    }
}

/// A saved run in a few figures.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct RunRow {
    pub id: String,
    pub started_at: Option<String>,
    pub model: Option<String>,
    pub url: Option<String>,
    pub suite: Option<String>,
    pub simulated: bool,
    pub cases: usize,
    pub ok: usize,
    pub failed: usize,
    /// How long it was going.
    pub duration_s: Option<f64>,
    /// Over all reported attempts, tokens per second.
    pub output_token_throughput_p50: Option<f64>,
    /// That rests on an estimate of the tokens.
    pub estimated: bool,
    pub state: Outcome,
    pub bytes: u64,
    /// Why it cannot be read.
    pub error: Option<String>,
}

impl RunRow {
    /// The row of a run that could be read.
    pub fn new(run: JournalSummaryHeader, figures: RunFigures, state: Outcome, bytes: u64) -> Self {
        Self {
            id: run.id,
            started_at: Some(figures.started_at),
            model: Some(run.model),
            url: Some(run.url),
            suite: Some(run.suite.name),
            simulated: run.simulated,
            cases: figures.cases,
            ok: figures.ok,
            failed: figures.failed,
            duration_s: figures.duration_s,
            output_token_throughput_p50: figures.output_token_throughput_p50,
            estimated: figures.estimated,
            state,
            bytes,
            error: None,
        }
    }

    /// The row of a run whose journal cannot be read.
    pub fn unreadable(id: String, bytes: u64, why: &str) -> Self {
        Self {
            id,
            started_at: None,
            model: None,
            url: None,
            suite: None,
            simulated: false,
            cases: 0,
            ok: 0,
            failed: 0,
            duration_s: None,
            output_token_throughput_p50: None,
            estimated: false,
            state: Outcome::Unreadable,
            bytes,
            error: Some(sanitise_line(why)),
        }
    }

    fn cells(&self) -> [String; 9] {
        let text =
            |value: &Option<String>| value.as_deref().map_or_else(|| UNKNOWN.to_owned(), |t| cut(&sanitise_line(t)));
        let date = self.started_at.as_deref().map_or_else(|| UNKNOWN.to_owned(), |t| t.chars().take(16).collect());
        let speed = Quantity::new(self.output_token_throughput_p50, 1).estimated_if(self.estimated).to_string();
        let time = self
            .duration_s
            .map_or_else(|| UNKNOWN.to_owned(), |s| clock(Duration::try_from_secs_f64(s).unwrap_or_default()));
        let cases = match (self.state, self.failed) {
            (Outcome::Unreadable, _) => UNKNOWN.to_owned(),
            (_, 0) => format!("{}/{} ok", self.ok, self.cases),
            (_, failed) => format!("{}/{} ok, {failed} failed", self.ok, self.cases),
        };
        let state =
            if self.simulated { format!("{}, simulated", self.state.word()) } else { self.state.word().to_owned() };
        let date = date.replace('T', " ");
        [
            sanitise_line(&self.id),
            date,
            text(&self.model),
            text(&self.url),
            text(&self.suite),
            cases,
            time,
            speed,
            state,
        ]
    }
}

/// Longest cell, columns.
const WIDEST: usize = 44;

fn cut(text: &str) -> String {
    if text.width() <= WIDEST {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + 2 > WIDEST {
            break;
        }
        out.push(c);
    }
    out + "…"
}

/// A table for people.
pub fn text(runs: &[RunRow], folder: &str) -> String {
    if runs.is_empty() {
        return format!("No run was saved yet in '{folder}'\n");
    }
    let head = ["RUN", "DATE", "MODEL", "ENDPOINT", "SUITE", "CASES", "TIME", "TOK/S", "STATE"].map(str::to_owned);
    let rows: Vec<[String; 9]> = std::iter::once(head).chain(runs.iter().map(RunRow::cells)).collect();
    let why = |run: &RunRow| Some(format!("{}: {}\n", sanitise_line(&run.id), run.error.as_ref()?));
    let unreadable: String = runs.iter().filter_map(why).collect();
    let mib = runs.iter().map(|r| r.bytes).sum::<u64>() as f64 / 1_048_576.0;
    let (table, n) = (table(&rows, &[6, 7]), count(runs.len(), "run"));
    format!("{table}{unreadable}{n}, {mib:.1} MiB in '{folder}'; TIME is how long it was going, TOK/S the median\n")
}

/// Rows of cells in columns, those in `right` set to the right.
pub(super) fn table<R: AsRef<[String]>>(rows: &[R], right: &[usize]) -> String {
    let mut widths = vec![0; rows.first().map_or(0, |row| row.as_ref().len())];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row.as_ref()) {
            *width = cell.width().max(*width);
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, (cell, width)) in row.as_ref().iter().zip(&widths).enumerate() {
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            let gap = if i == 0 { "" } else { "  " };
            let (before, after) = if right.contains(&i) { (blanks.as_str(), "") } else { ("", blanks.as_str()) };
            line.extend([gap, before, cell, after]);
        }
        out += line.trim_end();
        out.push('\n');
    }
    out
}

/// The same as JSON.
pub fn json(runs: &[RunRow]) -> String {
    super::json::pretty(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{report, sample_session};
    use crate::report::journal::BriefSuite;

    #[test]
    fn the_table_tells_what_there_is_and_what_cannot_be_read() {
        let report = report(sample_session());
        let header = JournalSummaryHeader {
            id: report.run_id.clone(),
            url: report.url.clone(),
            model: "evil\u{1b}[2J\u{202e}model".into(),
            simulated: false,
            suite: BriefSuite { name: report.session.suite.name.clone() },
        };
        let run = RunRow::new(header, RunFigures::new(&report), Outcome::Whole, 3 << 19);
        let runs = [run, RunRow::unreadable("ts-1".into(), 1 << 19, "its first line is no journal's")];
        insta::assert_snapshot!(text(&runs, "/state/runs"), @r"
        RUN      DATE              MODEL      ENDPOINT                                   SUITE                  CASES     TIME  TOK/S  STATE
        ts-64a1  2026-02-06 21:49  evilmodel  http://localhost:8000/v1/chat/completions  Complex Comprehensive  10/10 ok  0:58  114.5  whole
        ts-1     –                 –          –                                          –                      –            –      –  unreadable
        ts-1: its first line is no journal's
        2 runs, 2.0 MiB in '/state/runs'; TIME is how long it was going, TOK/S the median
        ");
        let json = json(&runs);
        assert!(!json.contains(['\u{1b}', '\u{202e}']));
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&back[0]["ok"], &back[1]["state"]), (&10.into(), &"unreadable".into()));
        assert_eq!(text(&[], "/x"), "No run was saved yet in '/x'\n");
    }
}
