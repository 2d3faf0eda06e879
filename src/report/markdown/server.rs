//! Section with the metrics that the server reported during the run.

use crate::report::level::Level;
use crate::report::server_figures::ServerFigures;

use super::View;
use super::escape::{code, inline, own};
use super::figures::grouped;
use super::numbers::mean_and_max;
use super::page::Page;

pub fn write(view: &View<'_>, page: &mut Page) {
    let Some(figures) = ServerFigures::from_report(view.report) else { return };
    page.block("## Server Metrics");
    match figures {
        Ok(figures) => fields(&figures, page),
        Err(why) => page.block(&format!("No server metrics: {}.", own(&why))),
    }
}

fn fields(figures: &ServerFigures, page: &mut Page) {
    let missed = if figures.missed > 0 { format!(", {} failed", figures.missed) } else { String::new() };
    let (kind, every, samples) = (inline(&figures.kind), figures.sample_interval_ms, figures.samples);
    page.field("Source", &format!("{kind}, {}, every {every} ms, {samples} samples{missed}", code(&figures.url)));
    for (name, level, unit) in [
        ("Requests Running", figures.requests_running, ""),
        ("Requests Waiting", figures.requests_waiting, ""),
        ("Requests Retracted", figures.requests_retracted, ""),
        ("KV Cache", figures.kv_cache_usage_percent, "%"),
    ] {
        if let Some(Level { avg, max }) = level {
            page.field(name, &mean_and_max(avg, max, unit));
        }
    }
    let mut field = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            page.field(name, &value);
        }
    };
    field("Prefix Cache Hits", figures.prefix_cache_hit_percent.map(|p| format!("{p:.1}%")));
    field("Preemptions", figures.preemptions.map(|n| format!("{n:.0}")));
    let drafts = figures.draft_tokens.zip(figures.accepted_draft_percent);
    field("Speculation", drafts.map(|(n, p)| format!("{p:.1}% of {} drafted tokens accepted", grouped(n))));
    let here =
        figures.output_tokens_here.map_or_else(String::new, |n| format!("; tokscope received {}", grouped(n as f64)));
    field("Tokens Generated", figures.generated_tokens.map(|n| format!("{}{here}", grouped(n))));
    field("TTFT by the Server's Clock", figures.time_to_first_token_ms.map(|ms| format!("{ms:.1} ms on average")));
    field("Queue by the Server's Clock", figures.queue_ms.map(|ms| format!("{ms:.1} ms on average")));
    for warning in &figures.warnings {
        page.field("Note", &inline(warning));
    }
    page.line("");
}
