//! The answers of all cases, each folded, with their reasoning folded within.

use maud::{Markup, html};

use super::markdown;
use crate::domain::attempt::AttemptRecord;
use crate::domain::check::ToolCall;
use crate::domain::quantity::{count, grouped};
use crate::domain::text::{sanitise, sanitise_line, truncate};
use crate::report::case::CaseView;
use crate::report::markdown::View;

/// Maximum number of cases with a section.
const MAX_CASES: usize = 200;
/// Maximum length of an answer, and of its reasoning, characters.
const MAX_CHARS: usize = 20_000;
/// Characters of all answers after which those that follow are only a beginning.
const MAX_ALL_CHARS: usize = 1_000_000;
/// Length of the beginning of an answer beyond that, characters.
const BEGINNING_CHARS: usize = 600;

/// Returns the details of the cases: figures, notes, answer and reasoning.
pub fn answers(view: &View<'_>) -> Markup {
    let mut left = MAX_ALL_CHARS;
    let shown: Vec<Markup> = view.cases.iter().take(MAX_CASES).map(|case| answer(view, case, &mut left)).collect();
    let rest = view.cases.len().saturating_sub(shown.len());
    html! {
        @if view.cases.iter().any(|case| case.reported.len() > 1) {
            p { "Of several attempts, the answer is that of the last one that counts." }
        }
        @for case in &shown { (case) }
        @if rest > 0 {
            p { "… and " (count(rest, "more case")) ": the export to JSON has all of them." }
        }
    }
}

fn answer(view: &View<'_>, case: &CaseView<'_>, left: &mut usize) -> Markup {
    let record = case.shown();
    let max_chars = if *left == 0 { BEGINNING_CHARS } else { MAX_CHARS };
    let texts = record.as_deref().map(Texts::new).unwrap_or_default();
    *left = left.saturating_sub(texts.chars().min(MAX_CHARS));
    let is_wrong = case.wrong() > 0;
    let status = if is_wrong { "wrong answer" } else { case.status() };
    html! {
        details.case {
            summary {
                span.case-name { (sanitise_line(&case.spec.name)) }
                @if status != "ok" { " " span.bad { (status) } }
            }
            (markdown::report(&view.notes(case)))
            @if !texts.reasoning.is_empty() {
                details.reasoning {
                    summary { "Reasoning (" (grouped(texts.reasoning.chars().count() as u64)) " characters)" }
                    (text(&texts.reasoning, max_chars))
                }
            }
            @if !texts.answer.is_empty() { div.answer { (text(&texts.answer, max_chars)) } }
            @for call in &texts.calls {
                p { "Tool call: " code { (call.name) } }
                pre { (truncate(&call.arguments, max_chars, "…")) }
            }
            @if texts.chars() == 0 {
                @match record.as_deref() {
                    Some(record) if record.condensed.is_some() && record.is_ok() => p { em { "The saved run no longer holds the text of this answer." } }
                    _ => p { em { "No text was received." } }
                }
            }
        }
    }
}

/// Returns a foreign text as HTML, cut after some characters.
fn text(text: &str, max_chars: usize) -> Markup {
    let short = truncate(text, max_chars, "");
    html! {
        (markdown::foreign(&short))
        @if short.len() < text.len() {
            p { em { "… cut after " (grouped(max_chars as u64)) " characters; the export to JSON has the whole text." } }
        }
    }
}

/// Texts of an answer, without anything that could hide or reorder text.
#[derive(Default)]
struct Texts {
    reasoning: String,
    answer: String,
    calls: Vec<ToolCall>,
}

impl Texts {
    fn new(record: &AttemptRecord) -> Self {
        let clean = |text: &str| sanitise(text).trim().to_owned();
        let call = |call: &ToolCall| ToolCall { name: sanitise_line(&call.name), arguments: sanitise(&call.arguments) };
        Self {
            reasoning: clean(&record.reasoning),
            answer: clean(&record.text),
            calls: record.tool_calls.iter().map(call).collect(),
        }
    }

    fn chars(&self) -> usize {
        let calls: usize = self.calls.iter().map(|call| call.name.len() + call.arguments.len()).sum();
        self.reasoning.chars().count() + self.answer.chars().count() + calls
    }
}
