//! One `data:` of a stream, read tolerantly: every field optional, unknown ones ignored. All APIs come down to the
//! [`Chunk`]; the chat completion's own is read here, in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::message_of;
use super::surrogates::replace_lone_surrogates;
use super::timings::{self, Told};
use super::usage;
use crate::domain::attempt::Usage;
use crate::domain::server_timings::ServerTimings;

/// What an event of a stream says. Texts are borrowed from the event where it holds them without escapes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk<'a> {
    /// Reasoning text.
    pub reasoning: Cow<'a, str>,
    /// Answer text.
    pub text: Cow<'a, str>,
    /// A tool call's name or arguments: generated, but no text of the answer.
    pub has_tool_call: bool,
    /// What further choices (`n` > 1) say.
    pub others: Vec<OtherChoice>,
    /// The highest index of a choice in it, plus one; 0 where it holds no choice.
    pub choices: u32,
    /// First non-empty finish reason.
    pub finish_reason: Option<Cow<'a, str>>,
    /// Token counts, if it holds any.
    pub usage: Option<Usage>,
    /// The server's own times, if it holds any; boxed, for hardly any event does.
    pub server_timings: Option<Box<ServerTimings>>,
    /// It ends the stream, as `[DONE]` does.
    pub is_end: bool,
    /// What the server tells that makes the figures less than clean.
    pub warning: Option<String>,
    /// The server's error, which comes before all else.
    pub error: Option<String>,
}

/// What a choice beside the first says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OtherChoice {
    /// Its index, 1 or more.
    pub index: u32,
    /// Reasoning text.
    pub reasoning: String,
    /// Answer text.
    pub text: String,
}

impl<'a> Chunk<'a> {
    /// Whether something was generated. Role, null and empty strings are nothing; whitespace is something.
    pub fn is_generated(&self) -> bool {
        !self.text.is_empty() || !self.reasoning.is_empty() || self.has_tool_call || !self.others.is_empty()
    }

    fn add(&mut self, choice: Choice<'a>) {
        let index = choice.index.0;
        self.choices = self.choices.max(index.saturating_add(1));
        if let Some(delta) = choice.delta.or(choice.message) {
            // The same reasoning may stand under several names: the first that has any counts.
            let candidates = [delta.content.thinking, delta.reasoning_content.text, delta.reasoning.text];
            let named = candidates.into_iter().find(|r| !r.is_empty());
            let reasoning = named.unwrap_or(delta.reasoning_details.text);
            if index == 0 {
                append(&mut self.reasoning, reasoning);
                append(&mut self.text, delta.content.text);
                append(&mut self.text, delta.refusal.text);
            } else {
                let text = delta.content.text.into_owned() + &delta.refusal.text;
                if !text.is_empty() || !reasoning.is_empty() {
                    self.others.push(OtherChoice { index, reasoning: reasoning.into_owned(), text });
                }
            }
            self.has_tool_call |= delta.tool_calls.is_some_and(has_tool_call);
            self.has_tool_call |= delta.function_call.is_some_and(|call| is_call(&value_of(call)));
        }
        if self.finish_reason.is_none() && !choice.finish_reason.text.is_empty() {
            self.finish_reason = Some(choice.finish_reason.text);
        }
    }

    /// The same, independent of the event it came from.
    pub fn into_owned(self) -> Chunk<'static> {
        Chunk {
            reasoning: Cow::Owned(self.reasoning.into_owned()),
            text: Cow::Owned(self.text.into_owned()),
            finish_reason: self.finish_reason.map(|r| Cow::Owned(r.into_owned())),
            has_tool_call: self.has_tool_call,
            others: self.others,
            choices: self.choices,
            usage: self.usage,
            server_timings: self.server_timings,
            is_end: self.is_end,
            warning: self.warning,
            error: self.error,
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

/// Reads the data of one event with `strictly`, and once more where half a character is in its way.
pub fn parse_with(
    strictly: for<'a> fn(&'a str) -> Result<Chunk<'a>, serde_json::Error>,
    data: &str,
) -> Result<Chunk<'_>, serde_json::Error> {
    match strictly(data) {
        // A lone surrogate is no reason to lose the event.
        Err(_) if data.contains("\\u") => Ok(strictly(&replace_lone_surrogates(data))?.into_owned()),
        other => other,
    }
}

/// Reads an event of a chat completion.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    parse_with(parse_strictly, data)
}

