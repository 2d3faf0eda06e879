//! Checked access to one table of a TOML file.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::{DeTable, DeValue};

use super::mistake::{Mistakes, shown};
use crate::domain::text::sanitise_line;

/// A table and its position.
pub(in crate::config) struct Section<'a, 'i> {
    pub(in crate::config) table: &'a DeTable<'i>,
    /// Byte offset of the table's header.
    pub(in crate::config) at: usize,
}

/// Bounds of a number.
pub(in crate::config) struct Bounds {
    pub(in crate::config) from: f64,
    pub(in crate::config) to: f64,
    /// Description of the bounds, which follows "must be" in errors.
    pub(in crate::config) what: &'static str,
}

impl<'a, 'i> Section<'a, 'i> {
    /// Reports keys that are not in `known`. `hint` ends the message if no known key is similar.
    pub(in crate::config) fn check_keys(&self, known: &[&str], hint: &str, mistakes: &mut Mistakes<'_>) {
        for (key, _) in self.table {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let advice = advice(name, known, hint);
            mistakes.add(key.span().start, format!("unknown key '{}'; {advice}", shown(name)));
        }
    }

    /// Returns a value and the position of its key.
    pub(in crate::config) fn value(&self, key: &str) -> Option<(&'a DeValue<'i>, usize)> {
        let (key, value) = self.table.get_key_value(key)?;
        Some((value.get_ref(), key.span().start))
    }

