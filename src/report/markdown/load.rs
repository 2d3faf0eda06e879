//! Section about the load: open or closed loop, SLOs, goodput and failures. Omitted for a plain run without SLOs.

use crate::domain::metrics::QUEUE;
use crate::domain::quantity::count;
use crate::domain::session::Session;
use crate::domain::slo::{RunFigure, Slo, Subject, Verdict};
use crate::domain::tally::Tally;

use super::escape::code;
use super::figures::{figure, quantity, with_unit};
use super::page::{Page, Table};
use super::{View, find, load_stages, steady, sweep};

/// Reason why an open loop ended early.
const SATURATED: &str = "the queue only grew, so the server cannot sustain this load";

pub fn write(view: &View<'_>, page: &mut Page) {
    let session = &view.report.session;
    let Some(tally) = &view.summary.tally else { return };
    let is_load = session.is_load() || !session.sweep.is_empty();
    if is_load {
        page.block("## Load");
    }
    if session.search().is_some() {
        // The section about the search has a table with the thresholds of every probe.
        return find::write(view, page);
    }
    if !session.sweep.is_empty() {
        sweep::write(view, page);
    } else if is_load {
        page.block(&headline(view, tally));
        fields(view, tally, page);
        load_stages::write(view, page);
    }
    if !session.slos().is_empty() {
        page.block(if is_load { "### SLOs" } else { "## SLOs" });
        view.name_stage(page);
        slos(view, tally, page);
    }
}

/// Describes the load in one line.
fn headline(view: &View<'_>, tally: &Tally) -> String {
    let s = &view.summary;
    let session = &view.report.session;
    let offered = match (&session.suite.load_stages, session.replay_speed(), session.plan.open_loop) {
        (Some(stages), ..) => format!("Stages {stages}"),
        (None, Some(speed), _) => format!("Trace at {speed}x its speed"),
        (None, None, Some(open)) => format!("{} req/s offered", open.rate_per_s),
        (None, None, None) => format!("Concurrency {}", session.plan.concurrency),
    };
    let rates: Vec<String> = [
        s.output_token_throughput.map(|v| with_unit(Some(v), 1, s.estimated, " tok/s")),
        s.item_throughput.map(|v| with_unit(Some(v), 1, false, " items/s")),
        s.input_token_throughput.map(|v| with_unit(Some(v), 1, false, " input tok/s")),
        s.request_throughput.map(|v| with_unit(Some(v), 2, false, " req/s")),
    ]
    .into_iter()
    .flatten()
    .collect();
    let slos = view.report.session.slos();
    let missed = slos.iter().filter(|slo| !slo.judge(tally).met).count();
    let met = match (slos.len(), missed) {
        (0, _) => String::new(),
        (all, 0) => format!("; {} met", if all == 1 { "the SLO".to_owned() } else { format!("all {all} SLOs") }),
        (all, missed) => format!("; {missed} of {} missed", count(all, "SLO")),
    };
    let rates = if rates.is_empty() { "no complete answer".to_owned() } else { rates.join(", ") };
    format!("**{offered}: {rates}**; {} of {} requests succeeded{met}.", tally.ok, tally.ended)
}

fn fields(view: &View<'_>, tally: &Tally, page: &mut Page) {
    let session = &view.report.session;
    page.field("Loop", &describe(session));
    if session.is_open_loop() {
        page.field("Peak In Flight", &view.summary.peak_in_flight.to_string());
    }
    if let Some(kinds) = tally.failures() {
        page.field("Failed", &kinds);
    }
    if session.saturated_at().is_some() {
        let requests = count(session.not_started, "request");
        page.field("Stopped", &format!("{SATURATED}; {requests} of the plan not sent"));
    } else if session.not_started > 0 {
        let requests = count(session.not_started, "request");
        page.field("Not Started", &format!("{requests} that were due, because no slot was free within the duration"));
    }
    if tally.count(&QUEUE) > 0 {
        page.field("Dispatch Delay", &dispatch_delay(tally));
    }
    steady::write(view, page);
    page.line("");
}

