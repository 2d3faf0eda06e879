//! Parser for an event of a chat completion. The parser reads an event in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::index::Index;
use super::reason::finish_reason;
use super::text::Text;
use super::{Chunk, OtherChoice, parse_with};
use crate::protocol::failure::reported_error;
use crate::protocol::timings::{self, TimingFields};
use crate::protocol::usage;

/// Warning about a chat response in the format of the legacy completions API.
pub const COMPLETIONS_SHAPE: &str = "the server answered a chat request in the format of the legacy completions API \
    (choices[].text); check that the address and the model serve chat completions";

/// Parses an event of a chat completion.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    parse_with(parse_strictly, data)
}

/// Parses an event like [`parse`], but fails on a lone surrogate.
pub fn parse_strictly(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
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

impl<'a> Chunk<'a> {
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
}

fn append<'a>(to: &mut Cow<'a, str>, text: Cow<'a, str>) {
    if to.is_empty() {
        *to = text;
    } else if !text.is_empty() {
        to.to_mut().push_str(&text);
    }
}
