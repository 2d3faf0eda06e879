//! `check`: conditions that the answer of a case must meet.

use std::path::Path;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::extra::{json_object, json_value};
use crate::config::toml_file::{Mistakes, Section, kind, shown};
use crate::domain::check::{CheckKind, CheckSpec, Checks, ExpectedCall};
use crate::domain::text::sanitise_line;
use crate::store::input::{self, Kind};

/// Syntax, for errors.
const EXAMPLE: &str = "check = { contains = \"…\" }, or a list of such tables";

const SCHEMA: Kind = Kind { file_name: None, what: "a JSON schema", max_bytes: 1024 * 1024 };

/// Folder from which a suite's schemas are read; `None` if the suite is not a file.
pub(super) type SchemaFolder<'a> = Option<&'a Path>;

/// Reads the checks of a case: one table, or a list of tables. Each key of a table is a check of its own.
pub(super) fn read_checks(
    section: &Section<'_, '_>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<CheckSpec> {
    let mut specs = Vec::new();
    let mut read = |value: &DeValue<'_>, at: usize| match value {
        DeValue::Table(table) => read_table(&Section { table, at }, folder, mistakes, &mut specs),
        other => mistakes.add(at, format!("a check is {}; write {EXAMPLE}", kind(other))),
    };
    match section.value("check") {
        Some((DeValue::Array(list), _)) => list.iter().for_each(|item| read(item.get_ref(), item.span().start)),
        Some((value, at)) => read(value, at),
        None => {}
    }
    specs
}

fn read_table(
    section: &Section<'_, '_>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
    specs: &mut Vec<CheckSpec>,
) {
    let known = CheckKind::ALL.map(CheckKind::as_str);
    section.check_keys(&known, "; a check says what must be in the answer, and cannot be negated", mistakes);
    if section.table.is_empty() {
        mistakes.add(section.at, format!("this check is empty; write {EXAMPLE}"));
    }
    for kind in CheckKind::ALL {
        let Some((value, at)) = section.table.get_key_value(kind.as_str()).map(|(key, v)| (v, key.span().start)) else {
            continue;
        };
        let Some(spec) = read_one(kind, value, section, folder, mistakes) else { continue };
        match Checks::new(std::slice::from_ref(&spec)) {
            Ok(_) => specs.push(spec),
            Err(why) => mistakes.add(at, format!("'{}': {why}", kind.as_str())),
        }
    }
}

fn read_one(
    kind: CheckKind,
    value: &Spanned<DeValue<'_>>,
    section: &Section<'_, '_>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<CheckSpec> {
    let mut text = || Some(section.text(kind.as_str(), mistakes)?.0.to_owned());
    match kind {
        CheckKind::Contains => text().map(CheckSpec::Contains),
        CheckKind::Regex => text().map(CheckSpec::Regex),
        CheckKind::Equals => text().map(CheckSpec::Equals),
        CheckKind::JsonSchema => read_schema(kind.as_str(), value, folder, mistakes).map(CheckSpec::JsonSchema),
        CheckKind::ToolCall => {
            let call = section.section(kind.as_str(), mistakes)?;
            read_call(&call, mistakes).map(CheckSpec::ToolCall)
        }
        CheckKind::MinTokens => section.count(kind.as_str(), mistakes).map(CheckSpec::MinTokens),
    }
}

/// Reads a schema: a table, JSON text, or the name of a file beside the suite.
pub(super) fn read_schema(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Value> {
    let at = value.span().start;
    let text = match value.get_ref() {
        DeValue::Table(_) => return json_value(value, mistakes),
        DeValue::String(text) => text,
        other => {
            let what = "it must be a table, a string of JSON, or the name of a file";
            mistakes.add(at, format!("'{key}' is {}; {what}", kind(other)));
            return None;
        }
    };
    let schema = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|e| format!("'{key}' is not valid JSON: {e}"))
    } else {
        let name = shown(text);
        read_file(text, folder).map_err(|why| format!("'{key}': the file '{name}' {why}"))
    };
    schema.map_err(|why| mistakes.add(at, why)).ok()
}

fn read_file(name: &str, folder: SchemaFolder<'_>) -> Result<Value, String> {
    let folder = folder.ok_or("cannot be read, because this suite is not a file; write the schema as a table")?;
    let bytes = input::read(&folder.join(name), name, &SCHEMA).map_err(|e| e.0)?;
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&bytes);
    serde_json::from_slice(bytes).map_err(|e| format!("is not valid JSON: {}", sanitise_line(&e.to_string())))
}

fn read_call(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<ExpectedCall> {
    section.check_keys(&["name", "arguments"], "", mistakes);
    if section.value("name").is_none() {
        mistakes.add(section.at, "this tool_call has no name; write { name = \"…\", arguments = { … } }".to_owned());
    }
    let name = section.text("name", mistakes).map(|(name, _at)| name.to_owned());
    let arguments = section.section("arguments", mistakes);
    let arguments = arguments.map(|Section { table, .. }: Section<'_, '_>| {
        let table: &DeTable<'_> = table;
        json_object(table, mistakes)
    });
    Some(ExpectedCall { name: name?, arguments })
}
