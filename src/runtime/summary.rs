//! Summary of a run, as plain text for the terminal.

mod depth;
mod entry;
mod find;
mod load_stages;
mod race;
mod repeated_runs;
mod styled;
mod workload;

use self::entry::entry;
pub use self::find::probe_line;
pub use self::race::block_line;
pub use self::repeated_runs::run_line;
pub use self::styled::styled;
use crate::domain::interval::MEAN_NEEDS;
use crate::domain::metrics::{DECODE, INPUT_RATE, ITEM_RATE, ITL, LATENCY, METRICS, Metric, SPEED, TTFT};
use crate::domain::pass_rate::whole_percent;
use crate::domain::prefix_cache::PrefixCache;
use crate::domain::quantity::{ESTIMATED, Quantity, UNKNOWN, count, grouped};
use crate::domain::session::Session;
use crate::domain::slo::{RunFigure, SloUnit};
use crate::domain::sweep::{knee, no_knee_up_to, saturated_from_start, slo_summary, stages, unfilled_stages};
use crate::domain::text::sanitise_line;
use crate::report::bottleneck::SystemFigures;
use crate::report::bottleneck::{self, Bottleneck};
use crate::report::case::cases;
use crate::report::check_failures::{MAX_CHECK_FAILURES, check_failures};
use crate::report::conclusion::Conclusion;
use crate::report::model::Report;
use crate::report::models::{ModelFigures, figures};
use crate::report::spread::Spread;
use crate::report::summary::Summary;
use crate::report::sweep_table::{columns_of, n_of_all, samples_needed, unresolved_in_words};

/// Returns the lines of a load: failures by kind, goodput, thresholds, and the stages of a sweep.
fn load_lines(session: &Session, summary: &Summary) -> Vec<String> {
    let Some(tally) = &summary.tally else { return Vec::new() };
    let figure = |v: Option<f64>, digits: usize| Quantity::new(v, digits).to_string();
    let mut lines = Vec::new();
    let totals = &summary.totals;
    let at_stage = summary.stage.map(|concurrency| format!("at concurrency {concurrency}"));
    if session.is_load() {
        let counts = format!("{} measured, {} ok", totals.measured_requests, totals.complete_requests());
        lines.push(entry("Requests", [Some(counts), totals.failures().map(|kinds| format!("failed: {kinds}"))]));
        if session.saturated_at().is_some() {
            lines.push(entry("Stopped", [Some("the queue only grew: the server cannot sustain this load".to_owned())]));
        }
        if session.not_started > 0 && session.saturated_at().is_none() {
            let not_started = grouped(session.not_started as u64);
            lines.push(entry(
                "Not started",
                [Some(format!("{not_started} requests found no free slot before the time limit"))],
            ));
        }
        let (requests, tokens) = (summary.request_throughput, summary.output_token_throughput);
        let work = match summary.item_throughput {
            Some(items) => format!("{items:.1} items/s"),
            None => format!("{} tok/s", figure(tokens, 1)),
        };
        let rates = [format!("{} req/s", figure(requests, 2)), work];
        lines.push(entry("Throughput", rates.map(Some).into_iter().chain([at_stage.clone()])));
    } else if let Some(kinds) = totals.failures() {
        lines.push(entry("Failed", [Some(kinds)]));
    }
    if let Some(good) = tally.good {
        let (share, rate) = (tally.run_figure(RunFigure::GoodShare), tally.run_figure(RunFigure::Goodput));
        let share = format!("{good}/{} ({}%)", tally.judged(), figure(share, 1));
        let unresolved = (tally.unjudged > 0).then(|| format!("{} unresolved", tally.unjudged));
        lines.push(entry("Goodput", [Some(share), Some(format!("{} req/s", figure(rate, 2))), unresolved, at_stage]));
    }
    if session.search().is_some() {
        lines.extend(find::lines(session));
        return lines;
    }
    let stages = stages(session);
    let knee = knee(&stages);
    for (at, s) in stages.iter().enumerate() {
        let slo = s.slo_met.map(|met| if met { "SLO ✓" } else { "SLO ✗" }.to_owned());
        let columns = columns_of(session.suite.task).take(4).map(|c| {
            let value = c.cell(s, |v| figure(v, if c.unit == SloUnit::Milliseconds { 0 } else { c.digits }));
            Some(format!("{value} {}", c.after_figure()))
        });
        let warm = s.doubts.summary().map_or_else(String::new, |words| format!(" ({words})"));
        let n = Some(format!("n {}{warm}", n_of_all(s)));
        let pass = s.pass_rate.percent().map(|percent| format!("{} pass", whole_percent(percent)));
        let knee = (knee == Some(at)).then(|| "◆ knee".to_owned());
        lines.push(entry(&format!("Concurrency {}", s.concurrency), columns.chain([n, pass, knee, slo])));
    }
    lines.extend(saturated_from_start(&stages).map(|found| entry("Knee", [Some(found.to_string())])));
    lines.extend(
        no_knee_up_to(&stages).map(|last| entry("Knee", [Some(format!("not saturated up to concurrency {last}"))])),
    );
    lines.extend(unfilled_stages(&stages).map(|unfilled| {
        entry("Not filled", [Some(format!("concurrency {unfilled}: too few requests to fill the slots; see --repeat"))])
    }));
    lines.extend(samples_needed(&stages).map(|needed| entry(UNKNOWN, [Some(needed)])));
    lines.extend(unresolved_in_words(&stages).map(|stages| entry("Unresolved", [Some(stages)])));
    if !session.sweep.is_empty() {
        // Each stage shows its own verdict. A verdict on the last stage alone would not describe the run.
        lines.extend(slo_summary(&stages).map(|met| entry("SLO limit", [Some(met)])));
        return lines;
    }
    lines.extend(load_stages::lines(session));
    for slo in session.slos() {
        let verdict = slo.judge(tally);
        let sign = if verdict.met { "✓" } else { "✗" };
        let missing = verdict.value.is_none().then(|| "no attempt has this figure".to_owned());
        lines.push(entry("Threshold", [Some(format!("{sign} {}", slo.describe(&verdict))), missing]));
    }
    lines
}

