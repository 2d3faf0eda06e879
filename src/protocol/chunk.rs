//! One `data:` of a stream, read tolerantly: every field optional, unknown ones ignored.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::message_of;
use super::timings::{self, Told};
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
    /// First non-empty finish reason.
    pub finish_reason: Option<Cow<'a, str>>,
    /// Token counts, if it holds any.
    pub usage: Option<Usage>,
    /// The server's own times, if it holds any; boxed, for hardly any event does.
    pub server_timings: Option<Box<ServerTimings>>,
    /// The server's error, which comes before all else.
    pub error: Option<String>,
}

impl<'a> Chunk<'a> {
    /// Whether something was generated. Role, null and empty strings are nothing; whitespace is something.
    pub fn is_generated(&self) -> bool {
        !self.text.is_empty() || !self.reasoning.is_empty() || self.has_tool_call
    }

    fn add(&mut self, choice: Choice<'a>) {
        if let Some(delta) = choice.delta.or(choice.message) {
            // The same reasoning may stand under several names: the first that has any counts.
            let candidates = [delta.content.thinking, delta.reasoning_content.text, delta.reasoning.text];
            let named = candidates.into_iter().find(|r| !r.is_empty());
            append(&mut self.reasoning, named.unwrap_or(delta.reasoning_details.text));
            append(&mut self.text, delta.content.text);
            append(&mut self.text, delta.refusal.text);
            self.has_tool_call |= delta.tool_calls.is_some_and(has_tool_call);
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
            has_tool_call: self.has_tool_call,
            finish_reason: self.finish_reason.map(|r| Cow::Owned(r.into_owned())),
            usage: self.usage,
            server_timings: self.server_timings,
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

/// Reads the data of one event.
pub fn parse(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    match parse_strictly(data) {
        // A lone surrogate is no reason to lose the event.
        Err(_) if data.contains("\\u") => Ok(parse_strictly(&replace_lone_surrogates(data))?.into_owned()),
        other => other,
    }
}

fn parse_strictly(data: &str) -> Result<Chunk<'_>, serde_json::Error> {
    let wire: Wire<'_> = serde_json::from_str(data)?;
    let mut chunk = wire.choices.0;
    if let Some(error) = wire.error {
        chunk.error = Some(message_of(&value_of(error)));
    }
    let of_groq = |x: &RawValue| value_of(x).get("usage").cloned();
    let usage = wire.usage.map(value_of).filter(Value::is_object).or_else(|| of_groq(wire.x_groq?));
    chunk.usage = usage.as_ref().and_then(read_usage);
    let timed = wire.timings.map(value_of);
    if let Some(timed) = timed.as_ref().and_then(read_timings) {
        chunk.usage = Some(chunk.usage.map_or(timed, |usage| complete(usage, timed)));
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
}

/// A string, null, or an array of parts; anything else counts as nothing.
#[derive(Default)]
struct Text<'a> {
    text: Cow<'a, str>,
    thinking: Cow<'a, str>,
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
    let calls = value_of(calls);
    let filled = |call: &Value, key: &str| call["function"][key].as_str().is_some_and(|s| !s.is_empty());
    calls.as_array().is_some_and(|calls| calls.iter().any(|c| filled(c, "name") || filled(c, "arguments")))
}

/// Token counts of a `usage` object; `None` when it tells nothing, or only zeros.
pub fn read_usage(usage: &Value) -> Option<Usage> {
    let number = |path: &[&str]| path.iter().try_fold(usage, |v, key| v.get(key)).and_then(Value::as_u64);
    let prompt_tokens = number(&["prompt_tokens"]);
    let mut completion_tokens = number(&["completion_tokens"]);
    if prompt_tokens.unwrap_or(0) == 0 && completion_tokens.unwrap_or(0) == 0 {
        return None;
    }
    let details = number(&["completion_tokens_details", "reasoning_tokens"]);
    let reasoning_tokens = details.or_else(|| number(&["reasoning_tokens"]));
    // Some count reasoning apart: more reasoning than completion, or a total that needs both, tells.
    if let (Some(completion), Some(reasoning)) = (completion_tokens, reasoning_tokens) {
        let sum = prompt_tokens.unwrap_or(0) + completion + reasoning;
        if reasoning > completion || (reasoning > 0 && number(&["total_tokens"]) == Some(sum)) {
            completion_tokens = Some(completion + reasoning);
        }
    }
    // OpenAI and most others; DeepSeek; Moonshot; Anthropic's name, which gateways pass on.
    let cached = number(&["prompt_tokens_details", "cached_tokens"])
        .or_else(|| number(&["prompt_cache_hit_tokens"]))
        .or_else(|| number(&["cached_tokens"]))
        .or_else(|| number(&["cache_read_input_tokens"]));
    Some(Usage { prompt_tokens, completion_tokens, reasoning_tokens, cached_tokens: cached })
}

/// The counts in llama.cpp's `timings`, which it sends with the last event, asked or not.
fn read_timings(timings: &Value) -> Option<Usage> {
    let number = |key| timings.get(key).and_then(Value::as_u64);
    let cached_tokens = number("cache_n");
    Some(Usage {
        prompt_tokens: number("prompt_n").and_then(|n| n.checked_add(cached_tokens?)),
        completion_tokens: Some(number("predicted_n").filter(|&n| n > 0)?),
        reasoning_tokens: None,
        cached_tokens,
    })
}

/// A usage with what another tells beside it.
fn complete(usage: Usage, other: Usage) -> Usage {
    Usage {
        prompt_tokens: usage.prompt_tokens.or(other.prompt_tokens),
        completion_tokens: usage.completion_tokens.or(other.completion_tokens),
        reasoning_tokens: usage.reasoning_tokens.or(other.reasoning_tokens),
        cached_tokens: usage.cached_tokens.or(other.cached_tokens),
    }
}

/// Of two usages of one stream, the one to keep: the later, unless it counts fewer tokens.
pub fn merge_usage(kept: Usage, new: Usage) -> Usage {
    if new.completion_tokens.unwrap_or(0) >= kept.completion_tokens.unwrap_or(0) { complete(new, kept) } else { kept }
}

/// JSON with every `\uD800`–`\uDFFF` escape that has no partner replaced by U+FFFD.
fn replace_lone_surrogates(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let unit = after.strip_prefix('u').and_then(hex4);
        match unit {
            Some((high @ 0xd800..=0xdbff, tail)) => {
                let low = tail.strip_prefix("\\u").and_then(hex4).filter(|(u, _)| (0xdc00..=0xdfff).contains(u));
                rest = tail;
                if let Some((low, tail)) = low {
                    out.extend([format!("\\u{high:04x}"), format!("\\u{low:04x}")]);
                    rest = tail;
                } else {
                    out.push_str("\\ufffd");
                }
            }
            Some((0xdc00..=0xdfff, tail)) => {
                out.push_str("\\ufffd");
                rest = tail;
            }
            _ => {
                out.push('\\');
                let mut chars = after.chars();
                out.extend(chars.next());
                rest = chars.as_str();
            }
        }
    }
    out.push_str(rest);
    out
}

fn hex4(text: &str) -> Option<(u32, &str)> {
    let (digits, tail) = text.split_at_checked(4)?;
    Some((u32::from_str_radix(digits, 16).ok()?, tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> (String, String) {
        let c = parse(json).unwrap();
        (c.reasoning.into_owned(), c.text.into_owned())
    }

    #[test]
    fn role_null_and_empty_are_not_generated_but_whitespace_is() {
        for delta in [
            r#"{"role":"assistant","content":""}"#,
            r#"{"role":"assistant","content":null}"#,
            r#"{"role":"assistant"}"#,
        ] {
            assert!(!parse(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)).unwrap().is_generated(), "{delta}");
        }
        assert!(parse(r#"{"choices":[{"delta":{"content":"","reasoning_content":"\n"}}]}"#).unwrap().is_generated());
        assert!(!parse(r#"{"choices":[],"prompt_filter_results":[]}"#).unwrap().is_generated());
    }

    #[test]
    fn reasoning_under_all_its_names_once() {
        for delta in [
            r#"{"reasoning_content":"a"}"#,
            r#"{"reasoning":"a","content":""}"#,
            r#"{"reasoning_content":"","reasoning":"a"}"#,
            r#"{"reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a"}]}"#,
            r#"{"reasoning_details":[{"type":"reasoning.text","text":"a"},{"type":"reasoning.encrypted","data":"zz"}]}"#,
            r#"{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]}"#,
        ] {
            assert_eq!(
                text(&format!(r#"{{"choices":[{{"delta":{delta}}}]}}"#)),
                ("a".into(), String::new()),
                "{delta}"
            );
        }
    }

    #[test]
    fn content_as_array_refusal_and_tool_calls() {
        assert_eq!(text(r#"{"choices":[{"delta":{"content":[{"type":"text","text":"x"}]}}]}"#).1, "x");
        assert_eq!(text(r#"{"choices":[{"delta":{"refusal":"no"}}]}"#).1, "no");
        let call =
            r#"{"choices":[{"delta":{"content":null,"tool_calls":[{"function":{"name":"f","arguments":""}}]}}]}"#;
        let c = parse(call).unwrap();
        assert!(c.is_generated() && c.text.is_empty());
    }

    #[test]
    fn usage_wherever_it_stands() {
        let on_finish =
            r#"{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
        let c = parse(on_finish).unwrap();
        assert_eq!((c.finish_reason.as_deref(), c.usage.unwrap().completion_tokens), (Some("stop"), Some(4)));
        assert_eq!(parse(r#"{"choices":[],"usage":null}"#).unwrap().usage, None);
        assert_eq!(parse(r#"{"choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}"#).unwrap().usage, None);
        let groq = r#"{"choices":[],"x_groq":{"usage":{"prompt_tokens":1,"completion_tokens":2}}}"#;
        assert_eq!(parse(groq).unwrap().usage.unwrap().completion_tokens, Some(2));
        let xai = r#"{"usage":{"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,"completion_tokens_details":{"reasoning_tokens":340}}}"#;
        assert_eq!(parse(xai).unwrap().usage.unwrap().completion_tokens, Some(342));
    }

    #[test]
    fn cached_tokens_under_all_their_names() {
        let counts = r#""prompt_tokens":40,"completion_tokens":2"#;
        for more in [
            r#""prompt_tokens_details":{"cached_tokens":32}"#,
            r#""prompt_tokens_details":null,"prompt_cache_hit_tokens":32,"prompt_cache_miss_tokens":8"#,
            r#""cached_tokens":32"#,
            r#""cache_read_input_tokens":32"#,
        ] {
            let usage = parse(&format!(r#"{{"usage":{{{counts},{more}}}}}"#)).unwrap().usage.unwrap();
            assert_eq!(usage.cached_tokens, Some(32), "{more}");
        }
        let untold =
            parse(&format!(r#"{{"usage":{{{counts},"prompt_tokens_details":{{}}}}}}"#)).unwrap().usage.unwrap();
        assert_eq!(untold.cached_tokens, None);
    }

    #[test]
    fn timings_of_llama_cpp_tell_what_its_usage_does_not() {
        let timings = r#""timings":{"cache_n":83,"prompt_n":1,"prompt_ms":9.1,"predicted_n":32,"predicted_ms":400.5}"#;
        let alone = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":"length"}}],{timings}}}"#);
        let expected = Usage {
            prompt_tokens: Some(84),
            completion_tokens: Some(32),
            reasoning_tokens: None,
            cached_tokens: Some(83),
        };
        assert_eq!(parse(&alone).unwrap().usage, Some(expected));
        let usage = r#""usage":{"prompt_tokens":84,"completion_tokens":31}"#;
        let both = parse(&format!(r#"{{"choices":[],{usage},{timings}}}"#)).unwrap().usage.unwrap();
        assert_eq!((both.completion_tokens, both.cached_tokens), (Some(31), Some(83)));
        // Of a build that tells no cache the prompt is not known from here.
        let older = parse(r#"{"timings":{"prompt_n":84,"predicted_n":3}}"#).unwrap().usage.unwrap();
        assert_eq!((older.prompt_tokens, older.cached_tokens), (None, None));
    }

    #[test]
    fn the_larger_usage_is_kept() {
        let n = |n| Usage { completion_tokens: Some(n), ..Usage::default() };
        assert_eq!(merge_usage(n(5), n(9)).completion_tokens, Some(9));
        assert_eq!(merge_usage(n(9), n(5)).completion_tokens, Some(9));
    }

    #[test]
    fn errors_with_and_without_choices() {
        let c = parse(
            r#"{"error":{"message":"boom","code":502},"choices":[{"delta":{"content":""},"finish_reason":"error"}]}"#,
        );
        assert_eq!(c.unwrap().error.as_deref(), Some("boom"));
        assert_eq!(parse(r#"{"error":null,"choices":[]}"#).unwrap().error, None);
    }

    #[test]
    fn a_lone_surrogate_costs_one_character() {
        assert_eq!(text(r#"{"choices":[{"delta":{"content":"a\ud83db\ud83d\ude00\\u"}}]}"#).1, "a\u{fffd}b😀\\u");
        assert_eq!(text(r#"{"choices":[{"delta":{"content":"\ude00x"}}]}"#).1, "\u{fffd}x");
    }
}
