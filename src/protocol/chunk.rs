//! One `data:` of a stream, read tolerantly: every field optional, unknown ones ignored.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::failure::message_of;
use crate::domain::attempt::Usage;

/// What an event of a stream says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chunk {
    /// Reasoning text.
    pub reasoning: String,
    /// Answer text.
    pub text: String,
    /// A tool call's name or arguments: generated, but no text of the answer.
    pub has_tool_call: bool,
    /// First non-empty finish reason.
    pub finish_reason: Option<String>,
    /// Token counts, if it holds any.
    pub usage: Option<Usage>,
    /// The server's error, which comes before all else.
    pub error: Option<String>,
}

impl Chunk {
    /// Whether something was generated. Role, null and empty strings are nothing; whitespace is something.
    pub fn is_generated(&self) -> bool {
        !self.text.is_empty() || !self.reasoning.is_empty() || self.has_tool_call
    }
}

/// Reads the data of one event.
pub fn parse(data: &str) -> Result<Chunk, serde_json::Error> {
    let wire: Wire = match serde_json::from_str(data) {
        Ok(wire) => wire,
        // A lone surrogate is no reason to lose the event.
        Err(_) if data.contains("\\u") => serde_json::from_str(&replace_lone_surrogates(data))?,
        Err(error) => return Err(error),
    };
    let mut chunk = Chunk::default();
    if let Some(error) = wire.error.filter(|e| !e.is_null()) {
        chunk.error = Some(message_of(&error));
    }
    for choice in wire.choices.unwrap_or_default() {
        let delta = choice.delta.or(choice.message).unwrap_or_default();
        chunk.text.push_str(&delta.content.text);
        chunk.text.push_str(&delta.refusal.text);
        // The same text may stand under several names: the first that has any counts.
        let reasoning = [&delta.content.thinking, &delta.reasoning_content.text, &delta.reasoning.text];
        match reasoning.into_iter().find(|r| !r.is_empty()) {
            Some(text) => chunk.reasoning.push_str(text),
            None => chunk.reasoning.push_str(&delta.reasoning_details.text),
        }
        chunk.has_tool_call |= has_tool_call(&delta.tool_calls);
        if chunk.finish_reason.is_none() {
            chunk.finish_reason = choice.finish_reason.map(|t| t.text).filter(|t| !t.is_empty());
        }
    }
    let usage = wire.usage.filter(Value::is_object).or_else(|| wire.x_groq?.get("usage").cloned());
    chunk.usage = usage.as_ref().and_then(read_usage);
    Ok(chunk)
}

#[derive(Deserialize)]
struct Wire {
    choices: Option<Vec<Choice>>,
    usage: Option<Value>,
    error: Option<Value>,
    x_groq: Option<Value>,
}

#[derive(Deserialize)]
struct Choice {
    delta: Option<Delta>,
    message: Option<Delta>,
    finish_reason: Option<Text>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Text,
    reasoning_content: Text,
    reasoning: Text,
    reasoning_details: Text,
    refusal: Text,
    tool_calls: Value,
}

/// A string, null, or an array of parts; anything else counts as nothing.
#[derive(Default)]
struct Text {
    text: String,
    thinking: String,
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_str<E>(self, text: &str) -> Result<Text, E> {
        Ok(Text { text: text.to_owned(), thinking: String::new() })
    }

    fn visit_string<E>(self, text: String) -> Result<Text, E> {
        Ok(Text { text, thinking: String::new() })
    }

    fn visit_unit<E>(self) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Text, E> {
        Ok(Text::default())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Text, A::Error> {
        let mut out = Text::default();
        while let Some(part) = parts.next_element::<Value>()? {
            let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
            match kind {
                "thinking" | "reasoning.text" => {
                    let place = if kind == "thinking" { &mut out.thinking } else { &mut out.text };
                    collect_text(part.get("thinking").or_else(|| part.get("text")).unwrap_or(&Value::Null), place);
                }
                "text" | "reasoning.summary" | "refusal" => {
                    let found = ["text", "summary", "refusal"].iter().find_map(|k| part.get(k));
                    collect_text(found.unwrap_or(&part), &mut out.text);
                }
                _ => {}
            }
        }
        Ok(out)
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

fn has_tool_call(calls: &Value) -> bool {
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
    let cached = number(&["prompt_tokens_details", "cached_tokens"]);
    Some(Usage {
        prompt_tokens,
        completion_tokens,
        reasoning_tokens,
        cached_tokens: cached.or_else(|| number(&["prompt_cache_hit_tokens"])),
    })
}

/// Of two usages of one stream, the one to keep: the later, unless it counts fewer tokens.
pub fn merge_usage(kept: Usage, new: Usage) -> Usage {
    if new.completion_tokens.unwrap_or(0) >= kept.completion_tokens.unwrap_or(0) {
        Usage {
            prompt_tokens: new.prompt_tokens.or(kept.prompt_tokens),
            completion_tokens: new.completion_tokens.or(kept.completion_tokens),
            reasoning_tokens: new.reasoning_tokens.or(kept.reasoning_tokens),
            cached_tokens: new.cached_tokens.or(kept.cached_tokens),
        }
    } else {
        kept
    }
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
        (c.reasoning, c.text)
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
