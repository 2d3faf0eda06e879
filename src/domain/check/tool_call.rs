//! Evaluates the check `tool_call`: name and arguments of a tool call.

use serde_json::{Map, Value};

use super::answer::ToolCall;
use super::message::{json, quoted};
use super::spec::ExpectedCall;

/// Checks that one of the calls has the expected name and arguments. The error describes how the nearest call differs.
pub(super) fn evaluate(expected: &ExpectedCall, calls: &[ToolCall]) -> Result<(), String> {
    let same_name: Vec<&ToolCall> = calls.iter().filter(|call| call.name == expected.name).collect();
    let Some(first) = same_name.first() else {
        return Err(match calls.first() {
            Some(other) => format!("the answer calls {}, not {}", quoted(&other.name), quoted(&expected.name)),
            None => format!("the answer calls no tool; expected {}", quoted(&expected.name)),
        });
    };
    let Some(arguments) = &expected.arguments else { return Ok(()) };
    let mut differences = same_name.iter().map(|call| compare(arguments, call));
    if differences.any(|difference| difference.is_ok()) { Ok(()) } else { compare(arguments, first) }
}

fn compare(expected: &Map<String, Value>, call: &ToolCall) -> Result<(), String> {
    let name = quoted(&call.name);
    match serde_json::from_str(&call.arguments) {
        Ok(Value::Object(actual)) => {
            object(expected, &actual, "").map_err(|why| format!("in the call of {name}: {why}"))
        }
        Ok(other) => Err(format!("the arguments of {name} are {}, not an object", json(&other))),
        Err(e) => Err(format!("the arguments of {name} are not JSON: {e}")),
    }
}

/// Checks that every expected member is present. Further members are allowed, because models fill in optional
/// arguments.
fn object(expected: &Map<String, Value>, actual: &Map<String, Value>, path: &str) -> Result<(), String> {
    expected.iter().try_for_each(|(key, wanted)| {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (wanted, actual.get(key)) {
            (_, None) => Err(format!("{} is missing", quoted(&path))),
            (Value::Object(wanted), Some(Value::Object(found))) => object(wanted, found, &path),
            (wanted, Some(found)) if equal(wanted, found) => Ok(()),
            (wanted, Some(found)) => Err(format!("{} is {}, not {}", quoted(&path), json(found), json(wanted))),
        }
    })
}

/// Compares two values; numbers by value, so that 1 equals 1.0.
fn equal(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        (a, b) => a == b,
    }
}
