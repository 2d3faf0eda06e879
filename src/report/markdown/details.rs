//! A section for each case.

use crate::domain::attempt::AttemptRecord;
use crate::domain::metrics::METRICS;
use crate::report::case::CaseView;

use super::View;
use super::escape::{UNKNOWN, code, fenced, inline, preview};
use super::page::{Page, bare, figure, seconds, unit, with_unit};

const TIME: &str = "request_latency_ms";
const SPEED: &str = "output_token_throughput";
const TTFT: &str = "time_to_first_token_ms";
/// Metrics that the fixed fields and the line about the output already say.
const SAID: [&str; 5] = [TIME, SPEED, TTFT, "input_sequence_length", "output_sequence_length"];

pub fn write(view: &View<'_>, page: &mut Page) {
    page.block("## Test Details");
    for case in &view.cases {
        page.block(&format!("### {}", inline(&case.spec.name)));
        figures(case, page);
        about(case, page);
        page.line("");
        page.line("**Response Preview:**");
        if let Some(text) = case.shown().and_then(preview) {
            page.block(&fenced(&text));
        } else {
            page.line("");
            page.block("*No text came.*");
        }
        page.block("---");
    }
    page.line("");
}

fn figures(case: &CaseView<'_>, page: &mut Page) {
    let estimated = case.is_estimated();
    let mean = if case.reported.len() > 1 { format!(" (mean of {})", case.reported.len()) } else { String::new() };
    let with_mean = |text: String| if text == UNKNOWN { text } else { text + &mean };
    page.field("Time", &with_mean(seconds(case.figure_of(TIME), 2)));
    page.field("Speed", &with_mean(with_unit(case.figure_of(SPEED), 1, estimated, " tok/s")));
    page.field("TTFT", &with_mean(seconds(case.figure_of(TTFT), 3)));
    for metric in METRICS.iter().filter(|m| !SAID.contains(&m.key)) {
        if let Some(value) = case.figure(metric) {
            let text = format!("{} {}", bare(metric, Some(value), estimated), unit(metric));
            page.field(metric.label, &with_mean(text.trim_end().to_owned()));
        }
    }
}

/// What stands around the figures: how it ended, the output, the cache, warnings, failures.
fn about(case: &CaseView<'_>, page: &mut Page) {
    if case.reported.is_empty() {
        page.field("Status", case.status());
    }
    if let Some(model) = &case.spec.model {
        page.field("Model", &inline(model));
    }
    if let [only] = case.reported[..] {
        output(only, page);
    }
    for record in &case.reported {
        let which = which(case, record);
        page.field(&format!("Prefix Cache{which}"), &cache(record));
        warnings(record, &which, page);
    }
    for record in case.failures() {
        let which = which(case, record);
        let reason = record.error.as_ref().map_or_else(
            || record.status.as_str().to_owned(),
            |e| {
                let kind =
                    if e.kind == record.status.as_str() { String::new() } else { format!(" ({})", inline(&e.kind)) };
                format!("{}{kind}: {}", record.status.as_str(), code(&e.message))
            },
        );
        page.field(&format!("Error{which}"), &reason);
        let before = figure(record.time_to_first_token_ms(), 0, false);
        if before != UNKNOWN {
            let events = record.content_events();
            page.field(&format!("Before the Error{which}"), &format!("first token after {before} ms, {events} events"));
        }
        warnings(record, &which, page);
    }
}

/// `cold`, `warm, 64 of 80 prompt tokens`, `unknown, prompt made unique`.
fn cache(record: &AttemptRecord) -> String {
    let state = record.prefix_cache().as_str();
    match record.usage.cached_tokens {
        Some(cached) if cached > 0 => {
            let of = record.usage.prompt_tokens.map_or_else(String::new, |n| format!(" of {n}"));
            format!("{state}, {cached}{of} prompt tokens")
        }
        None if record.nonce.is_some() => format!("{state}, prompt made unique"),
        _ => state.to_owned(),
    }
}

fn output(record: &AttemptRecord, page: &mut Page) {
    let mut words = Vec::new();
    if let Some((tokens, _)) = record.output_tokens() {
        let estimated = crate::report::case::is_estimated(record);
        let reasoning = record.usage.reasoning_tokens.filter(|&n| n > 0);
        let reasoning = reasoning.map_or_else(String::new, |n| format!(", of them {n} reasoning"));
        words.push(format!("{} tokens{reasoning}", figure(Some(tokens as f64), 0, estimated)));
    }
    words.push(format!("{} events with text", record.content_events()));
    if let Some(reason) = &record.finish_reason {
        words.push(format!("finish reason {}", code(reason)));
    }
    page.field("Output", &words.join("; "));
}

fn warnings(record: &AttemptRecord, which: &str, page: &mut Page) {
    for warning in &record.warnings {
        page.field(&format!("Warning{which}"), &inline(warning));
    }
}

/// Says which attempt a line is about where there are several.
fn which(case: &CaseView<'_>, record: &AttemptRecord) -> String {
    if case.ended() > 1 { format!(" (attempt {})", record.id.number) } else { String::new() }
}
