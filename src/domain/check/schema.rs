//! JSON Schema: compiling a schema, and validating an answer.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::message::{json, quoted};
use super::spec::InvalidCheck;

/// Maximum size of a compiled pattern in a schema, bytes.
const MAX_PATTERN_BYTES: usize = 1024 * 1024;

/// Compiles a schema. Patterns match in linear time, and references to other documents are not fetched.
pub(super) fn compile(schema: &Value) -> Result<Validator, InvalidCheck> {
    let advice = "a schema is a JSON object like { type = \"object\", required = [\"city\"] }";
    match schema {
        Value::Object(keys) if keys.is_empty() => {
            return Err(InvalidCheck("the schema is empty, so every JSON answer passes; give it a type".to_owned()));
        }
        Value::Object(keys) if keys.get("not").is_some_and(accepts_all) => {
            return Err(InvalidCheck(
                "no answer can pass the schema, because its 'not' excludes everything".to_owned(),
            ));
        }
        Value::Object(_) => {}
        Value::Bool(false) => return Err(InvalidCheck(format!("no answer can pass the schema 'false'; {advice}"))),
        other => return Err(InvalidCheck(format!("{} is not a schema; {advice}", json(other)))),
    }
    let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
    let built = jsonschema::options().with_pattern_options(patterns).offline().build(schema);
    built.map_err(|e| InvalidCheck(explain(&e)))
}

fn accepts_all(schema: &Value) -> bool {
    match schema {
        Value::Bool(all) => *all,
        Value::Object(keys) => keys.is_empty(),
        _ => false,
    }
}

fn explain(error: &jsonschema::ValidationError<'_>) -> String {
    match error.kind() {
        ValidationErrorKind::Referencing(why) => {
            format!(
                "the schema refers to another document ({why}), which is not fetched; copy that document under $defs"
            )
        }
        ValidationErrorKind::Format { .. } => {
            let at = error.instance_path();
            format!("at {at}: {error}; patterns must not use look-around or back-references, and their size is limited")
        }
        _ => format!("not a valid JSON Schema, at {}: {error}", error.instance_path()),
    }
}

/// Checks that a whole answer is JSON and follows the schema.
pub(super) fn evaluate(validator: &Validator, text: &str, is_cut: bool) -> Result<(), String> {
    if is_cut {
        return Err("the answer is too long to be read as JSON".to_owned());
    }
    // The parser refuses deep nesting, so a hostile answer cannot exhaust the stack.
    let answer: Value = serde_json::from_str(text.trim()).map_err(|e| {
        let is_fenced = text.trim_start().starts_with("```");
        let advice = if is_fenced { "; the answer is in a Markdown fence" } else { "" };
        format!("the answer is not JSON: {e}; it begins {}{advice}", quoted(text))
    })?;
    validator.validate(&answer).map_err(|e| {
        let path = e.instance_path().to_string();
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        format!("{place}{}", e.masked_with(json(e.instance())))
    })
}
