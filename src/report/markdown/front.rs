//! Title, what must not be overlooked, test and GPU.

use std::collections::BTreeMap;

use crate::domain::session::{AttemptState, CasePhase};
use crate::domain::sweep::stages;
use crate::report::case::CaseView;
use crate::report::model::USUAL_API;

use super::escape::{UNKNOWN, inline, own};
use super::numbers::attempts;
use super::page::Page;
use super::{View, gpu};
use crate::domain::quantity::count;

/// So many reruns are told one by one.
const RERUNS_TOLD: usize = 4;

pub fn write(view: &View<'_>, page: &mut Page) {
    let simulated = if view.report.simulated { " (SIMULATED)" } else { "" };
    page.block(&format!("# {} Performance Benchmark Report{simulated}", inline(&view.report.model)));
    marks(view, page);
    test(view, page);
    gpu::write(view, page);
}

/// The lines nobody may miss: no model was measured; not all was measured.
fn marks(view: &View<'_>, page: &mut Page) {
    if view.report.simulated {
        page.block(
            "> **SIMULATED**: texts and timing come from tokscope's built-in simulator. No model was measured; none of \
             these figures says anything about a model or a GPU.",
        );
    }
    if view.report.route.is_unverified() {
        page.block(
            "> **TLS not verified** (`--insecure`): the server did not have to prove who it is. Anyone on the way could \
             have answered in its place.",
        );
    }
    resumed(view, page);
    if view.summary.partial {
        page.block(&format!("> **Partial run**: {}.", missing(view)));
    } else if view.summary.failed_attempts > 0 {
        let failed = count(view.summary.failed_attempts, "attempt");
        page.block(&format!("> **Failed attempts**: every case is measured, but {failed} failed beside or after it."));
    }
    reruns(view, page);
}

/// The cases that are being run again: which of their attempts the figures are of.
fn reruns(view: &View<'_>, page: &mut Page) {
    let rerun: Vec<&CaseView<'_>> = view.cases.iter().filter(|c| c.state.is_rerun()).collect();
    if rerun.is_empty() {
        return;
    }
    let told: Vec<String> = rerun.iter().take(RERUNS_TOLD).map(|c| one_rerun(c)).collect();
    let more = rerun.len() - told.len();
    let more = if more > 0 { format!("; so it is with {}", count(more, "more case")) } else { String::new() };
    page.block(&format!("> **Rerun going on**: {}{more}.", told.join("; ")));
}

/// `'Debug Task' (attempt 2) is running; its figures are those of attempt 1`.
fn one_rerun(case: &CaseView<'_>) -> String {
    let is_open = |a: &&AttemptState| a.record.is_none() && !a.abandoned;
    let open: Vec<u32> = case.state.attempts.iter().filter(is_open).map(|a| a.number).collect();
    let how = match case.state.phase {
        CasePhase::Paused => "is paused".to_owned(),
        _ if open.is_empty() => "waits for its turn".to_owned(),
        _ => format!("({}) is running", attempts(open)),
    };
    let of = attempts(case.reported.iter().map(|a| a.number));
    format!("that of '{}' {how}, and its figures are those of {of}", inline(&case.spec.name))
}

/// Where the run was gone on with, and by what else than before.
fn resumed(view: &View<'_>, page: &mut Page) {
    let report = view.report;
    let time = |at| report.wall_time(at).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let mut before = (&report.environment, &report.tool);
    for r in &report.resumed {
        let mut changed = Vec::new();
        if r.environment != *before.0 {
            let (was, is) = (inline(&before.0.hostname), inline(&r.environment.hostname));
            changed.push(if was == is {
                format!(", on '{is}', which has changed")
            } else {
                format!(", on '{is}' instead of '{was}'")
            });
        }
        if r.tool != *before.1 {
            changed.push(format!(", by tokscope {} instead of {}", inline(&r.tool), inline(before.1)));
        }
        let (stopped, at, changed) = (time(r.stopped_at), time(r.at), changed.concat());
        page.block(&format!("> **Resumed**: the run stopped at {stopped} and was gone on with at {at}{changed}."));
        before = (&r.environment, &r.tool);
    }
}

/// `8 of 10 cases measured (1 http_error, 1 not run)`, and what else is missing.
fn missing(view: &View<'_>) -> String {
    let session = &view.report.session;
    let mut why: BTreeMap<&str, usize> = BTreeMap::new();
    for case in view.cases.iter().filter(|c| c.reported.is_empty()) {
        *why.entry(case.status()).or_default() += 1;
    }
    let mut parts = vec![format!("{} of {} measured", view.summary.ok, count(view.cases.len(), "case"))];
    if !why.is_empty() {
        let why: Vec<_> = why.iter().map(|(word, n)| format!("{n} {word}")).collect();
        parts.push(format!(" ({})", why.join(", ")));
    }
    let wanted = session.plan.measured_requests(view.cases.len());
    if let Some(wanted) = wanted.filter(|wanted| *wanted > view.cases.len()) {
        parts.push(format!(", {} of {wanted} attempts", view.summary.attempts));
    }
    if view.summary.failed_attempts > 0 && session.sweep.is_empty() && view.summary.failed == 0 {
        parts.push(format!("; {} failed", count(view.summary.failed_attempts, "attempt")));
    }
    parts.extend(stages_lack(view));
    if session.not_started > 0 {
        let of_rate = count(session.not_started, "request");
        parts.push(format!("; {of_rate} of the rate found no slot within the duration"));
    }
    let is_rerun_alone = view.cases.iter().all(|c| c.state.is_rerun() || c.state.is_settled());
    if session.is_active() && !is_rerun_alone {
        parts.push("; the run was still going on when this report was made".to_owned());
    }
    parts.concat()
}

