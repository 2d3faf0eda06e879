//! Reads the JSON of a row: its fields by name, each parsed only when needed. Fields that are not needed are skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::bad_row::{BadRow, Fault, shown};
use crate::domain::text::{sanitise_line, truncate};

/// Maximum characters of a syntax error in a message.
const MAX_MESSAGE_CHARS: usize = 80;

/// A JSON object: its keys and unparsed values, in their original order.
pub struct Object<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Object<'a> {
    /// Reads an object. `what` names the object in the error.
    pub fn read(text: &'a str, what: &str) -> Result<Self, BadRow> {
        let trimmed = text.trim_start();
        if !trimmed.starts_with('{') {
            // If the text is valid JSON of another kind, a message about the kind is clearer than a syntax error.
            let fault = match serde_json::from_str::<&RawValue>(text) {
                Ok(value) => {
                    BadRow::new(Fault::NotAnObject, format!("{what} is {}; it must be an object", kind(value)))
                }
                Err(e) => syntax_fault(&e),
            };
            return Err(fault);
        }
        let Self(fields) = serde_json::from_str(text).map_err(|e| syntax_fault(&e))?;
        let mut keys: Vec<&str> = fields.iter().map(|(key, _)| key.as_ref()).collect();
        keys.sort_unstable();
        if let Some([key, _]) = keys.windows(2).find(|pair| matches!(pair, [a, b] if a == b)) {
            return Err(BadRow::new(Fault::DuplicateKey, format!("the key '{}' occurs twice", shown(key))));
        }
        Ok(Self(fields))
    }

    /// Returns the value of a key.
    pub fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| *value)
    }

    /// Returns the value at a path. A key that contains dots takes precedence over nested objects.
    pub fn find(&self, path: &str) -> Option<&'a RawValue> {
        self.get(path).or_else(|| {
            path.match_indices('.').find_map(|(at, _)| {
                let (key, rest) = (path.get(..at)?, path.get(at + 1..)?);
                Object::read(self.get(key)?.get(), key).ok()?.find(rest)
            })
        })
    }

    /// Returns the keys in their original order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_ref())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(8);
                while let Some((Key(key), value)) = map.next_entry()? {
                    fields.push((key, value));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Fields).map(Self)
    }
}

/// A key. It borrows from the text unless it contains escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }
        }
        deserializer.deserialize_str(Text).map(Self)
    }
}

/// Returns the elements of a list; `None` for another kind of value.
pub fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

/// Returns the text of a string; `None` for another kind of value. Fails if the string has an unpaired surrogate.
pub fn text(value: &RawValue, field: &str) -> Result<Option<String>, BadRow> {
    if !value.get().starts_with('"') {
        return Ok(None);
    }
    serde_json::from_str(value.get()).map(Some).map_err(|e| {
        let message = format!("the field '{}' is not a valid string: {}", shown(field), syntax_message(&e));
        BadRow::new(Fault::NotJson, message)
    })
}

/// Returns the kind of a value, with an article.
pub fn kind(value: &RawValue) -> &'static str {
    match value.get().as_bytes().first() {
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => "null",
        _ => "a number",
    }
}

/// Creates the fault of a row with a syntax error.
pub fn syntax_fault(error: &serde_json::Error) -> BadRow {
    BadRow::new(Fault::NotJson, format!("not JSON: {}", syntax_message(error)))
}

/// Describes a syntax error with its column. `serde_json` counts lines from the start of the row.
fn syntax_message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let message = if error.is_eof() { "it is cut off" } else { message };
    let message = truncate(&sanitise_line(message), MAX_MESSAGE_CHARS, "…");
    match error.line() {
        0 | 1 => format!("{message} (column {})", error.column()),
        line => format!("{message} (line {line} of the row, column {})", error.column()),
    }
}
