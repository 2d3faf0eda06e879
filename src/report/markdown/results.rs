//! All cases together, and one row for each.

use std::collections::BTreeMap;

use crate::domain::attempt::ERROR_BOUND;
use crate::domain::interval::Interval;
use crate::domain::metrics::{INPUT_TOKENS, LATENCY, METRICS, Metric, OUTPUT_TOKENS, SPEED, TTFT, Unit};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::session::AttemptState;
use crate::domain::statistics::{enough_for, needed_for};
use crate::report::case::CaseView;
use crate::report::spread::Spread;

use super::View;
use super::escape::{UNKNOWN, inline};
use super::page::{Page, bare, figure, give_or_take, heading, seconds, with_unit};
use crate::domain::quantity::{ESTIMATED, count};

/// Metrics that have one of the first columns of the detailed results.
static FIRST_COLUMNS: [&Metric; 4] = [&LATENCY, &INPUT_TOKENS, &OUTPUT_TOKENS, &SPEED];

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## Test Results Summary");
    totals(view, page);
    speed(view, page);
    latency(view, page);
    findings(view, page);
    detailed(view, page);
}

fn strings<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(str::to_owned).to_vec()
}

fn totals(view: &View<'_>, page: &mut Page) {
    let s = &view.summary;
    let measured = s.attempts > 0;
    let average = with_unit(s.stats(&SPEED).map(|s| s.avg), 1, s.estimated, " tok/s");
    let tokens = figure(measured.then_some(s.total_output_tokens as f64), 0, s.estimated);
    let aggregate = with_unit(s.output_token_throughput, 1, s.estimated, " tok/s");
    let mut rows = vec![
        strings(["Successful Tests", &format!("{}/{}", s.ok, view.cases.len())]),
        strings(["**Avg Generation Speed**", &format!("**{average}**")]),
        strings(["Total Time", &seconds(measured.then_some(s.total_time_s * 1000.0), 2)]),
        strings(["Total Tokens", &tokens]),
        strings(["Aggregate Throughput", &aggregate]),
        strings(["Request Throughput", &with_unit(s.request_throughput, 3, false, " req/s")]),
    ];
    if view.report.session.is_more_than_reported() {
        // Here the sum above is not what the run took.
        rows.push(strings(["Wall Time", &seconds(view.report.duration_s().map(|s| s * 1000.0), 2)]));
    }
    if view.report.session.plan.repeat > 1 || s.failed_attempts > 0 {
        rows.push(strings(["Measured Attempts", &s.attempts.to_string()]));
        rows.push(strings(["Failed Attempts", &failed_attempts(view)]));
    }
    rows.push(strings(["Findings", &findings_in_short(view)]));
    page.table(&strings(["Metric", "Value"]), &rows);
}

/// `3 (2 rate_limited, 1 timeout)`.
fn failed_attempts(view: &View<'_>) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for failure in view.cases.iter().flat_map(CaseView::failures).filter_map(AttemptState::record) {
        *kinds.entry(failure.failure_kind().to_owned()).or_default() += 1;
    }
    let all: Vec<_> = kinds.iter().map(|(kind, n)| format!("{n} {}", inline(kind))).collect();
    let kinds = if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) };
    format!("{}{kinds}", view.summary.failed_attempts)
}

/// `none in 30 attempts`, `2 kinds, see below`.
fn findings_in_short(view: &View<'_>) -> String {
    match (view.summary.findings.len(), view.summary.ended_attempts()) {
        (_, 0) => UNKNOWN.to_owned(),
        (0, all) => format!("none in {}", count(all, "attempt")),
        (n, _) => format!("{}, see below", count(n, "kind")),
    }
}

/// What was found, and how often.
fn findings(view: &View<'_>, page: &mut Page) {
    if view.summary.findings.is_empty() {
        return;
    }
    page.block("### Findings");
    let all = count(view.summary.ended_attempts(), "attempt");
    for (diagnosis, n) in &view.summary.findings {
        page.line(&format!("- {}: {n} of {all}", diagnosis.label));
    }
    page.line("");
    page.block("The sentence that says it, with its figures, stands with each case below.");
}

fn speed(view: &View<'_>, page: &mut Page) {
    let s = &view.summary;
    let stats = s.stats(&SPEED);
    page.block("### Speed Statistics");
    for (name, value) in
        [("Max", stats.map(|s| s.max)), ("Min", stats.map(|s| s.min)), ("Median", stats.map(|s| s.p50))]
    {
        page.field(name, &with_unit(value, 1, s.estimated, " tok/s"));
    }
    if let Some(spread) = s.spread(&SPEED) {
        page.field("Attempts", &view.summary.n_of_all(&SPEED, spread.n));
        let about = if s.estimated { ESTIMATED } else { "" };
        let interval = |i: Interval| format!("{about}{:.1} to {:.1} tok/s", i.low, i.high);
        for (of, ends) in [("Mean", spread.mean_ci95()), ("Median", spread.median_ci95)] {
            if let Some(ends) = ends {
                page.field(&format!("95 % Interval of the {of}"), &interval(ends));
            }
        }
    }
    page.line("");
}

