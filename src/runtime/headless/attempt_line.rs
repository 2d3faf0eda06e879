//! Progress line of an attempt.

use std::io::Write;

use crate::domain::attempt::{AttemptRecord, TokenSource};
use crate::domain::check::CheckResult;
use crate::domain::quantity::Quantity;
use crate::domain::session::Session;
use crate::domain::task::AnswerItems;
use crate::domain::text::sanitise_line;
use crate::report::style::Style;

/// Prints the line of an attempt that has ended, and its notes below.
pub fn print_attempt(session: &Session, record: &AttemptRecord, style: Style, stderr: &mut dyn Write) {
    let total = session.suite.cases.len();
    let name = session.suite.cases.get(record.id.case).map_or_else(String::new, |c| sanitise_line(&c.name));
    let (tokens, source) = record.output_tokens().unzip();
    let tokens = Quantity::new(tokens.map(|n| n as f64), 0).estimated_if(source == Some(TokenSource::Estimate));
    let ttft = match record.time_to_first_token_ms() {
        None if record.unresolved_first_token().is_some() => "unresolved".to_owned(),
        ms => format!("{} ms", Quantity::new(ms, 0)),
    };
    let is_probe = session.suite.workload.as_ref().is_some_and(|w| w.probe_number(record.id, total).is_some());
    let kind = match (record.warmup, record.turn) {
        (true, _) if is_probe => " (probe)".to_owned(),
        (true, _) => " (warm-up)".to_owned(),
        (false, Some(turn)) => format!(" (conversation {}, turn {} of {})", turn.conversation, turn.number, turn.of),
        (false, None) => String::new(),
    };
    let line = match &record.error {
        None if record.items.is_some() => format!(
            "[{}/{total}] {name}{kind}  {} s  {}  {} items/s  {} prompt tokens",
            record.id.case + 1,
            Quantity::new(record.request_latency_ms().map(|ms| ms / 1000.0), 2),
            record.items.map_or_else(String::new, AnswerItems::in_words),
            Quantity::new(record.items_per_s(), 1),
            Quantity::new(record.usage.prompt_tokens.map(|n| n as f64), 0),
        ),
        None => format!(
            "[{}/{total}] {name}{kind}  {} s  TTFT {ttft}{}  {} tok/s  {tokens} tokens",
            record.id.case + 1,
            Quantity::new(record.request_latency_ms().map(|ms| ms / 1000.0), 2),
            record.cache_doubt().map_or_else(String::new, |doubt| format!(" ({doubt})")),
            Quantity::new(record.output_tokens_per_s(), 1),
        ),
        Some(e) => {
            let why = sanitise_line(&e.message);
            format!("[{}/{total}] {name}{kind}  {}: {why}", record.id.case + 1, record.status.as_str())
        }
    };
    let line = sanitise_line(&line);
    // Ignore errors: a closed stream must not end the run.
    drop(writeln!(stderr, "{}", if record.error.is_some() { style.bad(&line) } else { line }));
    for failure in record.checks.iter().filter_map(CheckResult::failure) {
        drop(writeln!(stderr, "{}", style.bad(&format!("      ✗ check failed: {}", sanitise_line(&failure)))));
    }
    for note in record.notes() {
        drop(writeln!(stderr, "{}", style.dim(&format!("      ! {}", sanitise_line(note)))));
    }
}
