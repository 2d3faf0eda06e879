//! Cases that ask for vectors or scores: `inputs`, or `query` and `documents`.

use toml::de::DeValue;

use crate::config::toml_file::{Mistakes, Section, kind, shown};
use crate::domain::suite::{DOCUMENT, INPUT, Message, QUERY};

/// Keys that make a case ask for vectors or scores.
const KEYS: [&str; 3] = ["inputs", "query", "documents"];
/// Keys of cases that ask for text.
const TEXT_KEYS: [&str; 3] = ["prompt", "messages", "turns"];

/// Whether a case has texts to embed or to rank.
pub(super) fn is_for_items(section: &Section<'_, '_>) -> bool {
    KEYS.iter().any(|key| section.value(key).is_some())
}

/// Reads the inputs, or the query and the documents.
pub(super) fn items(
    section: &Section<'_, '_>,
    name: Option<&str>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<Message>> {
    let case = name.map_or_else(|| "this case".to_owned(), |name| format!("case '{}'", shown(name)));
    let given = |keys: &[&'static str]| keys.iter().find_map(|key| section.value(key).map(|(_, at)| (*key, at)));
    let kept = given(&KEYS)?;
    if let Some((key, at)) = given(&TEXT_KEYS) {
        mistakes.add(at, format!("{case} has both '{}' and '{key}'; keep one of them", kept.0));
        return None;
    }
    if section.value("inputs").is_some() {
        if let Some((key, at)) = given(&["query", "documents"]) {
            mistakes.add(at, format!("{case} has both 'inputs' and '{key}'; keep one of them"));
            return None;
        }
        return texts(section, "inputs", INPUT, mistakes);
    }
    let query = section.text("query", mistakes).map(|(query, _at)| Message::new(QUERY, query));
    let documents = texts(section, "documents", DOCUMENT, mistakes);
    for key in ["query", "documents"] {
        if section.value(key).is_none() {
            let example = "write query = \"…\" and documents = [\"…\", \"…\"]";
            mistakes.add(section.at, format!("{case} has no '{key}', which a rerank request needs; {example}"));
        }
    }
    Some([vec![query?], documents?].concat())
}

/// Reads a list of texts.
fn texts(section: &Section<'_, '_>, key: &str, role: &str, mistakes: &mut Mistakes<'_>) -> Option<Vec<Message>> {
    let (value, at) = section.value(key)?;
    let example = format!("write {key} = [\"…\", \"…\"]");
    let DeValue::Array(list) = value else {
        mistakes.add(at, format!("'{key}' is {}; it must be a list of texts: {example}", kind(value)));
        return None;
    };
    if list.is_empty() {
        mistakes.add(at, format!("'{key}' is empty; it must hold at least one text: {example}"));
        return None;
    }
    let mut read = Vec::with_capacity(list.len());
    for item in list {
        match item.get_ref() {
            DeValue::String(text) => read.push(Message::new(role, text)),
            other => mistakes.add(item.span().start, format!("'{key}' has {}; it must hold texts", kind(other))),
        }
    }
    (read.len() == list.len()).then_some(read)
}
