//! Tools that a model may call, and the form of its answer.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A function that the model may call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Name, unique among the tools of a request.
    pub name: String,
    /// Purpose, as the model reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// JSON Schema of the arguments, an object.
    pub parameters: Value,
    /// Whether the server must hold the arguments to the schema; `None` leaves it to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

/// Whether the model must call a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolChoice {
    /// The model decides.
    Auto,
    /// The model must not call a tool.
    None,
    /// The model must call at least one tool.
    Required,
    /// The model must call the tool of this name.
    Named(String),
}

/// Form that the server must give the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseFormat {
    /// Any JSON object.
    JsonObject,
    /// JSON that follows a schema.
    JsonSchema(AnswerSchema),
}

/// Schema of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerSchema {
    /// Name of the schema, which some APIs require.
    pub name: String,
    /// JSON Schema of the answer, an object.
    pub schema: Value,
    /// Whether the server must hold the answer to the schema; `None` leaves it to the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strict: Option<bool>,
}

impl ToolChoice {
    /// Value of `tool_choice` in the OpenAI APIs; `None` for a named tool.
    pub const fn word(&self) -> Option<&'static str> {
        match self {
            Self::Auto => Some("auto"),
            Self::None => Some("none"),
            Self::Required => Some("required"),
            Self::Named(_) => None,
        }
    }
}

/// Returns whether APIs accept this text as the name of a tool or of a schema: 1 to 64 letters, digits, `_` and `-`.
pub fn is_api_name(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::is_api_name;

    #[test]
    fn names_have_letters_digits_and_dashes_only() {
        assert!(is_api_name("get_weather-2") && is_api_name(&"a".repeat(64)));
        for name in ["", "get weather", "größe", "a.b", &"a".repeat(65)] {
            assert!(!is_api_name(name), "{name}");
        }
    }
}
