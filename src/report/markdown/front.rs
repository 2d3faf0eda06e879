//! Title and important notices at the top of the report.

use std::collections::BTreeMap;

use crate::domain::quantity::count;
use crate::domain::session::{AttemptState, CasePhase};
use crate::domain::sweep::stages;
use crate::report::case::CaseView;

use super::View;
use super::escape::inline;
use super::numbers::attempts;
use super::page::Page;

/// Maximum number of reruns to list individually.
const MOST_RERUNS: usize = 4;

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block(&format!("# {} Performance Benchmark Report", inline(&view.report.model)));
    if view.report.simulated {
        page.block(
            "> **SIMULATED**: text and timing come from tokscope's built-in simulator. No model was measured, and no \
             figure here describes a model or a real GPU.",
        );
    }
    if view.report.route.is_unverified() {
        page.block(
            "> **TLS not verified** (`--insecure`): the server's certificate was not checked. Anyone on the network path \
             could have answered instead.",
        );
    }
    resumed(view, page);
    if view.summary.partial {
        page.block(&format!("> **Partial run**: {}.", missing(view)));
    } else if view.summary.totals.failed_attempts > 0 {
        let failed = count(view.summary.totals.failed_attempts, "attempt");
        page.block(&format!("> **Failed attempts**: {failed} failed, but every case has a measured attempt."));
    }
    reruns(view, page);
}

/// Writes which cases are being rerun, and which attempts their figures come from.
fn reruns(view: &View<'_>, page: &mut Page) {
    let rerun: Vec<&CaseView<'_>> = view.cases.iter().filter(|c| c.state.is_rerun()).collect();
    if rerun.is_empty() {
        return;
    }
    let listed: Vec<String> = rerun.iter().take(MOST_RERUNS).map(|c| one_rerun(c)).collect();
    let more = rerun.len() - listed.len();
    let more = if more > 0 { format!("; and {}", count(more, "more case")) } else { String::new() };
    page.block(&format!("> **Rerun in progress**: {}{more}.", listed.join("; ")));
}

/// Describes a rerun: `'Debug Task' (attempt 2 is running, figures from attempt 1)`.
fn one_rerun(case: &CaseView<'_>) -> String {
    let is_open = |a: &&AttemptState| a.record.is_none() && !a.abandoned;
    let open: Vec<u32> = case.state.attempts.iter().filter(is_open).map(|a| a.number).collect();
    let how = match case.state.phase {
        CasePhase::Paused => "paused".to_owned(),
        _ if open.is_empty() => "queued".to_owned(),
        _ => format!("{} running", attempts(open)),
    };
    let source = attempts(case.reported.iter().map(|a| a.number));
    format!("'{}' ({how}, figures from {source})", inline(&case.spec.name))
}

/// Writes when the run was resumed, and whether on another machine or by another version.
fn resumed(view: &View<'_>, page: &mut Page) {
    let report = view.report;
    let time = |at| report.wall_time(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut before = (&report.environment, &report.tool);
    for r in &report.resumed {
        let mut changed = Vec::new();
        if r.environment != *before.0 {
            let (was, is) = (inline(&before.0.hostname), inline(&r.environment.hostname));
            changed.push(if was == is {
                format!(" on '{is}', whose hardware or system has changed")
            } else {
                format!(" on '{is}' instead of '{was}'")
            });
        }
        if r.tool != *before.1 {
            changed.push(format!(" by tokscope {} instead of {}", inline(&r.tool), inline(before.1)));
        }
        let (stopped, at, changed) = (time(r.stopped_at), time(r.at), changed.join(" and"));
        page.block(&format!("> **Resumed**: the run stopped at {stopped} and was resumed at {at}{changed}."));
        before = (&r.environment, &r.tool);
    }
}

/// Describes missing measurements: `8 of 10 cases measured (1 http_error, 1 not run)`, and others.
fn missing(view: &View<'_>) -> String {
    let session = &view.report.session;
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for case in view.cases.iter().filter(|c| c.reported.is_empty()) {
        *why.entry(case.status()).or_default() += 1;
    }
    let mut parts = vec![format!("{} of {} measured", session.cases_answered(), count(view.cases.len(), "case"))];
    if !why.is_empty() {
        let why: Vec<_> = why.iter().map(|(word, n)| format!("{n} {word}")).collect();
        parts.push(format!(" ({})", why.join(", ")));
    }
    if let Some(planned) = session.requests_planned().filter(|planned| *planned > view.cases.len()) {
        parts.push(format!(", {} of {planned} requests", session.requests_answered()));
    }
    if view.summary.failed_attempts > 0 && session.sweep.is_empty() && view.summary.failed == 0 {
        parts.push(format!("; {} failed", count(view.summary.failed_attempts, "attempt")));
    }
    parts.extend(missing_in_stages(view));
    if session.not_started > 0 {
        let requests = count(session.not_started, "request");
        parts.push(format!("; {requests} not started, because no slot was free within the duration"));
    }
    if session.interrupted() > 0 {
        let requests = count(session.interrupted(), "request");
        parts.push(format!("; {requests} interrupted by the end of tokscope (`tokscope resume` repeats them)"));
    }
    let time_left = session.time_left(view.report.finished_at).filter(|_| !session.is_active());
    if let (Some(left), Some(all)) = (time_left, session.plan.duration) {
        let all = all.saturating_mul(session.sweep.len().max(1) as u32);
        parts.push(format!("; {:.1} s of {:.1} s were not run", left.as_secs_f64(), all.as_secs_f64()));
    }
    let is_rerun_alone = view.cases.iter().all(|c| c.state.is_rerun() || c.state.is_settled());
    if session.is_active() && !is_rerun_alone {
        parts.push("; the run was still in progress when this report was made".to_owned());
    }
    parts.concat()
}

/// Describes the failed requests of a sweep by stage, and the number of stages not reached.
fn missing_in_stages(view: &View<'_>) -> Option<String> {
    let session = &view.report.session;
    let missed = session.sweep.len().saturating_sub(session.stage + 1);
    let failed: Vec<String> = stages(session)
        .iter()
        .filter(|s| s.ok < s.requests)
        .map(|s| format!("{} of {} at concurrency {}", s.requests - s.ok, s.requests, s.concurrency))
        .collect();
    let failed = (!failed.is_empty()).then(|| format!("; failed requests of the sweep: {}", failed.join(", ")));
    let missed = (missed > 0).then(|| format!("; {} of the sweep not reached", count(missed, "stage")));
    failed.into_iter().chain(missed).reduce(|a, b| a + &b)
}
