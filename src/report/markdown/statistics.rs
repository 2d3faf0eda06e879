//! Sections with totals of the run and statistics over its attempts.

use std::collections::BTreeMap;

use crate::domain::attempt::ERROR_BOUND;
use crate::domain::interval::MEAN_NEEDS;
use crate::domain::metrics::{METRICS, Metric, SPEED, TTFT};
use crate::domain::pass_rate::{PassRate, whole_percent};
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::quantity::ESTIMATED;
use crate::domain::session::AttemptState;
use crate::domain::statistics::enough_for;
use crate::domain::sweep::{best, stages};
use crate::report::case::CaseView;
use crate::report::spread::{Spread, TAIL_PERCENTS};

use super::View;
use super::escape::{UNKNOWN, inline};
use super::figures::{PERCENTILES, bare, heading, mean, needed, quantity, speeds, times, tokens, with_unit};
use super::page::{Page, Table};

/// Text in place of statistics if no attempt is complete.
const NO_STATISTICS: &str = "None: no request succeeded.";

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## Test Results Summary");
    totals(view, page);
    speed(view, page);
    latency(view, page);
    findings(view, page);
}

/// Writes figures of the whole run. Figures of a single stage name it.
fn totals(view: &View<'_>, page: &mut Page) {
    let (s, session) = (&view.summary, &view.report.session);
    let (whole, stage) = (&s.totals, view.at_stage());
    let is_measured = whole.attempts > 0;
    let average = quantity(&SPEED, s.stats(&SPEED).map(|s| s.avg), s.estimated);
    let mut table = Table::default().text("Metric").number("Value");
    let mut row = |name: &str, value: String| table.row(vec![name.to_owned(), value]);
    row("Successful Tests", format!("{}/{}", session.cases_answered(), view.cases.len()));
    if let Some(planned) = session.requests_planned().filter(|planned| *planned != view.cases.len()) {
        row("Successful Requests", format!("{}/{planned}", session.requests_answered()));
    }
    if session.requests_measured() != session.requests_answered() {
        row("Measured Requests", session.requests_measured().to_string());
    }
    if session.suite.task.generates() {
        row("**Avg Generation Speed**", format!("**{average}{stage}**"));
    }
    row("Total Time", with_unit(is_measured.then_some(whole.time_s), 2, false, " s"));
    if let Some(items) = s.total_items {
        row("Total Items", tokens(Some(items as f64), false));
        row("Total Prompt Tokens", tokens(s.total_input_tokens.map(|n| n as f64), false));
    } else {
        row("Total Tokens", tokens(is_measured.then_some(whole.output_tokens as f64), whole.estimated_attempts > 0));
    }
    if session.is_more_than_reported() {
        // Requests overlapped, so the sum of their times is not the duration of the run.
        row("Wall Time", with_unit(view.report.duration_s(), 2, false, " s"));
    }
    for (name, value) in throughput(view) {
        row(name, value);
    }
    if s.stage.is_some() {
        whole.failures().into_iter().for_each(|kinds| row("Failed Requests", kinds));
    } else if session.plan.repeat > 1 || s.failed_attempts > 0 {
        row("Failed Attempts", failed_attempts(view));
    }
    if let Some(percent) = whole.pass_rate.percent() {
        let PassRate { passed, checked } = whole.pass_rate;
        row("Pass Rate", format!("{} ({passed}/{checked})", whole_percent(percent)));
    }
    if s.findings.is_empty() && s.examined() > 0 {
        row("Findings", format!("none in {}{stage}", s.examined_in_words()));
    }
    page.table(&table);
}

