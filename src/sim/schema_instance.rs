//! Values that follow a JSON Schema, filled with names and numbers of the prompt.

use serde_json::{Map, Number, Value};

/// Maximum depth of a value; deeper schemas get `null`.
const MAX_DEPTH: usize = 16;
/// Maximum number of items of an array.
const MAX_ITEMS: u64 = 16;

/// Names and numbers of a prompt, in order.
#[derive(Clone, Debug, Default)]
pub struct PromptFacts {
    text: String,
    names: Vec<String>,
    numbers: Vec<Number>,
    next_name: usize,
    next_number: usize,
}

impl PromptFacts {
    /// Finds names, which begin with a capital letter within a sentence, and numbers.
    pub fn new(prompt: &str) -> Self {
        let mut facts = Self { text: prompt.to_lowercase(), ..Self::default() };
        let mut begins_sentence = true;
        for word in prompt.split_whitespace() {
            let bare = word.trim_matches(|c: char| !c.is_alphanumeric());
            let is_name = bare.starts_with(char::is_uppercase) && bare.contains(char::is_lowercase);
            if is_name && !begins_sentence {
                facts.names.push(bare.to_owned());
            } else if let Ok(number) = bare.parse() {
                facts.numbers.push(number);
            }
            begins_sentence = word.ends_with(['.', '?', '!']);
        }
        facts
    }

    /// Next name; the last one again once there are no more.
    fn name(&mut self) -> Option<String> {
        let name = self.names.get(self.next_name).or(self.names.last()).cloned();
        self.next_name += 1;
        name
    }

    /// Next number within bounds.
    fn number(&mut self, fits: impl Fn(&Number) -> bool) -> Option<Number> {
        let rest = self.numbers.get(self.next_number..).unwrap_or_default();
        let at = rest.iter().position(fits)?;
        let number = rest.get(at).cloned();
        self.next_number += at + 1;
        number
    }

    fn mentions(&self, value: &Value) -> bool {
        value.as_str().is_some_and(|text| !text.is_empty() && self.text.contains(&text.to_lowercase()))
    }
}

/// Returns a value that follows a schema, as far as its common keywords are concerned.
pub fn instance(schema: &Value, facts: &mut PromptFacts) -> Value {
    Builder { root: schema, facts }.value(schema, 0)
}

struct Builder<'a> {
    root: &'a Value,
    facts: &'a mut PromptFacts,
}

impl<'a> Builder<'a> {
    fn value(&mut self, schema: &'a Value, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.value(target, depth + 1));
        }
        if let Some(fixed) = schema.get("const").or_else(|| schema.get("default")) {
            return fixed.clone();
        }
        if let Some(values) = schema["enum"].as_array() {
            let mentioned = values.iter().find(|value| self.facts.mentions(value));
            return mentioned.or(values.first()).cloned().unwrap_or_default();
        }
        let choices = ["anyOf", "oneOf"].iter().find_map(|key| schema[*key].as_array()?.first());
        if let Some(first) = choices {
            return self.value(first, depth + 1);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return self.merged(parts, depth);
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => self.array(schema, depth),
            "string" => self.string(schema).into(),
            "integer" => self.number(schema, true),
            "number" => self.number(schema, false),
            "boolean" => true.into(),
            _ => Value::Null,
        }
    }

    fn merged(&mut self, parts: &'a [Value], depth: usize) -> Value {
        let values = parts.iter().map(|part| self.value(part, depth + 1));
        let mut members = Map::new();
        let mut other = Value::Null;
        for value in values.collect::<Vec<_>>() {
            match value {
                Value::Object(more) => members.extend(more),
                value => other = value,
            }
        }
        if members.is_empty() { other } else { Value::Object(members) }
    }

    fn object(&mut self, schema: &'a Value, depth: usize) -> Value {
        let properties = schema["properties"].as_object();
        let mut members = Map::new();
        for (key, property) in properties.into_iter().flatten() {
            members.insert(key.clone(), self.value(property, depth + 1));
        }
        // A required member without a schema may be anything.
        for key in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            members.entry(key).or_insert_with(|| Value::from(""));
        }
        Value::Object(members)
    }

    fn array(&mut self, schema: &'a Value, depth: usize) -> Value {
        if let Some(items) = schema["prefixItems"].as_array() {
            return items.iter().map(|item| self.value(item, depth + 1)).collect();
        }
        let most = schema["maxItems"].as_u64().unwrap_or(MAX_ITEMS);
        let length = schema["minItems"].as_u64().unwrap_or(1).max(1).min(most).min(MAX_ITEMS);
        (0..length).map(|_| self.value(&schema["items"], depth + 1)).collect()
    }

    fn string(&mut self, schema: &Value) -> String {
        let text = match schema["format"].as_str() {
            Some("date") => "2026-01-31".to_owned(),
            Some("date-time") => "2026-01-31T12:00:00Z".to_owned(),
            Some("time") => "12:00:00Z".to_owned(),
            Some("email") => "someone@example.org".to_owned(),
            Some("uri") => "https://example.org/".to_owned(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
            _ => self.facts.name().unwrap_or_else(|| "text".to_owned()),
        };
        let bound = |key: &str| schema[key].as_u64().and_then(|n| usize::try_from(n).ok());
        let most = bound("maxLength").unwrap_or(usize::MAX);
        let least = bound("minLength").unwrap_or(0).min(1000);
        let missing = least.saturating_sub(text.chars().count());
        text.chars().chain(std::iter::repeat_n('x', missing)).take(most).collect()
    }

    fn number(&mut self, schema: &Value, is_integer: bool) -> Value {
        let bound = |key: &str| schema[key].as_f64();
        let least = bound("minimum").or_else(|| bound("exclusiveMinimum").map(|n| n + 1.0));
        let most = bound("maximum").or_else(|| bound("exclusiveMaximum").map(|n| n - 1.0));
        let step = bound("multipleOf").filter(|step| *step > 0.0);
        let fits = |number: &Number| {
            let value = number.as_f64().unwrap_or(f64::NAN);
            let is_step = step.is_none_or(|step| value % step == 0.0);
            let in_bounds = least.is_none_or(|least| value >= least) && most.is_none_or(|most| value <= most);
            in_bounds && is_step && (!is_integer || number.is_i64() || number.is_u64())
        };
        if let Some(number) = self.facts.number(fits) {
            return Value::Number(number);
        }
        let step = step.unwrap_or(1.0);
        let value = least.or(most.map(|most| most.min(step))).unwrap_or(step);
        let value = (value / step).ceil() * step;
        if is_integer || value.fract() == 0.0 { (value as i64).into() } else { value.into() }
    }
}

