//! Pieces of tool calls in an event.

use serde_json::Value;

/// A piece of a tool call in the first choice. A stream sends the name first, and then the arguments in pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCallPiece {
    /// Index of the call in the answer, if the event has one.
    pub index: Option<u64>,
    /// Identifier of the call; empty if the event has none.
    pub id: String,
    /// Name of the tool, or a part of it; empty if the event has none.
    pub name: String,
    /// Piece of the arguments, JSON text.
    pub arguments: String,
}

impl ToolCallPiece {
    /// Reads a call in the format of chat completions. `function` is the call's `function` object. Ollama sends
    /// arguments as an object.
    pub(in crate::protocol) fn from_chat(call: &Value, function: &Value) -> Self {
        Self {
            index: call["index"].as_u64(),
            id: text(&call["id"]),
            name: text(&function["name"]),
            arguments: arguments(&function["arguments"]),
        }
    }
}

/// Returns a string's text; empty for any other value.
pub(in crate::protocol) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Returns arguments as JSON text, whether the server sends text or an object.
pub(in crate::protocol) fn arguments(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(members) if members.is_empty() => String::new(),
        Value::Object(_) => value.to_string(),
        _ => String::new(),
    }
}