/// Returns rates of the run or of its best stage. Empty for one request at a time, where the mean speed is enough.
fn throughput(view: &View<'_>) -> Vec<(&'static str, String)> {
    let s = &view.summary;
    let stages = stages(&view.report.session);
    let unit = format!(" {}", view.report.session.suite.task.throughput_unit());
    let (work, requests, estimated, stage) = match best(&stages) {
        Some(b) => (b.throughput_per_s(), b.requests_per_s, b.estimated, format!(" at concurrency {}", b.concurrency)),
        None if s.peak_in_flight > 1 => {
            let work = s.item_throughput.or(s.output_token_throughput);
            (work, s.request_throughput, s.estimated, String::new())
        }
        None => return Vec::new(),
    };
    vec![
        ("Aggregate Throughput", with_unit(work, 1, estimated, &unit) + &stage),
        ("Request Throughput", with_unit(requests, 2, false, " req/s") + &stage),
    ]
}

/// Counts failed attempts: `3 (2 rate_limited, 1 timeout)`.
fn failed_attempts(view: &View<'_>) -> String {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for failure in view.cases.iter().flat_map(CaseView::failures).filter_map(AttemptState::record) {
        *kinds.entry(failure.failure_kind().to_owned()).or_default() += 1;
    }
    let all: Vec<_> = kinds.iter().map(|(kind, n)| format!("{n} {}", inline(kind))).collect();
    let kinds = if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) };
    format!("{}{kinds}", view.summary.failed_attempts)
}

fn speed(view: &View<'_>, page: &mut Page) {
    let s = &view.summary;
    page.block("### Speed Statistics");
    view.name_stage(page);
    if s.attempts == 0 {
        return page.block(NO_STATISTICS);
    }
    let mut table = Table::default().text("Metric");
    for name in ["Mean", "Max", "Min", "Median", "n"] {
        table = table.number(name);
    }
    for metric in speeds().filter(|m| s.spread(m).is_some() || s.unresolved(m) > 0) {
        let spread = s.spread(metric);
        let show = |value: Option<f64>| bare(metric, value, s.estimated);
        let stats = spread.map(|s| s.stats);
        table.row(vec![
            heading(metric),
            mean(metric, spread.as_ref(), s.estimated),
            show(stats.map(|s| s.max)),
            show(stats.map(|s| s.min)),
            show(stats.map(|s| s.p50)),
            n(view, metric, spread.as_ref()),
        ]);
    }
    page.table(&table);
    if let Some(median) = s.spread(&SPEED).and_then(|s| s.median_ci95) {
        let about = if s.estimated { ESTIMATED } else { "" };
        page.block(&format!("95% interval of the median speed: {about}{:.1} to {:.1} tok/s.", median.low, median.high));
    }
}

fn latency(view: &View<'_>, page: &mut Page) {
    let s = &view.summary;
    page.block("### Latency Statistics");
    view.name_stage(page);
    if s.attempts == 0 {
        return page.block(NO_STATISTICS);
    }
    let by_cache = s.ttft_by_cache();
    let is_mixed = by_cache.len() > 1;
    let mut rows: Vec<(&Metric, String, Option<Spread>)> = Vec::new();
    for metric in times().filter(|m| s.spread(m).is_some() || s.unresolved(m) > 0) {
        rows.push((metric, heading(metric), s.spread(metric)));
        if is_mixed && *metric == TTFT {
            rows.extend(by_cache.iter().map(|(state, spread)| (metric, with_cache(metric, *state), Some(*spread))));
        }
    }
    let mut table = Table::default().text("Metric").number("Mean");
    for p in PERCENTILES {
        table = table.number(&format!("p{p}"));
    }
    table = table.number("Max").number("n");
    for (metric, name, spread) in &rows {
        let show = |value: Option<f64>| bare(metric, value, s.estimated);
        let mut row = vec![name.clone(), mean(metric, spread.as_ref(), s.estimated)];
        row.extend(PERCENTILES.map(|p| show(spread.and_then(|s| s.percentile(p)))));
        row.extend([show(spread.map(|s| s.stats.max)), n(view, metric, spread.as_ref())]);
        table.row(row);
    }
    page.table(&table.without_empty_columns());
    tail_intervals(&rows, s.estimated, page);
    let is_short = |p: &u32| rows.iter().any(|(.., spread)| spread.is_some_and(|s| !enough_for(s.n, *p)));
    let short: Vec<u32> = PERCENTILES.into_iter().filter(is_short).collect();
    if !short.is_empty() {
        page.block(&needed(&short));
    }
    notes(view, is_mixed, page);
}