/// What the stages before the reported one lack.
fn stages_lack(view: &View<'_>) -> Option<String> {
    let session = &view.report.session;
    let missed = session.sweep.len().saturating_sub(session.stage + 1);
    let failed: Vec<String> = stages(session)
        .iter()
        .filter(|s| s.ok < s.requests)
        .map(|s| format!("{} of {} at {} at once", s.requests - s.ok, s.requests, s.concurrency))
        .collect();
    let failed = (!failed.is_empty()).then(|| format!("; of the sweep's requests failed {}", failed.join(", ")));
    let missed = (missed > 0).then(|| format!("; {} of the sweep not reached", count(missed, "stage")));
    failed.into_iter().chain(missed).reduce(|a, b| a + &b)
}

fn test(view: &View<'_>, page: &mut Page) {
    let report = view.report;
    let plan = report.session.plan;
    page.block("## Test Information");
    page.field("Test Time", &report.started_at().strftime("%Y-%m-%d %H:%M:%S").to_string());
    let simulated = if report.simulated { " (simulated: no model)" } else { "" };
    page.field("Model", &(inline(&report.model) + simulated));
    page.field("API URL", &own(&report.url));
    if report.api != USUAL_API {
        page.field("API", report.api);
    }
    if report.route.is_unverified() {
        page.field("TLS", "not verified (`--insecure`)");
    }
    if let Some(proxy) = &report.route.proxy {
        page.field("Proxy", &format!("{} (its time is in every figure)", inline(proxy)));
    }
    page.field("Test Cases", &view.cases.len().to_string());
    page.field("Test Mode", &inline(&report.session.suite.name));
    page.field("Server", &server(view));
    match plan.limit() {
        Some(1) => {}
        Some(limit) => page.field("Concurrency", &limit.to_string()),
        None => page.field("Concurrency", &format!("no limit; {} in flight at most", view.summary.peak_in_flight)),
    }
    if plan.repeat > 1 {
        page.field("Repeat", &plan.repeat.to_string());
    }
    if let Some(requests) = plan.requests {
        page.field("Requests", &requests.to_string());
    }
    if plan.warmup > 0 {
        page.field("Warm-up", &count(plan.warmup as usize, "attempt"));
    }
    page.field("Token Counts", &token_source(view));
    if view.summary.attempts > 0 {
        page.field("Prefix Cache", &cache(view));
    }
    page.field("Run ID", &own(&report.run_id));
    page.line("");
}

fn server(view: &View<'_>) -> String {
    if view.report.simulated {
        return "tokscope's built-in simulator (SIMULATED)".to_owned();
    }
    let server = &view.report.server;
    match (&server.kind, &server.version) {
        (None, None) => format!("{UNKNOWN} (it does not tell)"),
        (Some(kind), None) => inline(kind),
        (kind, Some(version)) => inline(&format!("{} {version}", kind.as_deref().unwrap_or("unknown"))),
    }
}

fn token_source(view: &View<'_>) -> String {
    let s = &view.summary;
    let (all, estimated, counted) = (s.attempts, s.estimated_attempts, s.tokenizer_attempts);
    match (counted, estimated) {
        _ if all == 0 => format!("{UNKNOWN} (nothing was measured)"),
        (0, 0) => "the server's `usage`".to_owned(),
        (0, n) if n == all => "`~` estimated from the events: the server told no `usage`".to_owned(),
        (n, 0) if n == all => "counted with the tokenizer given: the server told no `usage`".to_owned(),
        (counted, estimated) => {
            let of = |n: usize, how: &str| (n > 0).then(|| format!("for {n} of {all} attempts without it {how}"));
            let rest =
                [of(counted, "counted with the tokenizer given"), of(estimated, "`~` estimated from the events")];
            let told = if counted + estimated < all { "the server's `usage`" } else { "the server told no `usage`" };
            [Some(told.to_owned())].into_iter().chain(rest).flatten().collect::<Vec<_>>().join("; ")
        }
    }
}

/// `10 cold, each prompt made unique`.
fn cache(view: &View<'_>) -> String {
    let how =
        if view.report.session.plan.warm { "prompts sent as they are (`--warm`)" } else { "each prompt made unique" };
    format!("{}; {how}", view.summary.cache.words())
}
