//! The parts of an answer that checks read.

use serde::{Deserialize, Serialize};

/// A call of a tool, put together from the events of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Name of the tool.
    pub name: String,
    /// Arguments as the model wrote them, as a rule a JSON object.
    pub arguments: String,
}

impl ToolCall {
    /// Arguments with one member per line; unchanged if they are not JSON.
    pub fn pretty_arguments(&self) -> String {
        let value = serde_json::from_str::<serde_json::Value>(&self.arguments);
        value.and_then(|v| serde_json::to_string_pretty(&v)).unwrap_or_else(|_no_json| self.arguments.clone())
    }
}

/// Facts about an answer that only checks need. They are not stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnswerParts {
    /// Whether text or arguments were too long and are incomplete.
    pub is_cut: bool,
    /// Length of the first choice, which begins the text, bytes; `None` if the answer has only one choice.
    pub first_choice_bytes: Option<usize>,
}

/// A complete answer as checks see it. Reasoning is not part of the answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Answer<'a> {
    /// Text of the first choice.
    pub text: &'a str,
    /// Calls of tools by the first choice.
    pub tool_calls: &'a [ToolCall],
    /// Tokens of the answer without reasoning.
    pub tokens: u64,
    /// Whether the number of tokens is an estimate.
    pub tokens_estimated: bool,
    /// Whether text or arguments were too long and are incomplete.
    pub is_cut: bool,
    /// Whether `max_tokens` ended the answer.
    pub is_capped: bool,
}
