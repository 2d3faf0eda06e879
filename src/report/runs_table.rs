//! List of saved runs as a table or JSON.

mod columns;

use serde::Serialize;

use self::columns::Columns;
pub use self::columns::minute;
use super::journal::JournalSummaryHeader;
use super::run_figures::{FoundLoad, RunFigures, StageFigures};
use super::style::Layout;
use super::text_table::wrap;
use crate::domain::pass_rate::PassRate;
use crate::domain::quantity::count;
use crate::domain::text::sanitise_line;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All planned attempts have an answer.
    Whole,
    /// The run ended, but planned measurements are missing.
    Partial,
    /// The run is in progress.
    Running,
    /// The run was interrupted and can be resumed.
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

/// One row of the list: a saved run with its key figures.
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
    /// Maximum concurrency; `None` without a limit, and in a sweep.
    pub concurrency: Option<usize>,
    /// Requests per second.
    pub rate: Option<f64>,
    /// Concurrencies of a sweep.
    pub sweep: Vec<usize>,
    /// Value of `--stages`.
    pub stages: Option<String>,
    /// Largest load that a search found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<FoundLoad>,
    /// Kind of the workload: `dataset`, `synthetic`, `depth` or `trace`; `None` if the run sent its cases.
    pub workload: Option<&'static str>,
    /// Speed factor by which a trace was replayed.
    pub trace_speed: Option<f64>,
    /// Attempts per case.
    pub repeat: u32,
    /// Total number of measured requests, if that was the limit.
    pub requests: Option<u32>,
    /// Time limit of the run, seconds.
    pub duration_limit_s: Option<f64>,
    pub cases: usize,
    pub ok: usize,
    pub failed: usize,
    /// Duration of the run, seconds.
    pub duration_s: Option<f64>,
    /// Median speed of the reported attempts, tok/s. In a sweep, it describes the stage at `stage_concurrency`.
    pub output_token_throughput_p50: Option<f64>,
    /// Median TTFT of the same attempts, milliseconds.
    pub time_to_first_token_ms_p50: Option<f64>,
    /// Concurrency of the sweep's stage that the medians describe, which is the best one. `None` without a sweep.
    pub stage_concurrency: Option<usize>,
    /// Medians of each stage of a sweep; empty in runs of older versions.
    pub sweep_stages: Vec<StageFigures>,
    /// Number of answers that pass their checks, out of all with checks; `None` in runs of older versions.
    pub pass_rate: Option<PassRate>,
    /// Number of attempts that failed besides or after the reported ones.
    pub failed_attempts: usize,
    /// Whether the median depends on estimated token counts.
    pub estimated: bool,
    pub state: Outcome,
    /// Size of the journal, bytes.
    pub bytes: u64,
    /// Reason why the journal cannot be read.
    pub error: Option<String>,
}

