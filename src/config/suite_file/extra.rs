//! `extra`: a TOML table as JSON for the request body.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::toml_file::{Mistakes, shown};
use crate::config::toml_file::{Section, kind};

/// Keys that `extra` must not set, with advice. Otherwise the report would describe a different request.
const RESERVED: &[(&str, &str)] = &[
    ("model", "give the case the key 'model' instead"),
    ("messages", "give the case the key 'prompt' or 'messages' instead"),
    ("stream", "every case is streamed, else its first token could not be timed"),
];

/// Returns the table `extra` of a case or of the defaults; empty without one.
pub(super) fn read_extra(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Map<String, Value> {
    let table = match section.value("extra") {
        Some((DeValue::Table(table), _)) => table,
        Some((other, at)) => {
            mistakes.add(at, format!("'extra' is {}; it must be a table: extra = {{ top_p = 0.9 }}", kind(other)));
            return Map::new();
        }
        None => return Map::new(),
    };
    for (key, _) in table {
        if let Some((name, why)) = RESERVED.iter().find(|(name, _)| *name == key.get_ref().as_ref()) {
            mistakes.add(key.span().start, format!("'extra' may not set '{name}'; {why}"));
        }
    }
    json_object(table, mistakes)
}

/// Returns a TOML table as JSON. Reports values that JSON cannot express.
pub(super) fn json_object(table: &DeTable<'_>, mistakes: &mut Mistakes<'_>) -> Map<String, Value> {
    table.iter().filter_map(|(key, item)| Some((key.get_ref().to_string(), json_value(item, mistakes)?))).collect()
}

/// Returns a TOML value as JSON; `None` if JSON cannot express it. The recursion is bounded, because the parser limits
/// nesting.
pub(super) fn json_value(item: &Spanned<DeValue<'_>>, mistakes: &mut Mistakes<'_>) -> Option<Value> {
    let refused = match item.get_ref() {
        DeValue::String(text) => return Some(Value::String(text.to_string())),
        DeValue::Boolean(flag) => return Some(Value::Bool(*flag)),
        DeValue::Array(list) => return Some(list.iter().filter_map(|item| json_value(item, mistakes)).collect()),
        DeValue::Table(table) => return Some(Value::Object(json_object(table, mistakes))),
        DeValue::Integer(i) => {
            let (text, radix) = (i.as_str(), i.radix());
            let signed = i64::from_str_radix(text, radix).map(Number::from);
            let number = signed.or_else(|_| u64::from_str_radix(text, radix).map(Number::from));
            match number {
                Ok(number) => return Some(Value::Number(number)),
                Err(_) => format!("{} is too large for a number in JSON", shown(&i.to_string())),
            }
        }
        DeValue::Float(f) => match f.as_str().parse().ok().and_then(Number::from_f64) {
            Some(number) => return Some(Value::Number(number)),
            None => format!("JSON cannot express {}", shown(f.as_str())),
        },
        DeValue::Datetime(moment) => format!("JSON has no dates; put quotes around it: \"{moment}\""),
    };
    mistakes.add(item.span().start, refused);
    None
}