/// Describes the delay after the planned start: percentiles if there are enough requests, and the maximum.
fn dispatch_delay(tally: &Tally) -> String {
    let percentile = |p: u32| Some(format!("p{p} {}", figure(Some(tally.percentile(&QUEUE, p)?), 2, false)));
    let max = tally.stats(&QUEUE).map(|s| format!("max {}", figure(Some(s.max), 2, false)));
    let all: Vec<String> = [50, 95, 99].into_iter().filter_map(percentile).chain(max).collect();
    format!("{} ms after the intended start; TTFT and Time include it", all.join(", "))
}

/// Describes the loop of a run that is not a sweep.
fn describe(session: &Session) -> String {
    let plan = &session.plan;
    let limit = || plan.limit().map_or_else(|| "no limit".to_owned(), |n| format!("at most {n}"));
    let time = plan.duration.map_or_else(String::new, |d| format!(" for {} s, cases in turn", d.as_secs_f64()));
    match (&session.suite.load_stages, session.replay_speed(), plan.open_loop) {
        (Some(stages), ..) => {
            let kind = plan.open_loop.map_or_else(
                || "closed".to_owned(),
                |open| {
                    format!("open, {} arrivals, seed {}; times count from the intended start", open.process, open.seed)
                },
            );
            format!("{kind}; stages {stages}, cases in turn")
        }
        (None, Some(speed), _) => {
            let time = plan.duration.map_or_else(String::new, |d| format!(" for {} s", d.as_secs_f64()));
            format!(
                "open, requests of a trace at their own times, {speed}x as fast{time}, {} in flight; times count from the \
                 intended start",
                limit()
            )
        }
        (None, None, Some(open)) => format!(
            "open, {} requests/s{time}, {} arrivals, seed {}, {} in flight; times count from the intended start",
            open.rate_per_s,
            open.process,
            open.seed,
            limit()
        ),
        (None, None, None) => format!("closed, {} in flight{time}", count(plan.concurrency, "request")),
    }
}

fn slos(view: &View<'_>, tally: &Tally, page: &mut Page) {
    let mut table = Table::default().text("SLO").number("Measured").number("n").text("Met");
    for slo in view.report.session.slos() {
        let verdict = slo.judge(tally);
        let n = format!("{}/{}", verdict.n, tally.ended);
        let n = verdict.notes().map_or(n.clone(), |words| format!("{n} ({words})"));
        let sign = if verdict.met { "✓" } else { "✗ missed" };
        table.row(vec![code(&slo.text).replace('|', "\\|"), measured(slo, &verdict), n, sign.to_owned()]);
    }
    page.table(&table);
    if let Some(good) = tally.good {
        let unresolved = match tally.unjudged {
            0 => String::new(),
            n => format!(" {} could not be judged, because a figure is unresolved.", count(n, "more request")),
        };
        page.block(&format!(
            "**Goodput**: {}: {good} of {} requests ({}) met every SLO{}.{unresolved}",
            with_unit(tally.run_figure(RunFigure::Goodput), 2, false, " req/s"),
            tally.judged(),
            with_unit(tally.run_figure(RunFigure::GoodShare), 1, false, "%"),
            if tally.pass_rate.checked > 0 { " and passed their checks" } else { "" },
        ));
    }
}

/// Describes the value that was compared with a threshold. With too few requests for a percentile, that is the minimum
/// or maximum.
fn measured(slo: &Slo, verdict: &Verdict) -> String {
    match slo.subject {
        Subject::Requests(metric, stat) => {
            let value = quantity(metric, verdict.value, false);
            verdict.stand_in.map_or_else(
                || value.clone(),
                |extreme| format!("{value} ({}; too few requests for {})", extreme.as_str(), stat.as_str()),
            )
        }
        Subject::Run(RunFigure::ErrorRate | RunFigure::GoodShare | RunFigure::PassRate) => {
            with_unit(verdict.value, 1, false, "%")
        }
        Subject::Run(_) => with_unit(verdict.value, 2, false, &format!(" {}", slo.unit().as_str())),
    }
}
