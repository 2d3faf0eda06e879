//! How the run did as a load: its loop, thresholds, goodput, failures by kind, the sweep. A plain run has none of it.

use crate::domain::metrics::QUEUE;
use crate::domain::session::Plan;
use crate::domain::slo::{RunFigure, Subject};
use crate::domain::statistics::needed_for;
use crate::domain::sweep::{Stage, knee, no_knee_up_to, saturated_from_start, slo_summary, stages};
use crate::domain::tally::Tally;
use crate::report::sweep_chart;
use crate::report::sweep_table::{SWEEP_COLUMNS, SweepColumn, n_of_all, unresolved_in_words};

use super::View;
use super::escape::{UNKNOWN, code, fenced};
use super::page::{Page, figure, with_unit};
use crate::domain::quantity::count;

/// Cells and lines of the chart.
const CHART: (usize, usize) = (76, 10);

pub fn write(view: &View<'_>, page: &mut Page) {
    let session = &view.report.session;
    let Some(tally) = &view.summary.tally else { return };
    if session.plan.is_load() || !session.sweep.is_empty() {
        page.block("## Load");
        load(view, tally, page);
    }
    if !session.slos().is_empty() {
        let of = if session.sweep.is_empty() { "" } else { " of the Last Stage" };
        page.block(&format!("### Thresholds{of}"));
        thresholds(view, tally, page);
    }
    if !session.sweep.is_empty() {
        page.block("### Sweep");
        sweep(view, page);
    }
}

fn load(view: &View<'_>, tally: &Tally, page: &mut Page) {
    let session = &view.report.session;
    page.field("Loop", &describe(&session.plan, &session.sweep));
    if !session.sweep.is_empty() {
        page.field(
            "Stage",
            &format!(
                "all sections but the sweep show its last stage, {} at once: each case's last attempts",
                session.plan.concurrency
            ),
        );
    }
    page.field("Measured Requests", &format!("{}, of them {} ok", tally.ended, tally.ok));
    if let Some(kinds) = tally.failures() {
        page.field("Failed", &kinds);
    }
    if session.not_started > 0 {
        page.field(
            "Not Started",
            &format!(
                "{}: intended within the duration, but all slots were taken to its end",
                count(session.not_started, "request")
            ),
        );
    }
    if tally.count(&QUEUE) > 0 {
        let p = |p: u32| {
            let value = tally.percentile(&QUEUE, p);
            let text = if value.is_none() { format!("n<{}", needed_for(p)) } else { figure(value, 2, false) };
            format!("{text} (p{p})")
        };
        let max = figure(tally.stats(&QUEUE).map(|s| s.max), 2, false);
        page.field(
            "Dispatch Delay",
            &format!(
                "{}, {}, {}, {max} (max) ms after the intended start; TTFT and latency hold it",
                p(50),
                p(95),
                p(99)
            ),
        );
    }
    page.line("");
}

fn describe(plan: &Plan, sweep: &[usize]) -> String {
    let limit = plan.limit().map_or_else(|| "any number".to_owned(), |n| format!("at most {}", count(n, "request")));
    let time = plan.duration.map_or_else(String::new, |d| format!(", cases in turn for {} s", d.as_secs_f64()));
    match plan.open_loop {
        Some(open) => format!(
            "open, {} requests/s, {} arrivals, seed {}{time}; {limit} in flight. Times count from the intended start",
            open.rate_per_s,
            open.process.as_str(),
            open.seed
        ),
        None if !sweep.is_empty() => {
            let stages: Vec<_> = sweep.iter().map(usize::to_string).collect();
            format!("closed, {} requests in flight in turn{time}", stages.join(", "))
        }
        None => format!("closed, {} in flight{time}", count(plan.concurrency, "request")),
    }
}