/// Returns a line for each model of a mix.
fn models(session: &Session) -> Vec<String> {
    let line = |model: ModelFigures| {
        let mean = |label: &str, spread: Option<Spread>, digits: usize, unit: &str| {
            spread.map(|s| format!("{label} {:.digits$} {unit}", s.stats.avg))
        };
        let failed = (model.failed > 0).then(|| format!("{} failed", grouped(model.failed as u64)));
        let name = Some(sanitise_line(&model.name));
        let ttft = mean("TTFT", model.ttft_ms, 0, "ms");
        let decode = mean("decode", model.decode_tokens_per_s, 1, "tok/s");
        entry("Model", [name, ttft, decode, Some(format!("n {}", grouped(model.n as u64))), failed])
    };
    figures(session).into_iter().map(line).collect()
}

/// Returns the line of the price; `None` if the user gave none.
fn price_line(report: &Report) -> Option<String> {
    let cost = report.cost()?;
    Some(entry("Price", std::iter::once(Some(cost.to_string())).chain(cost.details().into_iter().map(Some))))
}

/// Returns the summary: a line for each metric, and then the verdicts.
pub fn summary(report: &Report) -> String {
    let session = &report.session;
    let summary = report.summary();
    let conclusion = Conclusion::new(session, summary, SystemFigures::from_report(report));
    let mut lines = Vec::new();
    if report.simulated {
        lines.push(entry("SIMULATED", [Some("no model was measured".to_owned())]));
    }
    let about = if summary.estimated { ESTIMATED } else { "" };
    let partial = summary.partial.then(|| "partial: some measurements are missing".to_owned());
    let all = session.cases.len();
    let cases = format!("{}/{}", session.cases_answered(), count(all, "case"));
    let planned = session.requests_planned().filter(|planned| *planned != all);
    let requests =
        planned.map(|n| format!("{}/{} requests", grouped(session.requests_answered() as u64), grouped(n as u64)));
    lines.extend(race::lines(session));
    lines.push(entry("Successful", [Some(cases), requests, partial]));
    lines.extend(checks(summary, session));
    if session.unreached() > 0 {
        let (cases, all) = (session.unreached(), session.cases.len());
        let why = format!("{cases} of {all} cases, because the time limit came first");
        lines.push(entry("Not reached", [Some(why)]));
    }
    lines.extend(workload::lines(report, summary));
    if let Some(concurrency) = summary.stage {
        lines.push(entry(
            "Best stage",
            [Some(format!("concurrency {concurrency}: speed, latency, rating and findings are of it"))],
        ));
    }
    let line = |label: &str, metric: &Metric, unit: &str, digits: usize| match summary.spread(metric) {
        Some(spread) => Some(spread_line(label, &spread, &summary.n_of_all(metric, spread.n), unit, digits)),
        None => unresolved_line(label, summary, metric),
    };
    lines.extend(line(&format!("Speed {about}"), &SPEED, "tok/s", 1));
    lines.extend(line("Decode", &DECODE, "tok/s", 1));
    lines.extend(ttft(summary));
    lines.extend(line("Items/s", &ITEM_RATE, "items/s", 1));
    lines.extend(line("Input speed", &INPUT_RATE, "tok/s", 1));
    if let Some(why) = session.suite.task.no_token_figures() {
        lines.extend(line("Latency", &LATENCY, "ms", 1));
        lines.push(entry("No tokens", [Some(why.to_owned())]));
    } else if summary.attempts > 0 {
        let how = if session.plan.warm { "prompts sent unchanged (--warm)" } else { "unique prompts" };
        let later = summary.later_turns_cache;
        let first = summary.cache.without(later);
        let later = (later.all() > 0).then(|| format!("later turns: {}", later.words()));
        let first = if later.is_some() { format!("first turns: {}", first.words()) } else { first.words() };
        let (first, how) =
            if later.is_some() { (first, Some(how.to_owned())) } else { (format!("{first}; {how}"), None) };
        lines.push(entry("Prefix cache", [Some(first), later, how]));
    }
    lines.extend(models(session));
    lines.extend(line("ITL", &ITL, "ms", 2));
    if METRICS.iter().any(|m| summary.unresolved(m) > 0) {
        let why =
            "text arrived in bunches: turn off buffering in proxies, or ask for longer answers (docs/resolution.md)";
        lines.push(entry("Unresolved", [Some(why.to_owned())]));
    }
    let totals = &summary.totals;
    if totals.attempts > 0 {
        let about = if totals.estimated_attempts > 0 { ESTIMATED } else { "" };
        let stages = summary.stage.map(|_| "all stages".to_owned());
        lines.push(amount(summary, about, stages));
        // The sum of the times is the duration of the run only if requests run one after another.
        let label = if session.is_load() || summary.stage.is_some() { "Total time" } else { "Time" };
        lines.push(entry(label, [Some(format!("{:.2} s", totals.time_s))]));
    }
    if let Some(seconds) = report.duration_s().filter(|_| session.is_more_than_reported()) {
        lines.push(entry("Wall time", [Some(format!("{seconds:.2} s"))]));
    }
    if let Some((name, ms)) = &conclusion.slowest {
        let name: String = sanitise_line(name).chars().take(40).collect();
        lines.push(entry("Slowest case", [Some(format!("{:.2} s", ms / 1000.0)), Some(name)]));
    }
    lines.extend(workload::turn_lines(summary));
    lines.extend(depth::lines(session));
    lines.extend(load_lines(session, summary));
    lines.extend(repeated_runs::lines(summary.runs.as_ref()));
    lines.extend(price_line(report));
    if let Some(gate) = &report.gate {
        lines.push(entry("Baseline", [Some(sanitise_line(&gate.baseline))]));
        lines.extend(gate.lines().into_iter().map(|line| entry("Gate", [Some(sanitise_line(&line))])));
    }
    let examined = summary.examined_in_words();
    for (diagnosis, n) in &summary.findings {
        lines.push(entry("Finding", [Some(format!("{}: {n} of {examined}", diagnosis.label))]));
    }
    if summary.spread(&LATENCY).is_some_and(|s| s.has_too_few_repeats()) {
        lines.push(entry("±", [Some(MEAN_NEEDS.to_owned())]));
    } else if summary.spread(&LATENCY).is_some_and(|s| s.mean_half_width.is_some()) {
        let is_over_runs = summary.spread(&LATENCY).is_some_and(|s| s.is_over_runs);
        let units = if is_over_runs { "over runs" } else { "within cases" };
        lines.push(entry("±", [Some(format!("95% confidence interval of the mean (Student's t {units})"))]));
    }
    let rating = |(word, against): (&str, String)| entry("Rating", [Some(format!("{word}: {against} on average"))]);
    lines.extend(conclusion.rating.map(rating));
    lines.extend(conclusion.rating_note.map(|note| entry("Rating", [Some(note)])));
    let bottleneck = |b: Bottleneck| entry(bottleneck::LABEL, [Some(format!("{}: {}", b.cause, b.evidence))]);
    lines.extend(conclusion.bottleneck.map(bottleneck));
    lines.join("\n")
}

