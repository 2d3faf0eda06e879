//! Findings about how an answer ended.

use super::{Subject, counts_too_few};
use crate::domain::attempt::AttemptRecord;
use crate::domain::finish_reason::FinishClass;
use crate::domain::text::sanitise_line;

/// Maximum length of a finish reason in a finding, in characters.
const MAX_REASON_CHARS: usize = 60;

/// Finish reasons of all choices.
fn reasons(record: &AttemptRecord) -> impl Iterator<Item = &str> {
    let first = record.finish_reason.iter().filter(|_| record.choice_finish_reasons.is_empty());
    first.chain(record.choice_finish_reasons.iter().flatten()).map(String::as_str)
}

/// First finish reason of a class among all choices.
fn find_reason(record: &AttemptRecord, class: FinishClass) -> Option<&str> {
    reasons(record).find(|reason| FinishClass::from_reason(reason) == class)
}

/// Quotes a server's finish reason, shortened and sanitised.
fn shown(reason: &str) -> String {
    let reason = sanitise_line(reason);
    match reason.char_indices().nth(MAX_REASON_CHARS) {
        Some((end, _)) => format!("\"{}…\"", reason.split_at(end).0),
        None => format!("\"{reason}\""),
    }
}

pub(super) fn no_finish_reason(s: &Subject<'_>) -> Option<String> {
    (s.record.is_ok() && s.record.finish_reason.is_none())
        .then(|| "the stream ended with [DONE] but no finish reason; the answer may be incomplete".to_owned())
}

pub(super) fn cut_short(s: &Subject<'_>) -> Option<String> {
    let reason = find_reason(s.record, FinishClass::Length)?;
    if names_context(reason) {
        return Some(format!("the answer filled the model's context window (finish reason {})", shown(reason)));
    }
    let tokens = s.record.usage.completion_tokens?;
    let asked = s.asked_max_tokens;
    let fewer = (tokens as f64) < f64::from(asked) * 0.95 && !counts_too_few(s);
    (fewer && s.record.ends_as(FinishClass::Length)).then(|| {
        format!("the server cut the answer after {tokens} of {asked} requested tokens; check its own limits, such as its context length")
    })
}

/// Returns whether the reason names the context window rather than a limit of the request.
fn names_context(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("context")
}

pub(super) fn filtered(s: &Subject<'_>) -> Option<String> {
    let reason = find_reason(s.record, FinishClass::Filtered)?;
    Some(match reason {
        "content_filter" => "the server's content filter ended the answer".to_owned(),
        "refusal" => "the model refused to answer (finish reason \"refusal\")".to_owned(),
        other => format!("the server's content filter ended the answer (finish reason {})", shown(other)),
    })
}

pub(super) fn unknown_finish_reason(s: &Subject<'_>) -> Option<String> {
    let reason = find_reason(s.record, FinishClass::Unknown)?;
    Some(format!("unknown finish reason {}; check that the answer is complete", shown(reason)))
}

pub(super) fn choices(s: &Subject<'_>) -> Option<String> {
    let all = &s.record.choice_finish_reasons;
    let differ = all.windows(2).any(|pair| matches!(pair, [a, b] if a != b));
    differ.then(|| {
        let each = all.iter().enumerate().map(|(index, reason)| {
            let reason = reason.as_deref().map_or_else(|| "none".to_owned(), shown);
            format!("choice {}: {reason}", index + 1)
        });
        // The list is limited, because a server may send any number of choices.
        let listed: Vec<String> = each.take(8).collect();
        let more = if all.len() > listed.len() { ", …" } else { "" };
        format!("the choices ended with different finish reasons: {}{more}", listed.join(", "))
    })
}