fn thresholds(view: &View<'_>, tally: &Tally, page: &mut Page) {
    let header = ["Threshold", "Measured", "n", "Kept"].map(str::to_owned);
    let rows: Vec<Vec<String>> = view
        .report
        .session
        .slos()
        .iter()
        .map(|slo| {
            let verdict = slo.judge(tally);
            let unit = format!(" {}", slo.unit().as_str());
            let digits = if verdict.value.is_some_and(|v| v >= 100.0) { 0 } else { 2 };
            let mut measured = with_unit(verdict.value, digits, false, &unit);
            if let (Some(extreme), Subject::Requests(_, stat)) = (verdict.stand_in, slo.subject) {
                measured = format!("{measured} ({}; too few for {})", extreme.as_str(), stat.as_str());
            }
            let of = format!("{}/{}", verdict.n, tally.ended);
            let n = verdict.notes().map_or(of.clone(), |words| format!("{of} ({words})"));
            let sign = if verdict.met { "✓" } else { "✗ missed" };
            vec![code(&slo.text).replace('|', "\\|"), measured, n, sign.to_owned()]
        })
        .collect();
    page.table(&header, &rows);
    if let Some(good) = tally.good {
        let unresolved = match tally.unjudged {
            0 => String::new(),
            n => format!(" {} could not be judged, because a figure is unresolved.", count(n, "more request")),
        };
        page.block(&format!(
            "Goodput: {good} of {} requests ({}) kept every threshold, {}. Each request's own figure is compared, whatever \
             the statistic; a failed request keeps none (as AIPerf counts goodput, after DistServe).{unresolved}",
            tally.judged(),
            with_unit(tally.run_figure(RunFigure::GoodShare), 1, false, " %"),
            with_unit(tally.run_figure(RunFigure::Goodput), 3, false, " req/s"),
        ));
    }
}

fn sweep(view: &View<'_>, page: &mut Page) {
    let stages = stages(&view.report.session);
    let knee = knee(&stages);
    let mut header = vec!["Concurrency".to_owned(), "n".to_owned()];
    header.extend(SWEEP_COLUMNS.iter().map(SweepColumn::heading));
    let doubted = stages.iter().any(|s| s.doubts.summary().is_some());
    if doubted {
        header.push("TTFT of".to_owned());
    }
    let judged = stages.iter().any(|s| s.slo_met.is_some());
    if judged {
        header.push("Thresholds".to_owned());
    }
    let rows: Vec<_> = stages.iter().enumerate().map(|(at, s)| row(s, knee == Some(at), doubted, judged)).collect();
    page.table(&header, &rows);
    page.block(
        "*n*: whole answers of all measured requests; percentiles stand on the whole ones. p95 is shown from 20 on.",
    );
    if let Some(told) = unresolved_in_words(&stages) {
        page.block(&format!("Excluded as unresolved: {told}."));
    }
    let chart = sweep_chart::lines(&stages, knee, CHART.0, CHART.1);
    if !chart.is_empty() {
        page.block(&fenced(&chart.join("\n")));
    }
    if let Some(kept) = slo_summary(&stages) {
        page.block(&format!("Thresholds: {kept}."));
    }
    if let Some(found) = saturated_from_start(&stages) {
        page.block(&format!("The sweep does not scale: {found}. More load only adds waiting time."));
        return;
    }
    let found = knee.and_then(|at| stages.get(at));
    page.block(&match found {
        Some(stage) => format!(
            "{} The knee is at {} at once: the point of this curve that lies farthest above the straight line from its \
             first stage to the one with the highest throughput, both axes scaled to 0 to 1 (Kneedle, without smoothing). \
             Beyond a knee more load buys mostly waiting.",
            sweep_chart::KNEE,
            stage.concurrency
        ),
        None => no_knee_up_to(&stages).map_or_else(
            || "A knee needs three stages with figures.".to_owned(),
            |last| format!("No knee up to {last} at once: throughput still grew with little cost in latency."),
        ),
    });
}

fn row(s: &Stage, is_knee: bool, doubted: bool, judged: bool) -> Vec<String> {
    let mark = if is_knee { format!(" {}", sweep_chart::KNEE) } else { String::new() };
    let mut row = vec![format!("{}{mark}", s.concurrency), n_of_all(s)];
    row.extend(SWEEP_COLUMNS.iter().map(|column| column.cell(s, |value| figure(value, column.digits, false))));
    if doubted {
        row.push(s.doubts.summary().unwrap_or_else(|| "cold prompts".to_owned()));
    }
    if judged {
        row.push(match s.slo_met {
            Some(true) => "✓".to_owned(),
            Some(false) => "✗ missed".to_owned(),
            None => UNKNOWN.to_owned(),
        });
    }
    row
}