/// Returns the line of the items, or else of the output tokens.
fn amount(summary: &Summary, about: &str, stages: Option<String>) -> String {
    match summary.total_items {
        Some(items) => {
            let tokens = summary.total_input_tokens.map(|n| format!("{} prompt tokens", grouped(n)));
            entry("Items", [Some(grouped(items)), tokens])
        }
        None => entry("Tokens", [Some(format!("{about}{}", grouped(summary.totals.output_tokens))), stages]),
    }
}

/// Returns the lines of the checks: the pass rate and the first failures.
fn checks(summary: &Summary, session: &Session) -> Vec<String> {
    let Some(rate) = summary.totals.pass_rate.words() else { return Vec::new() };
    let mut lines = vec![entry("Checks", [Some(rate)])];
    if summary.pass_rate.failed() > 0 {
        let failures = check_failures(&cases(session), MAX_CHECK_FAILURES);
        lines.extend(failures.iter().map(|failure| entry("Failed check", [Some(sanitise_line(&failure.to_string()))])));
    }
    lines
}

/// Returns the line of a metric that no stream resolves.
fn unresolved_line(label: &str, summary: &Summary, metric: &Metric) -> Option<String> {
    let n = summary.n_of_all(metric, 0);
    (summary.unresolved(metric) > 0).then(|| entry(label, [Some(UNKNOWN.to_owned()), Some(format!("n {n}"))]))
}

