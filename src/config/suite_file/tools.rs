//! `tools`, `tool_choice` and `response_format`: tools that the model may call, and the form of its answer.

use std::collections::HashSet;

use serde_json::{Map, Value, json};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::{SchemaFolder, read_schema};
use crate::config::toml_file::{Mistakes, Section, kind, shown};
use crate::domain::check::{CheckSpec, Checks};
use crate::domain::tools::{AnswerSchema, ResponseFormat, Tool, ToolChoice, is_api_name};

/// Maximum number of tools of a case.
const MAX_TOOLS: usize = 128;
/// Advice about names that APIs reject.
const NAME_HINT: &str = "APIs accept 1 to 64 letters, digits, '_' and '-'";
const TOOLS_EXAMPLE: &str = "tools = [{ name = \"weather\", description = \"…\", parameters = { type = \"object\" } }]";
const FORMAT_EXAMPLE: &str = "response_format = { type = \"json_schema\", schema = { type = \"object\" } }";
/// Name of a schema for which the case gives none.
const UNNAMED_SCHEMA: &str = "answer";
/// Keys of `extra` that cases have, too. The keys of a case work with every API.
const OWN_KEYS: [&str; 3] = ["tools", "tool_choice", "response_format"];

/// Reads the tools; `None` without the key.
pub(super) fn read_tools(
    section: &Section<'_, '_>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Vec<Tool>> {
    let (value, at) = section.value("tools")?;
    let DeValue::Array(list) = value else {
        mistakes.add(at, format!("'tools' is {}; it must be a list: {TOOLS_EXAMPLE}", kind(value)));
        return None;
    };
    if list.len() > MAX_TOOLS {
        mistakes.add(at, format!("{} tools are too many; a case may have up to {MAX_TOOLS}", list.len()));
        return None;
    }
    let (mut tools, mut names) = (Vec::new(), HashSet::new());
    for item in list {
        let at = item.span().start;
        let DeValue::Table(table) = item.get_ref() else {
            mistakes.add(at, format!("a tool is {}; it must be a table: {TOOLS_EXAMPLE}", kind(item.get_ref())));
            continue;
        };
        let Some(tool) = read_tool(&Section { table, at }, folder, mistakes) else { continue };
        if !names.insert(tool.name.clone()) {
            mistakes.add(at, format!("two tools have the name '{}'; rename one", shown(&tool.name)));
        }
        tools.push(tool);
    }
    Some(tools)
}

/// Reads a tool, in the short form or in the form of the API: `{ type = "function", function = { name = "…" } }`.
fn read_tool(section: &Section<'_, '_>, folder: SchemaFolder<'_>, mistakes: &mut Mistakes<'_>) -> Option<Tool> {
    if section.value("type").is_some() || section.value("function").is_some() {
        section.check_keys(&["type", "function"], "", mistakes);
        section.word("type", &["function"], mistakes);
        let Some(function) = section.section("function", mistakes) else {
            if section.value("function").is_none() {
                mistakes.add(section.at, format!("this tool has no 'function'; write {TOOLS_EXAMPLE}"));
            }
            return None;
        };
        return read_function(&function, folder, mistakes);
    }
    read_function(section, folder, mistakes)
}

fn read_function(section: &Section<'_, '_>, folder: SchemaFolder<'_>, mistakes: &mut Mistakes<'_>) -> Option<Tool> {
    section.check_keys(&["name", "description", "parameters", "strict"], "", mistakes);
    let name = api_name(section, "tool", mistakes);
    if section.value("name").is_none() {
        mistakes.add(section.at, format!("this tool has no name; write {TOOLS_EXAMPLE}"));
    }
    let description = section.text("description", mistakes).map(|(text, _at)| text.to_owned());
    let parameters = match section.table.get_key_value("parameters") {
        // OpenAI accepts a missing schema for a function without parameters; other servers do not.
        None => Some(json!({ "type": "object", "properties": {} })),
        Some((key, value)) => object_schema("parameters", value, folder, mistakes).inspect(|schema| {
            if schema["type"] != "object" {
                let message = "'parameters' must be the schema of an object: { type = \"object\", properties = { … } }";
                mistakes.add(key.span().start, message.to_owned());
            }
        }),
    };
    let strict = section.boolean("strict", mistakes).map(|(strict, _at)| strict);
    Some(Tool { name: name?, description, parameters: parameters?, strict })
}

fn api_name(section: &Section<'_, '_>, what: &str, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let (name, at) = section.text("name", mistakes)?;
    if !is_api_name(name) {
        mistakes.add(at, format!("'{}' cannot be the name of a {what}; {NAME_HINT}", shown(name)));
        return None;
    }
    Some(name.to_owned())
}

/// Reads a schema, and reports a faulty one.
fn object_schema(
    key: &str,
    value: &Spanned<DeValue<'_>>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Value> {
    let schema = read_schema(key, value, folder, mistakes)?;
    if let Err(why) = Checks::new(&[CheckSpec::JsonSchema(schema.clone())]) {
        mistakes.add(value.span().start, format!("'{key}': {why}"));
        return None;
    }
    Some(schema)
}

/// Reads `tool_choice`: a word, or a table with the name of a tool, also in the form of the API.
pub(super) fn read_tool_choice(section: &Section<'_, '_>, mistakes: &mut Mistakes<'_>) -> Option<(ToolChoice, usize)> {
    const EXAMPLE: &str = "\"auto\", \"none\", \"required\" or { name = \"…\" }";
    let (value, at) = section.value("tool_choice")?;
    if let DeValue::Table(table) = value {
        let outer = Section { table, at };
        let inner = if outer.value("function").is_some() {
            outer.check_keys(&["type", "function"], "", mistakes);
            outer.section("function", mistakes)?
        } else {
            outer.check_keys(&["type", "name"], "", mistakes);
            outer
        };
        if inner.value("name").is_none() {
            mistakes.add(at, format!("this tool_choice has no name; write {EXAMPLE}"));
        }
        let (name, _at) = inner.text("name", mistakes)?;
        return Some((ToolChoice::Named(name.to_owned()), at));
    }
    if value.as_str().is_none() {
        mistakes.add(at, format!("'tool_choice' is {}; it must be {EXAMPLE}", kind(value)));
        return None;
    }
    let (word, at) = section.word("tool_choice", &["auto", "none", "required"], mistakes)?;
    let choice = match word {
        "none" => ToolChoice::None,
        "required" => ToolChoice::Required,
        _ => ToolChoice::Auto,
    };
    Some((choice, at))
}

/// Reads `response_format`, also in the form of the API, where the schema is below `json_schema`.
pub(super) fn read_response_format(
    section: &Section<'_, '_>,
    folder: SchemaFolder<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Option<ResponseFormat> {
    let outer = section.section("response_format", mistakes)?;
    if outer.value("type").is_none() {
        mistakes.add(outer.at, format!("this response_format has no type; write {FORMAT_EXAMPLE}"));
    }
    let (format, _at) = outer.word("type", &["json_schema", "json_object"], mistakes)?;
    if format == "json_object" {
        outer.check_keys(&["type"], "", mistakes);
        return Some(ResponseFormat::JsonObject);
    }
    let inner = if outer.value("json_schema").is_some() {
        outer.check_keys(&["type", "json_schema"], "", mistakes);
        let inner = outer.section("json_schema", mistakes)?;
        inner.check_keys(&["name", "schema", "strict"], "", mistakes);
        inner
    } else {
        outer.check_keys(&["type", "name", "schema", "strict"], "", mistakes);
        outer
    };
    let Some((_key, value)) = inner.table.get_key_value("schema") else {
        mistakes.add(inner.at, format!("this response_format has no schema; write {FORMAT_EXAMPLE}"));
        return None;
    };
    let schema = object_schema("schema", value, folder, mistakes);
    let name = if inner.value("name").is_none() {
        Some(UNNAMED_SCHEMA.to_owned())
    } else {
        api_name(&inner, "schema", mistakes)
    };
    let strict = inner.boolean("strict", mistakes).map(|(strict, _at)| strict);
    Some(ResponseFormat::JsonSchema(AnswerSchema { name: name?, schema: schema?, strict }))
}

/// Reports a choice that the tools of the case do not allow.
pub(super) fn check_tool_choice(tools: &[Tool], choice: Option<&(ToolChoice, usize)>, mistakes: &mut Mistakes<'_>) {
    let Some((choice, at)) = choice else { return };
    if tools.is_empty() {
        mistakes.add(*at, format!("'tool_choice' needs tools; add {TOOLS_EXAMPLE}"));
    } else if let ToolChoice::Named(name) = choice
        && !tools.iter().any(|tool| tool.name == *name)
    {
        let names: Vec<String> = tools.iter().map(|tool| format!("'{}'", shown(&tool.name))).collect();
        let message = format!("no tool has the name '{}'; the case has {}", shown(name), names.join(", "));
        mistakes.add(*at, message);
    }
}

/// Reports keys of `extra` that would replace a key of the case.
pub(super) fn check_extra(section: &Section<'_, '_>, extra: &Map<String, Value>, mistakes: &mut Mistakes<'_>) {
    let table: &DeTable<'_> = section.table;
    for key in OWN_KEYS.iter().filter(|key| extra.contains_key(**key)) {
        if let Some((own, _)) = table.get_key_value(*key) {
            let message = format!("'{key}' is also in 'extra', which would replace this one; keep one of them");
            mistakes.add(own.span().start, message);
        }
    }
}