    /// Returns a table below this one.
    pub(in crate::config) fn section(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<Section<'a, 'i>> {
        self.section_as(key, key, mistakes)
    }

    /// Like [`Self::section`], for a table whose header has this full name.
    pub(in crate::config) fn section_as(
        &self,
        key: &str,
        header: &str,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Section<'a, 'i>> {
        match self.value(key)? {
            (DeValue::Table(table), at) => Some(Section { table, at }),
            (other, at) => {
                mistakes.add(at, format!("'{key}' is {}; it must be a table: [{header}]", kind(other)));
                None
            }
        }
    }

    /// Reads a text that is not blank.
    pub(in crate::config) fn text(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<(&'a str, usize)> {
        let (value, at) = self.value(key)?;
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => return Some((text, at)),
            Some(_) => mistakes.add(at, format!("'{key}' is blank; write a text, or leave the key out")),
            None => mistakes.add(at, format!("'{key}' is {}; it must be a string, in quotes", kind(value))),
        }
        None
    }

    /// Reads a name, sanitised to one line.
    pub(in crate::config) fn name(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<(String, usize)> {
        let (text, at) = self.text(key, mistakes)?;
        let name = sanitise_line(text).trim().to_owned();
        if name.is_empty() {
            mistakes.add(at, format!("'{key}' has no visible character; write a name"));
            return None;
        }
        Some((name, at))
    }

    /// Reads a whole number from 1 to the maximum of `u32`.
    pub(in crate::config) fn count(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<u32> {
        let (value, at) = self.value(key)?;
        let number = value.as_integer().and_then(|i| u32::from_str_radix(i.as_str(), i.radix()).ok());
        if number.is_none_or(|n| n == 0) {
            mistakes.add(at, wrong(key, value, &format!("a whole number from 1 to {}", u32::MAX)));
            return None;
        }
        number
    }

    /// Reads a whole number within bounds, with its position.
    pub(in crate::config) fn whole(
        &self,
        key: &str,
        bounds: RangeInclusive<u32>,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<(u32, usize)> {
        let (value, at) = self.value(key)?;
        let number = value.as_integer().and_then(|i| u32::from_str_radix(i.as_str(), i.radix()).ok());
        let number = number.filter(|n| bounds.contains(n));
        if number.is_none() {
            let must = format!("a whole number from {} to {}", bounds.start(), bounds.end());
            mistakes.add(at, wrong(key, value, &must));
        }
        Some((number?, at))
    }

    /// Reads a boolean, with its position.
    pub(in crate::config) fn boolean(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<(bool, usize)> {
        let (value, at) = self.value(key)?;
        if let DeValue::Boolean(value) = value {
            return Some((*value, at));
        }
        mistakes.add(at, wrong(key, value, "true or false"));
        None
    }

    /// Reads one of several words, with its position.
    pub(in crate::config) fn word(
        &self,
        key: &str,
        known: &[&'static str],
        mistakes: &mut Mistakes<'_>,
    ) -> Option<(&'static str, usize)> {
        let (text, at) = self.text(key, mistakes)?;
        if let Some(word) = known.iter().find(|word| **word == text) {
            return Some((word, at));
        }
        let advice = advice(text, known, "");
        mistakes.add(at, format!("'{key}' is '{}'; {advice}", shown(text)));
        None
    }

    /// Reads a list of texts, each with its position. `example` shows the syntax.
    pub(in crate::config) fn texts(
        &self,
        key: &str,
        example: &str,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<Vec<(&'a str, usize)>> {
        let (value, at) = self.value(key)?;
        let DeValue::Array(list) = value else {
            mistakes.add(at, wrong(key, value, &format!("a list of strings, like {key} = {example}")));
            return None;
        };
        let mut texts = Vec::new();
        for value in list {
            let at = value.span().start;
            if let Some(text) = value.get_ref().as_str() {
                texts.push((text, at));
            } else {
                let kind = kind(value.get_ref());
                mistakes.add(at, format!("{kind} in '{key}'; it must be a list of strings, like {key} = {example}"));
            }
        }
        Some(texts)
    }

    /// Reads a number within bounds, with its position.
    pub(in crate::config) fn number(
        &self,
        key: &str,
        bounds: &Bounds,
        mistakes: &mut Mistakes<'_>,
    ) -> Option<(f64, usize)> {
        let (value, at) = self.value(key)?;
        let number = as_f64(value).filter(|n| (bounds.from..=bounds.to).contains(n));
        if number.is_none() {
            mistakes.add(at, wrong(key, value, bounds.what));
        }
        Some((number?, at))
    }

    /// Reads a duration in seconds.
    pub(in crate::config) fn seconds(&self, key: &str, mistakes: &mut Mistakes<'_>) -> Option<Duration> {
        const SECONDS: Bounds = Bounds { from: 0.001, to: 86_400.0, what: "a number of seconds from 0.001 to 86400" };
        let (seconds, _at) = self.number(key, &SECONDS, mistakes)?;
        Duration::try_from_secs_f64(seconds).ok()
    }
}

fn as_f64(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(i) => i128::from_str_radix(i.as_str(), i.radix()).ok().map(|n| n as f64),
        DeValue::Float(f) => f.as_str().parse().ok(),
        _ => None,
    }
}

fn wrong(key: &str, value: &DeValue<'_>, must: &str) -> String {
    match value {
        DeValue::Integer(i) => format!("'{key}' is {}; it must be {must}", shown(&i.to_string())),
        DeValue::Float(f) => format!("'{key}' is {}; it must be {must}", shown(f.as_str())),
        DeValue::String(text) if text.trim().parse::<f64>().is_ok() => {
            format!("'{key}' is a string; it must be {must}, without quotes")
        }
        other => format!("'{key}' is {}; it must be {must}", kind(other)),
    }
}

/// Returns the kind of a value, with its article.
pub(in crate::config) const fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// Suggests the most similar word, or else lists all words, followed by a hint.
pub(in crate::config) fn advice(typed: &str, known: &[&str], hint: &str) -> String {
    nearest(typed, known)
        .map_or_else(|| format!("known here: {}{hint}", known.join(", ")), |near| format!("did you mean '{near}'?"))
}

/// Returns the most similar word, if it is similar enough.
pub(in crate::config) fn nearest<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    const NEAR: f64 = 0.8;
    // Users often mistake `-` and `_`, so both count as equal.
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let typed = plain(typed);
    let scored = known.iter().map(|k| (strsim::jaro_winkler(&typed, &plain(k)), *k));
    scored.filter(|(score, _)| *score >= NEAR).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, k)| k)
}
