//! Checks of answers: conditions on the content of an answer, which must hold for the answer to count as right.
//!
//! A [`CheckSpec`] is written in a suite or in a row of a data set. [`Checks`] compiles specs once and evaluates
//! answers. Evaluation may take long for a pathological pattern or schema, so it never runs on the engine's thread.

mod answer;
mod compiled;
mod message;
mod normalise;
mod row;
mod schema;
mod spec;
mod tool_call;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::answer::{Answer, AnswerParts, ToolCall};
pub use self::compiled::Checks;
pub use self::spec::{CheckSpec, ExpectedCall, InvalidCheck};

/// Kind of a check, named like its key in a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// The answer contains a text.
    Contains,
    /// The answer matches a regular expression.
    Regex,
    /// The answer is JSON that follows a schema.
    JsonSchema,
    /// The answer equals a text after normalisation.
    Equals,
    /// The answer calls a tool.
    ToolCall,
    /// The answer has a minimum number of tokens.
    MinTokens,
}

impl CheckKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 6] =
        [Self::Contains, Self::Regex, Self::JsonSchema, Self::Equals, Self::ToolCall, Self::MinTokens];

    /// Key of the check in a suite, and its kind in `results.json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Contains => "contains",
            Self::Regex => "regex",
            Self::JsonSchema => "json_schema",
            Self::Equals => "equals",
            Self::ToolCall => "tool_call",
            Self::MinTokens => "min_tokens",
        }
    }
}

/// Result of one check of one answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// Kind of the check.
    pub kind: CheckKind,
    /// Whether the answer passes.
    pub passed: bool,
    /// Reason for a failure, one line of limited length; `None` if the answer passes.
    pub message: Option<String>,
}

impl CheckResult {
    /// Creates the result of a check from its failure, if any.
    pub(in crate::domain) fn new(kind: CheckKind, outcome: Result<(), String>) -> Self {
        let message = outcome.err().map(|why| message::line(&why));
        Self { kind, passed: message.is_none(), message }
    }

    /// Creates the result of a check that was not evaluated, which counts as failed.
    pub fn not_evaluated(kind: CheckKind, why: &str) -> Self {
        Self::new(kind, Err(format!("not evaluated: {why}")))
    }

    /// Describes a failure: `contains: the answer does not contain 'index'`; `None` if the answer passes.
    pub fn failure(&self) -> Option<String> {
        let message = self.message.as_deref().unwrap_or("failed");
        (!self.passed).then(|| format!("{}: {message}", self.kind.as_str()))
    }
}