/// Returns one TTFT line for each state of the prefix cache: a mean of cold and warm would describe neither.
fn ttft(summary: &Summary) -> Vec<String> {
    let by_cache = summary.ttft_by_cache();
    if by_cache.is_empty() {
        return unresolved_line("TTFT", summary, &TTFT).into_iter().collect();
    }
    let label = |state| match state {
        _ if by_cache.len() == 1 && state != PrefixCache::Warm => "TTFT",
        PrefixCache::Cold => "TTFT, cold",
        PrefixCache::Warm => "TTFT, warm",
        PrefixCache::Unknown => "TTFT, cache unknown",
    };
    by_cache
        .iter()
        .map(|(state, spread)| spread_line(label(*state), spread, &summary.n_of_all(&TTFT, spread.n), "ms", 0))
        .collect()
}

/// Returns the line of a metric. `n_of_all` is the number of attempts that have the metric, out of all ended ones. A
/// single value is printed once.
fn spread_line(label: &str, spread: &Spread, n_of_all: &str, unit: &str, digits: usize) -> String {
    let s = spread.stats;
    let n = Some(format!("n {n_of_all}"));
    if spread.n == 1 {
        return entry(label, [Some(format!("{:.digits$} {unit}", s.avg)), n]);
    }
    let mean = Quantity::new(s.avg, digits)
        .with_half_width(spread.mean_half_width)
        .lacking_half_width_if(spread.has_too_few_repeats());
    // Show a high percentile only for latencies: a high speed is no problem.
    let high = [99, 95, 90].into_iter().filter(|_| unit == "ms").find_map(|p| Some((p, spread.percentile(p)?)));
    let parts = [
        Some(format!("{mean} {unit} mean")),
        Some(format!("{:.digits$} median", s.p50)),
        Some(format!("{:.digits$}–{:.digits$}", s.min, s.max)),
        high.map(|(p, v)| format!("{v:.digits$} p{p}")),
        n,
    ];
    entry(label, parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::statistics::Stats;

    fn spread(values: &[f64]) -> Spread {
        let stats = Stats::from_values(values.iter().copied()).unwrap();
        Spread::without_intervals(values.len(), stats)
    }

    #[test]
    fn a_single_value_is_printed_once() {
        let line = spread_line("TTFT", &spread(&[103.4]), "1/2", "ms", 0);
        assert_eq!(line, "TTFT                103 ms   n 1/2");
    }

    #[test]
    fn the_widest_figures_stay_within_80_columns() {
        let mut values: Vec<f64> = (0..100).map(|i| 100_000.0 + f64::from(i)).collect();
        values.push(999_999.0);
        let wide = Spread { mean_half_width: Some(12_345.6), ..spread(&values) };
        let text = spread_line("TTFT, cache unknown", &wide, "101/10000", "ms", 0);
        assert!(text.lines().count() > 1 && text.lines().all(|l| l.chars().count() <= 80), "{text}");
        assert!(text.ends_with("n 101/10000"), "{text}");
    }
}
