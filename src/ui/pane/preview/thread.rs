//! A conversation as a thread: the dimmed messages and answers of earlier turns, and the message of the shown attempt.

use serde_json::Value;

use ratatui::style::Style;
use ratatui::text::Line;

use super::transcript::{dimmed, label};
use super::{Subject, SubjectState};
use crate::domain::attempt::AttemptRecord;
use crate::domain::session::AttemptState;
use crate::domain::turn::Turn;
use crate::ui::number::{grouped, millis};
use crate::ui::theme::Theme;
use crate::ui::widget::markdown;

/// Text in place of an unknown message.
const MESSAGE_NOT_STORED: &str = "(This message was not saved with the run.)";

/// Turns of a conversation up to the shown attempt.
pub(super) struct Thread<'a> {
    subject: &'a Subject<'a>,
    turn: Turn,
}

impl<'a> Thread<'a> {
    /// The thread of the shown attempt; `None` for a single request.
    pub(super) fn new(subject: &'a Subject<'a>) -> Option<Self> {
        Some(Self { turn: subject.attempt()?.turn?, subject })
    }

    /// Length of the request from which the thread is made, as a key of the cache: it changes once the request is
    /// known.
    pub(super) fn request_len(&self) -> usize {
        sent_body(self.subject).map_or(0, str::len)
    }

    /// Lays out the thread, down to the line above the answer of the shown attempt.
    pub(super) fn lines(&self, columns: u16, theme: Theme) -> Vec<Line<'static>> {
        let mut lines = Vec::new();
        let messages = self.user_messages();
        let mut section = |title: &str, text: &str, style: Style| {
            if !lines.is_empty() {
                lines.push(Line::default());
            }
            lines.push(label(title, columns, theme));
            lines.extend(dimmed(markdown::render(text, columns, theme, style), style));
        };
        let message = |number: u16| messages.get(usize::from(number) - 1).and_then(Option::as_deref);
        for record in self.earlier() {
            let Some(turn) = record.turn else { continue };
            section("user", message(turn.number).unwrap_or(MESSAGE_NOT_STORED), theme.muted());
            section(&answer_title(turn, Some(&record)), &record.text, theme.muted());
        }
        let own = message(self.turn.number).unwrap_or(MESSAGE_NOT_STORED);
        section("user", own, if self.subject.is_prompt() { theme.text() } else { theme.muted() });
        if !self.subject.is_prompt() {
            let record = if let SubjectState::Ended(record) = &self.subject.shown { Some(&**record) } else { None };
            section(&answer_title(self.turn, record), "", theme.text());
        }
        lines
    }

    /// Records of the earlier turns, in order.
    fn earlier(&self) -> impl Iterator<Item = std::sync::Arc<AttemptRecord>> {
        let turn = self.turn;
        // A conversation has the number of its first attempt, and later turns have higher numbers.
        let attempts = &self.subject.state.attempts;
        let from = attempts.partition_point(|a| a.number < turn.conversation);
        let is_earlier = move |other: Turn| other.conversation == turn.conversation && other.number < turn.number;
        let of_thread = attempts[from..].iter().filter(move |a| a.turn.is_some_and(is_earlier));
        of_thread.filter_map(AttemptState::record)
    }

    /// The user's message of each turn so far, from the request if it is known, else from the suite.
    fn user_messages(&self) -> Vec<Option<String>> {
        let turns = usize::from(self.turn.number);
        let mut messages = sent_body(self.subject).map_or_else(Vec::new, messages_of_user);
        if messages.is_empty() {
            let spec = self.subject.spec;
            let first = spec.messages.iter().rev().find(|m| m.role == "user").map(|m| m.content.clone());
            messages = first.into_iter().chain(spec.follow_ups.iter().cloned()).take(turns).collect();
        } else {
            // The first turn may have several messages; show only the last of them.
            messages.drain(..messages.len().saturating_sub(turns));
        }
        (0..turns).map(|at| messages.get(at).cloned()).collect()
    }
}

/// Body of the request of the shown attempt.
fn sent_body<'a>(subject: &'a Subject<'_>) -> Option<&'a str> {
    let sent = match &subject.shown {
        SubjectState::Live(live) => live.sent_request.as_deref(),
        SubjectState::Ended(record) => record.sent_request.as_deref(),
        SubjectState::Prompt => None,
    };
    sent.map(|sent| &*sent.body)
}

/// Messages of the user in the body of a request, in order.
fn messages_of_user(body: &str) -> Vec<String> {
    let Ok(body) = serde_json::from_str::<Value>(body) else { return Vec::new() };
    let messages = body.get("messages").or_else(|| body.get("input")).and_then(Value::as_array);
    let of_user = messages.into_iter().flatten().filter(|m| m.get("role").and_then(Value::as_str) == Some("user"));
    of_user.filter_map(|m| text_of(m.get("content")?)).collect()
}

/// Text of a message's content: a string, or a list of parts.
fn text_of(content: &Value) -> Option<String> {
    if let Some(text) = content.as_str() {
        return Some(text.to_owned());
    }
    let parts = content.as_array()?.iter().filter_map(|part| part.get("text")?.as_str());
    Some(parts.collect::<Vec<_>>().join("\n"))
}

/// Title of an answer: `turn 2 of 3 · TTFT 71.2 ms · 96 cached`.
fn answer_title(turn: Turn, record: Option<&AttemptRecord>) -> String {
    let ttft = record.and_then(AttemptRecord::time_to_first_token_ms);
    let ttft = ttft.map_or_else(String::new, |ms| format!(" · TTFT {}", millis(Some(ms))));
    let cached = record.and_then(|r| r.usage.cached_tokens).filter(|n| *n > 0);
    let cached = cached.map_or_else(String::new, |n| format!(" · {} cached", grouped(n)));
    format!("turn {} of {}{ttft}{cached}", turn.number, turn.of)
}

#[cfg(test)]
mod tests;
