//! Parser for one event of a stream. The parser is tolerant: every field is optional, and unknown fields are ignored.
//!
//! Each API maps its events to a [`Chunk`]. The parser for chat completions is here; it reads an event in one pass.

mod index;
mod reason;
mod text;
mod tool_call;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use self::index::Index;
pub(super) use self::reason::{finish_reason, finish_reason_in};
pub(super) use self::text::Text;
pub use self::tool_call::ToolCallPiece;
pub(super) use self::tool_call::{arguments as call_arguments, text as call_text};
use super::failure::{declared_error, reported_error};
use super::surrogates::{mark_lone_surrogates, without_marks};
use super::timings::{self, TimingFields};
use super::usage;
use crate::domain::attempt::Usage;
use crate::domain::server_timings::ServerTimings;

/// Warning about a chat response in the format of the legacy completions API.
pub(super) const COMPLETIONS_SHAPE: &str = "the server answered a chat request in the format of the legacy completions API \
    (choices[].text); check that the address and the model serve chat completions";

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

impl<'a> Chunk<'a> {
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

    /// Adds a choice. Like the parser, fails on a lone surrogate in a part that is parsed a second time.
    fn add(&mut self, choice: Choice<'a>) -> Result<(), serde_json::Error> {
        let index = choice.index.0;
        self.choices = self.choices.max(index.saturating_add(1));
        self.has_first_choice |= index == 0;
        let mut other = OtherChoice { index, ..OtherChoice::default() };
        if let Some(delta) = choice.delta.or_else(|| choice.message.map(|message| *message)) {
            // Servers may repeat the same reasoning under several names. The first one that is not empty counts.
            let candidates = [delta.content.thinking, delta.reasoning_content.text, delta.reasoning.text];
            let named = candidates.into_iter().find(|r| !r.is_empty());
            let reasoning = named.unwrap_or(delta.reasoning_details.text);
            if index == 0 {
                append(&mut self.reasoning, reasoning);
                append(&mut self.text, delta.content.text);
                append(&mut self.text, delta.refusal.text);
            } else {
                other.text = delta.content.text.into_owned() + &delta.refusal.text;
                other.reasoning = reasoning.into_owned();
            }
            if let Some(calls) = delta.tool_calls {
                let calls: Value = serde_json::from_str(calls.get())?;
                let calls = calls.as_array().into_iter().flatten();
                self.add_calls(calls.map(|call| (call, &call["function"])), index == 0);
            }
            if let Some(call) = delta.function_call {
                self.add_calls([(&Value::Null, &serde_json::from_str(call.get())?)], index == 0);
            }
        } else if let Some(text) = choice.text {
            self.warning = Some(Cow::Borrowed(COMPLETIONS_SHAPE));
            if index == 0 {
                append(&mut self.text, text.text);
            } else {
                other.text = text.text.into_owned();
            }
        }
        if let Some(error) = choice.error.map(value_of).filter(|_| self.error.is_none()) {
            self.error = reported_error(Some(&error), &error);
        }
        let reason = finish_reason(choice.finish_reason);
        if index == 0 {
            self.finish_reason = self.finish_reason.take().or(reason);
        } else {
            other.finish_reason = reason.map(Cow::into_owned);
            // Add a choice without text, too: the choice exists.
            self.others.push(other);
        }
        Ok(())
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

fn append<'a>(to: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if to.is_empty() {
        *to = text;
    } else if !text.is_empty() {
        to.to_mut().push_str(&text);
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

/// Parses an event of a chat completion.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    parse_with(parse_strictly, data)
}

/// Parses an event like [`parse`], but fails on a lone surrogate.
pub(super) fn parse_strictly(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let wire: Wire<'_> = serde_json::from_str(data)?;
    let mut chunk = *wire.choices.0;
    if let Some(error) = wire.error {
        chunk.error = reported_error(Some(&value_of(error)), &serde_json::from_str(data)?).or(chunk.error);
    }
    let groq_usage = |x: &RawValue| value_of(x).get("usage").cloned();
    let usage = wire.usage.map(value_of).filter(Value::is_object).or_else(|| groq_usage(wire.x_groq?));
    chunk.usage = usage.as_ref().and_then(usage::read);
    if let Some(fault) = usage.as_ref().and_then(usage::fault) {
        chunk.warning = Some(fault.into());
    }
    let timings_field = wire.timings.map(value_of);
    if let Some(counted) = timings_field.as_ref().and_then(usage::from_timings) {
        chunk.usage = Some(chunk.usage.map_or(counted, |usage| usage::fill_gaps(usage, counted)));
    }
    let has_timings = [wire.timings, wire.metrics, wire.latency_checkpoint, wire.stats].iter().any(Option::is_some);
    if has_timings || usage.is_some() {
        let fields = TimingFields {
            timings: timings_field,
            metrics: wire.metrics.map(value_of),
            latency_checkpoint: wire.latency_checkpoint.map(value_of),
            stats: wire.stats.map(value_of),
            usage,
        };
        chunk.server_timings = timings::read(&fields).map(Box::new);
    }
    Ok(chunk)
}

/// Parses a part of an event that is rarely present. Such parts are parsed separately, which keeps the common path
/// fast.
fn value_of(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

#[derive(Deserialize)]
struct Wire<'a> {
    #[serde(borrow, default)]
    choices: Choices<'a>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    timings: Option<&'a RawValue>,
    #[serde(borrow)]
    metrics: Option<&'a RawValue>,
    #[serde(borrow)]
    latency_checkpoint: Option<&'a RawValue>,
    #[serde(borrow)]
    stats: Option<&'a RawValue>,
}

/// All choices of an event, merged while they are parsed.
///
/// In a box, because serde moves each value several times, and a move of a chunk costs more than the allocation.
#[derive(Default)]
struct Choices<'a>(Box<Chunk<'a>>);

impl<'de: 'a, 'a> Deserialize<'de> for Choices<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ChoicesVisitor)
    }
}

struct ChoicesVisitor;

impl<'de> Visitor<'de> for ChoicesVisitor {
    type Value = Choices<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of choices or null")
    }

    fn visit_unit<E>(self) -> Result<Choices<'de>, E> {
        Ok(Choices::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Choices<'de>, A::Error> {
        let mut chunk = Box::<Chunk<'_>>::default();
        while let Some(choice) = seq.next_element()? {
            chunk.add(choice).map_err(A::Error::custom)?;
        }
        Ok(Choices(chunk))
    }
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: Index,
    #[serde(borrow)]
    delta: Option<Delta<'a>>,
    #[serde(borrow)]
    message: Option<Box<Delta<'a>>>,
    /// Text of a legacy completion.
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    finish_reason: Option<&'a RawValue>,
    /// A provider's failure, as OpenRouter reports it.
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta<'a> {
    #[serde(borrow)]
    content: Text<'a>,
    #[serde(borrow)]
    reasoning_content: Text<'a>,
    #[serde(borrow)]
    reasoning: Text<'a>,
    #[serde(borrow)]
    reasoning_details: Text<'a>,
    #[serde(borrow)]
    refusal: Text<'a>,
    #[serde(borrow)]
    tool_calls: Option<&'a RawValue>,
    #[serde(borrow)]
    function_call: Option<&'a RawValue>,
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
