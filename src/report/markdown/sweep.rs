//! Section about a sweep: its result, and a row for each stage.

use crate::domain::metrics::{DECODE, ITL, LATENCY, Metric, TTFT};
use crate::domain::pass_rate::whole_percent;
use crate::domain::quantity::ESTIMATED;
use crate::domain::sweep::{Saturation, Stage, best, ideal_throughput, knee, slo_summary, stages, unfilled_stages};
use crate::report::sweep_table::{KNEE, n_of_all, unresolved_in_words};

use super::View;
use super::escape::UNKNOWN;
use super::figures::{bare, figure, label, needed, quantity, unit, with_unit};
use super::page::{Page, Table};

pub fn write(view: &View<'_>, page: &mut Page) {
    let stages = stages(&view.report.session);
    let duration = view.report.session.plan.duration;
    page.block("### Sweep");
    if stages.is_empty() {
        return page.block("No stage has a measured request.");
    }
    headline(&stages, page);
    if let Some(duration) = duration {
        page.block(&format!("Each stage lasted {} s, cases in turn.", duration.as_secs_f64()));
    }
    table(&stages, page);
}

/// Writes the best stage, the saturation, and the stages that meet the SLOs.
fn headline(stages: &[Stage], page: &mut Page) {
    if let Some(best) = best(stages) {
        let details = [
            best.requests_per_s.map(|v| with_unit(Some(v), 2, false, " req/s")),
            best.ttft_p50_ms.map(|ms| format!("TTFT p50 {}", quantity(&TTFT, Some(ms), false))),
            best.items_per_s
                .and(best.latency_p50_ms)
                .map(|ms| format!("latency p50 {}", quantity(&LATENCY, Some(ms), false))),
            best.tokens_per_s_per_user
                .map(|v| format!("decode p50 {} per user", quantity(&DECODE, Some(v), best.estimated))),
        ];
        let details: Vec<String> = details.into_iter().flatten().collect();
        let unit = format!(" {}", best.throughput_unit());
        let throughput = with_unit(best.throughput_per_s(), 1, best.estimated, &unit);
        page.field("Best Stage", &format!("{throughput} at concurrency {} ({})", best.concurrency, details.join(", ")));
    }
    page.field("Saturation", &saturation(stages));
    if let Some(unfilled) = unfilled_stages(stages) {
        page.field(
            "Too Few Requests",
            &format!("concurrency {unfilled} never filled its slots, so saturation ignores it"),
        );
    }
    if let Some(met) = slo_summary(stages) {
        page.field("SLO Limit", &met);
    }
    page.line("");
}

fn saturation(stages: &[Stage]) -> String {
    match Saturation::from_stages(stages) {
        Saturation::FromStart(found) => format!("{found}; more load only adds waiting"),
        Saturation::Knee(concurrency) => {
            format!("knee {KNEE} at concurrency {concurrency}; beyond it, more load mostly adds waiting")
        }
        Saturation::NoneUpTo(last) => {
            format!("none up to concurrency {last}: throughput still grew at little cost in latency")
        }
        Saturation::Unknown => "unknown: a knee needs three stages with figures".to_owned(),
    }
}

fn table(stages: &[Stage], page: &mut Page) {
    let (knee, best) = (knee(stages), best(stages).map(|s| s.concurrency));
    let is_text = stages.iter().all(|stage| stage.items_per_s.is_none());
    let columns = if is_text { &COLUMNS[..] } else { &ITEM_COLUMNS };
    let throughput = format!("Throughput ({})", if is_text { "tok/s" } else { "items/s" });
    let mut table = Table::default().number("Concurrency").number("Ok").number(&throughput).number("Scaling (%)");
    table = table.number("Requests (req/s)");
    for (metric, p) in columns {
        table = table.number(&format!("{} p{p} ({})", label(metric), unit(metric)));
    }
    let is_doubted = stages.iter().any(|s| s.doubts.summary().is_some());
    let is_judged = stages.iter().any(|s| s.slo_met.is_some());
    let is_checked = stages.iter().any(|s| s.pass_rate.checked > 0);
    if is_checked {
        table = table.number("Pass (%)");
    }
    if is_doubted {
        table = table.text("Prefix cache");
    }
    if is_judged {
        table = table.text("SLOs");
    }
    for (at, stage) in stages.iter().enumerate() {
        let mark = if knee == Some(at) { format!("{KNEE} ") } else { String::new() };
        let throughput = figure(stage.throughput_per_s(), 1, stage.estimated);
        let is_best = best == Some(stage.concurrency);
        let mut row = vec![
            format!("{mark}{}", stage.concurrency),
            n_of_all(stage),
            if is_best { format!("**{throughput}**") } else { throughput },
            figure(scaling_percent(stages, stage), 0, stage.estimated),
            figure(stage.requests_per_s, 2, false),
        ];
        row.extend(columns.iter().map(|(metric, p)| bare(metric, percentile(stage, metric, *p), stage.estimated)));
        if is_checked {
            let percent = stage.pass_rate.percent().map(whole_percent);
            row.push(percent.map_or_else(|| UNKNOWN.to_owned(), |share| share.trim_end_matches('%').to_owned()));
        }
        if is_doubted {
            row.push(stage.doubts.summary().unwrap_or_else(|| "cold".to_owned()));
        }
        if is_judged {
            row.push(stage.slo_met.map_or(UNKNOWN, |met| if met { "✓" } else { "✗ missed" }).to_owned());
        }
        table.row(row);
    }
    page.table(&table.without_empty_columns());
    if stages.iter().any(|s| s.ok > 0 && s.ttft_p95_ms.is_none()) {
        page.block(&needed(&[95]));
    }
    if stages.iter().any(|s| s.estimated) {
        page.block(&format!("`{ESTIMATED}`: based on token counts that are estimated from stream events."));
    }
    if let Some(unresolved) = unresolved_in_words(stages) {
        page.block(&format!("Excluded as unresolved: {unresolved}."));
    }
}

/// Percentiles in the table, after the rates.
static COLUMNS: [(&Metric, u32); 5] = [(&TTFT, 50), (&TTFT, 95), (&ITL, 50), (&DECODE, 50), (&LATENCY, 50)];

/// Percentiles in the table of answers that are not text.
static ITEM_COLUMNS: [(&Metric, u32); 2] = [(&LATENCY, 50), (&LATENCY, 95)];

fn percentile(stage: &Stage, metric: &Metric, p: u32) -> Option<f64> {
    match metric {
        m if *m == TTFT && p == 95 => stage.ttft_p95_ms,
        m if *m == TTFT => stage.ttft_p50_ms,
        m if *m == ITL => stage.itl_p50_ms,
        m if *m == DECODE => stage.tokens_per_s_per_user,
        _ if p == 95 => stage.latency_p95_ms,
        _ => stage.latency_p50_ms,
    }
}

/// Returns the throughput in percent of ideal scaling, which is proportional to concurrency from the lowest stage.
fn scaling_percent(stages: &[Stage], stage: &Stage) -> Option<f64> {
    let ideal = ideal_throughput(stages, stage.concurrency)?;
    (ideal > 0.0).then_some(100.0 * stage.throughput_per_s()? / ideal)
}
