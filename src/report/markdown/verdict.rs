//! Verdict in a few lines: rating, TTFT and throughput, and bottleneck. A chart follows it.

use crate::domain::metrics::{LATENCY, Metric, SPEED, TTFT};
use crate::domain::search_results::SearchResult;
use crate::domain::session::AttemptState;
use crate::domain::sweep::{Stage, best, stages};
use crate::report::bottleneck::{SystemFigures, bottleneck};
use crate::report::case::CaseView;
use crate::report::spread::Spread;

use super::escape::{code, inline};
use super::figures::{mean, quantity, unit, with_unit};
use super::page::Page;
use super::{View, chart, checks};

pub fn write(view: &View<'_>, page: &mut Page) {
    let stages = stages(&view.report.session);
    page.block("## Conclusion");
    let checks = checks::verdict(view);
    // Readers must see wrong answers before the rating.
    if let Some(wrong) = checks.as_ref().filter(|_| view.summary.totals.pass_rate.failed() > 0) {
        page.line(&format!("- {wrong}"));
    }
    if let Some(found) = SearchResult::from_session(&view.report.session) {
        page.line(&format!("- **Largest Load**: {}", inline(&found.sentence)));
    }
    let task = view.report.session.suite.task;
    match task.no_token_figures() {
        Some(why) => page.line(&format!("- **No Token Figures**: {why}")),
        None => page.line(&format!("- {}", rating(view))),
    }
    let speed = match best(&stages) {
        Some(stage) => vec![of_stage(stage, stages.len())],
        None if !task.generates() => [items(view), latency(view)].into_iter().flatten().collect(),
        None => [ttft(view), throughput(view)].into_iter().flatten().collect(),
    };
    if !speed.is_empty() {
        page.line(&format!("- {}", speed.join(" · ")));
    }
    if let Some(checks) = checks.filter(|_| view.summary.totals.pass_rate.failed() == 0) {
        page.line(&format!("- {checks}"));
    }
    if let Some(cost) = view.report.cost() {
        page.line(&format!("- **Price**: {} ({})", inline(&cost.to_string()), inline(&cost.details().join("; "))));
    }
    if let Some(failure) = only_failures(view) {
        page.line(&format!("- {failure}"));
    }
    if let Some(found) = bottleneck(&view.report.session, view.summary, SystemFigures::from_report(view.report)) {
        page.line(&format!("- **{}**: {}", found.headline(), inline(&found.evidence)));
    }
    page.line("");
    let chart = if stages.is_empty() { chart::speeds(&view.cases) } else { chart::sweep(&stages) };
    if let Some(chart) = chart {
        page.chart(&chart);
    }
}

/// Describes the rating with the rated speed and the suite's scale.
fn rating(view: &View<'_>) -> String {
    let (s, scale) = (&view.summary, view.report.session.suite.rating);
    let stage = view.at_stage();
    let all = view.cases.len();
    let cases = if s.ok < all && s.ok > 0 { format!(", from {} of {all} cases", s.ok) } else { String::new() };
    let note = s.rating_note().map_or_else(String::new, |note| format!(". {note}"));
    let rating = s.rating.unwrap_or("N/A");
    format!(
        "**Performance Rating**: {rating}{stage} · Average Speed: {}{cases} (Excellent from {}, Good from {}, Fair from {} \
         tok/s){note}",
        average_speed(view),
        scale.excellent,
        scale.good,
        scale.fair
    )
}

/// Describes the mean speed of the rated answers, with half the width of its interval if all answers are rated.
fn average_speed(view: &View<'_>) -> String {
    let s = &view.summary;
    match s.spread(&SPEED) {
        Some(spread) if s.unrated == 0 => format!("{} {}", mean(&SPEED, Some(&spread), s.estimated), unit(&SPEED)),
        _ => quantity(&SPEED, s.rated_speed, s.estimated),
    }
}

