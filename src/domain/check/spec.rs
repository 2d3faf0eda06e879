//! Checks as they are written in a suite or in a row of a data set.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::CheckKind;

/// One check. Its JSON has the same form as in a suite: `{"contains": "index"}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckSpec {
    /// The answer contains this text exactly.
    Contains(String),
    /// The answer has a match of this regular expression, in the syntax of the `regex` crate.
    Regex(String),
    /// The whole answer is JSON that follows this schema.
    JsonSchema(Value),
    /// The answer equals this text; case, white space, punctuation and compatible forms of characters do not matter.
    Equals(String),
    /// The answer calls this tool.
    ToolCall(ExpectedCall),
    /// The answer has at least this many tokens, reasoning excluded.
    MinTokens(u32),
}

/// A call of a tool that an answer must make.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedCall {
    /// Name of the tool.
    pub name: String,
    /// Arguments that the call must have; it may have others. `None` accepts any arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Map<String, Value>>,
}

/// Reason why a check is invalid, and how to correct the check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidCheck(pub(super) String);

impl CheckSpec {
    /// Kind of the check.
    pub const fn kind(&self) -> CheckKind {
        match self {
            Self::Contains(_) => CheckKind::Contains,
            Self::Regex(_) => CheckKind::Regex,
            Self::JsonSchema(_) => CheckKind::JsonSchema,
            Self::Equals(_) => CheckKind::Equals,
            Self::ToolCall(_) => CheckKind::ToolCall,
            Self::MinTokens(_) => CheckKind::MinTokens,
        }
    }
}
