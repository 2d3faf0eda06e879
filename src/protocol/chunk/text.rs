//! Text in an event: a string, null, or an array of parts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A string, null, or an array of parts; anything else counts as empty.
#[derive(Default)]
pub struct Text<'a> {
    /// Generated text.
    pub text: Cow<'a, str>,
    /// Text of array parts marked as thinking.
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