/// Describes the kinds of failures and the first error message of a run without any answer.
fn only_failures(view: &View<'_>) -> Option<String> {
    let failures = view.summary.tally.as_ref().filter(|tally| tally.ok == 0)?.failures()?;
    let first = view.cases.iter().flat_map(CaseView::failures).find_map(AttemptState::record);
    let message = first.and_then(|record| Some(code(&record.error.as_ref()?.message)));
    let message = message.map_or_else(String::new, |message| format!("; the first error is {message}"));
    Some(format!("**No request succeeded**: {}{message}", inline(&failures)))
}

fn ttft(view: &View<'_>) -> Option<String> {
    let s = &view.summary;
    let unresolved = s.unresolved(&TTFT);
    let Some(spread) = s.spread(&TTFT) else {
        return (unresolved > 0).then(|| format!("**TTFT**: unresolved in {unresolved} of {} answers", s.attempts));
    };
    let cache = if s.ttft_by_cache().len() > 1 { format!(" ({})", s.cache.words()) } else { String::new() };
    Some(format!("**TTFT**: {}{cache}", median_and_tail(&TTFT, &spread)))
}

/// Throughput of items, and the prompt tokens behind it.
fn items(view: &View<'_>) -> Option<String> {
    let s = &view.summary;
    let items = with_unit(Some(s.item_throughput?), 1, false, " items/s");
    let tokens = s.input_token_throughput.map_or_else(String::new, |rate| format!(", {rate:.1} input tok/s"));
    let requests = s.request_throughput.map_or_else(String::new, |r| format!(", {r:.2} req/s"));
    let alone = if s.peak_in_flight > 1 { "" } else { ", one request at a time" };
    Some(format!("**Throughput**: {items}{tokens}{requests}{alone}"))
}

fn latency(view: &View<'_>) -> Option<String> {
    let spread = view.summary.spread(&LATENCY)?;
    let p99 =
        spread.percentile(99).map_or_else(String::new, |ms| format!(", p99 {}", quantity(&LATENCY, Some(ms), false)));
    Some(format!("**Latency**: {}{p99}", median_and_tail(&LATENCY, &spread)))
}

/// Formats the median and p95; with too few requests for p95, the maximum instead.
fn median_and_tail(metric: &Metric, spread: &Spread) -> String {
    let median = quantity(metric, Some(spread.stats.p50), false);
    match spread.percentile(95) {
        _ if spread.n == 1 => median,
        Some(p95) => format!("p50 {median}, p95 {}", quantity(metric, Some(p95), false)),
        None => format!("p50 {median}, max {}", quantity(metric, Some(spread.stats.max), false)),
    }
}

fn throughput(view: &View<'_>) -> Option<String> {
    let s = &view.summary;
    let tokens = with_unit(Some(s.output_token_throughput?), 1, s.estimated, " tok/s");
    let requests = s.request_throughput.map_or_else(String::new, |r| format!(", {r:.2} req/s"));
    let alone = if s.peak_in_flight > 1 { "" } else { ", one request at a time" };
    Some(format!("**Throughput**: {tokens}{requests}{alone}"))
}

fn of_stage(stage: &Stage, all: usize) -> String {
    let ttft = |name: &str, ms: Option<f64>| ms.map(|ms| format!(", TTFT {name} {}", quantity(&TTFT, Some(ms), false)));
    let latency = stage.latency_p50_ms.filter(|_| stage.items_per_s.is_some());
    let latency = latency.map(|ms| format!(", latency p50 {}", quantity(&LATENCY, Some(ms), false)));
    format!(
        "**Throughput**: {} at concurrency {}, the best of {all} stages{}{}{}",
        with_unit(stage.throughput_per_s(), 1, stage.estimated, &format!(" {}", stage.throughput_unit())),
        stage.concurrency,
        latency.unwrap_or_default(),
        ttft("p50", stage.ttft_p50_ms).unwrap_or_default(),
        ttft("p95", stage.ttft_p95_ms).unwrap_or_default(),
    )
}
