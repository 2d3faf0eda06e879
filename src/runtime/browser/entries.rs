//! Saved runs and comparisons in the form that the browser shows.

use crate::app::browser::comparison::{ComparedRow, ComparisonView, Distribution, Judged, MetricRows};
use crate::app::browser::entry::{RunEntry, RunState};
use crate::domain::metrics::{ITL, LATENCY, Metric, TTFT};
use crate::domain::text::sanitise_line;
use crate::report::compare::{self, Block, COMPARED, ComparedRun, Comparison, Judgement};
use crate::report::runs_table::{Outcome, RunRow};
use crate::store::runs::SavedRunFile;

/// Maximum length of a sweep that is listed in full.
const MAX_SWEEP: usize = 8;

/// The entry of a saved run in the list.
pub(super) fn entry(file: &SavedRunFile, run: RunRow) -> RunEntry {
    let text = |text: Option<String>| text.map_or_else(String::new, |text| sanitise_line(&text));
    if let Some(why) = run.error {
        return RunEntry::unreadable(file.id.clone(), run.bytes, sanitise_line(&why));
    }
    let state = match run.state {
        Outcome::Whole => RunState::Complete,
        Outcome::Partial => RunState::Partial,
        Outcome::Running => RunState::Running,
        Outcome::Unfinished => RunState::Unfinished,
        Outcome::Unreadable => RunState::Unreadable,
    };
    let load = load(&run);
    RunEntry {
        started: run.started_at.as_deref().map_or_else(String::new, minute),
        model: text(run.model),
        endpoint: text(run.url).trim_start_matches("http://").trim_start_matches("https://").to_owned(),
        suite: text(run.suite),
        load,
        simulated: run.simulated,
        ok: run.ok,
        failed: run.failed,
        cases: run.cases,
        duration_s: run.duration_s,
        speed_tok_s: run.output_token_throughput_p50,
        estimated: run.estimated,
        ttft_ms: run.time_to_first_token_ms_p50,
        bytes: run.bytes,
        // The file's name: its first line may name another run.
        ..RunEntry::new(file.id.clone(), state)
    }
    .indexed()
}

/// `2026-11-30 12:55` from an RFC 3339 time.
fn minute(rfc_3339: &str) -> String {
    sanitise_line(rfc_3339).replacen('T', " ", 1).chars().take(16).collect()
}

fn load(run: &RunRow) -> String {
    if let (Some(first), Some(last)) = (run.sweep.first(), run.sweep.last()) {
        let all = run.sweep.iter().map(usize::to_string).collect::<Vec<_>>().join(",");
        return if all.len() <= MAX_SWEEP { all } else { format!("{first},…,{last}") };
    }
    match (run.rate, run.concurrency) {
        (Some(rate), _) => format!("{rate}/s"),
        (None, Some(concurrency)) => concurrency.to_string(),
        (None, None) => String::new(),
    }
}

/// A comparison as the screen shows it.
pub(super) fn comparison_view(comparison: &Comparison) -> ComparisonView {
    let throughput = compare::throughput(comparison).map(|[head, row]| {
        let cell = |at: usize| row.get(at).cloned().unwrap_or_default();
        let label = head.into_iter().next().unwrap_or_default();
        let row = ComparedRow {
            name: label.clone(),
            is_total: true,
            a: cell(1),
            b: cell(2),
            difference: cell(3),
            judged: Judged::Unknown,
        };
        MetricRows { label, rows: vec![row] }
    });
    let blocks = comparison.blocks.iter().filter(|block| compare::says_something(block)).map(metric_rows);
    let both = [
        (&TTFT, "TTFT", "time to first token"),
        (&ITL, "ITL", "time per token"),
        (&LATENCY, "Latency", "whole answer"),
    ];
    ComparisonView {
        verdict: compare::verdict(comparison).unwrap_or_else(|| compare::NO_VERDICT.to_owned()),
        a: compare::about(&comparison.a),
        b: compare::about(&comparison.b),
        warnings: comparison.warnings.iter().map(|warning| sanitise_line(warning)).collect(),
        metrics: throughput.into_iter().chain(blocks).collect(),
        distributions: both
            .into_iter()
            .map(|(metric, label, meaning)| Distribution {
                label,
                meaning,
                a_ms: values(&comparison.a, metric),
                b_ms: values(&comparison.b, metric),
            })
            // Unresolved figures have no values.
            .filter(|shown| !shown.a_ms.is_empty() || !shown.b_ms.is_empty())
            .collect(),
    }
}

fn metric_rows(block: &Block) -> MetricRows {
    let label = block.compared.label;
    let row = |row: &compare::Row| {
        let mut cells = compare::cells(row, &block.compared).into_iter();
        let case = cells.next().unwrap_or_default();
        let stage = row.concurrency.and_then(|_| cells.next());
        let name = if row.case.is_none() { label.to_owned() } else { case };
        let mut next = || cells.next().unwrap_or_default();
        ComparedRow {
            name: stage.map_or_else(|| name.clone(), |stage| format!("{name} · concurrency {stage}")),
            is_total: row.case.is_none(),
            a: next(),
            b: next(),
            difference: next(),
            judged: row.judge(block.compared.metric.better).map_or(Judged::Unknown, |judgement| match judgement {
                Judgement::Better => Judged::Better,
                Judgement::Worse => Judged::Worse,
                Judgement::Differs => Judged::Differs,
                Judgement::NoDifferenceShown => Judged::Same,
                Judgement::TooFew => Judged::TooFew,
            }),
        }
    };
    MetricRows { label: label.to_owned(), rows: block.rows.iter().map(row).collect() }
}

/// Values of a metric of the single requests, ascending. Of a sweep, those of its last stage.
fn values(run: &ComparedRun, metric: &Metric) -> Vec<f64> {
    let at = COMPARED.iter().position(|compared| compared.metric == metric);
    at.and_then(|at| run.whole.values.get(at)).cloned().unwrap_or_default()
}