/// Type of a value: the first one that is not `null`, or what the other keywords are about.
fn kind(schema: &Value) -> &str {
    let listed = || schema["type"].as_array()?.iter().filter_map(Value::as_str).find(|kind| *kind != "null");
    let implied = || {
        let keywords = [("properties", "object"), ("required", "object"), ("items", "array"), ("prefixItems", "array")];
        keywords.iter().find(|(key, _)| schema.get(key).is_some()).map_or("string", |(_, kind)| kind)
    };
    schema["type"].as_str().or_else(listed).unwrap_or_else(implied)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::check::{Answer, CheckSpec, Checks};

    fn instance_for(schema: &Value, prompt: &str) -> Value {
        instance(schema, &mut PromptFacts::new(prompt))
    }

    #[test]
    fn names_and_numbers_of_the_prompt_are_used_in_order() {
        let schema = json!({ "type": "object", "properties": {
            "city": { "type": "string" }, "country": { "type": "string" }, "year": { "type": "integer" } } });
        let prompt = "Extract the facts as JSON. The city of Rome in Italy had 2.5 visitors in 2026.";
        assert_eq!(instance_for(&schema, prompt), json!({ "city": "Rome", "country": "Italy", "year": 2026 }));
        let unit = json!({ "enum": ["celsius", "fahrenheit"] });
        assert_eq!(instance_for(&unit, "in Fahrenheit, please"), "fahrenheit");
        assert_eq!(instance_for(&unit, "hi"), "celsius");
    }

    #[test]
    fn values_follow_their_schema() {
        for schema in [
            json!({ "type": "object", "required": ["a", "b"], "properties": { "a": { "type": ["null", "number"], "minimum": 2.5 } } }),
            json!({ "type": "array", "items": { "type": "string", "minLength": 8, "maxLength": 9 }, "minItems": 3 }),
            json!({ "type": "array", "prefixItems": [{ "type": "boolean" }, { "const": 4 }] }),
            json!({ "$defs": { "n": { "type": "integer", "multipleOf": 7, "minimum": 10 } }, "$ref": "#/$defs/n" }),
            json!({ "type": "integer", "exclusiveMaximum": 0 }),
            json!({ "anyOf": [{ "type": "string", "format": "date" }, { "type": "null" }] }),
            json!({ "allOf": [{ "properties": { "a": { "type": "integer" } }, "required": ["a"] },
                              { "properties": { "b": { "enum": ["x"] } }, "required": ["b"] }] }),
        ] {
            let text = instance_for(&schema, "It costs 3 in Rome.").to_string();
            let checks = Checks::new(&[CheckSpec::JsonSchema(schema.clone())]).unwrap();
            let results = checks.evaluate(&Answer { text: &text, ..Answer::default() });
            assert!(results[0].passed, "{schema}: {text}: {:?}", results[0].message);
        }
    }

    #[test]
    fn a_schema_that_contains_itself_ends() {
        let schema = json!({ "type": "object", "properties": { "next": { "$ref": "#" } } });
        assert!(instance_for(&schema, "").to_string().len() < 1000);
    }
}
