//! One row of a data set, ready to send.

use std::sync::Arc;

use crate::domain::check::CheckSpec;
use crate::domain::suite::Message;

/// A row of a data set.
///
/// A row with several turns can be used in two ways. As a single request, it sends `messages`:
///
/// * OpenAI `messages` and batch lines: the history up to the last user or tool message. Such a row is a complete
///   request, and a shorter history would be a different prompt.
/// * `ShareGPT`: the first user turn, with the system prompt. Other benchmarks, vLLM's among them, send the same, so
///   results are comparable. Assistant messages before the first user turn are dropped, because many chat templates
///   reject them.
/// * A list of prompts: the first prompt.
///
/// As a conversation, the row sends [`opening`](Self::opening), and then each of
/// [`later_user_turns`](Self::later_user_turns). The history has the server's own answers.
#[derive(Clone, Debug, PartialEq)]
pub struct DataRow {
    /// Messages of the single request. The last one is a user or tool message.
    pub messages: Vec<Message>,
    /// Messages of the row that follow `messages`.
    pub later_messages: Vec<Message>,
    /// Maximum tokens to generate.
    pub max_tokens: Option<u32>,
    /// Reference answer: the column `expected`, otherwise the assistant message that follows `messages`.
    pub expected: Option<String>,
    /// Checks of the answer.
    pub checks: Vec<CheckSpec>,
    /// Tag by which results are grouped. Rows with the same tag share its text.
    pub tag: Option<Arc<str>>,
}

impl DataRow {
    /// Returns the first request of the row as a conversation: the messages up to the first user message.
    pub fn opening(&self) -> &[Message] {
        let first_user = self.messages.iter().position(|message| message.role == USER);
        self.messages.get(..=first_user.unwrap_or(self.messages.len().saturating_sub(1))).unwrap_or(&self.messages)
    }

    /// Returns the user messages after the [`opening`](Self::opening).
    pub fn later_user_turns(&self) -> impl Iterator<Item = &Message> {
        self.all_messages().skip(self.opening().len()).filter(|message| message.role == USER)
    }

    /// Returns all messages of the row.
    pub fn all_messages(&self) -> impl Iterator<Item = &Message> {
        self.messages.iter().chain(&self.later_messages)
    }

    /// Returns the total length of the single request's messages, characters.
    pub fn prompt_chars(&self) -> u64 {
        self.messages.iter().map(|message| message.content.chars().count() as u64).sum()
    }
}

/// Role of the user's messages.
pub(super) const USER: &str = "user";
/// Role of the model's messages.
pub(super) const ASSISTANT: &str = "assistant";
/// Role of the system prompt.
pub(super) const SYSTEM: &str = "system";
/// Role of the system prompt of newer OpenAI models.
pub(super) const DEVELOPER: &str = "developer";
/// Role of messages with the result of a tool.
pub(super) const TOOL: &str = "tool";
