//! Ends an attempt: sets its status and its error.

use super::{Recorder, push};
use crate::domain::attempt::{AttemptError, AttemptStatus};
use crate::domain::check::AnswerParts;
use crate::domain::finish_reason::FinishClass;
use crate::engine::failure::Failure;
use crate::protocol::failure::capped;

/// Advice for a response without a body.
const CHECK_ADDRESS: &str =
    "check that the address is that of the chat API, and check the log of the server or gateway";

impl Recorder {
    /// Moves text held back at event boundaries into the record, and finishes the counts.
    fn close(&mut self) {
        let record = &mut self.record;
        // Several choices are joined with separators, so the record's text is not the generated text.
        record.is_text_whole &= !self.choices.have_texts();
        self.text_cut |= push(&mut record.reasoning, self.joiners.reasoning.finish());
        let split = self.thinking.take(self.joiners.text.finish());
        self.text_cut |= push(&mut record.reasoning, &split.reasoning);
        self.text_cut |= push(&mut record.text, &split.text);
        self.joiners.arguments.finish();
        let held = self.thinking.stop();
        self.text_cut |= push(&mut record.reasoning, &held.reasoning);
        self.text_cut |= push(&mut record.text, &held.text);
        let own_bytes = record.text.len();
        self.choices.close(record);
        // Some servers number choices from 1. Then the first choice has no text, and no length to record.
        let first_choice_bytes = (own_bytes > 0 && record.text.len() > own_bytes).then_some(own_bytes);
        let (tool_calls, calls_are_cut) = self.tool_calls.close();
        record.tool_calls = tool_calls;
        let parts = AnswerParts { is_cut: self.text_cut || calls_are_cut, first_choice_bytes };
        record.answer_parts = (parts != AnswerParts::default()).then(|| Box::new(parts));
    }

    /// Number of unpaired surrogates in all texts.
    pub(super) fn lone_surrogates(&self) -> u32 {
        let joiners = &self.joiners;
        let all = [joiners.text.lone, joiners.reasoning.lone, joiners.arguments.lone, self.choices.lone_surrogates()];
        all.into_iter().fold(0, u32::saturating_add)
    }

    /// Sets the status of a stream that ended without an error.
    pub fn settle(&mut self) {
        let has_ended = self.has_ended();
        self.close();
        let (status, error) = self.outcome(has_ended);
        self.record.status = status;
        self.record.error = error.map(|(kind, message)| AttemptError { kind: kind.into(), message: capped(message) });
    }

    fn outcome(&self, has_ended: bool) -> (AttemptStatus, Option<(&'static str, String)>) {
        let failed = |status, kind, message| (status, Some((kind, message)));
        let record = &self.record;
        if self.foreign.is_bodiless {
            if let Some(status @ (204 | 205)) = record.http_status {
                let message = format!("HTTP {status}: the server sent no content; {CHECK_ADDRESS}");
                return failed(AttemptStatus::Empty, "no_content", message);
            }
            let what = "the server answered with an empty body, without a finish reason and without [DONE]";
            return failed(AttemptStatus::Truncated, "truncated", format!("{what}; {CHECK_ADDRESS}"));
        }
        if record.items.is_some() {
            return (AttemptStatus::Ok, None);
        }
        if let (Some(item), true) = (self.api.task.item(), has_ended || record.event_count > 0) {
            let name = self.api.name;
            let why =
                format!("the server streamed events instead of the {item}s' results; check that {name} is served");
            return failed(AttemptStatus::StreamError, "invalid_answer", why);
        }
        if let Some(end) = self.end_with(FinishClass::Failure) {
            return failed(AttemptStatus::StreamError, "finish_reason", format!("the server ended {end}"));
        }
        if !has_ended {
            let place = if self.foreign.is_cut { "in the middle of an event, " } else { "" };
            let why = format!("the stream ended {place}without a finish reason and without [DONE]");
            return failed(AttemptStatus::Truncated, "truncated", why + &self.also_sent());
        }
        if record.arrivals.is_empty() && record.text.is_empty() && record.reasoning.is_empty() {
            let why = match self.end_with(FinishClass::NotGenerated) {
                Some(end) => format!("the server loaded or unloaded the model and generated nothing: it ended {end}"),
                None => "the server ended the stream without any text".to_owned() + &self.also_sent(),
            };
            return failed(AttemptStatus::Empty, "empty", why);
        }
        match self.end_with(FinishClass::Unfinished) {
            Some(end) => failed(
                AttemptStatus::Truncated,
                "unfinished",
                format!("the server left the answer unfinished: it ended {end}"),
            ),
            None => (AttemptStatus::Ok, None),
        }
    }

    /// Returns words about the first choice whose finish reason has this meaning; `None` if there is none.
    fn end_with(&self, class: FinishClass) -> Option<String> {
        let record = &self.record;
        let is_it = |reason: &&String| FinishClass::from_reason(reason) == class;
        let words = |which: String, reason: &String| {
            // Quote words only: some servers send JSON in place of a finish reason.
            if reason.starts_with(['{', '[']) {
                format!("{which} with {reason} instead of a finish reason")
            } else {
                format!("{which} with finish reason \"{reason}\"")
            }
        };
        let mut choices = record.choice_finish_reasons.iter().enumerate();
        let choice = choices.find_map(|(index, reason)| Some((index, reason.as_ref().filter(is_it)?)));
        choice.map(|(index, reason)| words(format!("choice {}", index + 1), reason)).or_else(|| {
            record.finish_reason.as_ref().filter(is_it).map(|reason| words("the answer".to_owned(), reason))
        })
    }

    /// Returns words about other received data that may explain the end; otherwise an empty string.
    fn also_sent(&self) -> String {
        let api = self.foreign.other_api.map(|api| {
            let (theirs, ours) = (api.name, self.api.name);
            format!("; the server answered in the format of the {theirs} API, not {ours}; pass --api {theirs} or check the address")
        });
        let words = self.foreign.words.as_ref().map(|words| format!("; the server also sent: {words}"));
        api.or(words).unwrap_or_default()
    }

    /// Sets the status and error of an attempt that failed.
    pub fn fail(&mut self, failure: Failure) {
        self.close();
        self.record.status = failure.status;
        let is_cut = failure.status == AttemptStatus::Truncated;
        let message = if is_cut { capped(failure.message + &self.also_sent()) } else { failure.message };
        self.record.error = Some(AttemptError { kind: failure.kind.to_owned(), message });
    }
}
