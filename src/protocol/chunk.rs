//! Content of one event of a stream, to which each API's parser maps its events. The parsers are tolerant: every field
//! is optional, and unknown fields are ignored.

mod chat;
mod index;
mod reason;
mod text;
mod tool_call;

use std::borrow::Cow;

use serde_json::Value;

pub use self::chat::parse;
pub(super) use self::chat::{COMPLETIONS_SHAPE, parse_strictly};
pub(super) use self::reason::{finish_reason, finish_reason_in};
pub(super) use self::text::Text;
pub use self::tool_call::ToolCallPiece;
pub(super) use self::tool_call::{arguments as call_arguments, text as call_text};
use super::failure::declared_error;
use super::surrogates::{mark_lone_surrogates, without_marks};
use crate::domain::attempt::Usage;
use crate::domain::server_timings::ServerTimings;

/// Content of one event. Texts borrow from the event unless they contain escapes.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, and an event may hold any of them")]
pub struct Chunk<'a> {
    /// Reasoning text.
    pub reasoning: Cow<'a, str>,
    /// Answer text.
    pub text: Cow<'a, str>,
    /// Whether the event has the name or arguments of a tool call. Both are generated, but not part of the text.
    pub has_tool_call: bool,
    /// Pieces of tool calls by the first choice.
    pub tool_calls: Vec<ToolCallPiece>,
    /// Content of further choices (`n` > 1).
    pub others: Vec<OtherChoice>,
    /// Highest index of a choice in the event, plus one; 0 without a choice.
    pub choices: u32,
    /// Whether the event has content for the first choice.
    pub has_first_choice: bool,
    /// Finish reason of the first choice.
    pub finish_reason: Option<Cow<'a, str>>,
    /// Token counts, if the event reports any.
    pub usage: Option<Usage>,
    /// Timings measured by the server, if the event reports any. Boxed because few events do.
    pub server_timings: Option<Box<ServerTimings>>,
    /// Whether the event ends the stream, like `[DONE]`.
    pub is_end: bool,
    /// Problem that the server reports and that makes the figures less reliable.
    pub warning: Option<Cow<'static, str>>,
    /// The server's error, which ends the attempt after the rest of the event is recorded.
    pub error: Option<String>,
    /// Whether the texts contain marks in place of lone surrogates. A
    /// [`SurrogateJoiner`](super::surrogates::SurrogateJoiner) resolves these marks.
    pub has_marks: bool,
    /// Arguments of tool calls that contain marks of lone surrogates.
    pub marked_arguments: String,
}

/// Content of a choice other than the first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtherChoice {
    /// Index of the choice, 1 or more.
    pub index: u32,
    /// Reasoning text.
    pub reasoning: String,
    /// Answer text.
    pub text: String,
    /// Finish reason of the choice.
    pub finish_reason: Option<String>,
}

impl Chunk<'_> {
    /// Whether the event has generated output. Role, null and empty strings do not count; white space does.
    pub fn is_generated(&self) -> bool {
        let has_text = |other: &OtherChoice| !other.text.is_empty() || !other.reasoning.is_empty();
        !self.text.is_empty() || !self.reasoning.is_empty() || self.has_tool_call || self.others.iter().any(has_text)
    }

    /// Whether the event has no content at all.
    pub fn is_empty(&self) -> bool {
        let has_fact = self.usage.is_some() || self.finish_reason.is_some() || self.error.is_some() || self.is_end;
        let has_text = !self.text.is_empty() || !self.reasoning.is_empty() || self.has_tool_call;
        self.choices == 0 && !has_fact && !has_text
    }

    /// Records tool calls, each given with its `function` object. Keeps only the calls of the first choice.
    pub(super) fn add_calls<'v>(&mut self, calls: impl IntoIterator<Item = (&'v Value, &'v Value)>, is_first: bool) {
        for (call, function) in calls.into_iter().filter(|(_, function)| is_call(function)) {
            self.has_tool_call = true;
            self.add_arguments(function["arguments"].as_str().unwrap_or_default());
            if is_first {
                self.tool_calls.push(ToolCallPiece::from_chat(call, function));
            }
        }
    }

    /// Stores arguments that contain marks of lone surrogates. Other arguments are dropped.
    pub(super) fn add_arguments(&mut self, arguments: &str) {
        if without_marks(arguments) != arguments {
            self.marked_arguments.push_str(arguments);
        }
    }

    /// Copies borrowed texts, so that the chunk outlives its event.
    pub fn into_owned(self) -> Chunk<'static> {
        Chunk {
            reasoning: Cow::Owned(self.reasoning.into_owned()),
            text: Cow::Owned(self.text.into_owned()),
            finish_reason: self.finish_reason.map(|r| Cow::Owned(r.into_owned())),
            has_tool_call: self.has_tool_call,
            tool_calls: self.tool_calls,
            others: self.others,
            choices: self.choices,
            has_first_choice: self.has_first_choice,
            usage: self.usage,
            server_timings: self.server_timings,
            is_end: self.is_end,
            warning: self.warning,
            error: self.error,
            has_marks: self.has_marks,
            marked_arguments: self.marked_arguments,
        }
    }
}

/// Parses the data of one event with `parser`. If this fails because of a lone surrogate, puts a mark in its place and
/// parses again.
pub fn parse_with(
    parser: for<'a> fn(&'a str) -> Result<Chunk<'a>, serde_json::Error>,
    data: &str,
) -> Result<Chunk<'_>, serde_json::Error> {
    match parser(data) {
        // Without the marks, a lone surrogate would lose the whole event.
        Err(_) if data.contains("\\u") => {
            let mut chunk = parser(&mark_lone_surrogates(data))?.into_owned();
            chunk.has_marks = true;
            chunk.error = chunk.error.map(|error| without_marks(&error));
            chunk.finish_reason = chunk.finish_reason.map(|reason| without_marks(&reason).into());
            for reason in chunk.others.iter_mut().filter_map(|other| other.finish_reason.as_mut()) {
                *reason = without_marks(reason);
            }
            chunk.warning = chunk.warning.map(|warning| without_marks(&warning).into());
            Ok(chunk)
        }
        Ok(chunk) if chunk.is_empty() => Ok(Chunk { error: declared_error(data), ..chunk }),
        other => other,
    }
}

/// Whether a function call has a name or arguments, as a string or as an object.
pub(super) fn is_call(function: &Value) -> bool {
    ["name", "arguments"].iter().any(|key| match &function[*key] {
        Value::String(text) => !text.is_empty(),
        Value::Object(arguments) => !arguments.is_empty(),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