fn latency(view: &View<'_>, page: &mut Page) {
    page.block("### Latency Statistics");
    let by_cache = view.summary.ttft_by_cache();
    let mixed = by_cache.len() > 1;
    let mut rows = Vec::new();
    for metric in METRICS.iter().filter(|m| m.unit != Unit::Tokens) {
        rows.push(latency_row(view, metric, "", view.summary.spread(metric)));
        if mixed && **metric == TTFT {
            for (state, spread) in by_cache {
                let which = match state {
                    PrefixCache::Unknown => ", cache unknown".to_owned(),
                    state => format!(", {}", state.as_str()),
                };
                rows.push(latency_row(view, metric, &which, Some(*spread)));
            }
        }
    }
    page.table(&strings(["Metric", "Mean", "p50", "p90", "p95", "p99", "Max", "n"]), &rows);
    if METRICS.iter().any(|m| view.summary.unresolved(m) > 0) {
        page.block(&format!(
            "*Unresolved*: events of these answers shared reads, so the figure may be off by more than {:.0}% and is excluded. \
             The findings and `unresolved` in `results.json` give the reason.",
            ERROR_BOUND * 100.0
        ));
    }
    let (warm, all) = (view.summary.cache.warm, view.summary.attempts);
    if warm > 0 {
        page.block(&format!(
            "Prefix cache: in {warm} of {all} attempts the server had part of the prompt in its cache (*warm*). Their \
             TTFT says how fast the cache is{}",
            if mixed { "; the TTFT row mixes them with others, the rows below it do not." } else { "." }
        ));
    }
    if view.summary.cache.unknown > 0 && view.report.session.plan.warm {
        page.block(&format!(
            "Prefix cache: in {} of {all} attempts the server did not tell whether it had the prompt in its cache, and \
             prompts were sent as they are (`--warm`): their TTFT may be a warm one.",
            view.summary.cache.unknown
        ));
    }
}

fn latency_row(view: &View<'_>, metric: &Metric, which: &str, spread: Option<Spread>) -> Vec<String> {
    let show = |value: Option<f64>| bare(metric, value, view.summary.estimated);
    let p = |p| match spread {
        Some(s) if !enough_for(s.n, p) => format!("n < {}", needed_for(p)),
        _ => show(spread.and_then(|s| s.percentile(p))),
    };
    let n = match spread {
        None if view.summary.unresolved(metric) == 0 => UNKNOWN.to_owned(),
        spread => view.summary.n_of_all(metric, spread.map_or(0, |s| s.n)),
    };
    let mean = give_or_take(metric, spread.as_ref(), view.summary.estimated);
    let max = show(spread.map(|s| s.stats.max));
    vec![format!("{}{which}", heading(metric)), mean, p(50), p(90), p(95), p(99), max, n]
}

fn detailed(view: &View<'_>, page: &mut Page) {
    page.block("## Detailed Results");
    let several = view.cases.iter().any(|c| c.ended() > 1);
    let added: Vec<_> = METRICS.iter().copied().filter(|m| !FIRST_COLUMNS.contains(m)).collect();
    let mut header = strings(["Test Case", "Time", "Prompt", "Completion", "Speed"]);
    header.extend(added.iter().map(|m| heading(m)));
    if several {
        header.push("Attempts".to_owned());
    }
    header.push("Status".to_owned());
    let rows: Vec<_> = view.cases.iter().map(|c| detailed_row(c, &added, several)).collect();
    page.table(&header, &rows);
    if several {
        page.block(
            "A case's figures are the means over the attempts that count; *Attempts* says how many do, of all measured ones.",
        );
    }
    if view.summary.estimated {
        page.block(
            "`~`: rests on an estimated number of tokens, that of the events with text. An event may hold several tokens.",
        );
    }
}

fn detailed_row(case: &CaseView<'_>, added: &[&Metric], several: bool) -> Vec<String> {
    let estimated = case.is_estimated();
    let mut row = vec![
        inline(&case.spec.name),
        seconds(case.figure(&LATENCY), 2),
        figure(case.figure(&INPUT_TOKENS), 0, false),
        figure(case.figure(&OUTPUT_TOKENS), 0, estimated),
        match case.figure(&SPEED) {
            Some(speed) => format!("**{}** tok/s", figure(Some(speed), 1, estimated)),
            None => UNKNOWN.to_owned(),
        },
    ];
    row.extend(added.iter().map(|m| bare(m, case.figure(m), estimated)));
    if several {
        row.push(format!("{}/{}", case.reported.len(), case.ended()));
    }
    row.push(status(case));
    row
}

/// `ok`, `ok, warm`, `ok, 1 failed`, `http_error`, `not run`.
fn status(case: &CaseView<'_>) -> String {
    let mut words = vec![case.status().to_owned()];
    match case.warm() {
        0 => {}
        n if n == case.reported.len() => words.push("warm".to_owned()),
        n => words.push(format!("{n} warm")),
    }
    let failed = case.failures().count();
    if !case.reported.is_empty() && failed > 0 {
        words.push(format!("{failed} failed"));
    }
    words.join(", ")
}
