//! Pieces of tool calls in an event.

use serde_json::Value;

/// A piece of a call of a tool by the first choice. A stream sends the name first and the arguments in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCallPiece {
    /// Place of the call in the answer, if the event says so.
    pub index: Option<u64>,
    /// Identifier of the call; empty if the event has none.
    pub id: String,
    /// Name of the tool, or a part of it; empty if the event has none.
    pub name: String,
    /// Piece of the arguments, JSON text.
    pub arguments: String,
}

impl ToolCallPiece {
    /// Reads a call in the format of chat completions; `function` is its function. Ollama sends arguments as an object.
    pub(in crate::protocol) fn from_chat(call: &Value, function: &Value) -> Self {
        Self {
            index: call["index"].as_u64(),
            id: text(&call["id"]),
            name: text(&function["name"]),
            arguments: arguments(&function["arguments"]),
        }
    }
}

/// A string, or else nothing.
pub(in crate::protocol) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Arguments as JSON text, whether the server sends text or an object.
pub(in crate::protocol) fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) if members.is_empty() => String::new(),
        Value::Object(_) => value.to_string(),
        _ => String::new(),
    }
}