/// Writes the interval of the highest percentile of each time that has one.
fn tail_intervals(rows: &[(&Metric, String, Option<Spread>)], estimated: bool, page: &mut Page) {
    let interval = |(metric, name, spread): &(&Metric, String, Option<Spread>)| {
        let intervals = spread.as_ref()?.tail_ci95;
        let (p, ci) = TAIL_PERCENTS.into_iter().zip(intervals).filter_map(|(p, ci)| Some((p, ci?))).next_back()?;
        let [low, high] = [ci.low, ci.high].map(|end| bare(metric, Some(end), estimated));
        Some(format!("{name} p{p}: {low} to {high}"))
    };
    let all: Vec<String> = rows.iter().filter_map(interval).collect();
    if !all.is_empty() {
        page.block(&format!("95% intervals of the highest percentiles: {}.", all.join("; ")));
    }
}

/// Writes notes on unresolved figures and on answers with a warm prefix cache.
fn notes(view: &View<'_>, is_mixed: bool, page: &mut Page) {
    let s = &view.summary;
    if METRICS.iter().any(|m| s.spread(m).is_some_and(|spread| spread.has_too_few_repeats())) {
        page.block(&format!("`± {UNKNOWN}`: {MEAN_NEEDS}."));
    }
    if METRICS.iter().any(|m| s.unresolved(m) > 0) {
        page.block(&format!(
            "*Unresolved*: events of these answers shared reads, so the figure may be off by more than {:.0}% and is \
             excluded. Turn off buffering in proxies and gateways, or ask for longer answers. The findings and `unresolved` \
             in `results.json` give the reason of each.",
            ERROR_BOUND * 100.0
        ));
    }
    let single = s.cache.without(s.later_turns_cache);
    let all = single.all();
    if single.warm > 0 {
        let which = if is_mixed { " The TTFT row mixes warm and other answers; the rows below it do not." } else { "" };
        page.block(&format!(
            "Prefix cache: in {} of {all} attempts, the server had part of the prompt cached (*warm*), so their TTFT \
             measures the cache.{which}",
            single.warm
        ));
    }
    let later = s.later_turns_cache;
    if later.warm > 0 {
        page.block(&format!(
            "Prefix cache: {} of {} later turns of conversations were warm, as expected: they repeat the turns before them. \
             *By Turn* has their figures.",
            later.warm,
            later.all()
        ));
    }
    if single.unknown > 0 && view.report.session.plan.warm {
        page.block(&format!(
            "Prefix cache: in {} of {all} attempts, the server did not report whether the prompt was cached. Prompts were \
             sent unchanged (`--warm`), so their TTFT may be warm.",
            single.unknown
        ));
    }
}

fn with_cache(metric: &Metric, state: PrefixCache) -> String {
    match state {
        PrefixCache::Unknown => format!("{}, cache unknown", heading(metric)),
        state => format!("{}, {}", heading(metric), state.as_str()),
    }
}

/// Returns the number of attempts with the figure, out of all measured ones.
fn n(view: &View<'_>, metric: &Metric, spread: Option<&Spread>) -> String {
    match spread {
        None if view.summary.unresolved(metric) == 0 => UNKNOWN.to_owned(),
        spread => view.summary.n_of_all(metric, spread.map_or(0, |s| s.n)),
    }
}

/// Writes the findings with their counts.
fn findings(view: &View<'_>, page: &mut Page) {
    if view.summary.findings.is_empty() {
        return;
    }
    page.block("### Findings");
    view.name_stage(page);
    let all = view.summary.examined_in_words();
    for (diagnosis, n) in &view.summary.findings {
        page.line(&format!("- {}: {n} of {all}", diagnosis.label));
    }
    page.line("");
    page.block("*Test Details* quotes each finding with its figures.");
}