/// [`parse`], but half a character is an error.
pub(super) fn parse_strictly(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let wire: Wire<'_> = serde_json::from_str(data)?;
    let mut chunk = wire.choices.0;
    if let Some(error) = wire.error {
        chunk.error = Some(message_of(&value_of(error)));
    }
    let of_groq = |x: &RawValue| value_of(x).get("usage").cloned();
    let usage = wire.usage.map(value_of).filter(Value::is_object).or_else(|| of_groq(wire.x_groq?));
    chunk.usage = usage.as_ref().and_then(usage::read);
    let timed = wire.timings.map(value_of);
    if let Some(counted) = timed.as_ref().and_then(usage::of_timings) {
        chunk.usage = Some(chunk.usage.map_or(counted, |told| usage::complete(told, counted)));
    }
    let tells_times = [wire.timings, wire.metrics, wire.latency_checkpoint, wire.stats].iter().any(Option::is_some);
    if tells_times || usage.is_some() {
        let told = Told {
            timings: timed,
            metrics: wire.metrics.map(value_of),
            latency_checkpoint: wire.latency_checkpoint.map(value_of),
            stats: wire.stats.map(value_of),
            usage,
        };
        chunk.server_timings = timings::read(&told).map(Box::new);
    }
    Ok(chunk)
}

/// What a part is that is rare enough to be read twice.
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

/// All choices of an event, added up while they are read.
#[derive(Default)]
struct Choices<'a>(Chunk<'a>);

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
        let mut chunk = Chunk::default();
        while let Some(choice) = seq.next_element()? {
            chunk.add(choice);
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
    message: Option<Delta<'a>>,
    #[serde(borrow, default)]
    finish_reason: Text<'a>,
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

/// Which choice; what is no index counts as the first.
#[derive(Default)]
struct Index(u32);

impl<'de> Deserialize<'de> for Index {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IndexVisitor)
    }
}

struct IndexVisitor;

impl Visitor<'_> for IndexVisitor {
    type Value = Index;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the index of a choice")
    }

    fn visit_u64<E>(self, index: u64) -> Result<Index, E> {
        Ok(Index(u32::try_from(index).unwrap_or(u32::MAX)))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Index, E> {
        Ok(Index(0))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Index, E> {
        Ok(Index(0))
    }

    fn visit_str<E>(self, _: &str) -> Result<Index, E> {
        Ok(Index(0))
    }

    fn visit_unit<E>(self) -> Result<Index, E> {
        Ok(Index(0))
    }
}

/// A string, null, or an array of parts; anything else counts as nothing.
#[derive(Default)]
pub(super) struct Text<'a> {
    /// What is said.
    pub text: Cow<'a, str>,
    /// What parts of an array mark as thinking.
    pub thinking: Cow<'a, str>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text { text: Cow::Borrowed(text), thinking: Cow::default() })
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text { text: Cow::Owned(text.to_owned()), thinking: Cow::default() })
    }

    fn visit_unit<E>(self) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text<'de>, E> {
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text<'de>, A::Error> {
        let (mut text, mut thinking) = (String::new(), String::new());
        while let Some(part) = parts.next_element::<Value>()? {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
            match kind {
                "thinking" | "reasoning.text" => {
                    let place = if kind == "thinking" { &mut thinking } else { &mut text };
                    collect_text(part.get("thinking").or_else(|| part.get("text")).unwrap_or(&Value::Null), place);
                }
                "text" | "reasoning.summary" | "refusal" => {
                    let found = ["text", "summary", "refusal"].iter().find_map(|k| part.get(k));
                    collect_text(found.unwrap_or(&part), &mut text);
                }
                _ => {}
            }
        }
        Ok(Text { text: Cow::Owned(text), thinking: Cow::Owned(thinking) })
    }
}

fn collect_text(value: &Value, out: &mut String) {
    match value {
        Value::String(text) => out.push_str(text),
        Value::Array(parts) => parts.iter().for_each(|p| collect_text(p, out)),
        Value::Object(part) => {
            if let Some(Value::String(text)) = part.get("text") {
                out.push_str(text);
            }
        }
        _ => {}
    }
}

fn has_tool_call(calls: &RawValue) -> bool {
    value_of(calls).as_array().is_some_and(|calls| calls.iter().any(|call| is_call(&call["function"])))
}

/// Whether a function's call has a name or arguments, as text or as an object.
pub(super) fn is_call(function: &Value) -> bool {
    ["name", "arguments"].iter().any(|key| match &function[*key] {
        Value::String(text) => !text.is_empty(),
        Value::Object(arguments) => !arguments.is_empty(),
        _ => false,
    })
}

#[cfg(test)]
mod tests;
