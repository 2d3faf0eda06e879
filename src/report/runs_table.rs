//! The list of saved runs.

mod columns;

use serde::Serialize;

use self::columns::Columns;
pub use self::columns::minute;
use super::journal::JournalSummaryHeader;
use super::run_figures::RunFigures;
use super::style::Layout;
use super::text_table::wrap;
use crate::domain::quantity::count;
use crate::domain::text::sanitise_line;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything was measured.
    Whole,
    /// The run ended with something missing.
    Partial,
    /// The run is in progress.
    Running,
    /// The run was interrupted, and can be resumed.
    Unfinished,
    /// The journal cannot be read.
    Unreadable,
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "complete",
            Self::Partial => "partial",
            Self::Running => "running",
            Self::Unfinished => "unfinished",
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
    /// Patterns that selected the cases from the suite; empty for all of them.
    pub case_patterns: Vec<String>,
    pub simulated: bool,
    /// Requests in flight; `None` without a limit, and in a sweep.
    pub concurrency: Option<usize>,
    /// Requests per second.
    pub rate: Option<f64>,
    /// Concurrencies of a sweep.
    pub sweep: Vec<usize>,
    /// Loads one after another (`--stages`), like `4:60s,16:60s`.
    pub stages: Option<String>,
    /// Kind of the workload: `dataset`, `synthetic` or `trace`; `None` if the run sent its cases.
    pub workload: Option<&'static str>,
    /// Factor by which a trace was sent faster than it was recorded.
    pub trace_speed: Option<f64>,
    /// Attempts per case.
    pub repeat: u32,
    /// Measured requests in all, if that was the limit.
    pub requests: Option<u32>,
    /// Time limit of the run.
    pub duration_limit_s: Option<f64>,
    pub cases: usize,
    pub ok: usize,
    pub failed: usize,
    /// Duration of the run.
    pub duration_s: Option<f64>,
    /// Median over all reported attempts, tok/s.
    pub output_token_throughput_p50: Option<f64>,
    /// Median time to first token, milliseconds.
    pub time_to_first_token_ms_p50: Option<f64>,
    /// Whether the median depends on estimated token counts.
    pub estimated: bool,
    pub state: Outcome,
    /// Size of the journal.
    pub bytes: u64,
    /// Why the journal cannot be read.
    pub error: Option<String>,
}

impl RunRow {
    /// Creates the row of a run.
    pub fn new(run: JournalSummaryHeader, figures: RunFigures, state: Outcome, bytes: u64) -> Self {
        Self {
            id: run.id,
            started_at: Some(figures.started_at),
            model: Some(run.model),
            url: Some(run.url),
            suite: Some(run.suite.name),
            case_patterns: run.suite.case_patterns,
            simulated: run.simulated,
            concurrency: run.plan.limit().filter(|_| run.sweep.is_empty()),
            rate: run.plan.open_loop.map(|open| open.rate_per_s),
            sweep: run.sweep,
            stages: run.suite.load_stages.map(|stages| stages.to_string()),
            workload: run.suite.workload.as_ref().map(|workload| workload.source.kind()),
            trace_speed: run.suite.workload.and_then(|workload| workload.source.replay_speed()),
            repeat: run.plan.repeat,
            requests: run.plan.requests,
            duration_limit_s: run.plan.duration.map(|limit| limit.as_secs_f64()),
            cases: figures.cases,
            ok: figures.ok,
            failed: figures.failed,
            duration_s: figures.duration_s,
            output_token_throughput_p50: figures.output_token_throughput_p50,
            time_to_first_token_ms_p50: figures.time_to_first_token_ms_p50,
            estimated: figures.estimated,
            state,
            bytes,
            error: None,
        }
    }

    /// Creates the row of a run whose journal cannot be read.
    pub fn unreadable(id: String, bytes: u64, why: &str) -> Self {
        Self {
            id,
            started_at: None,
            model: None,
            url: None,
            suite: None,
            case_patterns: Vec::new(),
            simulated: false,
            concurrency: None,
            rate: None,
            sweep: Vec::new(),
            stages: None,
            workload: None,
            trace_speed: None,
            repeat: 1,
            requests: None,
            duration_limit_s: None,
            cases: 0,
            ok: 0,
            failed: 0,
            duration_s: None,
            output_token_throughput_p50: None,
            time_to_first_token_ms_p50: None,
            estimated: false,
            state: Outcome::Unreadable,
            bytes,
            error: Some(sanitise_line(why)),
        }
    }
}

/// Formats the list as a table.
pub fn text(runs: &[RunRow], folder: &str, layout: Layout) -> String {
    if runs.is_empty() {
        return format!("No saved runs in '{folder}'\n");
    }
    let style = layout.style;
    let why = |run: &RunRow| {
        let why = format!("{}: {}", sanitise_line(&run.id), run.error.as_ref()?);
        Some(style.bad(&why) + "\n")
    };
    let unreadable: String = runs.iter().filter_map(why).collect();
    let mib = runs.iter().map(|r| r.bytes).sum::<u64>() as f64 / 1_048_576.0;
    let total =
        format!("{}, {mib:.1} MiB in '{folder}'; TOK/S is the median of the attempts", count(runs.len(), "run"));
    Columns::new(runs, layout.width).table(runs, style)
        + &unreadable
        + &style.dim(&wrap(&total, layout.width, 0))
        + "\n"
}

/// Formats the list as JSON.
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
            suite: BriefSuite { name: report.session.suite.name.clone(), ..BriefSuite::default() },
            plan: report.session.plan,
            sweep: Vec::new(),
        };
        let run = RunRow::new(header, RunFigures::new(&report), Outcome::Whole, 3 << 19);
        let runs = [run, RunRow::unreadable("ts-1".into(), 1 << 19, "the first line is not the header of a journal")];
        insta::assert_snapshot!(text(&runs, "/state/runs", Layout::default()), @r"
        RUN      DATE              MODEL      ENDPOINT        SUITE                  CASES        TIME  TOK/S  STATE
        ts-64a1  2026-02-06 21:49  evilmodel  localhost:8000  Complex Comprehensive  10/10 ok  58.68 s  114.5  complete
        ts-1     –                 –          –               –                      –               –      –  unreadable
        ts-1: the first line is not the header of a journal
        2 runs, 2.0 MiB in '/state/runs'; TOK/S is the median of the attempts
        ");
        let json = json(&runs);
        assert!(!json.contains(['\u{1b}', '\u{202e}']));
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&back[0]["ok"], &back[1]["state"]), (&10.into(), &"unreadable".into()));
        assert_eq!(text(&[], "/x", Layout::default()), "No saved runs in '/x'\n");
    }
}