impl RunRow {
    /// Creates the row of a run.
    pub fn new(run: JournalSummaryHeader, figures: RunFigures, state: Outcome, bytes: u64) -> Self {
        let stages = run.suite.load_stages;
        let has_one_load = run.sweep.is_empty() && stages.is_none() && figures.find.is_none();
        Self {
            id: run.id,
            started_at: Some(figures.started_at),
            model: Some(run.model),
            url: Some(run.url),
            suite: Some(run.suite.name),
            case_patterns: run.suite.case_patterns,
            simulated: run.simulated,
            concurrency: run.plan.limit().filter(|_| has_one_load),
            rate: run.plan.open_loop.filter(|_| stages.is_none() && figures.find.is_none()).map(|open| open.rate_per_s),
            // Older versions saved the medians of the last stage, without its concurrency.
            stage_concurrency: figures.stage_concurrency.or(run.sweep.last().copied()),
            sweep_stages: figures.stages,
            pass_rate: figures.pass_rate.filter(|rate| rate.checked > 0),
            failed_attempts: figures.failed_attempts,
            sweep: run.sweep,
            stages: stages.map(|stages| stages.to_string()),
            find: figures.find,
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

    /// Returns the number of answers that fail a check.
    pub fn wrong(&self) -> usize {
        self.pass_rate.map_or(0, PassRate::failed)
    }

    /// Returns whether the run is complete, without a failed attempt or a wrong answer.
    pub fn is_clean(&self) -> bool {
        self.state == Outcome::Whole && self.failed == 0 && self.failed_attempts == 0 && self.wrong() == 0
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
            find: None,
            workload: None,
            trace_speed: None,
            stage_concurrency: None,
            sweep_stages: Vec::new(),
            pass_rate: None,
            failed_attempts: 0,
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
    let is_any_sweep = runs.iter().any(|run| run.stage_concurrency.is_some());
    let at = if is_any_sweep { "; of a sweep, at its best stage, AT" } else { "" };
    let total = format!(
        "{}, {mib:.1} MiB in '{folder}'; SPEED P50 is the median of the attempts in tok/s{at}",
        count(runs.len(), "run")
    );
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
    use crate::domain::session::Session;
    use crate::report::fixture::{report, sample_session, sweep_session};
    use crate::report::journal::BriefSuite;

    #[test]
    fn the_table_lists_readable_and_unreadable_runs() {
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
        RUN      DATE              MODEL      ENDPOINT        SUITE                  CASES        TIME  SPEED P50  STATE
        ts-64a1  2026-02-06 21:49  evilmodel  localhost:8000  Complex Comprehensive  10/10 ok  58.68 s      114.5  complete
        ts-1     –                 –          –               –                      –               –          –  unreadable
        ts-1: the first line is not the header of a journal
        2 runs, 2.0 MiB in '/state/runs'; SPEED P50 is the median of the attempts in tok/s
        ");
        let json = json(&runs);
        assert!(!json.contains(['\u{1b}', '\u{202e}']));
        let back: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&back[0]["ok"], &back[1]["state"]), (&10.into(), &"unreadable".into()));
        assert_eq!(text(&[], "/x", Layout::default()), "No saved runs in '/x'\n");
    }

    #[test]
    fn a_sweep_names_the_stage_of_its_figures_and_wrong_answers_are_counted() {
        let row = |session: Session, change: fn(&mut RunFigures)| {
            let report = report(session);
            let header = JournalSummaryHeader {
                id: report.run_id.clone(),
                url: report.url.clone(),
                model: "m".into(),
                simulated: false,
                suite: BriefSuite { name: "s".into(), ..BriefSuite::default() },
                plan: report.session.plan,
                sweep: report.session.sweep.clone(),
            };
            let mut figures = RunFigures::new(&report);
            change(&mut figures);
            RunRow::new(header, figures, Outcome::Whole, 0)
        };
        let swept = row(sweep_session(&[1, 2, 4]), |_| {});
        assert_eq!((swept.stage_concurrency, swept.sweep_stages.len()), (Some(2), 3));
        assert_eq!(swept.output_token_throughput_p50, swept.sweep_stages[1].output_token_throughput_p50);
        // An older version saved the figures of the last stage.
        let older = row(sweep_session(&[1, 2, 4]), |f| (f.stage_concurrency, f.pass_rate) = (None, None));
        assert_eq!(older.stage_concurrency, Some(4));
        let wrong = row(sample_session(), |f| {
            (f.pass_rate, f.failed_attempts) = (Some(PassRate { passed: 3, checked: 4 }), 2);
        });
        assert!(swept.is_clean() && !wrong.is_clean());
        let table = text(&[swept, wrong], "/x", Layout::default());
        let rows: Vec<&str> = table.lines().collect();
        assert!(rows[0].contains("  AT  PASS  STATE"), "{table}");
        assert!(rows[1].ends_with("  2        complete"), "{table}");
        assert!(rows[2].ends_with("  75%  complete, 2 failed, 1 wrong"), "{table}");
        assert!(table.contains("of a sweep, at its best stage, AT"), "{table}");
    }
}
